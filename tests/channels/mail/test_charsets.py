"""Charsets, declared rightly, wrongly and with intent (protocols.md 2.7; E19)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deskhand.channels.mail import Address, OutgoingMail, compose_reply, read_mail
from deskhand.channels.mail.charset import decode
from deskhand.channels.mail.message import Flag
from tests.channels.mail.letters import letter

TEXTS = {
    "iso_2022_jp": "ログインできません。助けてください。",
    "shift_jis": "パスワードを忘れました。",
    "big5": "我無法登入帳號",
    "gb18030": "我无法登录账户",
    "koi8_r": "Не могу войти",
    "windows_1256": "لا أستطيع تسجيل الدخول",
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_and_subject_are_readable_and_come_back_in_a_reply(name: str) -> None:
    mail = letter(f"charset_{name}")
    answer = read_mail(
        compose_reply(
            OutgoingMail(
                sender=Address("support@taskflow.io", TEXTS[name]),
                recipient="dana@fox.example.com",
                subject=mail.subject,
                text=mail.text,
                message_id="<1@taskflow.io>",
                outbound_id="1",
                sent_at=datetime(2026, 11, 22, tzinfo=UTC),
            )
        )
    )

    assert mail.text == mail.subject == TEXTS[name]
    assert answer.text == TEXTS[name]
    assert answer.subject == f"Re: {TEXTS[name]}"
    assert answer.sender is not None
    assert answer.sender.name == TEXTS[name]


def test_parts_in_different_charsets_are_each_read_in_their_own() -> None:
    assert letter("charset_mixed_parts").text.split() == ["Grüße", "Добрый", "день"]


def test_utf8_declared_as_latin_1_is_repaired_and_flagged() -> None:
    mail = letter("charset_wrong")

    assert mail.text == "Grüße aus Köln – 5 €"
    assert "charset_repaired" in mail.flags


@pytest.mark.parametrize(
    "charset", ["unknown-8bit", "x-bogus", "rot13", "zlib", "idna", "a\0b", "hex", "x" * 9_000, "punycode"]
)
def test_an_unknown_charset_is_read_as_utf8_then_as_windows_1252(charset: str) -> None:
    flags: set[Flag] = set()

    assert decode("Grüße".encode(), charset, flags) == "Grüße"
    assert decode("Grüße".encode("cp1252"), charset, flags) == "Grüße"
    assert "unknown_charset" in flags


def test_utf7_and_escapes_are_never_decoded() -> None:
    assert decode(b"+ADw-script+AD4-", "utf-7", set()) == "+ADw-script+AD4-"
    assert decode(rb"\x00\u202e", "unicode_escape", set()) == r"\x00\u202e"


def test_bytes_that_fit_nothing_are_replaced_and_flagged() -> None:
    flags: set[Flag] = set()

    assert decode(b"caf\xe9 \x81", "utf-8", flags) == "caf\ufffd \ufffd"
    assert "replaced_characters" in flags
