"""What the language-model stand-in is asked, and what a script can make it do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `arguments` as a string is sent as it is, valid JSON or not."""

    tool: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A message of the model."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    tokens_in: int = 1_000
    tokens_out: int = 100


@dataclass(frozen=True, slots=True)
class Failure:
    """An HTTP status that is no 200."""

    status: int
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """The request is read and never answered."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks in the middle of this answer."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Garbage:
    """A 200 with this body, whatever it is."""

    body: bytes


Step = Answer | Failure | Hang | Cut | Garbage


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that kept to the wire format, in words of no provider. `number` counts those for its model."""

    wire: str
    model: str
    stream: bool
    system: str
    texts: tuple[str, ...]
    results: tuple[str, ...]
    tools: tuple[str, ...]
    raw: dict[str, Any] = field(repr=False)
    number: int = 0
    at: float = 0.0


Script = Callable[[Seen], Step]


class Refused(Exception):
    """The request does not keep to the wire format."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def expect(holds: object, message: str, *, status: int = 400) -> None:
    """Refuse the request unless this holds."""
    if not holds:
        raise Refused(status, message)


def only(given: dict[str, Any], allowed: str, where: str) -> None:
    """Refuse a field that the provider does not know."""
    unknown = given.keys() - set(allowed.split())
    expect(not unknown, f"{where}: unknown fields {sorted(unknown)}")


def fields(value: Any, where: str) -> dict[str, Any]:
    """An object of the request."""
    expect(isinstance(value, dict), f"{where}: an object is needed")
    return cast("dict[str, Any]", value)


def items(value: Any, where: str, *, least: int = 1) -> list[dict[str, Any]]:
    """A list of objects of the request."""
    expect(isinstance(value, list), f"{where}: a list is needed")
    entries = [fields(entry, where) for entry in cast("list[Any]", value)]
    expect(len(entries) >= least, f"{where}: must not be empty")
    return entries


def check_schema(given: Any, where: str) -> None:
    """The shape that every provider asks of a tool's parameters."""
    schema = fields(given, where)
    expect(schema.get("type") in ("object", "OBJECT"), f"{where}: no object schema")
    missing = set(schema.get("required", [])) - fields(schema.get("properties", {}), where).keys()
    expect(not missing, f"{where}: required fields without a property: {sorted(missing)}")
