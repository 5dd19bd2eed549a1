"""The wire formats of Anthropic (POST /v1/messages) and Google (POST /v1beta/models/MODEL:generateContent)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.standins.language_model_steps import Answer, Seen, check_schema, expect, fields, items, only
from tests.standins.language_model_wires import IDS, TOOL_NAME, OpenAI, Wire, as_json, pieces

# Google reads the names of proto fields in either spelling.
SCHEMAS = ("parameters", "parametersJsonSchema", "parameters_json_schema")
GOOGLE_PATH = re.compile(r"^/v1beta/models/([\w.-]+):(generateContent|streamGenerateContent)$")


class Anthropic:
    name = "anthropic"
    allowed = (
        "model max_tokens messages system tools tool_choice stream temperature top_p top_k stop_sequences metadata "
        "thinking service_tier cache_control output_config"
    )

    def matches(self, path: str) -> bool:
        return path == "/v1/messages"

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The documented header, or the one that version 2 of the official client sends."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        return headers.get("x-api-key") or (bearer if scheme == "Bearer" else None)

    def read(self, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Seen:
        only(body, self.allowed, "body")
        expect(headers.get("anthropic-version"), "anthropic-version: header is needed")
        expect(isinstance(body.get("model"), str), "model: a string is needed")
        expect(isinstance(body.get("max_tokens"), int) and body["max_tokens"] > 0, "max_tokens: is needed")
        messages = items(body.get("messages"), "messages")
        expect(messages[0]["role"] == "user", "messages: the first must be the user's")
        texts: list[str] = []
        results: list[str] = []
        open_calls: set[str] = set()
        for message in messages:
            only(message, "role content", "message")
            blocks = self._blocks(message["content"])
            if message["role"] == "user":
                answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
                expect(answered == open_calls, f"tool_use without tool_result or the reverse: {answered ^ open_calls}")
                results += [self._text(block["content"]) for block in blocks if block["type"] == "tool_result"]
                texts += [block["text"] for block in blocks if block["type"] == "text"]
                open_calls = set()
            else:
                expect(message["role"] == "assistant" and blocks, "assistant: content is needed")
                uses = [block for block in blocks if block["type"] == "tool_use"]
                expect(all(TOOL_NAME.match(use["name"]) for use in uses), "tool_use: bad name")
                expect(all(isinstance(use["input"], dict) for use in uses), "tool_use: input must be an object")
                open_calls = {use["id"] for use in uses}
        expect(not open_calls, "tool_use without tool_result")
        return Seen(
            self.name,
            body["model"],
            body.get("stream") is True,
            self._text(body.get("system", "")),
            tuple(texts),
            tuple(results),
            self._tools(body.get("tools", [])),
            body,
        )

    def _blocks(self, content: Any) -> list[dict[str, Any]]:
        blocks = items([{"type": "text", "text": content}] if isinstance(content, str) else content, "content")
        for block in blocks:
            kind = block.get("type")
            expect(kind in ("text", "tool_use", "tool_result", "thinking"), f"content: type {kind!r} is none")
            expect(kind != "text" or block.get("text"), "text: must not be empty")
        return blocks

    def _text(self, content: Any) -> str:
        if isinstance(content, str):
            return content
        return "\n".join(block["text"] for block in items(content, "content"))

    def _tools(self, given: Any) -> tuple[str, ...]:
        tools = items(given, "tools", least=0)
        for tool in tools:
            only(tool, "name description input_schema type cache_control strict", "tool")
            expect(TOOL_NAME.match(tool["name"]), "tool: bad name")
            check_schema(tool["input_schema"], tool["name"])
        return tuple(tool["name"] for tool in tools)

    def _head(self, seen: Seen) -> dict[str, Any]:
        return {"id": f"msg_{next(IDS)}", "type": "message", "role": "assistant", "model": seen.model}

    def answer(self, seen: Seen, answer: Answer) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
        content += [
            {"type": "tool_use", "id": f"toolu_{next(IDS)}", "name": call.tool, "input": call.arguments}
            for call in answer.calls
        ]
        return self._head(seen) | {
            "content": content,
            "stop_reason": "tool_use" if answer.calls else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": answer.tokens_in, "output_tokens": answer.tokens_out},
        }

    def events(self, seen: Seen, answer: Answer) -> Iterator[str]:
        def event(kind: str, **data: Any) -> str:
            return f"event: {kind}\ndata: {json.dumps({'type': kind} | data)}\n\n"

        usage = {"input_tokens": answer.tokens_in, "output_tokens": 1}
        empty: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        yield event("message_start", message=self._head(seen) | empty)
        index = 0
        if answer.text:
            yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            for piece in pieces(answer.text):
                yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
            yield event("content_block_stop", index=0)
            index = 1
        for number, call in enumerate(answer.calls, start=index):
            block: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{next(IDS)}", "name": call.tool, "input": {}}
            yield event("content_block_start", index=number, content_block=block)
            for piece in pieces(as_json(call.arguments)):
                delta = {"type": "input_json_delta", "partial_json": piece}
                yield event("content_block_delta", index=number, delta=delta)
            yield event("content_block_stop", index=number)
        delta = {"stop_reason": "tool_use" if answer.calls else "end_turn", "stop_sequence": None}
        yield event("message_delta", delta=delta, usage={"output_tokens": answer.tokens_out})
        yield event("message_stop")

    def error(self, status: int, message: str) -> dict[str, Any]:
        kinds = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
        kind = kinds.get(status, "invalid_request_error" if status < 500 else "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}}


class Google:
    name = "google"
    allowed = "contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent labels"

    def matches(self, path: str) -> bool:
        return GOOGLE_PATH.match(path.partition("?")[0]) is not None

    def key(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-goog-api-key")

    def read(self, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Seen:
        bare, _, query = path.partition("?")
        found = GOOGLE_PATH.match(bare)
        assert found is not None
        streams = found[2] == "streamGenerateContent"
        expect(not streams or query == "alt=sse", "alt=sse: only server-sent events are spoken")
        only(body, self.allowed, "body")
        limit = fields(body.get("generationConfig", {}), "generationConfig").get("maxOutputTokens")
        expect(isinstance(limit, int) and limit > 0, "generationConfig.maxOutputTokens: is needed")
        contents = items(body.get("contents"), "contents")
        expect(contents[0]["role"] == "user", "contents: the first must be the user's")
        texts: list[str] = []
        results: list[str] = []
        open_calls: list[str] = []
        for content in contents:
            expect(content.get("role") in ("user", "model") and content.get("parts"), "contents: role and parts")
            parts = items(content["parts"], "parts")
            answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
            expect(sorted(item["name"] for item in answers) == sorted(open_calls), "functionCall without a response")
            expect(all(isinstance(item["response"], dict) for item in answers), "functionResponse: an object is needed")
            results += [json.dumps(item["response"]) for item in answers]
            open_calls = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
            if content["role"] == "user":
                expect(not open_calls, "contents: a user calls no functions")
                texts += [part["text"] for part in parts if "text" in part]
        expect(not open_calls, "functionCall without a response")
        instruction = fields(body.get("systemInstruction", {}), "systemInstruction")
        system = "\n".join(part["text"] for part in items(instruction.get("parts", []), "parts", least=0))
        tools = self._tools(body.get("tools", []))
        return Seen(self.name, found[1], streams, system, tuple(texts), tuple(results), tools, body)

    def _tools(self, given: Any) -> tuple[str, ...]:
        declared = [
            function for tool in items(given, "tools", least=0) for function in tool.get("functionDeclarations", [])
        ]
        for function in declared:
            only(function, f"name description {' '.join(SCHEMAS)} response behavior", "function")
            expect(TOOL_NAME.match(function["name"]), "function: bad name")
            schemas = [function[name] for name in SCHEMAS if name in function]
            expect(len(schemas) == 1, f"function: exactly one of {SCHEMAS}")
            check_schema(schemas[0], function["name"])
        return tuple(function["name"] for function in declared)

    def answer(self, seen: Seen, answer: Answer) -> dict[str, Any]:
        parts: list[dict[str, Any]] = [{"text": answer.text}] if answer.text else []
        parts += [{"functionCall": {"name": call.tool, "args": call.arguments}} for call in answer.calls]
        return self._chunk(seen, answer, parts, "STOP", next(IDS))

    def events(self, seen: Seen, answer: Answer) -> Iterator[str]:
        number = next(IDS)
        for piece in pieces(answer.text):
            yield f"data: {json.dumps(self._chunk(seen, answer, [{'text': piece}], None, number))}\r\n\r\n"
        parts = [{"functionCall": {"name": call.tool, "args": call.arguments}} for call in answer.calls]
        yield f"data: {json.dumps(self._chunk(seen, answer, parts, 'STOP', number))}\r\n\r\n"

    def _chunk(
        self, seen: Seen, answer: Answer, parts: list[dict[str, Any]], finish: str | None, number: int
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if finish is not None:
            candidate["finishReason"] = finish
        total = answer.tokens_in + answer.tokens_out
        return {
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": answer.tokens_in,
                "candidatesTokenCount": answer.tokens_out,
                "totalTokenCount": total,
            },
            "modelVersion": seen.model,
            "responseId": f"response-{number}",
        }

    def error(self, status: int, message: str) -> dict[str, Any]:
        names = {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}
        return {"error": {"code": status, "message": message, "status": names.get(status, "INVALID_ARGUMENT")}}


WIRES: tuple[Wire, ...] = (OpenAI(), Anthropic(), Google())
