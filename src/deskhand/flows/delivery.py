"""Delivery: a queued reply goes to its provider once, and its state says what is known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from deskhand import channel_states, conversations, crash, deliveries
from deskhand.breaker import CircuitBreaker, rest_before_a_probe
from deskhand.channels.base import Channel, Outbound, Receipt, Searchable
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import ChannelError
from deskhand.flows.metrics import Figure, publish_figures
from deskhand.flows.pausing import pause_channel
from deskhand.flows.receipts import record_receipt, tell_failure
from deskhand.log import get_logger
from deskhand.transport.base import DeadLetter, Delivery, Postpone

log = get_logger("delivery")

NO_TRACE = "sent twice without an answer, and the provider shows neither: look there before sending it again"
UNKNOWABLE = "nobody can tell whether the provider has it"
TAKEN_OVER = "an operator took over"


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery with everything that its provider is told."""

    desk: Desk
    lease: Delivery
    delivery: deliveries.Delivery
    channel: Channel
    outbound: Outbound

    @property
    def first_sent_at(self) -> datetime:
        """No earlier than this can the provider have got it."""
        attempted_at = self.delivery.attempted_at if self.delivery.resends == 0 else None
        return attempted_at or self.delivery.created_at

    @property
    def breaker(self) -> CircuitBreaker:
        return self.desk.breakers.of(self.delivery.channel, self.desk.clock.now)

    @property
    def is_overdue(self) -> bool:
        return self.desk.clock.now() - self.delivery.created_at > self.desk.settings.delivery_patience


async def deliver(desk: Desk, lease: Delivery) -> None:
    """Worker: claim, send, record. What was being sent when a worker died is looked up, and not sent again blindly."""
    delivery_id = UUID(str(lease.messages[0].payload["delivery_id"]))
    async with desk.db.transaction() as tx:
        found = await deliveries.get(tx, delivery_id)
        is_due = found.state in ("queued", "sending", "unknown")
        rest = await _rest_of(desk, tx, found) if is_due else None
        withheld = await _why_withheld(tx, found) if is_due and rest is None else None
        is_free = is_due and rest is None and withheld is None
        claimed = is_free and await deliveries.claim(tx, delivery_id, desk.clock.now())
        outbound = await _outbound(tx, found)
    if not is_due:
        async with lease.settle():
            return
    if rest is not None:
        raise Postpone(rest)
    job = Job(desk, lease, found, desk.channels[found.channel], outbound)
    if claimed:
        await _send(job)
    elif found.state == "queued":
        await _fail(job, withheld or "it was taken back")
    else:
        await _find_out(job)


async def _rest_of(desk: Desk, tx: Tx, found: deliveries.Delivery) -> timedelta | None:
    """How long nothing is to be asked of the provider: a person paused it, or it fails and others are probing it."""
    if await channel_states.is_paused(tx, found.channel):
        return desk.settings.queue_backoff_cap
    breaker = desk.breakers.of(found.channel, desk.clock.now)
    return None if breaker.admits() else rest_before_a_probe(breaker)


async def _why_withheld(tx: Tx, found: deliveries.Delivery) -> str | None:
    """Why it may not leave any more. Holds the conversation until the commit: a takeover is before it or behind it."""
    if await deliveries.is_after_a_failure(tx, found.message_id, found.position):
        return "an earlier part was not delivered"
    message = await conversations.get_message(tx, found.message_id)
    if message.author == "agent" and await conversations.lock_handler(tx, message.conversation_id) == "operator":
        return TAKEN_OVER
    return None


async def _outbound(tx: Tx, found: deliveries.Delivery) -> Outbound:
    message = await conversations.get_message(tx, found.message_id)
    conversation = await conversations.get(tx, message.conversation_id)
    links = await conversations.read_links(tx, message, found.channel)
    return Outbound(
        delivery_id=str(found.id),
        recipient=found.recipient,
        text=found.body,
        subject=found.copy_subject or message.subject,
        answers=links.answers,
        references=links.references,
        provider_thread=links.provider_thread,
        is_automatic=message.author == "agent",
        customer_wrote_at=await conversations.last_inbound_at(tx, conversation.customer_id, found.channel),
        attempt=found.attempts + 1,
    )


async def _send(job: Job) -> None:
    """One attempt; the delivery is in the state 'sending'."""
    crash.here("before_send")
    try:
        async with asyncio.timeout(job.desk.settings.provider_timeout.total_seconds()):
            receipt = await job.channel.send(job.outbound)
    except TimeoutError:
        await _on_refusal(job, ChannelError("The provider did not answer in time.", permanent=False, was_sent=None))
    except ChannelError as error:
        await _on_refusal(job, error)
    else:
        crash.here("after_send")
        job.breaker.succeeded()
        await _record_sent(job, receipt)
        crash.here("after_sent_commit")


async def _record_sent(job: Job, receipt: Receipt) -> None:
    desk = job.desk
    async with job.lease.settle() as tx:
        await record_receipt(desk, tx, job.delivery, receipt)
        sent = await conversations.get_message(tx, job.delivery.message_id)
        if sent.in_reply_to is not None and job.delivery.position == 1 and not job.delivery.is_copy:
            question = await conversations.get_message(tx, sent.in_reply_to)
            waited = max(0.0, (desk.clock.now() - question.created_at).total_seconds())
            figures = [Figure("reply_seconds", waited)]
            await publish_figures(desk, tx, job.delivery.channel, sent.conversation_id, figures)


