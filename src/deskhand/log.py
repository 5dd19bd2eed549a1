"""Structured logs: console lines in development, JSON in production; never a secret, never a customer's words."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, cast

import structlog

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

SECRET_FIELD = re.compile(r"secret|token(?!s$)|password|api_?key|authorization|cookie|signature", re.I)
PERSONAL_FIELD = re.compile(
    r"(?:^|_)(?:body|text|subject|e?mail|phone|address|recipient|sender)(?:_|$)"
    r"|^(?:(?:customer|author|sender|owner|first|last|full)_)?name$",
    re.I,
)
# PostgreSQL repeats the values of a row in these lines of its errors.
ROW_IN_ERROR = re.compile(r"^(DETAIL|CONTEXT):.*$", re.M)
REDACTED = "[redacted]"


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace secrets always, and personal data unless the line is of level debug."""
    personal = event.get("level") != "debug"
    for field in list(event):
        event[field] = _clean(field, event[field], personal=personal)
    if personal and isinstance(event.get("exception"), str):
        event["exception"] = ROW_IN_ERROR.sub(rf"\1: {REDACTED}", event["exception"])
    return event


def _clean(field: str, value: Any, *, personal: bool) -> Any:
    if SECRET_FIELD.search(field) or (personal and PERSONAL_FIELD.search(field)):
        return REDACTED
    if isinstance(value, dict):
        entries = cast("dict[Any, Any]", value)
        return {key: _clean(str(key), item, personal=personal) for key, item in entries.items()}
    if isinstance(value, (list, tuple)):
        return [_clean("", item, personal=personal) for item in cast("list[Any]", value)]
    return value


def configure(level: str, *, as_json: bool) -> None:
    """Set up logging for the process. `level` is a name such as 'info'."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    last: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, force=True)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry `component=name`. Events are past tense: `ticket_escalated`."""
    return structlog.get_logger(component=name)
