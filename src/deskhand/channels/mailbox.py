"""E-mail through any mailbox with IMAP and SMTP."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from deskhand.channels import text
from deskhand.channels.base import Batch, ChannelHealth, InboundMessage, Outbound, Receipt, Reply
from deskhand.channels.correspondence import Correspondence, Draft, Parent
from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.fields import read_message
from deskhand.channels.imap import open_imap
from deskhand.channels.mail.message_ids import message_ids
from deskhand.channels.mailbox_sync import MailboxSync
from deskhand.channels.smtp import send_mail
from deskhand.clock import Clock
from deskhand.company_folder import Company
from deskhand.errors import ChannelError
from deskhand.log import get_logger

log = get_logger("channels.mailbox")


class MailboxChannel:
    """Every call has a connection of its own, in a thread."""

    name = "email"
    label = "E-mail"
    is_chat = False

    def __init__(self, settings: EmailSettings, company: Company, clock: Clock) -> None:
        self._settings = settings
        self._company = company
        self._clock = clock
        self._correspondence = Correspondence(settings, company.profile.team)
        self._sync = MailboxSync(settings, self._correspondence)

    @property
    def fetch_every(self) -> timedelta:
        return self._settings.fetch_every

    def parse(self, payload: dict[str, Any]) -> InboundMessage:
        return read_message(self.name, "email", payload)

    def format(self, reply: Reply) -> tuple[str, ...]:
        return (text.letter(reply, self._company, self.name),)

    def health(self) -> ChannelHealth:
        return ChannelHealth("ready", f"mailbox, {self._settings.address}")

    async def fetch(self, cursor: dict[str, Any]) -> Batch:
        def look() -> Batch:
            with open_imap(self._settings) as session:
                return self._sync.look(session, cursor, self._clock.now())

        return await asyncio.to_thread(look)

    async def send(self, outbound: Outbound) -> Receipt:
        parent = Parent(_bare_id(outbound.answers), outbound.references)
        draft = self._correspondence.write(outbound, parent, self._clock.now())
        await asyncio.to_thread(send_mail, self._settings, outbound.recipient, draft.raw)
        if self._settings.sent_copies == "append":
            await asyncio.to_thread(self._keep, draft)
        return Receipt("sent", draft.message_id, "taken by the SMTP server")

    def _keep(self, draft: Draft) -> None:
        """The mail has left whether or not its copy is kept."""
        try:
            with open_imap(self._settings) as session:
                session.keep(self._settings.sent_folder, draft.raw, self._clock.now())
        except ChannelError as error:
            log.warning("copy_not_kept", error=str(error))

    async def find_sent(self, outbound: Outbound, since: datetime) -> Receipt | None:
        """Its absence says something only where the SMTP server itself keeps what it has taken.

        A copy that we append comes after the mail has left: a crash between the two leaves none.
        """
        message_id = self._correspondence.message_id(outbound.delivery_id)
        if self._settings.sent_copies != "none" and await asyncio.to_thread(self._is_kept, message_id):
            return Receipt("sent", message_id, "found among sent mail")
        if self._settings.sent_copies == "server":
            return None
        raise ChannelError(
            "Nothing tells whether this mail has left: look at its recipient's answers.", permanent=True, was_sent=None
        )

    def _is_kept(self, message_id: str) -> bool:
        with open_imap(self._settings) as session:
            session.open_folder(self._settings.sent_folder)
            return bool(session.uids_by_message_id(message_id))


def _bare_id(answers: str | None) -> str:
    """The Message-ID in what `mail_key` made, or as it is."""
    return next(iter(message_ids(answers or "")), "")
