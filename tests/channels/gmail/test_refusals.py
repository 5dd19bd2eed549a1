"""What Gmail refuses: told by its reason, waited out, or left to a person."""

from __future__ import annotations

import pytest

from deskhand.channels.google_errors import back_off
from deskhand.clock import TravelClock
from deskhand.company_folder import Company
from deskhand.errors import ChannelError
from tests.channels.gmail.desk import GmailDesk
from tests.channels.letters import letter
from tests.standins.google import Failure, GoogleServer

DAILY = Failure(403, "dailyLimitExceeded")


@pytest.mark.parametrize(
    "failure",
    [
        Failure(403, "rateLimitExceeded"),
        Failure(403, "userRateLimitExceeded"),
        Failure(429, "rateLimitExceeded"),
        Failure(429),
        Failure(500, "backendError"),
        Failure(503),
        Failure(None),
    ],
)
async def test_a_busy_gmail_is_asked_again_after_a_pause_of_at_least_a_second(
    gmail: GmailDesk, failure: Failure
) -> None:
    """W26."""
    await gmail.look()
    stored = gmail.server.mailbox.deliver(letter())
    gmail.server.misbehave("history.list", failure, failure)

    await gmail.look()

    assert list(gmail.messages) == [stored.id]
    assert len(gmail.pauses) == 2
    assert min(gmail.pauses) >= 1
    assert gmail.pauses[0] != gmail.pauses[1]


async def test_a_gmail_that_stays_busy_is_left_to_the_next_look(gmail: GmailDesk) -> None:
    await gmail.look()
    gmail.server.misbehave("history.list", *[Failure(403, "rateLimitExceeded")] * 3)

    with pytest.raises(ChannelError) as caught:
        await gmail.look()

    assert (caught.value.permanent, caught.value.pauses) == (False, False)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() >= 1


@pytest.mark.parametrize("reason", ["domainPolicy", "accessNotConfigured", "insufficientPermissions", "forbidden"])
async def test_what_only_a_person_can_mend_pauses_at_once(gmail: GmailDesk, reason: str) -> None:
    """W26."""
    await gmail.look()
    gmail.server.misbehave("history.list", Failure(403, reason))

    with pytest.raises(ChannelError) as caught:
        await gmail.look()

    assert caught.value.pauses
    assert gmail.pauses == []


async def test_the_day_s_limit_is_waited_out_for_an_hour(gmail: GmailDesk) -> None:
    await gmail.look()
    gmail.server.misbehave("history.list", DAILY)

    with pytest.raises(ChannelError) as caught:
        await gmail.look()

    assert (caught.value.permanent, caught.value.pauses) == (False, False)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 3600
    assert gmail.pauses == []


@pytest.mark.parametrize(
    "failure",
    [
        Failure(429, "rateLimitExceeded", headers={"Retry-After": "7"}),
        Failure(429, "rateLimitExceeded", headers={"Retry-After": "soon"}),
    ],
)
async def test_the_pause_that_gmail_names_is_kept(gmail: GmailDesk, failure: Failure) -> None:
    await gmail.look()
    gmail.server.misbehave("history.list", failure)

    await gmail.look()

    assert gmail.pauses[0] >= (7 if failure.headers["Retry-After"] == "7" else 1)


async def test_an_access_token_that_ended_early_is_renewed_once(gmail: GmailDesk) -> None:
    await gmail.look()
    gmail.server.oauth.end_access()
    stored = gmail.server.mailbox.deliver(letter())

    await gmail.look()

    assert list(gmail.messages) == [stored.id]
    assert gmail.server.oauth.granted == 2


async def test_a_token_about_to_end_is_renewed_before_gmail_refuses_it(google: GoogleServer, company: Company) -> None:
    gmail = GmailDesk.connected(google, company, TravelClock())
    google.oauth.lifetime = 120

    await gmail.look()
    await gmail.look()

    assert google.oauth.granted > 1
    assert google.refused == []


async def test_a_consent_that_was_withdrawn_pauses_the_mailbox_and_is_not_asked_for_in_a_storm(
    gmail: GmailDesk,
) -> None:
    """W27."""
    await gmail.look()
    before = dict(gmail.cursor)
    gmail.server.oauth.withdraw()

    with pytest.raises(ChannelError) as caught:
        await gmail.look()

    assert caught.value.pauses
    assert not caught.value.permanent, "what waits to be sent is kept"
    assert "deskhand channels gmail connect" in caught.value.message
    assert gmail.cursor == before
    assert gmail.server.calls["/token"] == 2


async def test_after_a_new_consent_the_looks_go_on_without_a_restart(gmail: GmailDesk) -> None:
    await gmail.look()
    gmail.server.oauth.withdraw()
    with pytest.raises(ChannelError):
        await gmail.look()
    stored = gmail.server.mailbox.deliver(letter())
    for name, token in list(gmail.safe.kept.items()):
        scopes = (
            "https://www.googleapis.com/auth/gmail.readonly",
            "https://www.googleapis.com/auth/gmail.send",
        )
        assert token not in gmail.server.oauth.refresh_tokens
        gmail.safe.kept[name] = gmail.server.oauth.refresh_token(scopes)

    await gmail.look()

    assert list(gmail.messages) == [stored.id]


async def test_a_mailbox_that_was_never_connected_says_how_to_connect_it(gmail: GmailDesk) -> None:
    gmail.safe.kept.clear()

    with pytest.raises(ChannelError, match="deskhand channels gmail connect") as caught:
        await gmail.look()

    assert caught.value.pauses


async def test_no_secret_stands_in_an_error(gmail: GmailDesk) -> None:
    gmail.server.oauth.withdraw()
    (secret,) = gmail.safe.kept.values()

    with pytest.raises(ChannelError) as caught:
        await gmail.look()

    told = f"{caught.value} {caught.value.__cause__}"
    assert secret not in told
    assert "GOCSPX" not in told


async def test_a_gmail_that_does_not_answer_is_waited_for_no_longer_than_the_time_out(
    google: GoogleServer, company: Company
) -> None:
    gmail = GmailDesk.connected(google, company, TravelClock(), timeout="300ms")
    google.misbehave("getProfile", *[Failure(None, hangs=True)] * 3)

    with pytest.raises(ChannelError) as caught:
        await gmail.look()

    assert not caught.value.permanent


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", {"emailAddress": 7}, {"historyId": "many"}, {"historyId": None, "emailAddress": "a@b.c"}]
)
async def test_an_answer_that_is_not_what_gmail_promises_is_its_error(gmail: GmailDesk, body: object) -> None:
    gmail.server.misbehave("getProfile", *[Failure(200, body=body)] * 3)

    with pytest.raises(ChannelError) as caught:
        await gmail.look()

    assert not caught.value.permanent


def test_pauses_grow_and_end_at_32_seconds() -> None:
    lengths = [back_off(attempt).total_seconds() for attempt in range(12)]

    assert [length >= 2**attempt for attempt, length in enumerate(lengths[:5])] == [True] * 5
    assert max(lengths) <= 32
