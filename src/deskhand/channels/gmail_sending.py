"""Sending through Gmail, and finding out whether a mail of ours has left."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from deskhand.channels.base import Outbound, Receipt
from deskhand.channels.correspondence import Correspondence, Draft, Parent
from deskhand.channels.google_api import GmailSession, Head, Missing, Seen
from deskhand.channels.mail import OUTBOUND_ID_HEADER
from deskhand.channels.mail.message_ids import message_ids
from deskhand.errors import ChannelError

HEADERS: Final = ("Message-ID", OUTBOUND_ID_HEADER)
MOST_SENT: Final = 200  # recent mails that are looked at one by one
READ_BACK: Final = 5.0  # seconds; the mail has left whether or not it can be read back
MARGIN: Final = timedelta(minutes=2)


class GmailSending:
    def __init__(self, correspondence: Correspondence) -> None:
        self._correspondence = correspondence

    async def send(self, session: GmailSession, outbound: Outbound, at: datetime) -> Receipt:
        """Gmail has taken it: `sent`, which is not yet `delivered`. One try: the caller decides about another."""
        parent = await _parent(session, outbound)
        draft = self._correspondence.write(outbound, parent, at)
        try:
            sent = await session.send(draft.raw, parent.thread)
        except Missing:
            if parent.thread is None:
                raise ChannelError("Gmail knows no such mailbox.", permanent=False, pauses=True) from None
            sent = await self._send_outside_the_thread(session, draft)
        return await self._receipt(session, sent, draft.message_id)

    @staticmethod
    async def _send_outside_the_thread(session: GmailSession, draft: Draft) -> Seen:
        """The thread was deleted: its headers still hold it together at the customer's."""
        try:
            return await session.send(draft.raw, None)
        except Missing:
            raise ChannelError("Gmail knows no such mailbox.", permanent=False, pauses=True) from None

    @staticmethod
    async def _receipt(session: GmailSession, sent: Seen, ours: str) -> Receipt:
        """Gmail may replace the Message-ID that we set, and answers name the one that really left."""
        try:
            async with asyncio.timeout(READ_BACK):
                head = await session.head(sent.id, *HEADERS)
        except (ChannelError, Missing, TimeoutError):
            return _as_receipt(Head(sent.id, sent.thread, {}), ours)
        return _as_receipt(head, ours)

    async def find(self, session: GmailSession, outbound: Outbound, since: datetime) -> Receipt | None:
        """By Message-ID, then in the thread, then among all that was sent since.

        Raises:
            ChannelError: permanent when too much was sent since to tell.
        """
        ours = self._correspondence.message_id(outbound.delivery_id)
        by_id = await session.search(f"rfc822msgid:{ours.strip('<>')}")
        for seen in by_id.messages:
            if found := await _check(session, seen.id, outbound, ours):
                return _as_receipt(found, ours)
        if outbound.provider_thread and (found := await _in_thread(session, outbound, ours)):
            return _as_receipt(found, ours)
        query = f"after:{int((since - MARGIN).timestamp())}"
        sent = await session.search(query, label="SENT")
        if len(sent.messages) > MOST_SENT or sent.next:
            sent = await session.search(f"{query} to:{outbound.recipient}", label="SENT")
        if len(sent.messages) > MOST_SENT or sent.next:
            raise ChannelError(
                "Too many mails were sent since to find out whether this one was.", permanent=True, was_sent=None
            )
        for seen in sent.messages:
            if found := await _check(session, seen.id, outbound, ours):
                return _as_receipt(found, ours)
        return None


async def _parent(session: GmailSession, outbound: Outbound) -> Parent:
    """`answers` is a Message-ID, or Gmail's own id of the mail that is answered."""
    answers = outbound.answers or ""
    if not answers or message_ids(answers):
        return Parent(next(iter(message_ids(answers)), ""), outbound.references, outbound.provider_thread)
    try:
        head = await session.head(answers, "Message-ID", "References")
    except Missing:
        return Parent("", outbound.references, outbound.provider_thread)
    known = message_ids(head.headers.get("references", "")) or outbound.references
    return Parent(next(iter(message_ids(head.headers.get("message-id", ""))), ""), known, head.thread or None)


async def _in_thread(session: GmailSession, outbound: Outbound, ours: str) -> Head | None:
    try:
        heads = await session.thread_heads(outbound.provider_thread or "", *HEADERS)
    except Missing:
        return None
    return next((head for head in heads if _is_it(head, outbound, ours)), None)


async def _check(session: GmailSession, message_id: str, outbound: Outbound, ours: str) -> Head | None:
    try:
        head = await session.head(message_id, *HEADERS)
    except Missing:
        return None
    return head if _is_it(head, outbound, ours) else None


def _is_it(head: Head, outbound: Outbound, ours: str) -> bool:
    return (
        head.headers.get(OUTBOUND_ID_HEADER.lower(), "").strip() == outbound.delivery_id
        or head.headers.get("message-id", "").strip() == ours
    )


def _as_receipt(head: Head, ours: str) -> Receipt:
    real = message_ids(head.headers.get("message-id", ""))
    names = tuple(dict.fromkeys((*real, ours)))
    return Receipt("sent", head.id, "taken by Gmail", provider_thread=head.thread or None, also_known_as=names)
