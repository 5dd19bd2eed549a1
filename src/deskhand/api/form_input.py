"""Reads the form's input, from a script (JSON) or from a plain HTML form, into one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Any, cast
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from deskhand.api.problems import FieldError, FieldsInvalid, field_errors
from deskhand.api.schemas import SupportMessage

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
KEY_FIELD = "idempotency_key"
MOST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class PostedForm:
    """A form as it was posted: shown again when it can't be accepted."""

    values: Mapping[str, str]
    idempotency_key: str


def media_type(request: Request) -> str:
    """The type of the body; only UTF-8 is read.

    Raises:
        HTTPException: 415, naming what can be sent.
    """
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    charset = header.get_content_charset("utf-8")
    kind = header.get_content_type() if request.headers.get("content-type") else ""
    if kind not in (JSON, FORM) or charset not in ("utf-8", "us-ascii"):
        raise HTTPException(415, f"Send {JSON} or {FORM}, in UTF-8.", headers={"Accept": f"{JSON}, {FORM}"})
    return kind


def read_json(body: bytes) -> SupportMessage:
    """Raises FieldsInvalid, or HTTPException 400 when it is no JSON."""
    try:
        return SupportMessage.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False)
        if found[0]["type"] == "json_invalid":
            raise HTTPException(400, "The body is not valid JSON in UTF-8.") from error
        raise _fields_invalid(found) from error


def split_form(body: bytes) -> PostedForm:
    """Raises FieldsInvalid, or HTTPException 400 when the body is not what an HTML form sends."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS, separator="&"
        )
    except ValueError as error:
        raise HTTPException(400, "The body is not a form in UTF-8, or has too many fields.") from error
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise FieldsInvalid([FieldError(name, f"{name} is there twice.", "Send each field once.")])
        values[name] = value
    return PostedForm(values, values.pop(KEY_FIELD, ""))


def read_values(values: Mapping[str, str]) -> SupportMessage:
    """The message in a form's fields; an empty field counts as missing. Raises FieldsInvalid."""
    try:
        return SupportMessage.model_validate({name: value for name, value in values.items() if value.strip()})
    except ValidationError as error:
        raise _fields_invalid(error.errors(include_url=False)) from error


def _fields_invalid(found: Sequence[Any]) -> FieldsInvalid:
    return FieldsInvalid(field_errors(cast("Sequence[Mapping[str, Any]]", found)))
