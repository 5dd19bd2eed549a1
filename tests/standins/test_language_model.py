"""The stand-in is strict: what a provider would refuse, it refuses."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from tests.standins.language_model import KEY, LanguageModelServer

TOOL: dict[str, Any] = {"name": "send_response", "description": "d", "parameters": {"type": "object", "properties": {}}}
OPENAI: dict[str, Any] = {
    "model": "helpful",
    "max_completion_tokens": 100,
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}],
    "tools": [{"type": "function", "function": TOOL}],
}
ANTHROPIC: dict[str, Any] = {
    "model": "helpful",
    "max_tokens": 100,
    "system": "s",
    "messages": [{"role": "user", "content": "hello"}],
    "tools": [{"name": "send_response", "input_schema": {"type": "object", "properties": {}}}],
}
GOOGLE: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
    "generationConfig": {"maxOutputTokens": 100},
    "tools": [{"functionDeclarations": [TOOL]}],
}
WIRES: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "openai": ("/v1/chat/completions", {"authorization": f"Bearer {KEY}"}, OPENAI),
    "anthropic": ("/v1/messages", {"x-api-key": KEY, "anthropic-version": "2023-06-01"}, ANTHROPIC),
    "google": ("/v1beta/models/helpful:generateContent", {"x-goog-api-key": KEY}, GOOGLE),
}
UNANSWERED = {"id": "call_1", "type": "function", "function": {"name": "send_response", "arguments": "{}"}}
MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("openai", {"messages": []}),
    ("openai", {"messages": [{"role": "customer", "content": "hello"}]}),
    ("openai", {"messages": [*OPENAI["messages"], {"role": "assistant", "tool_calls": [UNANSWERED]}]}),
    ("openai", {"messages": [*OPENAI["messages"], {"role": "tool", "tool_call_id": "x", "content": "y"}]}),
    ("openai", {"max_completion_tokens": None}),
    ("openai", {"tools": [{"type": "function", "function": TOOL | {"parameters": {"type": "array"}}}]}),
    ("openai", {"tools": [{"type": "function", "function": TOOL | {"name": "send response"}}]}),
    ("anthropic", {"max_tokens": None}),
    ("anthropic", {"messages": [{"role": "assistant", "content": "hello"}]}),
    ("anthropic", {"tools": [{"name": "send_response", "parameters": {}}]}),
    ("google", {"contents": [{"role": "assistant", "parts": [{"text": "hello"}]}]}),
    ("google", {"generationConfig": {}}),
]


@pytest.fixture
async def server() -> AsyncGenerator[LanguageModelServer]:
    async with LanguageModelServer().running() as server:
        yield server


async def post(server: LanguageModelServer, wire: str, **changes: Any) -> httpx.Response:
    path, headers, body = WIRES[wire]
    async with httpx.AsyncClient(base_url=server.address, trust_env=False) as client:
        return await client.post(path, headers=changes.pop("headers", headers), json=body | changes)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_proper_request_is_answered_with_a_tool_call(server: LanguageModelServer, wire: str) -> None:
    response = await post(server, wire)

    assert response.status_code == 200
    assert "send_response" in response.text


@pytest.mark.parametrize("wire", WIRES)
async def test_a_wrong_key_is_refused(server: LanguageModelServer, wire: str) -> None:
    _, headers, _ = WIRES[wire]
    wrong = {name: value.replace(KEY, "other") for name, value in headers.items()}

    assert (await post(server, wire, headers=wrong)).status_code == 401
    assert (await post(server, wire, headers={})).status_code == 401


@pytest.mark.parametrize("wire", WIRES)
async def test_an_unknown_field_is_refused(server: LanguageModelServer, wire: str) -> None:
    response = await post(server, wire, telepathy=True)

    assert response.status_code == 400
    assert "telepathy" in response.text


@pytest.mark.parametrize(("wire", "changes"), MALFORMED)
async def test_a_malformed_request_is_refused(server: LanguageModelServer, wire: str, changes: dict[str, Any]) -> None:
    assert (await post(server, wire, **changes)).status_code == 400
    assert server.seen == []


async def test_a_model_that_there_is_not_is_refused(server: LanguageModelServer) -> None:
    assert (await post(server, "openai", model="other")).status_code == 404


async def test_a_refusal_says_when_to_come_back(server: LanguageModelServer) -> None:
    response = await post(server, "openai", model="rate-limited")

    assert (response.status_code, response.headers["retry-after"]) == (429, "1")


async def test_a_cut_connection_breaks_off_in_the_middle(server: LanguageModelServer) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await post(server, "anthropic", model="cut-off", stream=True)
