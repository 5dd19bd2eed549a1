"""Linking: a customer on a chat proves by a mailed code that an address is theirs, and is one customer from then on.

The answers in the chat are the same whether we know the address or not, and a code goes to nobody else's address than
one of our customers: neither tells a stranger who is a customer, nor writes to strangers.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from deskhand import channel_states, conversations, customers, deliveries
from deskhand.channels.base import InboundMessage, Outbound
from deskhand.conversations import Conversation
from deskhand.customers import Customer, LinkCode, merging
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import ChannelError, InvalidInput
from deskhand.flows.merging import merge_customers
from deskhand.flows.pausing import pause_channel
from deskhand.log import get_logger
from deskhand.transport.base import Delivery, Postpone

log = get_logger("linking")

MAIL = "email"
GOOD_FOR = timedelta(minutes=15)
HOUR = timedelta(hours=1)
MOST_AN_HOUR = 3
MOST_TRIES = 5
CODE = re.compile(r"\s*(\d{3})[ -]?(\d{3})\s*\.?\s*")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a chat message asks of linking: an address to be linked, or a code that proves one."""

    address: str = ""
    code: str = ""


async def read_wish(desk: Desk, tx: Tx, message: InboundMessage) -> Wish | None:
    """None for every other message; six digits are a code only when the sender has asked for one."""
    if not message.verified or not desk.channels[message.channel].is_chat:
        return None
    word, _, rest = message.body.strip().partition(" ")
    if word.lower() == desk.company.voice.linking.command.lower():
        try:
            return Wish(address=customers.normalise("email", rest))
        except InvalidInput:
            return None
    digits = CODE.fullmatch(message.body)
    since = desk.clock.now() - HOUR
    if digits and await merging.has_asked(tx, message.sender_kind, message.sender, since=since):
        return Wish(code=digits[1] + digits[2])
    return None


async def answer_wish(
    desk: Desk, tx: Tx, message: InboundMessage, wish: Wish, customer: Customer, conversation: Conversation
) -> None:
    """Do what is asked and say so; no ticket, no turn."""
    voice = desk.company.voice.linking
    if wish.address:
        await _ask_for_code(desk, tx, message, wish.address)
        words = voice.asked.format(address=wish.address)
    elif await _redeem(desk, tx, message, wish.code, customer):
        words = voice.linked
    else:
        words = voice.refused.format(command=voice.command)
    await _say(desk, tx, conversation, message, words)


async def _ask_for_code(desk: Desk, tx: Tx, message: InboundMessage, address: str) -> None:
    """A request is kept in any case, so that a wrong code sounds the same for every address."""
    now = desk.clock.now()
    await deliveries.lock_name(tx, "link", address)
    asked = await merging.count_codes(tx, message.sender_kind, message.sender, address, since=now - HOUR)
    if asked >= MOST_AN_HOUR:
        log.warning("link_withheld", channel=message.channel)
        return
    code_id = await merging.insert_code(
        tx,
        message.sender_kind,
        message.sender,
        address,
        code_hash=secrets.token_bytes(32),
        at=now,
        expires_at=now + GOOD_FOR,
    )
    if await customers.find_by_identifier(tx, "email", address) is not None:
        payload = {"code_id": str(code_id), "channel": message.channel}
        await desk.transport.publish(tx, desk.topics.link_codes, str(code_id), payload, dedup_key=str(code_id))


async def mail_code(desk: Desk, delivery: Delivery) -> None:
    """Worker: make the code and mail it. It is kept nowhere: a second try makes another."""
    payload = delivery.messages[0].payload
    code_id = UUID(str(payload["code_id"]))
    code = f"{secrets.randbelow(1_000_000):06d}"
    async with desk.db.transaction() as tx:
        asked = await merging.find_code(tx, code_id)
        rests = await channel_states.is_paused(tx, MAIL)
        is_open = asked is not None and asked.used_at is None and asked.expires_at > desk.clock.now()
        if is_open and not rests:
            await merging.set_code(tx, code_id, hash_code(code_id, code))
    if asked is None or not is_open:
        async with delivery.settle():
            return
    if rests:
        raise Postpone(desk.settings.queue_backoff_cap)
    await _mail(desk, asked, code, str(payload["channel"]))
    async with delivery.settle():
        log.info("link_code_mailed")


async def _mail(desk: Desk, asked: LinkCode, code: str, channel: str) -> None:
    voice = desk.company.voice.linking
    mail = Outbound(
        delivery_id=f"code-{asked.id}",
        recipient=asked.email,
        text=voice.mail.format(code=code, channel=desk.channels[channel].label),
        subject=voice.mail_subject.format(code=code),
    )
    try:
        async with asyncio.timeout(desk.settings.provider_timeout.total_seconds()):
            await desk.channels[MAIL].send(mail)
    except ChannelError as error:
        if error.pauses:
            async with desk.db.transaction() as tx:
                await pause_channel(desk, tx, MAIL, error.message)
        if error.pauses or error.retry_after is not None:
            raise Postpone(error.retry_after or desk.settings.queue_backoff_cap) from error
        raise


async def _redeem(desk: Desk, tx: Tx, message: InboundMessage, code: str, customer: Customer) -> bool:
    now = desk.clock.now()
    tried = await merging.count_try(tx, message.sender_kind, message.sender, most=MOST_TRIES, at=now)
    if tried is None or not hmac.compare_digest(bytes(tried.code_hash), hash_code(tried.id, code)):
        return False
    holder = await customers.find_by_identifier(tx, "email", tried.email)
    if holder is None:
        return False
    await merging.mark_used(tx, tried.id, at=now)
    await customers.mark_verified(tx, "email", tried.email)
    evidence = f"a code mailed to {tried.email} came back on {message.channel} from {message.sender}"
    await merge_customers(desk, tx, kept=holder.id, merged=customer.id, evidence=evidence)
    return True


def hash_code(code_id: UUID, code: str) -> bytes:
    return hashlib.scrypt(code.encode(), salt=code_id.bytes, n=2**12, r=8, p=1, dklen=32)


async def _say(desk: Desk, tx: Tx, conversation: Conversation, message: InboundMessage, words: str) -> None:
    """In the desk's own words, to the address that wrote."""
    now = desk.clock.now()
    message_id = await conversations.add_message(
        tx, conversation.id, kind="outbound", author="system", author_name=desk.company.profile.team, body=words, at=now
    )
    queued = await deliveries.queue(
        tx, message_id=message_id, channel=message.channel, recipient=message.sender, parts=(words,), at=now
    )
    for delivery_id in map(str, queued):
        await desk.transport.publish(
            tx, desk.topics.deliveries, str(conversation.id), {"delivery_id": delivery_id}, dedup_key=delivery_id
        )
