"""A channel that can do all that a channel can, with a provider that follows a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from deskhand.channels.base import (
    Batch,
    Channel,
    ChannelHealth,
    DeliveryUpdate,
    HookAnswer,
    HookRequest,
    InboundMessage,
    NewFile,
    Outbound,
    RawMessage,
    Receipt,
    Reply,
)
from deskhand.desk import Desk
from deskhand.errors import ChannelNotConfigured, Forbidden, InvalidInput

SECRET = "the provider's secret"


@dataclass
class ScriptedChannel:
    """`on_send`, `on_find`, `on_fetch` and `on_collect` take their calls' turns and return or raise what is said."""

    real: Channel
    on_send: Callable[[Outbound], Receipt] | None = None
    on_find: Callable[[Outbound], Receipt | None] | None = None
    on_fetch: Callable[[dict[str, Any]], Batch] | None = None
    on_collect: Callable[[dict[str, Any]], tuple[tuple[NewFile, ...], tuple[str, ...]]] | None = None
    secret: str | None = SECRET
    hangs: bool = False
    parts: tuple[str, ...] | None = None
    door: str = "scripted"
    fetch_every: timedelta = timedelta(hours=1)
    sends: list[Outbound] = field(default_factory=list[Outbound])
    searches: list[tuple[Outbound, datetime]] = field(default_factory=list[tuple[Outbound, datetime]])
    fetches: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    collects: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.name, self.label, self.is_chat = self.real.name, self.real.label, self.real.is_chat

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        return self.real.parse({key: value for key, value in payload.items() if key != "media"})

    def format(self, reply: Reply) -> tuple[str, ...]:
        return self.parts or self.real.format(reply)

    async def send(self, outbound: Outbound) -> Receipt:
        self.sends.append(outbound)
        self.reached.set()
        if self.hangs:
            await asyncio.Event().wait()
        return self.on_send(outbound) if self.on_send else Receipt("sent", f"SM{len(self.sends)}", "taken")

    async def find_sent(self, outbound: Outbound, since: datetime) -> Receipt | None:
        self.searches.append((outbound, since))
        return self.on_find(outbound) if self.on_find else None

    async def fetch(self, cursor: dict[str, Any]) -> Batch:
        self.fetches.append(cursor)
        return self.on_fetch(cursor) if self.on_fetch else Batch((), cursor)

    async def collect(self, payload: dict[str, Any]) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
        self.collects += 1
        return self.on_collect(payload) if self.on_collect else ((), ())

    async def hook(self, request: HookRequest) -> HookAnswer:
        """A JSON document of `messages`, `updates` and `fetch`; its fingerprint comes in a header."""
        if self.secret is None:
            raise ChannelNotConfigured("The scripted channel has no secret.")
        if request.one("x-secret") != self.secret:
            raise Forbidden("The secret is wrong.")
        try:
            told: dict[str, Any] = json.loads(request.body)
        except ValueError as error:
            raise InvalidInput("This is no JSON.") from error
        return HookAnswer(
            messages=tuple(RawMessage(payload) for payload in told.get("messages", [])),
            updates=tuple(DeliveryUpdate(**update) for update in told.get("updates", [])),
            fetch=bool(told.get("fetch", False)),
            status=200,
            body="<Response/>",
            content_type="text/xml",
            fingerprint=request.one("x-fingerprint"),
        )

    def health(self) -> ChannelHealth:
        return ChannelHealth("ready", "scripted")


class Unsearchable:
    """A channel that can only send."""

    def __init__(self, scripted: ScriptedChannel) -> None:
        self.name, self.label, self.is_chat = scripted.name, scripted.label, scripted.is_chat
        self.parse, self.format, self.send, self.health = (
            scripted.parse,
            scripted.format,
            scripted.send,
            scripted.health,
        )


def scripted(
    desk: Desk,
    name: str = "email",
    *,
    searchable: bool = True,
    on_send: Callable[[Outbound], Receipt] | None = None,
    on_find: Callable[[Outbound], Receipt | None] | None = None,
    on_fetch: Callable[[dict[str, Any]], Batch] | None = None,
    on_collect: Callable[[dict[str, Any]], tuple[tuple[NewFile, ...], tuple[str, ...]]] | None = None,
    **script: Any,
) -> tuple[Desk, ScriptedChannel]:
    """The desk with one channel's provider following a script; searches say at once what there is."""
    channel = ScriptedChannel(desk.channels[name], on_send, on_find, on_fetch, on_collect, **script)
    installed: Channel = channel if searchable else Unsearchable(channel)
    settings = desk.settings.model_copy(update={"delivery_search_wait": timedelta(0)})
    return replace(desk, settings=settings, channels=dict(desk.channels) | {name: installed}), channel
