"""Whatever Gmail, its pushes and our looks come to: in the end we hold what the mailbox holds, each mail once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.clock import TravelClock
from deskhand.errors import ChannelError
from tests.channels.gmail.desk import GmailDesk
from tests.channels.gmail.pushes import push
from tests.channels.letters import letter
from tests.fakes import shipped_company
from tests.standins.google import Failure, GoogleServer
from tests.standins.pubsub_keys import notice

WANTED = {"INBOX", "UNREAD"}
EVENTS = (
    *("deliver", "deliver", "deliver", "spam", "sent", "rescue", "label", "delete"),
    *("push", "stale push", "push five times", "look", "look", "expire", "lose history"),
    *("history fails", "get fails", "answer lost", "busy"),
)
Story = list[tuple[str, int]]


class Happening:
    """One mailbox, one desk, and what has come to the mailbox as a customer's mail."""

    def __init__(self, gmail: GmailDesk) -> None:
        self.gmail = gmail
        self.mailbox = gmail.server.mailbox
        self.ever: set[str] = set()

    async def take_place(self, event: str, number: int) -> None:
        match event:
            case "deliver":
                self.ever.add(self.mailbox.deliver(letter()).id)
            case "spam":
                self.mailbox.deliver(letter(), labels=["SPAM"])
            case "sent":
                self.mailbox.deliver(letter(), labels=["SENT"])
            case "rescue" | "label" | "delete":
                self._change(event, number)
            case "expire":
                self.mailbox.expire_history()
            case "lose history":
                self.mailbox.history.clear()
            case "push" | "stale push" | "push five times":
                await self._push(event, number)
            case "look":
                await self._look()
            case _:
                self._fail(event)

    def _change(self, event: str, number: int) -> None:
        if not self.mailbox.messages:
            return
        message = list(self.mailbox.messages.values())[number % len(self.mailbox.messages)]
        if event == "delete":
            self.mailbox.delete(message.id)
        elif event == "label":
            self.mailbox.label(message.id, add=["STARRED"], remove=["UNREAD"])
        elif "SPAM" in message.labels:
            self.mailbox.label(message.id, add=["INBOX"], remove=["SPAM"])
            self.ever.add(message.id)

    async def _push(self, event: str, number: int) -> None:
        claimed = self.mailbox.history_id - (number if event == "stale push" else 0)
        for _ in range(5 if event == "push five times" else 1):
            answer = await self.gmail.channel.hook(push(self.gmail, body=notice(self.mailbox.address, claimed)))
            if answer.fetch:
                await self._look()

    async def _look(self) -> None:
        with suppress(ChannelError):
            await self.gmail.look()

    def _fail(self, event: str) -> None:
        script = {
            "history fails": ("history.list", [None, Failure(500), Failure(500), Failure(500)]),
            "get fails": ("messages.get", [Failure(503), Failure(None)]),
            "answer lost": ("messages.list", [Failure(None, after=True)]),
            "busy": ("getProfile", [Failure(403, "userRateLimitExceeded")]),
        }
        method, failures = script[event]
        self.gmail.server.misbehave(method, *failures)


async def _play(story: Story) -> Happening:
    async with GoogleServer().running() as google:
        happening = Happening(GmailDesk.connected(google, shipped_company(), TravelClock()))
        await happening.gmail.look()
        for event, number in story:
            await happening.take_place(event, number)
        google.behave()
        await happening.gmail.look_until_done()
        happening.gmail.clock.advance(timedelta(hours=7))  # by then the mailbox has been compared as well
        await happening.gmail.look_until_done()
        return happening


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 50)), max_size=25))
def test_lost_doubled_and_reordered_pushes_end_in_the_same_messages_as_the_mailbox_holds(story: Story) -> None:
    """W19, W20, W21, W22, W24."""
    happening = asyncio.run(_play(story))

    mailbox, gmail = happening.mailbox, happening.gmail
    there = {one.id for one in mailbox.messages.values() if not {"SPAM", "SENT"} & set(one.labels)}
    assert there <= set(gmail.messages) <= happening.ever
    assert len(gmail.arrivals) == len(set(gmail.arrivals))
    assert gmail.server.refused == []
