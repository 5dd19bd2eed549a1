"""Replies as bytes: threaded, marked, and safe against injection (protocols.md 2.2; E15, E16)."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from deskhand.channels.mail import Address, OutgoingMail, classify, compose_reply, read_mail, reply_subject, thread_ids
from deskhand.errors import InvalidInput

REPLY = OutgoingMail(
    sender=Address("support@taskflow.io", "Taskflow Support"),
    recipient="dana@fox.example.com",
    subject="Board does not load",
    text="Hello Dana,\n\nplease see https://help.taskflow.io/a?b=1&c=<2> – it's short.\n.\nFrom us\n",
    message_id="<0197-aa.0123456789abcdef0123456789abcdef@taskflow.io>",
    outbound_id="0197-aa",
    sent_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
    in_reply_to="<CAD1234@mail.fox.example.com>",
    references=("<first@fox.example.com>",),
    reply_to="support+abcdefghijklmnopqrstuvwxyz@taskflow.io",
    language="en",
)


def parsed(mail: OutgoingMail) -> EmailMessage:
    return email.message_from_bytes(compose_reply(mail), policy=email.policy.default)


def test_the_standard_library_reads_what_we_wrote() -> None:
    message = parsed(REPLY)
    plain, html = message.iter_parts()

    assert message.get_content_type() == "multipart/alternative"
    assert message["From"] == "Taskflow Support <support@taskflow.io>"
    assert message["To"] == "dana@fox.example.com"
    assert message["Subject"] == "Re: Board does not load"
    assert message["Message-ID"] == REPLY.message_id
    assert message["In-Reply-To"] == REPLY.in_reply_to
    assert message["References"] == "<first@fox.example.com> <CAD1234@mail.fox.example.com>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["X-Deskhand-Outbound-Id"] == "0197-aa"
    assert message["Reply-To"] == REPLY.reply_to
    assert message["Cc"] is None
    assert isinstance(plain, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert plain.get_content().replace("\r\n", "\n") == REPLY.text
    assert "https://help.taskflow.io/a?b=1&amp;c=" in html.get_content()
    assert "<2>" not in html.get_content()


def test_the_same_reply_gives_the_same_bytes() -> None:
    assert compose_reply(REPLY) == compose_reply(replace(REPLY))


def test_no_line_is_too_long_and_all_end_alike() -> None:
    raw = compose_reply(replace(REPLY, text="word " * 2_000, subject="ä" * 300))

    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_our_own_reader_knows_it_for_our_own_mail() -> None:
    mail = read_mail(compose_reply(REPLY))
    found = classify(mail, ())

    assert found is not None
    assert found.cause == "own_mail"
    assert thread_ids(mail).parents[0] == REPLY.in_reply_to


def test_what_a_person_approved_is_not_marked_as_automatic() -> None:
    message = parsed(replace(REPLY, automatic=None))

    assert message["Auto-Submitted"] is None
    assert message["X-Auto-Response-Suppress"] is None


@pytest.mark.parametrize(
    "poison",
    [
        "hi\r\nBcc: victim@x.example",
        "hi\nBcc: victim@x.example",
        "a\n Bcc: x",
        "a\x00b\x85\u2028Bcc: x",
        "\r\n\r\nbody",
    ],
)
def test_no_header_can_be_smuggled_in(poison: str) -> None:
    mail = replace(
        REPLY,
        subject=poison,
        sender=Address("support@taskflow.io", poison),
        in_reply_to=poison,
        references=(poison, "<ok@x.example>"),
        text=poison,
        language=poison,
    )
    message = parsed(mail)

    assert message["Bcc"] is None
    assert message["References"] == "<ok@x.example>"
    assert sorted(message.keys()) == sorted(parsed(replace(REPLY, in_reply_to="")).keys())


@pytest.mark.parametrize(
    "address", ["", "dana", "dana@fox.example.com\r\nBcc: x@y.example", "a@b.c, d@e.f", "Dana <dana@fox.example.com>"]
)
def test_a_recipient_that_is_no_single_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        compose_reply(replace(REPLY, recipient=address))
    with pytest.raises(InvalidInput):
        compose_reply(replace(REPLY, sender=Address(address)))


@pytest.mark.parametrize("given", ["", "<a@b.c> <d@e.f>", "a@b.c", "<a@b.c>\r\nX: y"])
def test_a_message_id_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput):
        compose_reply(replace(REPLY, message_id=given))


def test_of_a_long_thread_the_first_and_the_last_ids_are_kept() -> None:
    many = tuple(f"<{n}@{'x' * 60}.example>" for n in range(100))
    ids = str(parsed(replace(REPLY, references=many))["References"]).split()

    assert len(ids) == 20
    assert (ids[0], ids[-2], ids[-1]) == (many[0], many[-1], REPLY.in_reply_to)


@pytest.mark.parametrize(
    ("subject", "answered"),
    [
        ("Board", "Re: Board"),
        ("Re: Board", "Re: Board"),
        ("RE: AW: Re[2]: Board", "Re: Board"),
        ("Re: TF: board", "Re: TF: board"),
        ("Regarding: board", "Re: Regarding: board"),
        ("", "Re:"),
        ("x" * 10_000, "Re: " + "x" * 251),
        ("a\u202eb\r\nc", "Re: ab c"),
    ],
)
def test_a_subject_is_answered_once(subject: str, answered: str) -> None:
    assert reply_subject(subject) == answered
