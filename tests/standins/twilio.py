"""Twilio on loopback: takes messages, refuses what Twilio would, signs and posts what comes in, keeps files on a CDN.

    python -m tests.standins twilio --port 9200 --webhook http://127.0.0.1:8600/webhooks/whatsapp

A customer writes:  curl -d From=whatsapp:+491701234567 -d Body=hello http://127.0.0.1:9200/standin/receive
The next send fails: curl -d kind=rate-limited http://127.0.0.1:9200/standin/fault
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from time import time_ns
from typing import Any, Literal, cast, get_args
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.standins import twilio_calls as calls
from tests.standins.twilio_rules import API, Account, Refused, check_user, page_of, read_message, utc_now

Fault = Literal[
    "rate-limited", "failing", "failing-after-accepting", "hangs-after-accepting", "hangs", "garbage", "closes"
]
REASONS = {200: "OK", 201: "Created", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized"}
SENDER = "whatsapp:+14155238886"


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)

    @property
    def user(self) -> tuple[str, str] | None:
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind != "Basic":
            return None
        name, _, password = base64.b64decode(value).decode().partition(":")
        return name, password


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    kind: str = "application/json"
    headers: Mapping[str, str] | None = None
    drip: bool = False  # one byte at a time


@dataclass(frozen=True, slots=True)
class File:
    """A file on the CDN; `leads_to` is another place that it is redirected to."""

    content: bytes
    kind: str = "image/jpeg"
    leads_to: str | None = None
    drips: bool = False


class TwilioServer:
    """Listens while `running()` lasts. `messages` is what it took, `refused` the codes of what it did not."""

    def __init__(self, account: Account | None = None, *, now: Callable[[], datetime] = utc_now) -> None:
        self.account = account or Account()
        self.now = now
        self.messages: list[dict[str, Any]] = []
        self.orders: list[dict[str, str]] = []  # what each message was ordered with
        self.refused: list[int] = []
        self.faults: deque[Fault | None] = deque()  # one for each order to come
        self.files: dict[str, File] = {}
        self.cdn_calls: list[Mapping[str, str]] = []
        self.reports_by_itself = False
        self.webhook = ""
        self.posts_by: Callable[[], httpx.AsyncClient] = lambda: httpx.AsyncClient(trust_env=False, timeout=15)
        self.address = self.cdn = ""
        self._busy: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncGenerator[TwilioServer]:
        api = await asyncio.start_server(lambda r, w: self._serve(r, w, self._answer), "127.0.0.1", port)
        cdn = await asyncio.start_server(lambda r, w: self._serve(r, w, self._cdn), "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{api.sockets[0].getsockname()[1]}"
        self.cdn = f"http://127.0.0.1:{cdn.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            api.close()
            cdn.close()
            for task in list(self._busy):
                task.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)

    def add_file(self, content: bytes, **more: Any) -> str:
        """Keep a file; returns the address that a message names."""
        sid = self.account.new_sid("ME")
        self.files[sid] = File(content, **more)
        return f"{self.address}{API}/Accounts/{self.account.sid}/Messages/{self.account.new_sid('MM')}/Media/{sid}"

    async def receive(self, body: str, *, sender: str = "whatsapp:+491701234567", to: str = SENDER, **more: str) -> int:
        """A customer writes: sign and post it to the webhook; returns the answer's status."""
        sid = more.pop("MessageSid", None) or self.account.new_sid()
        self.account.wrote_at[sender] = self.now()
        form = calls.inbound_form(self.account.sid, sid, sender, to, body, **more)
        return await self.post(self.webhook, form)

    async def report(self, sid: str, *statuses: str, code: int | None = None) -> list[int]:
        """Report these states of a message, in this order, to its callback."""
        place = next(number for number, message in enumerate(self.messages) if message["sid"] == sid)
        message, url = self.messages[place], self.orders[place].get("StatusCallback")
        answers: list[int] = []
        for status in statuses:
            message |= {"status": status, "error_code": code}
            if url:
                answers.append(await self.post(url, calls.status_form(message, status, code)))
        return answers

    async def post(self, configured: str, form: calls.Form) -> int:
        url = calls.called_url(configured)
        async with self.posts_by() as client:
            headers = calls.headers(url, form, self.account.token)
            return (await client.post(url, content=calls.encode(form), headers=headers)).status_code

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Any) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._busy.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                given = await answer(await _read(reader))
                if given is not None:
                    await _write(writer, given)
        finally:
            self._busy.discard(task)
            writer.close()

    async def _answer(self, request: _Request) -> Answer | None:
        if request.path.startswith("/standin/"):
            return await self._obey(request)
        try:
            check_user(self.account, request.user)
            return await self._api(request)
        except Refused as refusal:
            self.refused.append(refusal.body["code"])
            retry = {} if refusal.retry_after is None else {"Retry-After": refusal.retry_after}
            return Answer(refusal.status, json.dumps(refusal.body).encode(), headers=retry)

    async def _api(self, request: _Request) -> Answer | None:
        root = f"{API}/Accounts/{self.account.sid}/Messages"
        if request.path == f"{root}.json" and request.method == "POST":
            return await self._create(request)
        if request.path == f"{root}.json" and request.method == "GET":
            return _json(200, page_of(request.path, self.messages, request.query))
        if request.method == "GET" and "/Media/" in request.path:
            file = self.files.get(request.path.rpartition("/")[2])
            if file is not None:
                sid = request.path.rpartition("/")[2]
                return Answer(307, b"", headers={"Location": file.leads_to or f"{self.cdn}/{sid}?Expires=1"})
        if request.path.startswith(f"{root}/") and request.method == "GET":
            sid = request.path.rpartition("/")[2].removesuffix(".json")
            for message in self.messages:
                if message["sid"] == sid:
                    return _json(200, message)
        raise Refused(404, 20404, f"The requested resource {request.path} was not found")

    async def _create(self, request: _Request) -> Answer | None:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise Refused(415, 20415, "a form is needed")
        fault = self.faults.popleft() if self.faults else None
        if fault == "rate-limited":
            raise Refused(429, 20429, "Too Many Requests", retry_after="3")
        if fault == "failing":
            raise Refused(503, 20503, "Service unavailable")
        if fault == "hangs":
            await asyncio.Event().wait()
        message = read_message(self.account, request.form, self.now())
        self.messages.append(message)
        self.orders.append({name: values[0] for name, values in request.form.items()})
        if fault == "failing-after-accepting":
            raise Refused(500, 20500, "Internal server error")
        if fault == "hangs-after-accepting":
            await asyncio.Event().wait()
        if fault == "garbage":
            return Answer(201, b"<html>", kind="text/html")
        if fault == "closes":
            return None
        if self.reports_by_itself:
            task = asyncio.create_task(self._report_later(message["sid"]))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        return _json(201, message)

    async def _report_later(self, sid: str) -> None:
        await asyncio.sleep(0.3)
        with suppress(httpx.HTTPError):
            await self.report(sid, "sent", "delivered")

    async def _obey(self, request: _Request) -> Answer:
        given = {name: values[0] for name, values in request.form.items()}
        if request.path == "/standin/receive":
            status = await self.receive(given.pop("Body", ""), sender=given.pop("From"), **given)
            return _json(200, {"answered": status})
        if request.path == "/standin/fault" and given.get("kind") in get_args(Fault):
            self.faults.append(cast("Fault", given["kind"]))
            return _json(200, {"faults": list(self.faults)})
        return _json(404, {"kinds": list(get_args(Fault))})

    async def _cdn(self, request: _Request) -> Answer:
        self.cdn_calls.append(request.headers)
        file = self.files.get(request.path.rpartition("/")[2])
        if file is None:
            return Answer(404, b"", kind="text/plain")
        return Answer(200, file.content, kind=file.kind, drip=file.drips)


