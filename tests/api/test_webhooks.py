"""Webhooks: only authentic calls act, each once, and yes is said after the commit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from deskhand import log
from deskhand.app import create_app
from deskhand.channels.base import Batch
from deskhand.desk import Desk
from tests.api.asking import count, unreachable
from tests.driving import payload
from tests.scripted_channel import SECRET, ScriptedChannel, scripted


@pytest.fixture
def hooked(desk: Desk) -> tuple[Desk, ScriptedChannel]:
    return scripted(desk)


@pytest.fixture
async def caller(hooked: tuple[Desk, ScriptedChannel]) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(hooked[0]))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        yield client


def headers(fingerprint: str | None = None, secret: str = SECRET) -> dict[str, str]:
    return {"x-secret": secret} | ({"x-fingerprint": fingerprint} if fingerprint else {})


async def call(client: httpx.AsyncClient, fingerprint: str | None = None, **brings: Any) -> httpx.Response:
    return await client.post("/webhooks/scripted", content=json.dumps(brings), headers=headers(fingerprint))


async def test_a_message_is_stored_and_queued_when_yes_is_said(caller: httpx.AsyncClient, desk: Desk) -> None:
    answer = await call(caller, messages=[payload("Hello", provider_id="SM1")])

    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (
        200,
        "<Response/>",
        "text/xml; charset=utf-8",
    )
    assert await count(desk.db, "select count(*) from inbound where provider_id = 'SM1'") == 1
    assert await count(desk.db, "select count(*) from message_queue") == 1


async def test_the_same_call_a_hundred_times_and_fifty_at_once_is_one_message(
    caller: httpx.AsyncClient, desk: Desk
) -> None:
    given = payload("Hello", provider_id="SM1")

    answers = [await call(caller, "signature-1", messages=[given]) for _ in range(50)]
    answers += await asyncio.gather(*(call(caller, "signature-1", messages=[given]) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert await count(desk.db, "select count(*) from inbound") == 1
    assert await count(desk.db, "select count(*) from message_queue") == 1


async def test_fifty_calls_at_once_that_nobody_saw_before_are_one_message(
    caller: httpx.AsyncClient, desk: Desk
) -> None:
    given = payload("Hello", provider_id="SM1")

    answers = await asyncio.gather(*(call(caller, messages=[given]) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_a_signature_with_another_content_is_refused_with_an_alarm(
    caller: httpx.AsyncClient, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """The re-cut attack: what is signed says nothing of where one field ends and the next begins."""
    log.configure("info", as_json=True)
    await call(caller, "signature-1", messages=[payload("Hello", provider_id="SM1")])

    answer = await call(caller, "signature-1", messages=[payload("Hello", provider_id="SM2")])

    assert answer.status_code == 403
    assert await count(desk.db, "select count(*) from inbound") == 1
    assert "hook_recut" in capsys.readouterr().err


async def test_a_replay_of_an_update_has_no_effect_and_another_door_s_signature_is_its_own(
    caller: httpx.AsyncClient, desk: Desk
) -> None:
    update = {"state": "delivered", "provider_id": "SM9"}

    answers = [await call(caller, "signature-1", updates=[update]) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert await count(desk.db, "select count(*) from delivery_updates_waiting") == 1


async def test_what_is_not_authentic_is_refused_in_one_form_and_stores_nothing(
    caller: httpx.AsyncClient, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("info", as_json=True)
    body = json.dumps({"messages": [payload("Hello")]})

    answers = [
        await caller.post("/webhooks/scripted", content=body, headers=given)
        for given in ({}, headers(secret="wrong"), headers(secret=""), headers(secret="x" * 10_000))
    ]

    told = [{key: value for key, value in answer.json().items() if key != "request_id"} for answer in answers]
    assert {answer.status_code for answer in answers} == {403}
    assert told == told[:1] * 4
    assert "secret" not in answers[0].text
    assert await count(desk.db, "select count(*) from inbound") == 0
    assert capsys.readouterr().err.count("hook_refused") == 4


async def test_a_channel_without_its_secret_answers_503_in_one_line(
    caller: httpx.AsyncClient, hooked: tuple[Desk, ScriptedChannel], desk: Desk
) -> None:
    hooked[1].secret = None

    answer = await call(caller, messages=[payload("Hello")])

    assert (answer.status_code, answer.json()["detail"]) == (503, "The scripted channel has no secret.")
    assert await count(desk.db, "select count(*) from inbound") == 0


async def test_without_the_database_nobody_hears_yes(hooked: tuple[Desk, ScriptedChannel]) -> None:
    transport = httpx.ASGITransport(create_app(hooked[0]))
    async with (
        unreachable(hooked[0].db),
        httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client,
    ):
        answer = await call(client, messages=[payload("Hello")])

    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_when_one_part_of_a_call_fails_nothing_of_it_is_there(
    hooked: tuple[Desk, ScriptedChannel], desk: Desk
) -> None:
    class Broken:
        async def publish(self, *_: Any, **__: Any) -> bool:
            raise RuntimeError("the broker is gone")

    broken = replace(hooked[0], transport=Broken())
    transport = httpx.ASGITransport(create_app(broken), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        answer = await call(client, "signature-1", messages=[payload("Hello")])

    assert answer.status_code == 500
    assert await count(desk.db, "select count(*) from inbound") == 0
    assert await count(desk.db, "select count(*) from hook_fingerprints") == 0


async def test_an_authentic_message_that_cannot_be_read_is_kept(caller: httpx.AsyncClient, desk: Desk) -> None:
    answer = await call(caller, messages=[{"provider_id": "SM1", "body": 7}])

    assert answer.status_code == 200
    assert await count(desk.db, "select count(*) from inbound where outcome = 'failed'") == 1


async def test_ten_thousand_bodies_under_one_token_are_one_look_into_the_mailbox(
    caller: httpx.AsyncClient, hooked: tuple[Desk, ScriptedChannel], desk: Desk
) -> None:
    hooked[1].on_fetch = lambda cursor: Batch((), cursor)

    answers = [await call(caller, fetch=True, nonce=number) for number in range(100)]

    assert {answer.status_code for answer in answers} == {200}
    assert await count(desk.db, "select count(*) from message_queue") == 1


@pytest.mark.parametrize("length", [65_537, 1_000_000])
async def test_a_body_over_the_limit_is_not_read(caller: httpx.AsyncClient, desk: Desk, length: int) -> None:
    async def slowly() -> AsyncGenerator[bytes]:
        for _ in range(length // 1000 + 1):
            yield b"x" * 1000

    declared = await caller.post("/webhooks/scripted", content=b"x" * length, headers=headers())
    chunked = await caller.post("/webhooks/scripted", content=slowly(), headers=headers())

    assert (declared.status_code, chunked.status_code) == (413, 413)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/webhooks/nobody", 404),
        ("POST", "/webhooks/gmail", 503),
        ("POST", "/webhooks/whatsapp", 503),
        ("POST", "/webhooks/whatsapp/status", 503),
        ("GET", "/webhooks/scripted", 405),
    ],
)
async def test_a_door_that_is_not_open_says_so(caller: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    assert (await caller.request(method, path, content=b"{}")).status_code == status


async def test_the_channel_sees_the_call_as_it_came(
    caller: httpx.AsyncClient, hooked: tuple[Desk, ScriptedChannel]
) -> None:
    seen: list[Any] = []
    real = hooked[1].hook

    async def look(request: Any) -> Any:
        seen.append(request)
        return await real(request)

    hooked[1].hook = look
    await caller.post("/webhooks/scripted/status/x?o=1&p=%27", content=b'{"updates": []}', headers=headers())

    (request,) = seen
    assert (request.path, request.query, request.body) == ("/status/x", "o=1&p=%27", b'{"updates": []}')
    assert request.one("X-Secret") == SECRET