async def _on_refusal(job: Job, error: ChannelError) -> None:
    """Wait, give up, or find out later: by what the channel knows of the message and of the fault."""
    job.breaker.note(is_well=error.permanent)
    if error.was_sent is None:
        await _leave_unknown(job, error.message)
        return
    if error.pauses:
        await _rest(job, error)
    if error.permanent or job.is_overdue:
        await _fail(job, error.message)
        return
    desk = job.desk
    async with desk.db.transaction() as tx:
        await deliveries.requeue(tx, job.delivery.id, detail=error.message[:500], at=desk.clock.now())
    if error.retry_after is not None:
        raise Postpone(error.retry_after)
    if job.breaker.is_open:  # it fails for everybody: an outage uses up nobody's attempts, only their patience
        raise Postpone(rest_before_a_probe(job.breaker))
    raise error


async def _rest(job: Job, error: ChannelError) -> NoReturn:
    """The account is at fault and not the message: it keeps its attempts and waits until a person has resumed us."""
    desk = job.desk
    async with desk.db.transaction() as tx:
        await deliveries.requeue(tx, job.delivery.id, detail=error.message[:500], at=desk.clock.now())
        await pause_channel(desk, tx, job.delivery.channel, error.message)
    raise Postpone(desk.settings.queue_backoff_cap)


async def _leave_unknown(job: Job, detail: str) -> None:
    """Unknown from now on: for good where the provider can't be asked, else until it has been."""
    desk = job.desk
    if isinstance(job.channel, Searchable):
        async with desk.db.transaction() as tx:
            await _mark_unknown(job, tx, detail)
        raise Postpone(desk.settings.delivery_search_wait)
    async with job.lease.settle() as tx:
        await _mark_unknown(job, tx, detail)


async def _mark_unknown(job: Job, tx: Tx, detail: str) -> None:
    await deliveries.mark_unknown(tx, job.delivery.id, detail=detail[:500], at=job.desk.clock.now())
    log.warning("delivery_unknown", delivery_id=str(job.delivery.id), channel=job.delivery.channel)


async def _find_out(job: Job) -> None:
    """Ask the provider for what was sent without an answer, before it is sent once more at the most."""
    desk, channel = job.desk, job.channel
    if not isinstance(channel, Searchable):
        async with job.lease.settle() as tx:
            await _mark_unknown(job, tx, "a worker stopped while sending; the provider may have it")
        return
    async with desk.db.transaction() as tx:
        others = await deliveries.ids_of_others(tx, job.delivery)
    try:
        async with asyncio.timeout(desk.settings.provider_timeout.total_seconds()):
            receipt = await channel.find_sent(replace(job.outbound, others=others), job.first_sent_at)
    except TimeoutError:
        await _on_no_answer(job, ChannelError("The provider did not answer in time.", permanent=False))
    except ChannelError as error:
        await _on_no_answer(job, error)
    else:
        job.breaker.succeeded()
        if receipt is not None:
            log.info("delivery_found", delivery_id=str(job.delivery.id), channel=job.delivery.channel)
            await _record_sent(job, receipt)
        else:
            await _send_once_more(job)


async def _on_no_answer(job: Job, error: ChannelError) -> None:
    desk = job.desk
    job.breaker.note(is_well=error.permanent)
    if error.pauses:
        async with desk.db.transaction() as tx:
            await pause_channel(desk, tx, job.delivery.channel, error.message)
        raise Postpone(desk.settings.queue_backoff_cap)
    if error.permanent or job.is_overdue:
        async with job.lease.settle() as tx:
            await _mark_unknown(job, tx, f"{UNKNOWABLE}: {error.message}")
        return
    async with desk.db.transaction() as tx:
        await _mark_unknown(job, tx, f"not known yet: {error.message}")
    raise Postpone(error.retry_after or desk.settings.delivery_search_wait)


async def _send_once_more(job: Job) -> None:
    """The provider has no record of it: sent again when it has had time to make one, and only once."""
    desk, now = job.desk, job.desk.clock.now()
    due_at = (job.delivery.attempted_at or now) + desk.settings.delivery_search_wait
    if now < due_at:
        async with desk.db.transaction() as tx:
            await _mark_unknown(job, tx, "no trace at the provider so far")
        raise Postpone(due_at - now)
    async with desk.db.transaction() as tx:
        withheld = await _why_withheld(tx, job.delivery)
        claimed = withheld is None and await deliveries.claim_again(tx, job.delivery.id, desk.clock.now())
    if claimed:
        await _send(job)
        return
    if withheld is not None:
        await _fail(job, withheld)
        return
    async with job.lease.settle() as tx:
        await _mark_unknown(job, tx, NO_TRACE)


async def _fail(job: Job, detail: str) -> None:
    async with job.lease.settle() as tx:
        await _record_failed(job.desk, tx, job.delivery, detail)


async def _record_failed(desk: Desk, tx: Tx, delivery: deliveries.Delivery, detail: str) -> None:
    if await deliveries.advance(
        tx, delivery.id, state="failed", provider_id=None, detail=detail[:500], at=desk.clock.now()
    ):
        await tell_failure(desk, tx, delivery, detail[:500])


async def record_failure(desk: Desk, tx: Tx, letter: DeadLetter) -> None:
    """A delivery that was given up shows as failed, or as unknown when it may have left."""
    raw = letter.payload.get("delivery_id")
    found = await deliveries.find(tx, UUID(raw)) if isinstance(raw, str) else None
    if found is None:
        return
    if found.state in ("sending", "unknown"):
        await deliveries.mark_unknown(tx, found.id, detail=f"{UNKNOWABLE}: {letter.error}"[:500], at=desk.clock.now())
    else:
        await _record_failed(desk, tx, found, letter.error)
