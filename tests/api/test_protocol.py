"""What holds for every request: ids, limits, problems, methods, headers, CORS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from deskhand.desk import Desk
from deskhand.settings import Settings
from tests.api.asking import QUESTION, count

OURS = "https://www.techcorp.io"


async def test_a_request_id_is_on_every_response(app: FastAPI, client: httpx.AsyncClient) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a secret detail")

    for method, path, status in [
        ("GET", "/health", 200),
        ("GET", "/support", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/health", 405),
        ("POST", "/support/submit", 415),
        ("GET", "/metrics/channels", 401),
        ("POST", "/webhooks/gmail", 503),
        ("GET", "/support/static/nothing.js", 404),
        ("GET", "/broken", 500),
    ]:
        response = await client.request(method, path)
        assert response.status_code == status, path
        assert len(response.headers["x-request-id"]) == 32, path
        if status >= 400:
            assert response.headers["content-type"] == "application/problem+json", path
            assert response.json()["request_id"] == response.headers["x-request-id"], path


async def test_a_sane_request_id_is_taken_over(client: httpx.AsyncClient) -> None:
    response = await client.get("/health", headers={"X-Request-ID": "client-0815.a_b"})

    assert response.headers["x-request-id"] == "client-0815.a_b"


@pytest.mark.parametrize(
    "offered", ["short", "x" * 129, "with space inside", "a\x1b[31mred!!", '{"json": "in"}', "äöüäöüäöü"]
)
async def test_a_request_id_that_is_not_sane_is_replaced(client: httpx.AsyncClient, offered: str) -> None:
    response = await client.get("/health", headers={b"X-Request-ID": offered.encode()})

    assert response.headers["x-request-id"] != offered
    assert len(response.headers["x-request-id"]) == 32


async def test_the_request_id_is_on_the_log_lines_of_the_request(
    client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    await client.post("/support/submit", json=QUESTION, headers={"X-Request-ID": "find-me-again"})

    lines = [
        line for line in "".join(capfd.readouterr()).splitlines() if "form_accepted" in line or "request_fin" in line
    ]
    assert len(lines) == 2
    assert all("find-me-again" in line for line in lines)


async def test_an_unexpected_error_shows_no_detail_and_is_logged(
    app: FastAPI, client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a secret detail")

    response = await client.get("/broken")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["code"] == "internal"
    assert "a secret detail" in "".join(capfd.readouterr())


async def test_a_body_over_the_limit_is_refused_before_it_is_read(
    client: httpx.AsyncClient, desk: Desk, settings: Settings
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 10_000
            yield b" " * 10_000

    declared = await client.post(
        "/support/submit", content=b" " * (settings.max_body_bytes + 1), headers={"Content-Type": "application/json"}
    )
    streamed = await client.post("/support/submit", content=body(), headers={"Content-Type": "application/json"})
    for response in (declared, streamed):
        assert response.status_code == 413
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "body_too_large"
        assert response.headers["connection"] == "close"
    assert read <= settings.max_body_bytes + 20_000
    assert await count(desk.db, "select count(*) from inbound") == 0


async def test_the_largest_allowed_message_fits_the_body_limit(client: httpx.AsyncClient) -> None:
    response = await client.post("/support/submit", json=QUESTION | {"message": "😀" * 10_000})

    assert response.status_code == 202
    assert len(json.dumps("😀" * 10_000)) < 256_000


async def test_head_answers_as_get_without_a_body(client: httpx.AsyncClient) -> None:
    for path in ("/health", "/support", "/support/static/support.css"):
        head, get = await client.head(path), await client.get(path)
        assert head.status_code == get.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == get.headers["content-length"]


async def test_another_method_is_refused_with_the_allowed_ones(client: httpx.AsyncClient) -> None:
    for method, path, allowed in [("DELETE", "/health", "GET"), ("OPTIONS", "/support/submit", "POST")]:
        response = await client.request(method, path)
        assert response.status_code == 405
        assert response.headers["allow"] == allowed
        assert response.json()["code"] == "method_not_allowed"


async def test_pages_and_data_carry_their_security_headers(client: httpx.AsyncClient) -> None:
    page, data = await client.get("/support"), await client.get("/health")

    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert data.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    for response in (page, data):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert "server" not in response.headers


class TestCors:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"cors_origins": (OURS,), "public_url": "https://support.techcorp.io"})

    async def preflight(self, client: httpx.AsyncClient, origin: str, path: str) -> httpx.Response:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,idempotency-key",
        }
        return await client.options(path, headers=headers)

    async def test_an_origin_of_the_settings_may_post_the_form(self, client: httpx.AsyncClient) -> None:
        allowed = await self.preflight(client, OURS, "/support/submit")
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == OURS

        headers = {"Origin": OURS, "Sec-Fetch-Site": "same-site"}
        response = await client.post("/support/submit", json=QUESTION, headers=headers)
        assert response.status_code == 202
        assert response.headers["access-control-allow-origin"] == OURS
        assert "access-control-allow-credentials" not in response.headers
        assert response.json()["status_url"].startswith("https://support.techcorp.io/support/status/TF-")

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", f"{OURS}.evil.example", "http://www.techcorp.io"]
    )
    async def test_no_other_origin_is_let_in(self, client: httpx.AsyncClient, origin: str) -> None:
        response = await self.preflight(client, origin, "/support/submit")

        assert "access-control-allow-origin" not in response.headers

    @pytest.mark.parametrize("path", ["/metrics/channels", "/conversations/x", "/health", "/test/queue", "/support"])
    async def test_nothing_but_the_form_is_open_to_other_origins(self, client: httpx.AsyncClient, path: str) -> None:
        preflight = await self.preflight(client, OURS, path)
        simple = await client.get(path, headers={"Origin": OURS})

        assert "access-control-allow-origin" not in {**preflight.headers, **simple.headers}

    async def test_errors_are_readable_for_allowed_origins_too(self, client: httpx.AsyncClient) -> None:
        response = await client.post(
            "/support/submit", json={}, headers={"Origin": OURS, "Sec-Fetch-Site": "same-site"}
        )

        assert response.status_code == 422
        assert response.headers["access-control-allow-origin"] == OURS

    async def test_https_brings_hsts_and_secure_cookies(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/support/submit", json=QUESTION)

        assert response.headers["strict-transport-security"] == "max-age=31536000"
        assert "Secure" in response.headers["set-cookie"]


async def test_without_origins_nobody_elsewhere_may_call(client: httpx.AsyncClient) -> None:
    response = await client.get("/support/ticket/TF-20261122-0000", headers={"Origin": OURS})

    assert "access-control-allow-origin" not in response.headers
