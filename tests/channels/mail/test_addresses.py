"""Senders: one plain address or none (protocols.md 2.7, 2.8; E23)."""

from __future__ import annotations

import pytest

from deskhand.channels.mail import read_mail
from tests.channels.mail.letters import read, write


@pytest.mark.parametrize(
    "sender",
    [
        "admin@corp.com <evil@x.com>",
        "alice@example.org)bob@evil.com",
        "alice@example.org, bob@evil.com",
        "(" * 5_000,
        "Dana <dana@fox.example.com> <bob@evil.com>",
        '"Dana <dana@fox.example.com>',
        "Dana",
        "<>",
        "",
        "Група <däna@fox.example.com>",
        "dana@fox",
        "friends: dana@fox.example.com;",
        "dana@fox.example.com\xa0",
        "dana@@fox.example.com",
        f"{'d' * 300}@fox.example.com",
    ],
)
def test_a_from_that_is_not_one_plain_address_is_unclear(sender: str) -> None:
    assert "unclear_sender" in read(sender=sender).flags


def test_two_from_fields_are_unclear() -> None:
    assert "unclear_sender" in read_mail(b"From: evil@x.com\r\n" + write()).flags


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("dana@fox.example.com", ""),
        ("Dana Fox <dana@fox.example.com>", "Dana Fox"),
        ('"Fox, Dana" <dana@fox.example.com>', "Fox, Dana"),
        ("dana@fox.example.com (Dana Fox)", "Dana Fox"),
        ("=?utf-8?B?RMOkbmE=?= <dana@fox.example.com>", "Däna"),
        ("=?utf-8?Q?evil=40x.com_=3Cevil=40x.com=3E?= <dana@fox.example.com>", "evil@x.com <evil@x.com>"),
    ],
)
def test_a_plain_address_is_clear_whatever_the_name_says(sender: str, name: str) -> None:
    mail = read(sender=sender)

    assert "unclear_sender" not in mail.flags
    assert mail.sender is not None
    assert (mail.sender.address, mail.sender.name) == ("dana@fox.example.com", name)


def test_addresses_are_compared_whole_and_in_lower_case() -> None:
    one, other = read(sender="A+b@X.example").sender, read(sender="a@x.example").sender

    assert one is not None
    assert other is not None
    assert one.address == "A+b@X.example"
    assert one.key == "a+b@x.example" != other.key


@pytest.mark.parametrize(
    "sender",
    [
        "=?utf-8?B?UGF5cNCwbA==?= <pay@x.example>",
        "PayPal <service@xn--rapal-8ve.com>",
        '"support@taskflow.io" <evil@x.example>',
    ],
)
def test_a_look_alike_is_flagged(sender: str) -> None:
    assert "look_alike_sender" in read(sender=sender).flags


def test_a_domain_in_mixed_scripts_is_no_plain_address() -> None:
    assert "unclear_sender" in read(sender="pay@raуpal.com").flags
