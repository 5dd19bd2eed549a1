"""Fetching: a mailbox is read completely and once, whatever is lost, doubled or broken on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from deskhand import channel_states, inbound
from deskhand.channels.base import Batch, DeliveryUpdate, NewFile, RawMessage
from deskhand.desk import Desk
from deskhand.errors import ChannelError, DatabaseUnavailable
from deskhand.flows.fetching import look_into_mailbox
from deskhand.flows.pausing import resume_channel
from deskhand.flows.waking import wake_mailbox
from deskhand.transport.base import Subscription
from tests.driving import payload, working
from tests.scripted_channel import ScriptedChannel, scripted


@dataclass
class Mailbox:
    """Mails in their order, two a page; `faults` are raised by the next looks, one each."""

    mails: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    faults: list[Exception] = field(default_factory=list[Exception])
    looks: list[int] = field(default_factory=list[int])

    def fetch(self, cursor: dict[str, Any]) -> Batch:
        start = int(cursor.get("seen", 0))
        self.looks.append(start)
        if self.faults:
            raise self.faults.pop(0)
        page = self.mails[start : start + 2]
        end = start + len(page)
        return Batch(tuple(RawMessage(mail) for mail in page), {"seen": end}, more=end < len(self.mails))

    def get(self, number: int, **more: Any) -> dict[str, Any]:
        self.mails.append(payload(f"mail {number}", provider_id=f"gmail-{number}", **more))
        return self.mails[-1]


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await is_so():
            await asyncio.sleep(0.02)


async def wake(desk: Desk) -> bool:
    async with desk.db.transaction() as tx:
        return await wake_mailbox(desk, tx, "email")


async def count(desk: Desk, outcome: str = "") -> int:
    async with desk.db.transaction() as tx:
        row = await (await tx.execute("select count(*) from inbound where %s in ('', outcome)", (outcome,))).fetchone()
    assert row is not None
    return row[0]


async def cursor_of(desk: Desk) -> dict[str, Any]:
    async with desk.db.transaction() as tx:
        state = await channel_states.find(tx, "email")
    return state.cursor if state else {}


async def fetched(desk: Desk, most: int) -> None:
    """Run a worker until the cursor has passed so many mails."""
    async with working(desk):

        async def done() -> bool:
            return (await cursor_of(desk)).get("seen") == most

        await eventually(done)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def reading(desk: Desk, mailbox: Mailbox) -> tuple[Desk, ScriptedChannel]:
    return scripted(desk, on_fetch=mailbox.fetch)


async def test_a_worker_looks_by_itself_and_takes_page_after_page(desk: Desk, mailbox: Mailbox) -> None:
    for number in range(5):
        mailbox.get(number)

    await fetched(reading(desk, mailbox)[0], 5)

    assert mailbox.looks == [0, 2, 4]
    assert await count(desk) == 5


async def test_a_page_that_fails_is_read_again_and_nothing_comes_twice(desk: Desk, mailbox: Mailbox) -> None:
    for number in range(4):
        mailbox.get(number)
    mailbox.faults = [ChannelError("500", permanent=False), ChannelError("500", permanent=False)]

    await fetched(reading(desk, mailbox)[0], 4)

    assert mailbox.looks == [0, 0, 0, 2]
    assert await count(desk) == 4


async def test_the_cursor_stays_when_the_store_fails(desk: Desk, mailbox: Mailbox) -> None:
    """The cursor moves in the transaction that stores: never before it, never without it."""
    mailbox.get(1)
    reader, _ = reading(desk, mailbox)
    publish, refusals = reader.transport.publish, [True]

    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(reader.transport, name)

        async def publish(self, tx: Any, topic: str, *rest: Any, **more: Any) -> bool:
            if topic == reader.topics.email_inbound and refusals:
                refusals.pop()
                raise DatabaseUnavailable
            return await publish(tx, topic, *rest, **more)

    await fetched(replace(reader, transport=Broken()), 1)

    assert mailbox.looks == [0, 0]
    assert await count(desk) == 1


async def test_mail_that_comes_by_again_changes_nothing(desk: Desk, mailbox: Mailbox) -> None:
    mail = mailbox.get(1)
    mailbox.mails.append(mail)
    mailbox.mails.append(mail | {"body": "altered on the way"})

    await fetched(reading(desk, mailbox)[0], 3)

    async with desk.db.transaction() as tx:
        row = await inbound.find_by_provider_id(tx, "email", "gmail-1")
    assert await count(desk) == 1
    assert row is not None
    assert row.payload["body"] == "mail 1"


@pytest.mark.parametrize(
    "broken",
    [
        {"provider_id": "bad", "sender": "nobody", "body": "x"},
        {"provider_id": "bad", "nonsense": True},
        {"body": 7},
        {"provider_id": "bad", "sender": "a@example.com", "body": "a\0b"},
        {"provider_id": "bad", "sender": "a@example.com", "body": "half \ud83d"},
        {},
    ],
)
async def test_a_broken_mail_is_kept_with_the_cause_and_blocks_nothing(
    desk: Desk, mailbox: Mailbox, broken: dict[str, Any]
) -> None:
    mailbox.get(1)
    mailbox.mails.append(broken)
    mailbox.get(2)

    await fetched(reading(desk, mailbox)[0], 3)

    assert await count(desk) == 3
    async with desk.db.transaction() as tx:
        (failed,) = await inbound.list_by_outcome(tx, "failed", limit=5)
    assert failed.detail


async def test_ten_thousand_notices_are_one_look(desk: Desk, mailbox: Mailbox) -> None:
    reader, _ = reading(desk, mailbox)

    queued = [await wake(reader) for _ in range(100)]

    assert queued.count(True) == 1


async def test_a_notice_during_a_look_is_another_look(desk: Desk, mailbox: Mailbox) -> None:
    """The look may have passed by before the mail came."""
    reader, channel = reading(desk, mailbox)
    woken: list[asyncio.Task[bool]] = []

    def fetch(cursor: dict[str, Any]) -> Batch:
        if not woken:
            woken.extend(asyncio.ensure_future(wake(reader)) for _ in range(3))
        return mailbox.fetch(cursor)

    channel.on_fetch = fetch
    async with working(reader):

        async def twice() -> bool:
            return len(mailbox.looks) >= 2

        await eventually(twice)
        assert [await task for task in woken].count(True) == 1


async def test_two_workers_do_not_read_one_mailbox_at_once(desk: Desk, mailbox: Mailbox) -> None:
    for number in range(20):
        mailbox.get(number)
    reader, _ = reading(desk, mailbox)

    async with working(reader):
        await fetched(reader, 20)

    assert sorted(mailbox.looks) == list(range(0, 20, 2))
    assert await count(desk) == 20


async def test_when_only_a_person_can_mend_it_the_mailbox_rests_until_resumed(desk: Desk, mailbox: Mailbox) -> None:
    mailbox.get(1)
    mailbox.faults = [ChannelError("The token was revoked.", permanent=False, pauses=True)]
    reader, _ = reading(desk, mailbox)

    async with working(reader):

        async def rests() -> bool:
            async with desk.db.transaction() as tx:
                return await channel_states.is_paused(tx, "email")

        await eventually(rests)
        await wake(reader)

        async def all_done() -> bool:
            return not any(lag.pending for lag in await desk.transport.lag())

        await eventually(all_done)
        looks_while_resting = len(mailbox.looks)
        async with desk.db.transaction() as tx:
            state = await channel_states.find(tx, "email")
        await resume_channel(reader, "email")

        async def one() -> bool:
            return await count(desk) == 1

        await eventually(one)

    assert looks_while_resting == 1
    assert state is not None
    assert state.detail == "The token was revoked."


async def test_a_mailbox_that_fails_again_and_again_becomes_no_dead_letter(desk: Desk, mailbox: Mailbox) -> None:
    mailbox.get(1)
    mailbox.faults = [ChannelError("503", permanent=False)] * 9
    quick = desk.settings.model_copy(update={"queue_backoff": timedelta(milliseconds=1)})

    await fetched(replace(reading(desk, mailbox)[0], settings=quick), 1)

    assert [lag.dead for lag in await desk.transport.lag()] == [0] * len(await desk.transport.lag())


async def test_a_look_stores_files_and_reports_on_deliveries(desk: Desk) -> None:
    def fetch(_: dict[str, Any]) -> Batch:
        raw = RawMessage(payload("see there", provider_id="gmail-1"), (NewFile("log.txt", "text/plain", b"error 42"),))
        return Batch(
            (raw,), {"seen": 1}, updates=(DeliveryUpdate("failed", "<unknown@mail>"),), notes=("one vanished",)
        )

    await fetched(scripted(desk, on_fetch=fetch)[0], 1)

    async with desk.db.transaction() as tx:
        files = await (await tx.execute("select name, content from files")).fetchall()
        waiting = await (await tx.execute("select provider_id from delivery_updates_waiting")).fetchall()
    assert files == [("log.txt", b"error 42")]
    assert waiting == [("<unknown@mail>",)]


async def test_a_worker_that_lost_its_lease_moves_no_cursor(desk: Desk, mailbox: Mailbox) -> None:
    """Two looks overlap when a worker hangs longer than its lease: only the later one may move the cursor."""
    mailbox.get(1)
    reader, channel = reading(desk, mailbox)
    await wake(reader)

    def fetch(cursor: dict[str, Any]) -> Batch:
        return replace(mailbox.fetch(cursor), cursor={"seen": 99})

    channel.on_fetch = fetch
    stop = asyncio.Event()

    async def overtaken(delivery: Any) -> None:
        async def begin_another() -> None:
            async with desk.db.transaction() as tx:
                await channel_states.begin_fetch(tx, "email", at=desk.clock.now())

        real = channel.fetch

        async def slow(cursor: dict[str, Any]) -> Batch:
            await begin_another()
            stop.set()
            return await real(cursor)

        channel.fetch = slow
        await look_into_mailbox(reader, delivery)

    await reader.transport.run([Subscription(reader.topics.mailboxes, overtaken, 1)], stop)

    assert await cursor_of(desk) == {}
    assert await count(desk) == 0
