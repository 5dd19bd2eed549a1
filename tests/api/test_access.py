"""Who may call what, walked over the whole OpenAPI document."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deskhand import operators
from deskhand.app import create_app
from deskhand.desk import Desk
from deskhand.ids import uuid7
from deskhand.settings import Settings
from tests.api.asking import count
from tests.api.conftest import key_with

PATHS = {
    ("get", "/health"),
    ("get", "/health/detailed"),
    ("post", "/support/submit"),
    ("get", "/support/ticket/{ref}"),
    ("post", "/support/ticket/{ref}/replies"),
    ("post", "/webhooks/gmail"),
    ("post", "/webhooks/whatsapp"),
    ("post", "/webhooks/whatsapp/status"),
    ("get", "/metrics/channels"),
    ("get", "/conversations/{conversation_id}"),
    ("get", "/conversations/{conversation_id}/files/{file_id}"),
    ("get", "/customers/lookup"),
    ("post", "/test/queue"),
}
# Providers can't send a key of ours: a webhook is authentic by its signature, and says 503 until it can check one.
WITHOUT_KEY = ("/health", "/support/", "/webhooks/")


def operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    paths: dict[str, dict[str, dict[str, Any]]] = app.openapi()["paths"]
    return [(method, path, operation) for path, methods in paths.items() for method, operation in methods.items()]


def guarded(app: FastAPI) -> list[tuple[str, str]]:
    found = [
        (method, path.replace("{conversation_id}", str(uuid7())).replace("{file_id}", str(uuid7())))
        for method, path, _ in operations(app)
        if not path.startswith(WITHOUT_KEY)
    ]
    assert len(found) == 5
    return found


def test_all_thirteen_endpoints_are_documented(app: FastAPI) -> None:
    assert {(method, path) for method, path, _ in operations(app)} == PATHS


def test_every_operation_has_a_summary_an_example_and_its_errors_as_problems(app: FastAPI) -> None:
    schemas: dict[str, Any] = app.openapi()["components"]["schemas"]
    for method, path, operation in operations(app):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert "500" in errors, where
        for status, answer in errors.items():
            assert list(answer["content"]) == ["application/problem+json"], f"{where} {status}"
            assert answer["content"]["application/problem+json"]["schema"]["$ref"].rpartition("/")[2] in schemas
    assert schemas["SupportMessage"]["examples"]
    assert schemas["Submitted"]["properties"]["reference"]["examples"]


async def test_everything_but_health_and_the_form_needs_a_key(app: FastAPI, client: httpx.AsyncClient) -> None:
    for method, path in guarded(app):
        response = await client.request(method, path)
        assert response.status_code == 401, path
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["content-type"] == "application/problem+json"


async def test_a_key_that_is_wrong_ended_or_in_the_query_opens_nothing(
    app: FastAPI, client: httpx.AsyncClient, desk: Desk
) -> None:
    async with desk.db.transaction() as tx:
        expired = await operators.create_key(
            tx, name="old", scopes=["admin"], actor="tests", expires_at=desk.clock.now() - timedelta(days=1)
        )
        revoked = await operators.create_key(tx, name="gone", scopes=["admin"], actor="tests")
        await operators.revoke_key(tx, revoked.split("_")[1], actor="tests")
        live = await operators.create_key(tx, name="live", scopes=["admin"], actor="tests")

    wrong = [expired, revoked, live[:-1], f"{live}x", "dh_00000000_x", "dh__", "x", "ü"]
    for method, path in guarded(app):
        for key in wrong:
            response = await client.request(method, path, headers={b"Authorization": f"Bearer {key}".encode()})
            assert response.status_code == 401, (path, key)
        assert (await client.request(method, path, params={"key": live, "token": live})).status_code == 401
        assert (await client.request(method, path, headers={"Authorization": f"Basic {live}"})).status_code == 401


async def test_reading_needs_the_scope_read_and_test_queue_the_scope_write(
    app: FastAPI, client: httpx.AsyncClient, read_key: dict[str, str], write_key: dict[str, str]
) -> None:
    for method, path in guarded(app):
        right, wrong = (write_key, read_key) if path.startswith("/test/") else (read_key, write_key)
        refused = await client.request(method, path, headers=wrong)
        assert refused.status_code == 403, path
        assert refused.json()["code"] == "forbidden"
        assert (await client.request(method, path, headers=right)).status_code not in (401, 403), path


async def test_admin_includes_the_other_scopes(app: FastAPI, client: httpx.AsyncClient, desk: Desk) -> None:
    admin = await key_with(desk, "admin")
    for method, path in guarded(app):
        assert (await client.request(method, path, headers=admin)).status_code not in (401, 403)


async def test_a_revoked_key_ends_at_once(client: httpx.AsyncClient, desk: Desk, read_key: dict[str, str]) -> None:
    assert (await client.get("/metrics/channels", headers=read_key)).status_code == 200
    async with desk.db.transaction() as tx:
        await operators.revoke_key(tx, read_key["Authorization"].split("_")[1], actor="tests")

    assert (await client.get("/metrics/channels", headers=read_key)).status_code == 401


async def test_test_queue_sends_a_message_through_the_front_door(
    client: httpx.AsyncClient, desk: Desk, write_key: dict[str, str]
) -> None:
    response = await client.post("/test/queue", headers=write_key)

    assert response.status_code == 202
    assert await count(desk.db, "select count(*) from inbound where channel = 'web_form'") == 1
    assert await count(desk.db, "select count(*) from message_queue") == 1
    assert (await client.get(response.json()["status_url"])).status_code == 200


class TestInProduction:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"mode": "production"})

    async def test_test_queue_is_absent(self, app: FastAPI, client: httpx.AsyncClient, desk: Desk) -> None:
        response = await client.post("/test/queue", headers=await key_with(desk, "admin"))

        assert response.status_code == 404
        assert "/test/queue" not in app.openapi()["paths"]

    async def test_the_openapi_document_needs_a_key(self, client: httpx.AsyncClient, read_key: dict[str, str]) -> None:
        assert (await client.get("/openapi.json")).status_code == 401
        assert (await client.get("/openapi.json", headers=read_key)).status_code == 200


async def test_the_openapi_document_is_open_in_development(client: httpx.AsyncClient, desk: Desk) -> None:
    response = await client.get("/openapi.json")

    assert response.json() == create_app(desk).openapi()


@pytest.mark.parametrize("path", ["/webhooks/gmail", "/webhooks/whatsapp", "/webhooks/whatsapp/status"])
async def test_webhooks_say_503_and_what_is_missing_until_their_channel_is_configured(
    client: httpx.AsyncClient, desk: Desk, path: str
) -> None:
    response = await client.post(path, content=b"anything")

    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "channel_not_configured"
    assert "missing" in response.json()["detail"]
    assert await count(desk.db, "select count(*) from inbound") == 0
