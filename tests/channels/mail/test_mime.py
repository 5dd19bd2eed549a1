"""Bytes to a mail: structure, broken input and the bounds (protocols.md 2.7; E7, E16, E18, E20)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import pytest

from deskhand.channels.mail import DEFAULT_BOUNDS, classify, delivery_reports, read_mail, thread_ids
from deskhand.channels.mail.message import Flag
from tests.channels.mail.letters import letter, raw_letter, read, write

LONGEST = 2.0
HEAD = b"From: dana@fox.example.com\r\nSubject: Board\r\nMIME-Version: 1.0\r\n"


def nested(depth: int) -> bytes:
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    return HEAD + parts + b"\r\nhello\r\n"


def many(name: bytes, values: list[bytes], between: bytes) -> bytes:
    return HEAD + name + b": " + between.join(values) + b"\r\n\r\nhello\r\n"


HOSTILE: dict[str, tuple[bytes, Flag | None]] = {
    "multipart 500 deep": (nested(500), "too_deep"),
    "multipart 1000 deep": (nested(1_000), "too_deep"),
    "message 1000 deep": (HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 1_000 + b"hi", None),
    "From with 5,000 brackets": (b"From: " + b"(" * 5_000 + b"\r\n\r\nhello", "unclear_sender"),
    "Message-ID with a bracket": (HEAD + b"Message-ID: <a@[b\r\n\r\nhello", None),
    "200,000 references": (many(b"References", [b"<%d@x.co>" % n for n in range(200_000)], b" "), "header_cut"),
    "20,000 encoded words": (many(b"X-Subject", [b"=?utf-8?q?a?="] * 20_000, b" "), "header_cut"),
    "20,000 recipients": (many(b"To", [b"u%d@x.co" % n for n in range(20_000)], b", "), "header_cut"),
    "20,000 parameters": (
        many(b"Content-Type", [b"text/plain", *(b"p%d=x" % n for n in range(20_000))], b"; "),
        "header_cut",
    ),
    "100,000 fields": (HEAD + b"A: b\r\n" * 100_000 + b"\r\nhello", "header_cut"),
    "a million delimiters": (
        HEAD + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\n" * 1_000_000,
        "too_many_parts",
    ),
    "a million near-delimiters": (
        HEAD + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--ab\n" * 1_000_000,
        "too_many_parts",
    ),
    "40 MB": (HEAD + b"\r\n" + b"x" * 40_000_000, "too_large"),
    "a million tags": (HEAD + b"Content-Type: text/html\r\n\r\n" + b"<p>x" * 1_000_000, "text_cut"),
    "a million quoted lines": (HEAD + b"\r\n" + b"> a\n" * 1_000_000, "text_cut"),
    "escaped quotes": (b"From: " + b'"\\' * 30_000 + b"\r\n\r\nhello", "unclear_sender"),
    "bad base64": (
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n!!! hello, this is no base64 !!!",
        "broken_encoding",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_read_in_time_and_flagged(name: str) -> None:
    raw, flag = HOSTILE[name]

    start = time.process_time()
    mail = read_mail(raw)
    classify(mail, ())
    delivery_reports(mail)
    thread_ids(mail)

    assert time.process_time() - start < LONGEST
    assert flag is None or flag in mail.flags
    assert mail.size == len(raw)


@pytest.mark.parametrize("name", ["multipart 1000 deep", "a million delimiters", "40 MB"])
def test_a_mail_over_a_bound_is_to_be_suspended(name: str) -> None:
    assert not read_mail(HOSTILE[name][0]).is_readable


def test_text_that_claims_to_be_base64_is_kept_as_it_is() -> None:
    assert "hello, this is no base64" in read_mail(HOSTILE["bad base64"][0]).text


def test_a_truncated_base64_text_is_read_as_far_as_it_goes() -> None:
    assert read("SGVsbG8gRGFuYQ=", headers={"Content-Transfer-Encoding": "base64"}).text.startswith("Hello Dan")


def test_a_message_id_with_a_bracket_is_treated_as_absent() -> None:
    assert read_mail(HOSTILE["Message-ID with a bracket"][0]).message_id == ""


def test_the_customers_words_come_without_the_quote_and_the_quote_is_kept() -> None:
    mail = letter("human_reply")

    assert mail.text == "It still fails after I cleared the cache – error 502."
    assert "Please clear the cache." in mail.folded
    assert "".join(block.text for block in mail.blocks) == mail.body
    assert mail.sender is not None
    assert (mail.sender.address, mail.sender.name) == ("dana@fox.example.com", "Dana Fox")
    assert [address.name for address in mail.cc] == ["Lee, Sam"]
    assert mail.sent_at is not None
    assert mail.sent_at.isoformat() == "2026-11-03T18:12:40+01:00"
    assert mail.flags == frozenset()


def test_a_mail_in_html_alone_is_read_and_its_outlook_quote_is_folded() -> None:
    mail = letter("outlook_html_only")

    assert mail.text == "Guten Tag, die Rechnung ist für März falsch."
    assert "Hier ist Ihre Rechnung." in mail.folded


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_is_understood(ends: bytes) -> None:
    raw = write("One.\nTwo.").replace(b"\r\n", b"\n").replace(b"\n", ends)

    assert read_mail(raw).text == "One.\nTwo."


def test_controls_and_marks_of_direction_are_taken_out_of_a_subject() -> None:
    mail = read(subject="=?utf-8?q?hi=0d=0aBcc:_victim@x.com?= =?utf-8?q?=E2=80=AEfdp?=")

    assert mail.subject == "hi Bcc: victim@x.comfdp"
    assert {"control_characters", "bidirectional_marks"} <= mail.flags
    assert mail.cc == ()


def test_a_folded_line_in_a_header_opens_no_new_field() -> None:
    mail = read_mail(HEAD.replace(b"Board", b"a\r\n Bcc: x@y.example") + b"\r\nhello")

    assert mail.subject == "a Bcc: x@y.example"
    assert mail.header("bcc") == ""


@pytest.mark.parametrize(("subject", "shown"), [("x" * 10_000, "x" * 255), ("🎉🎉", "🎉🎉"), ("", "")])
def test_a_strange_subject_is_cut_or_kept(subject: str, shown: str) -> None:
    assert read_mail(write(subject=subject)).subject == shown


def test_nul_and_other_controls_are_taken_out_of_the_body() -> None:
    assert read("be\0fore\x1b[0m after\x7f").text == "before[0m after"


def test_tags_that_nobody_sees_are_taken_out_of_the_body_and_flagged() -> None:
    smuggled = "".join(chr(0xE0000 + ord(char)) for char in "pay me")
    mail = read(f"Hello{smuggled} you\u200b", headers={"Content-Type": "text/plain; charset=utf-8"})

    assert mail.text == "Hello you"
    assert "invisible_characters" in mail.flags


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("image_only", "no_text"),
        ("calendar_only", "no_text"),
        ("pgp", "encrypted"),
        ("smime", "encrypted"),
        ("winmail", "opaque"),
    ],
)
def test_a_mail_without_text_says_so_and_lists_what_it_holds(name: str, flag: Flag) -> None:
    mail = letter(name)

    assert {flag, "no_text"} <= mail.flags
    assert mail.text == ""
    assert mail.attachments


def test_a_lone_emoji_is_a_text() -> None:
    mail = read("👍", headers={"Content-Type": "text/plain; charset=utf-8"})

    assert mail.text == "👍"
    assert "no_text" not in mail.flags


def test_one_message_id_over_two_contents_gives_two_digests() -> None:
    raw = raw_letter("human_reply")
    other = raw.replace(b"502", b"503")

    assert read_mail(raw).message_id == read_mail(other).message_id
    assert read_mail(raw).digest == hashlib.sha256(raw).hexdigest() != read_mail(other).digest


def test_the_recipient_is_the_one_that_it_was_delivered_to() -> None:
    mail = read(headers={"Delivered-To": "help+tok@taskflow.io", "X-Gm-Original-To": "first@taskflow.io"})

    assert mail.delivered_to == ("first@taskflow.io", "help+tok@taskflow.io", "support@taskflow.io")


@pytest.mark.parametrize("missing", ["boundary=x", ""])
def test_a_multipart_without_its_parts_is_read_as_text(missing: str) -> None:
    assert read("Hello there", headers={"Content-Type": f"multipart/mixed; {missing}"}).text == "Hello there"


def test_a_text_that_came_as_a_nameless_attachment_is_read() -> None:
    assert read("Hello there", headers={"Content-Disposition": "attachment"}).text == "Hello there"


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2026 09:00:00 +0000", "Tue, 3 Nov 0001 09:00:00 +9999"])
def test_a_date_that_is_none_is_left_out(date: str) -> None:
    assert read(headers={"Date": date}).sent_at is None


def test_bounds_are_parameters() -> None:
    raw = write("x" * 100)

    assert "text_cut" in read_mail(raw, replace(DEFAULT_BOUNDS, text=10)).flags
    assert read_mail(raw, replace(DEFAULT_BOUNDS, text=10)).body == "x" * 10
