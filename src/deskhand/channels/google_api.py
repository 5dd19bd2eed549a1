"""Gmail's REST interface: the calls that we need, each with typed answers and errors of ours."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, Protocol, cast

import httpx

from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.google_errors import Refusal, as_channel_error, back_off, read_refusal
from deskhand.errors import ChannelError

READS: Final = 3  # tries of a call that changes nothing
LARGEST_ANSWER: Final = 100 * 1024 * 1024  # Gmail takes in mail of 50 MB; base64 and JSON make it a third larger
Query = list[tuple[str, str | int | float | bool | None]]


class Tokens(Protocol):
    async def get(self, *, refused: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class Profile:
    address: str
    history_id: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as a list names it; `labels` are empty where the list does not tell."""

    id: str
    thread: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Page:
    messages: tuple[Seen, ...]
    next: str | None
    history_id: int = 0
    last_record: int = 0  # of a history page: the newest record on it


@dataclass(frozen=True, slots=True)
class Letter:
    """A whole message. `accepted_at` is Gmail's own time."""

    id: str
    thread: str
    labels: frozenset[str]
    accepted_at: datetime
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """Some of a message's headers, by lower-case name."""

    id: str
    thread: str
    headers: dict[str, str]


class Missing(Exception):
    """Gmail knows no such thing: a message that was deleted, a history that is too old."""


@cache
def _tls() -> Any:
    return httpx.create_ssl_context()


