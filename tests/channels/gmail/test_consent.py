"""Connecting a mailbox: one question, one answer, checked before the token is kept."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.google_consent import Consent, waiting_for_browser
from deskhand.channels.google_tokens import secret_name
from deskhand.errors import ChannelError, InvalidInput
from deskhand.flows.connecting import connect
from tests.channels.gmail.desk import Safe, settings_for
from tests.standins.google import Failure, GoogleServer

REDIRECT = "http://127.0.0.1:8601/"


@pytest.fixture
def email(google: GoogleServer) -> EmailSettings:
    return settings_for(google)


async def _say_yes(settings: EmailSettings, consent: Consent) -> str:
    """What a browser does: the page, then the address that it is sent to."""
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(consent.page(settings))
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def test_a_consent_becomes_a_kept_token(google: GoogleServer, email: EmailSettings) -> None:
    consent, safe = Consent(REDIRECT), Safe()

    profile = await connect(email, consent, await _say_yes(email, consent), safe)

    assert profile.address == google.mailbox.address
    assert list(safe.kept) == [secret_name(email.address)]
    assert set(safe.kept.values()) == set(google.oauth.refresh_tokens)


async def test_a_code_alone_will_do(email: EmailSettings) -> None:
    consent, safe = Consent(REDIRECT), Safe()
    code = parse_qs(urlsplit(await _say_yes(email, consent)).query)["code"][0]

    await connect(email, consent, f"  {code}\n", safe)

    assert safe.kept


async def test_an_answer_to_another_question_is_refused(google: GoogleServer, email: EmailSettings) -> None:
    ours, theirs, safe = Consent(REDIRECT), Consent(REDIRECT), Safe()
    answer = await _say_yes(email, theirs)

    with pytest.raises(InvalidInput, match="another question"):
        await connect(email, ours, answer, safe)

    assert google.calls["/token"] == 0


async def test_a_code_that_somebody_else_asked_for_is_worth_nothing(google: GoogleServer, email: EmailSettings) -> None:
    """PKCE: who has seen the code has not got the verifier."""
    theirs, ours, safe = Consent(REDIRECT), Consent(REDIRECT), Safe()
    code = parse_qs(urlsplit(await _say_yes(email, theirs)).query)["code"][0]

    with pytest.raises(InvalidInput, match="invalid_grant"):
        await connect(email, ours, code, safe)

    assert safe.kept == {}


async def test_a_code_is_good_once(email: EmailSettings) -> None:
    consent = Consent(REDIRECT)
    answer = await _say_yes(email, consent)
    await connect(email, consent, answer, Safe())

    with pytest.raises(InvalidInput, match="invalid_grant"):
        await connect(email, consent, answer, Safe())


async def test_a_box_left_unticked_is_named(google: GoogleServer, email: EmailSettings) -> None:
    google.oauth.unticked.add("https://www.googleapis.com/auth/gmail.send")
    consent, safe = Consent(REDIRECT), Safe()

    with pytest.raises(InvalidInput, match=r"gmail\.send"):
        await connect(email, consent, await _say_yes(email, consent), safe)

    assert safe.kept == {}


async def test_another_mailbox_than_the_configured_one_is_not_kept(google: GoogleServer) -> None:
    settings = settings_for(google, address="help@example.com")
    consent, safe = Consent(REDIRECT), Safe()

    with pytest.raises(InvalidInput, match=r"support@example\.com.*help@example\.com"):
        await connect(settings, consent, await _say_yes(settings, consent), safe)

    assert safe.kept == {}


@pytest.mark.parametrize("answer", ["", "two words", f"{REDIRECT}?error=access_denied&state=x", f"{REDIRECT}?state="])
async def test_what_is_no_code_is_refused_before_google_is_asked(
    google: GoogleServer, email: EmailSettings, answer: str
) -> None:
    with pytest.raises(InvalidInput):
        await connect(email, Consent(REDIRECT), answer, Safe())

    assert google.calls["/token"] == 0


async def test_while_google_is_away_the_person_is_told(google: GoogleServer, email: EmailSettings) -> None:
    consent = Consent(REDIRECT)
    answer = await _say_yes(email, consent)
    google.misbehave("/token", Failure(None))

    with pytest.raises(ChannelError):
        await connect(email, consent, answer, Safe())


async def test_the_browser_is_waited_for_on_loopback(email: EmailSettings) -> None:
    async with waiting_for_browser() as (redirect, came), httpx.AsyncClient() as browser:
        assert redirect.startswith("http://127.0.0.1:")
        consent = Consent(redirect)
        assert (await browser.get(f"{redirect}favicon.ico")).status_code == 404
        page = await browser.get(consent.page(email), follow_redirects=True)
        answer = await asyncio.wait_for(came, 5)

    assert page.status_code == 200
    assert consent.code_in(answer)


async def test_nothing_that_comes_to_that_port_breaks_the_wait() -> None:
    async with waiting_for_browser() as (redirect, came):
        port = urlsplit(redirect).port
        for noise in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"GET /\xff\xfe?code=1 HTTP/1.1\r\n\r\n", b"x" * 20_000):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(noise)
            writer.close()
            await writer.wait_closed()
        assert not came.done()


def test_secrets_of_a_question_are_not_printed() -> None:
    consent = Consent(REDIRECT)

    assert consent.verifier not in repr(consent)
    assert consent.state not in repr(consent)
    assert consent.verifier not in consent.page(EmailSettings(_env_file=None))  # pyright: ignore[reportCallIssue]  # pydantic-settings' own
