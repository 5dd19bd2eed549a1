"""Errors as problem documents (RFC 9457), each with the request's id; what we did not expect shows no detail."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskhand.api.request_ids import current_request_id
from deskhand.errors import ChannelNotConfigured, DeskhandError, InvalidInput, TooManyRequests, Unauthorized
from deskhand.log import get_logger

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
    500: "internal",
    503: "unavailable",
}
DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not know that method; the header Allow names those it knows.",
}

log = get_logger("api")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field, and what to do about it."""

    field: str
    message: str
    mend: str = ""


class FieldsInvalid(InvalidInput):
    """Some fields can't be accepted as they are."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(" ".join(error.message for error in errors))
        self.errors = tuple(errors)


class Braked(TooManyRequests):
    """Too many messages came from there: wait and send it again."""

    def __init__(self, wait: timedelta) -> None:
        self.seconds = max(1, math.ceil(wait.total_seconds()))
        super().__init__(mend=f"It is possible again in {in_words(self.seconds)}.")


def in_words(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def problem(
    status: int,
    detail: str,
    *,
    code: str = "",
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> JSONResponse:
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code or CODES.get(status, "error"),
        "request_id": current_request_id(),
    }
    if listed := [asdict(error) for error in errors]:
        document["errors"] = listed
    return JSONResponse({**document, **(more or {})}, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    app.add_exception_handler(DeskhandError, _on_our_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)


class UnexpectedErrors:
    """Turns what nobody handled into a 500 without detail; the log has it under the request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            if scope["type"] != "http" or begun:
                raise
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            response = problem(500, "Something went wrong on our side; the log has it under this request id.")
            await response(scope, receive, send)


async def _on_our_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DeskhandError)
    headers: dict[str, str] = {}
    if error.retryable:
        headers["Retry-After"] = str(error.seconds if isinstance(error, Braked) else RETRY_AFTER_SECONDS)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if error.status >= 500 and not isinstance(error, ChannelNotConfigured):
        # The instance's text may name hosts and settings; the class's never does.
        log.warning("request_refused", code=error.code, error=error.message)
        return problem(error.status, (type(error).__doc__ or "").strip(), code=error.code, headers=headers)
    return problem(error.status, str(error), code=error.code, errors=errors_of(error), headers=headers)


async def _on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = FieldsInvalid(field_errors(cast("Sequence[Mapping[str, Any]]", error.errors())))
    return problem(found.status, str(found), code=found.code, errors=found.errors)


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if detail == HTTPStatus(error.status_code).phrase:
        detail = DETAILS.get(error.status_code, detail)
    return problem(error.status_code, detail, headers=error.headers)


def errors_of(error: DeskhandError) -> tuple[FieldError, ...]:
    """The fields that an error of ours names."""
    if isinstance(error, FieldsInvalid):
        return error.errors
    return (FieldError(error.field, error.message, error.mend or ""),) if error.field else ()


MENDS = {
    "name": "Use up to 100 characters in one line, or leave it out.",
    "email": "Give an address like name@example.com.",
    "subject": "Use up to 200 characters in one line, or leave it out.",
    "message": "Write between 3 and 10,000 characters, without control characters.",
    "category": "Use up to 40 small letters, digits and spaces, or leave it out.",
    "website": "Leave it empty.",
    "filled_ms": "Give the milliseconds, or leave it out.",
    "file_id": "Give the file's id, a UUID.",
    "idempotency-key": "Use 16 to 200 visible ASCII characters, for example a UUID.",
    "limit": "Give a whole number from 1 to 100.",
    "hours": "Give a whole number from 1 to 720.",
    "conversation_id": "Give the conversation's id, a UUID.",
}


def field_errors(found: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Pydantic's findings in words for people: what is wrong with which field, and how to mend it."""
    return tuple(_field_error(item) for item in found)


def _too_short(label: str, least: int) -> str:
    return f"{label} is empty." if least == 1 else f"{label} is shorter than {least} characters."


def _field_error(item: Mapping[str, Any]) -> FieldError:
    places = [str(step) for step in item["loc"] if step not in ("body", "query", "path", "header")]
    name = ".".join(places) or "body"
    limits: dict[str, Any] = item.get("ctx") or {}
    label = name[:1].upper() + name[1:].replace("_", " ")
    words = {
        "missing": f"{label} is missing.",
        "extra_forbidden": f"{label} is not a field that is known here.",
        "string_type": f"{label} must be text.",
        "string_too_short": _too_short(label, int(limits.get("min_length", 0))),
        "string_too_long": f"{label} is longer than {limits.get('max_length')} characters.",
        "string_pattern_mismatch": f"{label} holds characters that can't be used.",
        "json_invalid": "The body is not valid JSON.",
        "model_type": "The body must be a JSON object.",
        "model_attributes_type": "The body must be a JSON object.",
    }
    kind = str(item["type"])
    if kind == "extra_forbidden":
        return FieldError(name, words[kind], "Remove it.")
    return FieldError(name, words.get(kind, f"{label}: {item['msg']}."), limits.get("mend") or MENDS.get(name, ""))
