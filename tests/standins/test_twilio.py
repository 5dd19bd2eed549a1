"""The stand-in is strict where Twilio is, and the official client and validator take it for Twilio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from multidict import MultiDict
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.standins import twilio_calls as calls
from tests.standins.twilio import SENDER, TwilioServer
from tests.standins.twilio_rules import Account

CUSTOMER = "whatsapp:+491701234567"
TEMPLATE = "HX" + "7" * 32


@pytest.fixture
async def server() -> AsyncGenerator[TwilioServer]:
    async with TwilioServer().running() as server:
        server.account.wrote_at[CUSTOMER] = server.now()
        yield server


def client(server: TwilioServer, user: str | None = None, password: str | None = None) -> Client:
    account = server.account
    made = Client(user or account.sid, password or account.token, account.sid, environment={"-": "-"})
    made.api.base_url = server.address
    return made


async def order(server: TwilioServer, **fields: Any) -> Any:
    given: dict[str, Any] = {"to": CUSTOMER, "from_": SENDER, "body": "Hello"} | fields
    return await asyncio.to_thread(client(server).messages.create, **given)


async def test_the_official_client_sends_fetches_and_lists(server: TwilioServer) -> None:
    sent = [await order(server, body=f"Hello {number}") for number in range(5)]
    fetched = await asyncio.to_thread(client(server).messages(sent[0].sid).fetch)
    listed = await asyncio.to_thread(lambda: client(server).messages.list(to=CUSTOMER, page_size=2))

    assert sent[0].status == "queued"
    assert (fetched.body, fetched.to, fetched.direction) == ("Hello 0", CUSTOMER, "outbound-api")
    assert fetched.date_created is not None
    assert abs((fetched.date_created - datetime.now(UTC)).total_seconds()) < 60
    assert [message.body for message in listed] == [f"Hello {number}" for number in (4, 3, 2, 1, 0)]


async def test_an_api_key_is_as_good_as_the_token() -> None:
    async with TwilioServer(Account(keys={"SK1": "secret"})).running() as server:
        assert await asyncio.to_thread(client(server, "SK1", "secret").messages.list) == []


async def test_a_wrong_password_is_refused(server: TwilioServer) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await asyncio.to_thread(client(server, password="wrong").messages("SM" + "0" * 32).fetch)

    assert (caught.value.status, caught.value.code) == (401, 20003)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "whatsapp:12"}, 21211),
        ({"to": "nobody"}, 21211),
        ({"from_": "whatsapp:+14155550199"}, 63007),
        ({"to": "+491701234567"}, 21910),
        ({"body": ""}, 21619),
        ({"body": "🎉" * 801}, 21617),
        ({"to": "whatsapp:+491709999999"}, 63016),
        ({"content_sid": TEMPLATE, "content_variables": '{"1": "x"}'}, 63016),
        ({"status_callback": "ftp://x"}, 21609),
        ({"status_callback": "https://my_host.example.com/"}, 21609),
        ({"messaging_service_sid": "MG" + "0" * 32}, 20404),
    ],
)
async def test_what_twilio_refuses_it_refuses(server: TwilioServer, fields: dict[str, Any], code: int) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await order(server, **fields)

    assert caught.value.code == code
    assert server.messages == []


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ("{", 21656),
        ("{}", 21656),
        ('{"1": " "}', 63013),
        ('{"1": "a\\nb"}', 63013),
        (f'{{"1": "{"x" * 1020}"}}', 63021),
    ],
)
async def test_a_template_s_variables_are_checked(server: TwilioServer, variables: str, code: int) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await asyncio.to_thread(
            client(server).messages.create,
            to=CUSTOMER,
            from_=SENDER,
            content_sid=TEMPLATE,
            content_variables=variables,
        )

    assert caught.value.code == code


async def test_the_window_closes_after_24_hours() -> None:
    now = [datetime(2026, 11, 22, 12, tzinfo=UTC)]
    async with TwilioServer(now=lambda: now[0]).running() as server:
        server.account.wrote_at[CUSTOMER] = now[0]
        now[0] += timedelta(hours=23, minutes=59)
        await order(server)
        now[0] += timedelta(minutes=1)
        with pytest.raises(TwilioRestException):
            await order(server)


async def test_what_it_posts_the_official_validator_accepts(server: TwilioServer) -> None:
    url, form = (
        "https://support.example.com/webhooks/whatsapp?o=1",
        calls.inbound_form(server.account.sid, server.account.new_sid(), CUSTOMER, SENDER, "¿Dónde está? 😀", Empty=""),
    )
    signature = calls.headers(url, form, server.account.token)["X-Twilio-Signature"]

    official: Any = RequestValidator(server.account.token)
    assert official.validate(url, MultiDict(form), signature)


async def test_a_file_is_behind_the_password_and_its_cdn_is_not(server: TwilioServer) -> None:
    url = server.add_file(b"picture")
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert (await browser.get(url)).status_code == 401
        answer = await browser.get(url, auth=(server.account.sid, server.account.token))
        assert answer.status_code == 307
        assert (await browser.get(answer.headers["Location"])).content == b"picture"
