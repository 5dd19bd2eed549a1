"""Who vouches for the sender (protocols.md 2.8; E11, E14)."""

from __future__ import annotations

import pytest

from deskhand.channels.mail import authenticated, read_mail
from tests.channels.mail.letters import letter, raw_letter, read, write

US = "mx.google.com"


def verified(value: str, *, sender: str = "dana@fox.example.com") -> bool:
    return authenticated(read(sender=sender, headers={"Authentication-Results": value}), US).verified


def test_a_mail_that_passed_dmarc_is_verified() -> None:
    found = authenticated(letter("human_reply"), US)

    assert found.verified
    assert (found.spf, found.dkim, found.dmarc) == ("pass", "pass", "pass")


@pytest.mark.parametrize(
    ("value", "is_verified"),
    [
        (f"{US}; dmarc=pass header.from=fox.example.com", True),
        (f"{US} 1; dmarc=pass (p=NONE) header.from=Fox.Example.com", True),
        (f"{US}; dmarc=fail header.from=fox.example.com", False),
        (f"{US}; dmarc=pass header.from=evil.example", False),
        (f"{US}; dmarc=pass", False),
        (f"{US}; dmarc=fail (dmarc=pass header.from=fox.example.com) header.from=fox.example.com", False),
        (f'{US}; dmarc=fail reason="; dmarc=pass header.from=fox.example.com"', False),
        (f"{US}; dkim=pass header.i=@fox.example.com", True),
        (f"{US}; dkim=pass header.d=example.com", True),
        (f"{US}; dkim=pass header.i=@com", False),
        (f"{US}; dkim=pass header.i=@sub.fox.example.com", False),
        (f"{US}; dkim=pass header.i=@notfox.example.com.evil.example", False),
        (f"{US}; dkim=fail header.i=@fox.example.com; spf=pass smtp.mailfrom=dana@fox.example.com", True),
        (f"{US}; spf=pass smtp.mailfrom=bounce@evil.example", False),
        (f"{US}; spf=softfail smtp.mailfrom=dana@fox.example.com", False),
        (f"{US}; none", False),
        (f"{US}", False),
        ("mx.evil.example; dmarc=pass header.from=fox.example.com", False),
        ("", False),
        ("(((((", False),
    ],
)
def test_only_an_aligned_pass_of_our_own_server_counts(value: str, is_verified: bool) -> None:
    assert verified(value) is is_verified


def test_a_forged_copy_further_down_is_ignored() -> None:
    forged = f"Authentication-Results: {US}; dmarc=pass header.from=fox.example.com\r\n".encode()
    real = f"Authentication-Results: {US}; dmarc=fail header.from=fox.example.com\r\n".encode()

    assert not authenticated(read_mail(real + forged + write()), US).verified


def test_a_mail_without_results_is_not_verified() -> None:
    assert authenticated(read(), US).reason == "no Authentication-Results of mx.google.com"


def test_an_unclear_sender_is_never_verified() -> None:
    raw = raw_letter("human_reply").replace(b"From: Dana Fox <dana", b"From: boss@taskflow.io <dana")

    assert not authenticated(read_mail(raw), US).verified
