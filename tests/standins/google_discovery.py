"""Gmail's own description of its interface: what it says may be asked and answered, and nothing else is.

`gmail.v1.json` is the part of it that Deskhand speaks, for where the official client is not installed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

from tests.standins.google_http import Request

Doc = dict[str, Any]


class Invalid(Exception):
    """What Google answers with status 400."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that the description knows. `name` is such as `messages.get`."""

    name: str
    method: Doc
    path: dict[str, str]
    query: dict[str, list[str]]
    body: Doc

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]


@cache
def document() -> Doc:
    """As the official client ships it."""
    try:
        folder = resources.files("googleapiclient") / "discovery_cache" / "documents"
    except ModuleNotFoundError:
        return excerpt()
    return json.loads((folder / "gmail.v1.json").read_text("utf-8"))


def excerpt() -> Doc:
    return json.loads(Path(__file__).with_name("gmail.v1.json").read_text("utf-8"))


@cache
def methods() -> dict[str, Doc]:
    found: dict[str, Doc] = {}

    def walk(resource: Doc, name: str) -> None:
        for key, method in resource.get("methods", {}).items():
            found[f"{name}.{key}".removeprefix("users.")] = method
        for key, inner in resource.get("resources", {}).items():
            walk(inner, f"{name}.{key}" if name else key)

    walk(document(), "")
    return found


def match(request: Request) -> Call | None:
    """None when there is no such method. Raises Invalid when the request does not fit the description."""
    for name, method in methods().items():
        pattern = re.sub(r"\{\+?(\w+)\}", r"(?P<\1>[^/]+)", "/" + method["path"])
        found = re.fullmatch(pattern, request.path)
        if found and method["httpMethod"] == request.method:
            return Call(name, method, found.groupdict(), _query(method, request), _body(method, request))
    return None


def _query(method: Doc, request: Request) -> dict[str, list[str]]:
    known = document()["parameters"] | method.get("parameters", {})
    for name, values in request.query.items():
        if name not in known or known[name].get("location") != "query":
            raise Invalid(f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.')
        if len(values) > 1 and not known[name].get("repeated"):
            raise Invalid(f'Invalid value at "{name}": Proto field is not repeating')
        for value in values:
            _check_scalar(known[name], value, name)
    return dict(request.query)


def _body(method: Doc, request: Request) -> Doc:
    if "request" not in method:
        if request.body not in (b"", b"{}"):
            raise Invalid("Invalid JSON payload received. Unexpected body.")
        return {}
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Invalid("Invalid content type: JSON is needed")
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise Invalid("Invalid JSON payload received. Parsing failed.") from error
    check(body, method["request"]["$ref"])
    return cast("Doc", body)


def check(value: Any, schema: str, where: str = "") -> None:
    """Raises Invalid when a value, of ours or of a client, is not what the schema says."""
    properties = document()["schemas"][schema]["properties"]
    if not isinstance(value, dict):
        raise Invalid(f"{where or schema}: an object is needed")
    for name, entry in cast("Doc", value).items():
        if name not in properties:
            raise Invalid(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
        _check_value(properties[name], entry, f"{where}.{name}")


def _check_value(rule: Doc, value: Any, where: str) -> None:
    if "$ref" in rule:
        check(value, rule["$ref"], where)
    elif rule["type"] == "array":
        if not isinstance(value, list):
            raise Invalid(f"{where}: a list is needed")
        for entry in cast("list[Any]", value):
            _check_value(rule["items"], entry, where)
    else:
        _check_scalar(rule, value, where)


def _check_scalar(rule: Doc, value: Any, where: str) -> None:
    kind = rule["type"]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "string" and not isinstance(value, str):
        raise Invalid(f"{where}: a string is needed")
    if rule.get("format", "") in ("uint64", "int64", "uint32", "int32") and not re.fullmatch(r"-?\d{1,19}", text):
        raise Invalid(f'Invalid value at "{where}": "{text}"')
    if rule.get("format", "").startswith("uint") and text.startswith("-"):
        raise Invalid(f'Invalid value at "{where}": "{text}"')
    if kind == "boolean" and text not in ("true", "false"):
        raise Invalid(f'Invalid value at "{where}": "{text}"')
    if "enum" in rule and value not in rule["enum"]:
        raise Invalid(f'Invalid value at "{where}": "{text}"')
