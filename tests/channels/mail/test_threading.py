"""What may join a mail to a conversation (protocols.md 2.8; E10, E12, faults.md)."""

from __future__ import annotations

import pytest

from deskhand.channels.mail import own_delivery, own_message_id, reply_token, thread_ids
from tests.channels.mail.letters import letter, read

SECRET = b"s" * 32


def test_the_nearest_parent_comes_first() -> None:
    thread = thread_ids(letter("human_reply"))

    assert thread.message_id == "<CAD1234@mail.fox.example.com>"
    assert thread.parents == ("<0197-aa.0123456789abcdef0123456789abcdef@taskflow.io>", "<first@fox.example.com>")


@pytest.mark.parametrize(
    "value", ["", "<>", "< >", "<@>", "none", "<a@[b", "<a b@c>", "<a@>", "<@b>", "dana@fox.example.com", "<<>>"]
)
def test_an_empty_or_malformed_id_joins_nothing(value: str) -> None:
    thread = thread_ids(read(headers={"Message-ID": value, "In-Reply-To": value, "References": value}))

    assert thread.message_id == ""
    assert thread.parents == ()


def test_a_mail_is_not_its_own_parent() -> None:
    assert thread_ids(read(headers={"Message-ID": "<a@b.c>", "References": "<a@b.c>"})).parents == ()


def test_of_very_many_references_the_first_and_the_last_are_kept() -> None:
    references = " ".join(f"<{n}@x.example>" for n in range(3_000))
    mail = read(headers={"References": references})

    assert mail.references[0] == "<0@x.example>"
    assert len(mail.references) <= 500


def test_a_reference_in_the_subject_is_only_a_label() -> None:
    thread = thread_ids(read(subject="[TF-20261102-ABCD] refund"))

    assert thread.reference == "TF-20261102-ABCD"
    assert thread.parents == ()


def test_our_message_id_is_the_same_on_every_try_and_leads_to_its_delivery() -> None:
    made = own_message_id("0197-aa", "taskflow.io", SECRET)

    assert made == own_message_id("0197-aa", "taskflow.io", SECRET)
    assert own_delivery(made, "taskflow.io", SECRET) == "0197-aa"
    assert own_delivery(made.replace("taskflow", "TaskFlow"), "taskflow.io", SECRET) == "0197-aa"


@pytest.mark.parametrize(
    "forged",
    [
        "<0197-aa.00000000000000000000000000000000@taskflow.io>",
        own_message_id("0197-aa", "taskflow.io", b"another secret").replace("aa", "aa"),
        own_message_id("0197-aa", "evil.example", SECRET),
        own_message_id("0197-aa", "taskflow.io", SECRET).replace("0197-aa", "0197-ab"),
        "<0197-aa@taskflow.io>",
        "",
    ],
)
def test_nobody_else_can_make_one(forged: str) -> None:
    assert own_delivery(forged, "taskflow.io", SECRET) is None


@pytest.mark.parametrize("delivery_id", ["", "a b", "a>b", "a\r\nb", "a@b", "é"])
def test_a_delivery_id_that_breaks_a_message_id_is_refused(delivery_id: str) -> None:
    with pytest.raises(ValueError, match="Message-ID"):
        own_message_id(delivery_id, "taskflow.io", SECRET)


def test_a_reply_token_is_read_from_our_own_mailbox_alone() -> None:
    token = "k" * 26
    here = read(headers={"Delivered-To": f"Support+{token}@taskflow.io"})
    elsewhere = read(headers={"Delivered-To": f"support+{token}@evil.example"})
    short = read(headers={"Delivered-To": "support+abc@taskflow.io"})

    assert reply_token(here, "support@taskflow.io") == token
    assert reply_token(elsewhere, "support@taskflow.io") is None
    assert reply_token(short, "support@taskflow.io") is None
