"""Filing: raw input becomes customer, conversation, message and ticket; what no person wrote becomes none of them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from deskhand import conversations, customers, inbound, tickets
from deskhand.channels.base import InboundMessage
from deskhand.conversations import Conversation
from deskhand.customers import Customer
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import Conflict
from deskhand.flows import attachments, intake
from deskhand.flows.attachments import Collected
from deskhand.flows.brakes import repeats_itself
from deskhand.flows.linking import answer_wish, read_wish
from deskhand.flows.receipts import as_uuid
from deskhand.ids import ConversationId, MessageId
from deskhand.inbound import Inbound
from deskhand.inference.language import detect_language
from deskhand.log import get_logger
from deskhand.transport.base import DeadLetter, Delivery

log = get_logger("filing")

FORM = "web_form"
SETTLED = ("filed", "suspended")
REPEATED = "the same words came three times"


async def file_message(desk: Desk, delivery: Delivery) -> None:
    """Worker: fetch what the provider still holds, then file it and pass it on to the agent, in one commit."""
    ids = {UUID(str(queued.payload["inbound_id"])): queued for queued in delivery.messages}
    async with desk.db.transaction() as tx:
        rows = [await inbound.get(tx, inbound_id) for inbound_id in ids]
    collected = {row.id: await attachments.collect(desk, row, attempt=ids[row.id].attempt) for row in rows if _due(row)}
    async with delivery.settle() as tx:
        for inbound_id, queued in ids.items():
            row = await inbound.get(tx, inbound_id)
            if _due(row):
                is_released = bool(queued.payload.get("released", False))
                await _take_in(desk, tx, row, collected.get(row.id, Collected()), is_released=is_released)


def _due(row: Inbound) -> bool:
    return row.outcome not in SETTLED


async def _take_in(desk: Desk, tx: Tx, row: Inbound, collected: Collected, *, is_released: bool) -> None:
    message = desk.channels[row.channel].parse(row.payload)
    notes = tuple(dict.fromkeys((*row.notes, *message.notes, *collected.notes)))
    message = replace(message, notes=notes, files=await attachments.keep(tx, row, collected))
    if message.automatic and not is_released:
        await _suspend(desk, tx, row, message, message.automatic)
    else:
        await _file(desk, tx, row, message)


async def _suspend(desk: Desk, tx: Tx, row: Inbound, message: InboundMessage, cause: str) -> None:
    """No ticket and no answer; what answers a message of ours stands in its thread."""
    sender = await customers.find_by_identifier(tx, message.sender_kind, message.sender)
    thread = await _named_thread(tx, message, sender) if sender is not None else None
    message_id = None
    if thread is not None:
        message_id = await conversations.add_message(
            tx,
            thread,
            kind="event",
            author="system",
            author_name=message.name,
            subject=message.subject,
            body=f"An automatic message came, which gets no answer ({cause}):\n\n{message.body}",
            folded=message.folded,
            at=row.received_at,
        )
        await attachments.attach(tx, message_id, message.files)
    await inbound.settle(
        tx, row.id, outcome="suspended", detail=cause[:500], message_id=message_id, at=desk.clock.now()
    )
    log.info(
        "message_suspended", channel=row.channel, inbound_id=str(row.id), cause=cause, in_thread=thread is not None
    )


async def _file(desk: Desk, tx: Tx, row: Inbound, message: InboundMessage) -> None:
    customer = await customers.find_or_create(
        tx, message.sender_kind, message.sender, name=message.name, verified=message.verified
    )
    if message.verified:
        await customers.mark_verified(tx, message.sender_kind, message.sender)
    conversation = await _conversation_of(desk, tx, message, customer, row)
    message_id = await _add(tx, conversation, message, row)
    wish = await read_wish(desk, tx, message)
    if wish is not None:
        await inbound.settle(
            tx, row.id, outcome="filed", detail="a wish to link", message_id=message_id, at=desk.clock.now()
        )
        await answer_wish(desk, tx, message, wish, customer, conversation)
        return
    reference = row.reference or await tickets.reserve_reference(
        tx, prefix=desk.settings.reference_prefix, day=row.received_at
    )
    await tickets.open_ticket(
        tx,
        conversation_id=conversation.id,
        customer_id=customer.id,
        reference=reference,
        subject=message.subject or message.body[:80],
        at=row.received_at,
    )
    await inbound.settle(tx, row.id, outcome="filed", detail="", message_id=message_id, at=desk.clock.now())
    hold = message.hold
    if hold is None and await repeats_itself(tx, customer, message, message_id, at=row.received_at):
        hold = REPEATED
    await desk.transport.publish(
        tx,
        desk.topics.tickets_incoming,
        str(conversation.id),
        {"message_id": str(message_id), "verified": message.verified} | ({"hold": hold} if hold else {}),
        dedup_key=str(message_id),
    )
    log.info("message_filed", channel=row.channel, conversation_id=str(conversation.id), hold=hold)


async def _add(tx: Tx, conversation: Conversation, message: InboundMessage, row: Inbound) -> MessageId:
    """The message with its files and notes, and the ids by which answers to it will name it."""
    message_id = await conversations.add_message(
        tx,
        conversation.id,
        kind="inbound",
        author="customer",
        author_name=message.name,
        subject=message.subject,
        body=message.body,
        provider_id=message.provider_id,
        folded=message.folded,
        at=row.received_at,
    )
    await attachments.attach(tx, message_id, message.files)
    if message.notes:
        await conversations.add_message(
            tx, conversation.id, kind="note", author="system", body="\n".join(message.notes), at=row.received_at
        )
    answered = message.known_as or message.provider_id
    for name in dict.fromkeys((answered, message.provider_id)):
        await conversations.name_message(
            tx, message.channel, name, message_id=message_id, delivery_id=None, is_answered=name == answered
        )
    if message.provider_thread:
        await conversations.set_provider_thread(tx, conversation.id, message.provider_thread)
    return message_id


async def _conversation_of(
    desk: Desk, tx: Tx, message: InboundMessage, customer: Customer, row: Inbound
) -> Conversation:
    thread = as_uuid(message.thread)
    continues = ConversationId(thread) if thread is not None else await _named_thread(tx, message, customer)
    guess = detect_language(f"{message.subject}\n{message.body}", hint=None)
    return await conversations.open_conversation(
        tx,
        customer_id=customer.id,
        channel=message.channel,
        subject=message.subject,
        language=guess.code,
        at=row.received_at,
        continues=continues,
        is_chat=desk.channels[message.channel].is_chat,
    )


async def _named_thread(tx: Tx, message: InboundMessage, customer: Customer) -> ConversationId | None:
    """By the provider's ids, for a verified sender only: they can be copied out of any mail that was forwarded.

    The form's own ids are named by our status page, which opened to the secret of the conversation.
    """
    if not message.verified and message.channel != FORM:
        return None
    return await conversations.find_thread(
        tx, message.channel, customer.id, answers=message.answers, provider_thread=message.provider_thread
    )


async def release_suspended(desk: Desk, inbound_id: UUID) -> None:
    """File a suspended message after all, as if a person had written it.

    Raises:
        NotFound: there is no such message.
        Conflict: it is not suspended.
    """
    async with desk.db.transaction() as tx:
        row = await inbound.get(tx, inbound_id)
        if row.outcome != "suspended":
            raise Conflict(f"This message is not suspended, it is {row.outcome}.")
        message = desk.channels[row.channel].parse(row.payload)
        await inbound.settle(tx, row.id, outcome="received", detail="", message_id=None, at=desk.clock.now())
        await intake.publish(desk, tx, row.id, message, released=True)
    log.info("message_released", channel=row.channel, inbound_id=str(inbound_id))


async def record_failure(desk: Desk, tx: Tx, letter: DeadLetter) -> None:
    """A message that could not be processed stays visible: its inbound row says failed and why."""
    inbound_id = as_uuid(str(letter.payload.get("inbound_id")))
    if inbound_id is not None:
        await inbound.settle(
            tx, inbound_id, outcome="failed", detail=letter.error[:500], message_id=None, at=desk.clock.now()
        )
