"""The web process: takes a port, says where, and finishes what is under way when told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from deskhand import app as app_module
from deskhand.app import new_event_loop, run_web
from deskhand.desk import Desk
from deskhand.errors import SetupInvalid
from tests.api.asking import QUESTION, count


@asynccontextmanager
async def serving(desk: Desk) -> AsyncGenerator[tuple[str, asyncio.Event, asyncio.Task[None]]]:
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_web(desk, stop=stop, ready=address.set_result))
    try:
        async with asyncio.timeout(10):
            yield await address, stop, running
    finally:
        stop.set()
        await asyncio.wait([running])
    if not running.cancelled():
        running.result()


def test_the_loop_to_run_it_in_is_uvloops() -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert type(runner.get_loop()).__module__.startswith("uvloop")


async def test_it_reports_the_free_port_it_took_and_serves_there(desk: Desk) -> None:
    async with serving(desk) as (address, _, _), httpx.AsyncClient(base_url=address) as client:
        response = await client.get("/health/detailed")

        assert response.status_code == 200
        assert "server" not in response.headers
        assert address.startswith("http://127.0.0.1:")


async def test_a_taken_port_is_named_with_its_setting(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = desk.settings.model_copy(update={"port": taken.getsockname()[1]})
        with pytest.raises(SetupInvalid, match="DESKHAND_PORT") as caught:
            await run_web(replace(desk, settings=settings), stop=asyncio.Event(), ready=None)

    assert caught.value.field == "DESKHAND_PORT"


async def test_an_address_that_is_not_ours_is_named_with_its_setting(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"host": "no such host"})
    with pytest.raises(SetupInvalid, match="DESKHAND_HOST"):
        await run_web(replace(desk, settings=settings), stop=asyncio.Event(), ready=None)


async def test_a_stop_finishes_the_request_under_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    create_app = app_module.create_app

    def with_slow_route(desk: Desk) -> object:
        app = create_app(desk)

        @app.get("/slow")
        async def slow() -> dict[str, str]:
            reached.set()
            await go_on.wait()
            return {"finished": "yes"}

        return app

    monkeypatch.setattr(app_module, "create_app", with_slow_route)
    async with serving(desk) as (address, stop, running), httpx.AsyncClient(base_url=address) as client:
        request = asyncio.create_task(client.get("/slow"))
        await reached.wait()
        stop.set()
        await asyncio.sleep(0.3)
        assert not running.done()

        go_on.set()
        assert (await request).json() == {"finished": "yes"}
        await running
        with pytest.raises(httpx.ConnectError):
            await client.get("/health")


async def test_in_production_a_stopping_process_says_not_ready_before_it_goes(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"mode": "production"})
    async with (
        serving(replace(desk, settings=settings)) as (address, stop, running),
        httpx.AsyncClient(base_url=address) as client,
    ):
        stop.set()
        await asyncio.sleep(0.1)
        response = await client.get("/health/detailed")
        assert response.status_code == 503
        assert response.json()["down"] == ["process (it is stopping)"]
        assert (await client.get("/health")).status_code == 200
        running.cancel()  # the rest of the drain is of no interest here


async def test_forms_taken_while_stopping_are_committed(desk: Desk) -> None:
    async with serving(desk) as (address, stop, running), httpx.AsyncClient(base_url=address) as client:
        posts = [asyncio.create_task(client.post("/support/submit", json=QUESTION)) for _ in range(20)]
        await asyncio.sleep(0.05)
        stop.set()
        done = await asyncio.gather(*posts, return_exceptions=True)
        await running

    accepted = [answer for answer in done if isinstance(answer, httpx.Response) and answer.status_code == 202]
    assert await count(desk.db, "select count(*) from inbound") >= len(accepted) > 0
