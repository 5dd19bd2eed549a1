"""Language detection on messages written for these tests, none of which the thresholds were set by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deskhand.inference import detect_language

MESSAGES: list[tuple[str, str]] = json.loads((Path(__file__).parent / "languages.json").read_text(encoding="utf-8"))


def test_nine_of_ten_short_messages_are_recognised() -> None:
    wrong = [(code, text) for code, text in MESSAGES if detect_language(text).code != code]

    assert len(MESSAGES) == 80
    assert len({code for code, _ in MESSAGES}) >= 8
    assert len(wrong) <= 8, wrong


def test_every_english_message_is_recognised() -> None:
    assert [text for code, text in MESSAGES if code == "en" and detect_language(text).code != "en"] == []


@pytest.mark.parametrize(
    "text",
    [
        "API webhook 504",
        "SSO SAML Okta",
        "reset 2fa pls",
        "Slack integration broken",
        "CSV export",
        "ERR_CONN_REFUSED https://app.example.com/de/konto",
    ],
)
def test_product_jargon_is_taken_for_english(text: str) -> None:
    assert detect_language(text).code == "en"


@pytest.mark.parametrize("text", ["", "   ", "???", "42", "👍👍", "TF-20261101-AB3D"])
def test_a_text_without_words_tells_nothing(text: str) -> None:
    assert detect_language(text).code == "en"
    assert detect_language(text, "fr").code == "fr"
    assert detect_language(text, "fr").confidence == 0


@pytest.mark.parametrize("text", ["ok", "no", "Kein Zugriff", "Login Problem Android"])
def test_under_four_words_the_conversations_language_stays(text: str) -> None:
    assert detect_language(text, "es").code == "es"


def test_a_script_contradicts_even_the_hint_of_a_short_text() -> None:
    assert detect_language("谢谢", "en").code == "zh"
    assert detect_language("Дякую, працює", "en").code == "uk"
    assert detect_language("감사합니다", "de").code == "ko"


def test_a_clear_switch_of_language_overrules_the_hint() -> None:
    assert detect_language("Sorry, I will write in English from now on.", "de").code == "en"
    assert detect_language("Ich schreibe lieber auf Deutsch weiter, danke.", "en").code == "de"


def test_close_relatives_follow_the_hint() -> None:
    assert detect_language("領収書発行希望", "ja").code == "ja"
    assert detect_language("Дякую за допомогу", "uk").code == "uk"
    assert detect_language("Jeg kan ikke logge ind mere", "no").code == "da"


def test_the_language_of_most_letters_decides_in_a_mixed_text() -> None:
    assert detect_language("I bought the 東京 theme yesterday, how do I install it?").code == "en"
    assert detect_language("请问Dashboard怎么导出数据").code == "zh"


def test_a_regional_hint_counts_as_its_language() -> None:
    assert detect_language("ok", "pt-BR").code == "pt"
    assert detect_language("ok", "de_AT").code == "de"


def test_confidence_lies_between_nothing_and_certainty() -> None:
    assert all(0 <= detect_language(text, hint).confidence <= 1 for _, text in MESSAGES for hint in (None, "fr", "xx"))