class GmailApi:
    """Ask inside `async with api.open()`: the connections live as long as the block."""

    def __init__(
        self,
        settings: EmailSettings,
        tokens: Tokens,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base = settings.gmail_api_url
        self._timeout = settings.timeout.total_seconds()
        self._tokens = tokens
        self._pause = pause
        self._now = now

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[GmailSession]:
        async with httpx.AsyncClient(
            base_url=f"{self._base}/gmail/v1/users/me", timeout=self._timeout, verify=_tls()
        ) as c:
            yield GmailSession(c, self._tokens, self._pause, self._now)


class GmailSession:
    def __init__(
        self,
        client: httpx.AsyncClient,
        tokens: Tokens,
        pause: Callable[[float], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._pause = pause
        self._now = now

    async def profile(self) -> Profile:
        answer = await self._read("/profile", [])
        return Profile(str(answer["emailAddress"]), int(answer["historyId"]))

    async def watch(self, topic: str) -> datetime:
        """Ask for pushes of every change; returns when they end. Asking again prolongs them."""
        answer = await self._call("POST", "/watch", content=json.dumps({"topicName": topic}).encode())
        return _time(answer["expiration"])

    async def stop(self) -> None:
        await self._call("POST", "/stop")

    async def history(self, after: int, page: str | None) -> Page:
        """What was added, or taken out of spam and trash. Raises Missing when the record is too old."""
        query: Query = [("startHistoryId", str(after)), ("maxResults", "500")]
        query += [("historyTypes", "messageAdded"), ("historyTypes", "labelRemoved")]
        answer = await self._read("/history", query + _page(page))
        records = [cast("dict[str, Any]", record) for record in answer.get("history", [])]
        seen = tuple(message for record in records for message in _changed(record))
        last = max((int(record["id"]) for record in records), default=0)
        return Page(seen, answer.get("nextPageToken"), int(answer["historyId"]), last)

    async def search(self, query: str, page: str | None = None, *, label: str | None = None) -> Page:
        """Newest first; spam and trash are left out."""
        asked: Query = [("q", query), ("maxResults", "500"), *([("labelIds", label)] if label else [])]
        answer = await self._read("/messages", asked + _page(page))
        return Page(tuple(_seen(message) for message in answer.get("messages", [])), answer.get("nextPageToken"))

    async def letter(self, message_id: str) -> Letter:
        """Raises Missing when it was deleted."""
        answer = await self._read(f"/messages/{message_id}", [("format", "raw")])
        seen = _seen(answer)
        raw = urlsafe_b64decode(_padded(str(answer["raw"])))
        return Letter(seen.id, seen.thread, seen.labels, _time(answer["internalDate"]), raw)

    async def head(self, message_id: str, *names: str) -> Head:
        """Raises Missing when it was deleted."""
        query: Query = [("format", "metadata"), *(("metadataHeaders", name) for name in names)]
        return _head(await self._read(f"/messages/{message_id}", query))

    async def thread_heads(self, thread: str, *names: str) -> list[Head]:
        """Raises Missing when it was deleted."""
        query: Query = [("format", "metadata"), *(("metadataHeaders", name) for name in names)]
        answer = await self._read(f"/threads/{thread}", query)
        return [_head(message) for message in answer.get("messages", [])]

    async def send(self, raw: bytes, thread: str | None) -> Seen:
        """One try, whatever comes: a mail that may have left is not sent again from here.

        Raises:
            Missing: the thread is gone; the mail was not sent.
        """
        body = {"raw": urlsafe_b64encode(raw).decode()} | ({"threadId": thread} if thread else {})
        return _seen(await self._call("POST", "/messages/send", content=json.dumps(body).encode()))

    async def _read(self, path: str, query: Query) -> dict[str, Any]:
        """A call that changes nothing is tried again, here, while Gmail is busy."""
        for attempt in range(READS - 1):
            try:
                return await self._call("GET", path, query)
            except ChannelError as error:
                if error.permanent or error.pauses or (error.retry_after or timedelta(0)) > timedelta(seconds=10):
                    raise
                await self._pause(max(back_off(attempt), error.retry_after or timedelta(0)).total_seconds())
        return await self._call("GET", path, query)

    async def _call(self, method: str, path: str, query: Query | None = None, content: bytes = b"") -> dict[str, Any]:
        token = await self._tokens.get()
        answer = await self._exchange(method, path, query or [], content, token)
        if isinstance(answer, Refusal) and answer.status == 401:
            token = await self._tokens.get(refused=token)
            answer = await self._exchange(method, path, query or [], content, token)
        if not isinstance(answer, Refusal):
            return answer
        if answer.status == 404:
            raise Missing
        raise as_channel_error(answer)

    async def _exchange(
        self, method: str, path: str, query: Query, content: bytes, token: str
    ) -> dict[str, Any] | Refusal:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if method == "POST":
            headers["Content-Type"] = "application/json"
        request = self._client.build_request(
            method, path, params=httpx.QueryParams(query), content=content, headers=headers
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                body = await _bounded(response)
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise _unreachable("Gmail can't be reached.", was_sent=False) from error
        except httpx.HTTPError as error:
            raise _unreachable(f"Gmail gave no answer ({type(error).__name__}).", was_sent=None) from error
        if response.status_code in (200, 204):
            return _json(body)
        return read_refusal(response.status_code, response.headers.get("retry-after"), body, self._now())


def _unreachable(message: str, *, was_sent: bool | None) -> ChannelError:
    return ChannelError(message, permanent=False, retry_after=back_off(0), was_sent=was_sent)


async def _bounded(response: httpx.Response) -> bytes:
    pieces = bytearray()
    async for piece in response.aiter_bytes():
        pieces += piece
        if len(pieces) > LARGEST_ANSWER:
            raise ChannelError("Gmail's answer is larger than any mail.", permanent=True, was_sent=None)
    return bytes(pieces)


def _json(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body or b"{}")
    except ValueError as error:
        raise _unreachable("Gmail's answer is no JSON.", was_sent=None) from error
    if not isinstance(answer, dict):
        raise _unreachable("Gmail's answer is no JSON object.", was_sent=None)
    return cast("dict[str, Any]", answer)


def _page(token: str | None) -> Query:
    return [("pageToken", token)] if token else []


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _time(milliseconds: str | int) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _seen(message: dict[str, Any]) -> Seen:
    return Seen(str(message["id"]), str(message.get("threadId", "")), frozenset(message.get("labelIds", ())))


def _changed(record: dict[str, Any]) -> list[Seen]:
    added = [_seen(entry["message"]) for entry in record.get("messagesAdded", [])]
    rescued = [
        _seen(entry["message"])
        for entry in record.get("labelsRemoved", [])
        if {"SPAM", "TRASH"} & set(entry.get("labelIds", ()))
    ]
    return added + rescued


def _head(message: dict[str, Any]) -> Head:
    listed = cast("list[dict[str, str]]", message.get("payload", {}).get("headers", []))
    seen = _seen(message)
    return Head(seen.id, seen.thread, {entry["name"].lower(): entry["value"] for entry in reversed(listed)})
