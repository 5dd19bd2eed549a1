"""Pushes: who calls is proved by the token, and nothing in the body is believed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from deskhand.channels.base import HookAnswer, HookRequest
from deskhand.clock import TravelClock
from deskhand.company_folder import Company
from deskhand.errors import ChannelNotConfigured, InvalidInput, Unauthorized
from tests.channels.gmail.desk import GmailDesk
from tests.channels.gmail.pushes import push
from tests.channels.letters import letter
from tests.standins.google import GoogleServer
from tests.standins.pubsub_keys import ACCOUNT, AUDIENCE, key_pair, notice, unsigned


@dataclass(frozen=True)
class After:
    """So many seconds after the moment at which the test runs, not the one at which it was collected."""

    seconds: int


def timed(claims: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {name: now + value.seconds if isinstance(value, After) else value for name, value in claims.items()}


async def test_an_authentic_push_asks_for_a_look(gmail: GmailDesk) -> None:
    answer = await gmail.channel.hook(push(gmail))

    assert (answer.fetch, answer.status, answer.messages) == (True, 204, ())


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": After(30)},
        {"exp": After(-30), "iat": After(-3600)},
        {"iss": "accounts.google.com"},
    ],
)
async def test_clocks_may_differ_by_a_minute(gmail: GmailDesk, claims: dict[str, Any]) -> None:
    """W15."""
    answer = await gmail.channel.hook(push(gmail, gmail.server.keys.token(**timed(claims))))

    assert answer.fetch


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example.com/webhooks/gmail"},
        {"aud": [AUDIENCE]},
        {"aud": None},
        {"email": "other@standin.iam.gserviceaccount.com"},
        {"email": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"iss": "https://accounts.example.com"},
        {"iss": None},
        {"exp": After(-3600), "iat": After(-7200)},
        {"iat": After(600)},
        {"exp": None},
        {"iat": None},
        {"exp": "tomorrow"},
        {"iat": []},
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(gmail: GmailDesk, claims: dict[str, Any]) -> None:
    """W15."""
    with pytest.raises(Unauthorized):
        await gmail.channel.hook(push(gmail, gmail.server.keys.token(**timed(claims))))


def _hostile(server: GoogleServer) -> list[str]:
    claims = {
        "aud": AUDIENCE,
        "email": ACCOUNT,
        "email_verified": True,
        "iss": "https://accounts.google.com",
        "iat": int(time.time()),
        "exp": int(time.time()) + 3600,
    }
    good = server.keys.token()
    head, body, signature = good.split(".")
    return [
        unsigned({"alg": "none", "typ": "JWT", "kid": "google-1"}, claims),
        unsigned({"alg": "HS256", "typ": "JWT", "kid": "google-1"}, claims, key_pair("google-1")[1].encode()),
        unsigned({"alg": "ES256", "typ": "JWT", "kid": "google-1"}, claims, b"0" * 64),
        unsigned({"alg": "RS256", "typ": "JWT"}, claims, b"0" * 256),
        unsigned({"alg": "RS256", "typ": "JWT", "kid": ["google-1"]}, claims, b"0" * 256),
        server.keys.token(key="google-2"),  # a key that Google does not show: rotated out, or another service's
        server.keys.token(key="google-2", key_id="google-1"),
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body[:-2]}.{signature}",
        f"{head}.{body}",
        f"{good}.",
        "",
        "a" * 10_000,
        "....",
        "%%%.%%%.%%%",
        "\u00e9.\u00e9.\u00e9",
    ]


@pytest.mark.parametrize("number", range(16))
async def test_a_token_that_google_did_not_sign_is_refused_and_breaks_nothing(gmail: GmailDesk, number: int) -> None:
    """W15."""
    with pytest.raises(Unauthorized):
        await gmail.channel.hook(push(gmail, _hostile(gmail.server)[number]))


@pytest.mark.parametrize("headers", [(), (("Authorization", "Basic abc"),), "twice"])
async def test_without_one_token_there_is_no_answer(gmail: GmailDesk, headers: object) -> None:
    good = ("Authorization", f"Bearer {gmail.server.keys.token()}")
    given = (good, good) if headers == "twice" else headers
    request = HookRequest("POST", "", "", given, push(gmail).body)  # pyright: ignore[reportArgumentType]  # as listed above

    with pytest.raises(Unauthorized):
        await gmail.channel.hook(request)


async def test_while_google_s_certificates_are_away_the_known_ones_still_verify(gmail: GmailDesk) -> None:
    """W16."""
    await gmail.channel.hook(push(gmail))
    gmail.server.keys.is_down = True
    gmail.clock.advance(timedelta(hours=3))

    assert (await gmail.channel.hook(push(gmail))).fetch


async def test_without_any_certificate_the_push_is_left_to_be_tried_again(gmail: GmailDesk) -> None:
    """W16: 503, after which Pub/Sub comes back."""
    gmail.server.keys.is_down = True

    with pytest.raises(ChannelNotConfigured) as caught:
        await gmail.channel.hook(push(gmail))
    assert caught.value.status == 503

    gmail.server.keys.is_down = False
    gmail.clock.advance(timedelta(minutes=2))
    assert (await gmail.channel.hook(push(gmail))).fetch


async def test_certificates_are_kept_for_as_long_as_their_server_says(gmail: GmailDesk) -> None:
    gmail.server.keys.max_age = 600
    for _ in range(50):
        await gmail.channel.hook(push(gmail))
    assert gmail.server.keys.served == 1

    gmail.clock.advance(timedelta(minutes=11))
    await gmail.channel.hook(push(gmail))
    assert gmail.server.keys.served == 2


async def test_an_unknown_key_is_asked_for_once_a_minute_and_a_new_one_is_learnt(gmail: GmailDesk) -> None:
    """W15."""
    await gmail.channel.hook(push(gmail))
    gmail.clock.advance(timedelta(minutes=2))
    for _ in range(20):
        with pytest.raises(Unauthorized):
            await gmail.channel.hook(push(gmail, gmail.server.keys.token(key="google-2")))
    assert gmail.server.keys.served == 2

    gmail.server.keys.published = ["google-1", "google-2"]
    gmail.clock.advance(timedelta(minutes=2))
    answer = await gmail.channel.hook(push(gmail, gmail.server.keys.token(key="google-2")))

    assert answer.fetch
    assert gmail.server.keys.served == 3


async def test_a_push_for_another_mailbox_is_taken_and_starts_nothing(gmail: GmailDesk) -> None:
    """W17."""
    assert await gmail.channel.hook(push(gmail, body=notice("boss@example.com"))) == HookAnswer()


@pytest.mark.parametrize("claimed", [2**63, "abc", -1, None, {"a": 1}, "0"])
async def test_whatever_history_id_a_push_claims_the_look_starts_from_our_own_cursor(
    gmail: GmailDesk, claimed: object
) -> None:
    """W17."""
    await gmail.look()
    before = dict(gmail.cursor)
    stored = gmail.server.mailbox.deliver(letter())

    answer = await gmail.channel.hook(push(gmail, body=notice(gmail.server.mailbox.address, claimed)))

    assert answer.fetch
    assert gmail.cursor == before
    await gmail.look()
    assert list(gmail.messages) == [stored.id]


async def test_a_token_that_is_used_again_with_other_bodies_brings_nothing_but_the_wish_to_look(
    gmail: GmailDesk,
) -> None:
    """W18: the queue makes one look of them all."""
    token = gmail.server.keys.token()

    answers = {
        await gmail.channel.hook(push(gmail, token, notice(gmail.server.mailbox.address, number)))
        for number in range(1_000)
    }

    assert answers == {HookAnswer(fetch=True)}
    assert gmail.server.keys.served == 1


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'{"message": {"data": "%%"}}', b'{"message": {}}', b"\xff\xfe"),
        *(b'{"message": {"data": "W10="}}', b"[" * 100_000, b'{"emailAddress": 5}'),
    ],
)
async def test_a_body_that_can_not_be_read_is_refused_without_a_trace(gmail: GmailDesk, body: bytes) -> None:
    """W28."""
    with pytest.raises(InvalidInput):
        await gmail.channel.hook(push(gmail, body=body))


async def test_a_push_without_pub_sub_s_wrapper_is_read_as_well(gmail: GmailDesk) -> None:
    body = b'{"emailAddress": "Support@Example.com", "historyId": 7}'

    assert (await gmail.channel.hook(push(gmail, body=body))).fetch


@pytest.mark.parametrize("missing", ["gmail_push_audience", "gmail_push_account"])
async def test_while_nobody_has_said_whose_pushes_are_ours_all_are_refused(
    google: GoogleServer, company: Company, missing: str
) -> None:
    gmail = GmailDesk.connected(google, company, TravelClock(), **{missing: None})

    with pytest.raises(ChannelNotConfigured):
        await gmail.channel.hook(push(gmail))
