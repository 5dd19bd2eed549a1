"""Health: liveness depends on nothing, readiness names what is down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from deskhand.app import create_app
from deskhand.desk import Desk
from deskhand.errors import ModelUnavailable
from deskhand.inference import LocalEmbedder
from tests.api.asking import unreachable


def reach(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.test")


async def test_alive_needs_no_database(client: httpx.AsyncClient, desk: Desk) -> None:
    async with unreachable(desk.db):
        response = await client.get("/health")

    assert response.status_code == 200
    assert response.json() == {"status": "alive"}


async def test_ready_shows_everything_that_the_desk_stands_on(client: httpx.AsyncClient, desk: Desk) -> None:
    response = await client.get("/health/detailed")

    assert response.status_code == 200, response.text
    checks = response.json()["checks"]
    assert {checks[name]["state"] for name in ("database", "transport", "models", "company")} == {"ok"}
    assert checks["channels"].keys() == desk.channels.keys()


async def test_readiness_names_the_database_when_it_is_down(client: httpx.AsyncClient, desk: Desk) -> None:
    async with unreachable(desk.db):
        response = await client.get("/health/detailed")

    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["down"] == ["database", "transport"]
    assert problem["checks"]["database"] == {"state": "down", "detail": "can't be reached"}
    assert (await client.get("/health/detailed")).status_code == 200


async def test_readiness_shows_no_secret(client: httpx.AsyncClient, desk: Desk) -> None:
    ready = await client.get("/health/detailed")
    async with unreachable(desk.db):
        down = await client.get("/health/detailed")

    for part in ("password", "host=", "port=", "postgres", "connection failed", str(desk.company.folder)):
        assert part not in ready.text + down.text


async def test_readiness_names_pending_migrations(client: httpx.AsyncClient, desk: Desk) -> None:
    async with desk.db.transaction() as tx:
        await tx.execute("delete from migrations")

    response = await client.get("/health/detailed")
    assert response.status_code == 503
    assert "deskhand migrate" in response.json()["checks"]["database"]["detail"]


async def test_readiness_names_a_model_that_does_not_load(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_self: object, _texts: object) -> None:
        raise ModelUnavailable("no such file")

    monkeypatch.setattr(LocalEmbedder, "embed", refuse)
    response = await client.get("/health/detailed")

    assert response.json()["down"] == ["models"]


async def test_readiness_names_a_company_folder_that_is_gone(desk: Desk, tmp_path: Path) -> None:
    company = desk.company.model_copy(update={"folder": tmp_path / "gone"})
    async with reach(create_app(replace(desk, company=company))) as client:
        response = await client.get("/health/detailed")

    assert response.json()["down"] == ["company"]


async def test_a_stopping_process_is_not_ready_but_alive(app: FastAPI, client: httpx.AsyncClient) -> None:
    app.state.web.draining = True

    assert (await client.get("/health/detailed")).status_code == 503
    assert (await client.get("/health")).status_code == 200


async def test_dead_letters_are_shown_and_hinder_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    async with desk.db.transaction() as tx:
        await tx.execute(
            "insert into dead_letters (id, topic, key, payload, headers, attempts, error, published_at) "
            "values (1, %s, 'k', '{}', '{}', 6, 'broken', now())",
            (desk.topics.webform_inbound,),
        )

    response = await client.get("/health/detailed")
    assert response.status_code == 200
    assert response.json()["checks"]["transport"]["dead_letters"] == 1