def _json(status: int, body: Any) -> Answer:
    return Answer(status, json.dumps(body).encode())


async def _read(reader: asyncio.StreamReader) -> _Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    return _Request(method, parts.path, parse_qs(parts.query), headers, body)


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    lines = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body)), "Connection": "close"}
    head = f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Status')}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in (lines | dict(answer.headers or {})).items())
    writer.write(head.encode("latin-1") + b"\r\n")
    if answer.drip:
        for byte in answer.body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)
    else:
        writer.write(answer.body)
    await writer.drain()


async def _run(port: int, webhook: str) -> None:
    server = TwilioServer()
    server.webhook, server.reports_by_itself = webhook, True
    server.account.numbers = count(time_ns())  # a database that knew an earlier run does not mix up the two
    async with server.running(port):
        account = server.account
        print(f"Twilio on {server.address}, files on {server.cdn}; it posts to {webhook}", flush=True)  # noqa: T201
        print(  # noqa: T201
            f"DESKHAND_WHATSAPP_ACCOUNT_SID={account.sid} DESKHAND_WHATSAPP_AUTH_TOKEN={account.token} "
            f"DESKHAND_WHATSAPP_SENDER={SENDER} DESKHAND_WHATSAPP_WEBHOOK_URL={webhook} "
            f"DESKHAND_WHATSAPP_API_BASE_URL={server.address} "
            f"DESKHAND_WHATSAPP_MEDIA_HOSTS={urlsplit(server.cdn).netloc}",
            flush=True,
        )
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins twilio", description=__doc__)
    parser.add_argument("--port", type=int, default=9200)
    parser.add_argument("--webhook", default="http://127.0.0.1:8600/webhooks/whatsapp")
    given = parser.parse_args(arguments)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.port, given.webhook))
