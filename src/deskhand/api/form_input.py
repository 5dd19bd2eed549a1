"""Reads the form's input, from a script (JSON) or from an HTML form with or without files, into one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from deskhand.api.problems import FieldError, FieldsInvalid, field_errors
from deskhand.api.uploads import MOST_FIELDS, NO_FORM, read_parts
from deskhand.channels.base import NewFile
from deskhand.settings import Settings

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
KEY_FIELD = "idempotency_key"
OPENED_FIELD = "opened_at"
TOKEN_FIELD = "token"  # noqa: S105  # the field's name

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted, before its fields are checked: a page shows it again when it can't be accepted.

    `content` is the JSON of a script; `errors` are files that can't be taken.
    """

    values: Mapping[str, str]
    idempotency_key: str = ""
    opened_at: str = ""
    token: str = ""
    content: bytes | None = None
    files: tuple[NewFile, ...] = ()
    errors: tuple[FieldError, ...] = ()


def media_type(request: Request) -> str:
    """The type of the body; only UTF-8 is read.

    Raises:
        HTTPException: 415, naming what can be sent.
    """
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    charset = header.get_content_charset("utf-8")
    kind = header.get_content_type() if request.headers.get("content-type") else ""
    if kind not in (JSON, FORM, MULTIPART) or charset not in ("utf-8", "us-ascii"):
        raise HTTPException(
            415, f"Send {JSON}, {MULTIPART} or {FORM}, in UTF-8.", headers={"Accept": f"{JSON}, {MULTIPART}, {FORM}"}
        )
    return kind


async def read_posted(request: Request, settings: Settings) -> Posted:
    """Raises HTTPException, or FieldsInvalid for a field that stands there twice."""
    kind = media_type(request)
    if kind == JSON:
        return Posted({}, content=await request.body())
    if kind == FORM:
        return _posted(_pairs(await request.body()))
    parts = await read_parts(request, settings)
    return replace(_posted(parts.pairs), files=parts.files, errors=parts.errors)


def read_fields(posted: Posted, model: type[ModelT]) -> ModelT:
    """What was posted as `model`; an empty field of a form counts as missing.

    Raises:
        FieldsInvalid: fields or files that can't be taken, all of them.
        HTTPException: 400 when it is no JSON.
    """
    try:
        if posted.content is not None:
            return model.model_validate_json(posted.content)
        read = model.model_validate({name: value for name, value in posted.values.items() if value.strip()})
    except ValidationError as error:
        found = error.errors(include_url=False)
        if found[0]["type"] == "json_invalid":
            raise HTTPException(400, "The body is not valid JSON in UTF-8.") from error
        raise FieldsInvalid([*_field_errors(found), *posted.errors]) from error
    if posted.errors:
        raise FieldsInvalid(posted.errors)
    return read


def _pairs(body: bytes) -> Sequence[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS, separator="&"
        )
    except ValueError as error:
        raise HTTPException(400, NO_FORM) from error


def _posted(pairs: Sequence[tuple[str, str]]) -> Posted:
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise FieldsInvalid([FieldError(name, f"{name} is there twice.", "Send each field once.")])
        values[name] = value
    key, opened_at, token = (values.pop(name, "") for name in (KEY_FIELD, OPENED_FIELD, TOKEN_FIELD))
    return Posted(values, key, opened_at, token)


def _field_errors(found: Sequence[Any]) -> tuple[FieldError, ...]:
    return field_errors(cast("Sequence[Mapping[str, Any]]", found))
