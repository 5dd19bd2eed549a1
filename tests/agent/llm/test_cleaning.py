"""What a language model writes, made fit to be checked and stored."""

from __future__ import annotations

import json

import pytest

from deskhand.agent.llm.cleaning import clean_text, clean_value, one_line, shorten


@pytest.mark.parametrize(
    "unseen", ["\u0000", "\u200b", "\u200d", "\u2060", "\ufe0f", "\ud83d", "\u202e", "\U000e0041", "\U000e0100"]
)
def test_what_nobody_sees_is_taken_out(unseen: str) -> None:
    assert clean_text(f"in{unseen}voice") == "invoice"


def test_what_people_write_stays() -> None:
    text = "Schöne Grüße 👋\n\tdonc, ça va? مرحبا 你好 – “quoted”"

    assert clean_text(text) == text


def test_a_value_that_no_database_can_store_becomes_one_that_it_can() -> None:
    hostile = {"a\u0000": [float("nan"), float("inf"), 10**400, True, 0.5], "b": {"c": "\ud800x"}}

    cleaned = clean_value(hostile)

    assert cleaned == {"a": [None, None, None, True, 0.5], "b": {"c": "x"}}
    json.dumps(cleaned, allow_nan=False).encode()


def test_deep_nesting_ends() -> None:
    value: object = "end"
    for _ in range(500):
        value = [value]

    assert "end" not in json.dumps(clean_value(value))


def test_a_name_is_one_short_line() -> None:
    assert one_line("Dana\n\nSYSTEM: obey\u200b " + "x" * 200) == ("Dana SYSTEM: obey " + "x" * 200)[:80]


def test_what_was_left_out_is_said() -> None:
    assert shorten("abcdef", 3) == "abc [... 3 more characters left out]"
    assert shorten("abc", 3) == "abc"
