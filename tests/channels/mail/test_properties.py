"""What holds for any bytes and any text."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.channels.mail import (
    Address,
    OutgoingMail,
    authenticated,
    classify,
    compose_reply,
    delivery_reports,
    read_mail,
    thread_ids,
)
from deskhand.channels.mail.html_text import html_to_text
from deskhand.channels.mail.quotes import fold
from tests.fuzz.mail import check, mutate, seeds

PIECES = st.sampled_from(
    [
        *(
            "> ",
            ">",
            "\n",
            "\n\n",
            "-- \n",
            "--\n",
            "On Tue, Nov 3, 2026 at 5:01 PM S <s@t.io> wrote:\n",
            "wrote:",
            "From: a@b.c\n",
        ),
        *(
            "Sent: x 10:00\n",
            "To: y\n",
            "Subject: z\n",
            "Sent from my iPhone\n",
            "words ",
            "confidential ",
            "____________\n",
        ),
        *("-----Original Message-----\n", "## Please type your reply above this line ##\n", "é", "日本", " ", "\t"),
    ]
)
BODIES = st.lists(PIECES | st.text(max_size=20), max_size=40).map("".join)
REPLY = OutgoingMail(
    sender=Address("support@taskflow.io"),
    recipient="dana@fox.example.com",
    subject="",
    text="",
    message_id="<1@taskflow.io>",
    outbound_id="1",
    sent_at=datetime(2026, 11, 22, tzinfo=UTC),
)
TAGS = st.sampled_from(
    ["<p>", "</p>", "<div hidden>", "</div>", "<span style='display:none'>", "</span>", "<b>", "</b>", "<br>", "x "]
)


@given(BODIES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_folding_loses_nothing_and_never_leaves_an_empty_text(body: str, is_reply: bool) -> None:
    blocks = fold(body, is_reply=is_reply)

    assert "".join(block.text for block in blocks) == body
    if any(char.isalnum() for char in body):
        assert any(char.isalnum() for block in blocks if block.fold is None for char in block.text)


@given(st.binary(max_size=2_000))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read(raw: bytes) -> None:
    mail = read_mail(raw)
    classify(mail, ())
    delivery_reports(mail)
    thread_ids(mail)
    authenticated(mail, "mx.google.com")

    assert "\0" not in mail.body + mail.subject
    assert all(value.isprintable() or not value.isascii() for _, value in mail.headers)


@given(st.integers(0, 10_000))
@settings(max_examples=200, deadline=None)
def test_a_mutated_mail_is_read(number: int) -> None:
    check(mutate(seeds(), number))


@given(st.lists(TAGS, max_size=40).map("".join))
@settings(max_examples=200, deadline=None)
def test_every_word_of_html_is_shown_or_hidden(source: str) -> None:
    found = html_to_text(source)

    assert found.text.count("x") + found.hidden.count("x") == source.count("x ")


@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=600))
@settings(max_examples=200, deadline=None)
def test_a_reply_has_its_own_headers_and_no_others(subject: str, name: str, text: str) -> None:
    raw = compose_reply(replace(REPLY, subject=subject, sender=Address("support@taskflow.io", name), text=text))
    message = email.message_from_bytes(raw, policy=email.policy.compat32)

    assert message.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"),
        *("X-Deskhand-Outbound-Id", "MIME-Version", "Content-Type"),
    ]
    sender = read_mail(raw).sender
    assert sender is not None
    assert sender.address == "support@taskflow.io"
