"""Logs: canaries in every place where a secret or a customer's words could slip into a line."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog

from deskhand import log

CANARY = "canary-5309"


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    "field",
    [
        *("secret", "client_secret", "token", "access_token", "password", "api_key", "apikey", "authorization"),
        *("cookie", "signature", "body", "text", "subject", "email", "phone", "address", "recipient", "sender"),
        *("name", "customer_name", "owner_email", "email_address", "message_body"),
    ],
)
@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_no_canary_in_a_secret_or_personal_field_reaches_a_line(
    capsys: pytest.CaptureFixture[str], field: str, level: str
) -> None:
    log.configure("info", as_json=True)

    getattr(log.get_logger("test"), level)("thing_happened", **{field: CANARY})

    assert CANARY not in capsys.readouterr().err


def test_what_is_nested_is_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", as_json=True)

    log.get_logger("test").info("thing_happened", customer={"plan": "pro", "email": CANARY}, found=[{"body": CANARY}])

    (line,) = _lines(capsys)
    assert line["customer"] == {"plan": "pro", "email": "[redacted]"}
    assert line["found"] == [{"body": "[redacted]"}]


def test_personal_fields_show_at_debug_and_secrets_never(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("debug", as_json=True)

    log.get_logger("test").debug("thing_happened", body="shown", token=CANARY)

    (line,) = _lines(capsys)
    assert (line["body"], line["token"]) == ("shown", "[redacted]")


def test_bound_fields_are_redacted_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", as_json=True)

    with structlog.contextvars.bound_contextvars(sender=CANARY, conversation_id="c-1"):
        log.get_logger("test").info("thing_happened")

    (line,) = _lines(capsys)
    assert (line["sender"], line["conversation_id"]) == ("[redacted]", "c-1")


def test_counts_of_tokens_are_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", as_json=True)

    log.get_logger("test").info("model_called", tokens=412)

    assert _lines(capsys)[0]["tokens"] == 412


def test_a_line_carries_level_time_component_and_event(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", as_json=True)

    log.get_logger("turn").info("turn_finished", ms=12.5)

    (line,) = _lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "turn_finished", "level": "info", "component": "turn", "ms": 12.5}


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("warning", as_json=True)

    log.get_logger("test").info("thing_happened")

    assert capsys.readouterr().err == ""


def test_the_console_shows_the_same_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", as_json=False)

    log.get_logger("test").info("thing_happened", token=CANARY, topic="deskhand.metrics")

    shown = capsys.readouterr().err
    assert "thing_happened" in shown
    assert "deskhand.metrics" in shown
    assert CANARY not in shown


def test_the_row_that_an_error_of_the_database_repeats_is_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", as_json=True)

    try:
        raise ValueError(f"duplicate key value\nDETAIL:  Key (kind, value)=(email, {CANARY}) already exists.")
    except ValueError:
        log.get_logger("test").exception("hook_failed")

    shown = capsys.readouterr().err
    assert "duplicate key value" in shown
    assert CANARY not in shown
