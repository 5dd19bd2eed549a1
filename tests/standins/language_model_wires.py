"""The three wire formats: each reads a request strictly and writes an answer, whole or as a stream."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from tests.standins.language_model_steps import Answer, Refused, Seen, check_schema, expect, fields, items, only

TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
PIECE = 40
IDS = itertools.count(1)


class Wire(Protocol):
    name: str

    def matches(self, path: str) -> bool: ...
    def key(self, headers: Mapping[str, str]) -> str | None: ...
    def read(self, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Seen: ...
    def answer(self, seen: Seen, answer: Answer) -> dict[str, Any]: ...
    def events(self, seen: Seen, answer: Answer) -> Iterator[str]: ...
    def error(self, status: int, message: str) -> dict[str, Any]: ...


def pieces(text: str) -> Iterator[str]:
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


def as_json(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


class OpenAI:
    """POST /v1/chat/completions."""

    name = "openai"
    allowed = (
        "model messages tools tool_choice parallel_tool_calls stream stream_options max_tokens max_completion_tokens "
        "temperature top_p n seed stop user store metadata reasoning_effort response_format"
    )

    def matches(self, path: str) -> bool:
        return path == "/v1/chat/completions"

    def key(self, headers: Mapping[str, str]) -> str | None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        return key if scheme == "Bearer" else None

    def read(self, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Seen:
        only(body, self.allowed, "body")
        expect(isinstance(body.get("model"), str), "model: a string is needed")
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        expect(isinstance(limit, int) and limit > 0, "max_completion_tokens: a positive number is needed")
        messages = items(body.get("messages"), "messages")
        system: list[str] = []
        texts: list[str] = []
        results: list[str] = []
        open_calls: set[str] = set()
        for message in messages:
            role = message.get("role")
            expect(role == "tool" or not open_calls, f"tool calls without an answer: {sorted(open_calls)}")
            if role in ("system", "developer"):
                system.append(message["content"])
            elif role == "user":
                expect(isinstance(message.get("content"), str) and message["content"], "user: content is needed")
                texts.append(message["content"])
            elif role == "assistant":
                open_calls = self._assistant(message)
            elif role == "tool":
                expect(message.get("tool_call_id") in open_calls, "tool: answers no call")
                open_calls.discard(message["tool_call_id"])
                results.append(message["content"])
            else:
                raise Refused(400, f"role: {role!r} is none")
        expect(not open_calls, f"tool calls without an answer: {sorted(open_calls)}")
        stream = body.get("stream", False)
        return Seen(
            self.name,
            body["model"],
            bool(stream),
            "\n".join(system),
            tuple(texts),
            tuple(results),
            self._tools(body.get("tools", [])),
            body,
        )

    def _assistant(self, message: dict[str, Any]) -> set[str]:
        only(message, "role content tool_calls refusal name audio", "assistant")
        calls = items(message.get("tool_calls") or [], "tool_calls", least=0)
        expect(calls or message.get("content"), "assistant: neither content nor tool_calls")
        for call in calls:
            only(call, "id type function", "tool_calls")
            expect(call["type"] == "function" and call["id"], "tool_calls: type and id are needed")
            expect(TOOL_NAME.match(call["function"]["name"]), "tool_calls: bad name")
            expect(isinstance(call["function"]["arguments"], str), "tool_calls: arguments must be a string of JSON")
        return {call["id"] for call in calls}

    def _tools(self, given: Any) -> tuple[str, ...]:
        tools = items(given, "tools", least=0)
        for tool in tools:
            expect(tool.get("type") == "function", "tools: type must be 'function'")
            function = tool["function"]
            only(function, "name description parameters strict", "function")
            expect(TOOL_NAME.match(function["name"]), "function: bad name")
            check_schema(function["parameters"], function["name"])
        return tuple(tool["function"]["name"] for tool in tools)

    def _usage(self, answer: Answer) -> dict[str, int]:
        total = answer.tokens_in + answer.tokens_out
        return {"prompt_tokens": answer.tokens_in, "completion_tokens": answer.tokens_out, "total_tokens": total}

    def _calls(self, answer: Answer) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call_{next(IDS)}",
                "type": "function",
                "function": {"name": call.tool, "arguments": as_json(call.arguments)},
            }
            for call in answer.calls
        ]

    def answer(self, seen: Seen, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
        if answer.calls:
            message["tool_calls"] = self._calls(answer)
        finish = "tool_calls" if answer.calls else "stop"
        return {
            "id": f"chatcmpl-{next(IDS)}",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": seen.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
            "usage": self._usage(answer),
        }

    def events(self, seen: Seen, answer: Answer) -> Iterator[str]:
        head = {"id": f"chatcmpl-{next(IDS)}", "object": "chat.completion.chunk", "created": 1_790_000_000}

        def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return f"data: {json.dumps(head | {'model': seen.model, 'choices': [choice]})}\n\n"

        yield chunk({"role": "assistant", "content": ""})
        for piece in pieces(answer.text):
            yield chunk({"content": piece})
        for index, call in enumerate(self._calls(answer)):
            arguments = call["function"]["arguments"]
            start = call | {"index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
            yield chunk({"tool_calls": [start]})
            for piece in pieces(arguments):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        yield chunk({}, "tool_calls" if answer.calls else "stop")
        if fields(seen.raw.get("stream_options", {}), "stream_options").get("include_usage"):
            last: dict[str, Any] = head | {"model": seen.model, "choices": [], "usage": self._usage(answer)}
            yield f"data: {json.dumps(last)}\n\n"
        yield "data: [DONE]\n\n"

    def error(self, status: int, message: str) -> dict[str, Any]:
        kind = "rate_limit_exceeded" if status == 429 else "invalid_request_error" if status < 500 else "server_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}
