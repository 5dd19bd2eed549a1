"""One look into a plain mailbox: by UID from our cursor, or by date when the server has numbered its mails anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from deskhand.channels.base import Batch
from deskhand.channels.correspondence import Correspondence, Envelope, mail_key
from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.imap import Folder, ImapSession
from deskhand.channels.mailbox_look import FAR_BACK, Look, as_json, from_json, moment, remembered, seconds

MARGIN: Final = timedelta(days=2)  # SINCE knows days only, in the server's own time zone


@dataclass(frozen=True, slots=True)
class MailboxCursor:
    """`uid` is the last one listed under `uid_validity`; times are seconds since 1970."""

    uid_validity: int | None = None
    uid: int = 0
    pending: tuple[int, ...] = ()  # listed and not yet read
    recent: tuple[str, ...] = ()  # keys of mails read lately, oldest first: they outlive a new numbering
    started: int = 0  # nothing older was there for us to read
    looked: int = 0

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        return cls(**from_json(stored, cls.__slots__))

    def json(self) -> dict[str, Any]:
        return as_json(asdict(self))

    def with_pending(self, uids: Iterable[int]) -> Self:
        listed = tuple(dict.fromkeys((*self.pending, *uids)))
        return replace(self, pending=listed, uid=max((self.uid, *listed)))

    def after(self, done: frozenset[int], keys: Iterable[str]) -> Self:
        return replace(
            self,
            pending=tuple(uid for uid in self.pending if uid not in done),
            recent=remembered(self.recent, keys),
        )


class MailboxSync:
    """Blocking: a look is taken in a thread. A mail's key is its Message-ID and its content, not its number."""

    def __init__(self, settings: EmailSettings, correspondence: Correspondence) -> None:
        self._folder = settings.imap_folder
        self._backlog = settings.backlog
        self._correspondence = correspondence

    def look(self, session: ImapSession, stored: dict[str, Any], now: datetime) -> Batch:
        """An error leaves the caller's cursor where it was: the same look is taken again."""
        look = Look()
        cursor = MailboxCursor.read(stored)
        folder = session.open_folder(self._folder)
        if cursor.uid_validity != folder.uid_validity:
            cursor = self._number_anew(session, cursor, folder, now, look)
        if not cursor.pending:
            cursor = replace(cursor.with_pending(session.uids_after(cursor.uid)), looked=seconds(now))
        cursor = self._read_pending(session, cursor, look)
        return look.batch(cursor.json(), more=bool(cursor.pending))

    def _number_anew(
        self, session: ImapSession, cursor: MailboxCursor, folder: Folder, now: datetime, look: Look
    ) -> MailboxCursor:
        """The first look, or one after the server has given its mails new numbers."""
        fresh = replace(cursor, uid_validity=folder.uid_validity, uid=0, pending=(), looked=seconds(now))
        if cursor.uid_validity is None:
            newest = folder.uid_next - 1 if folder.uid_next else max(session.uids_after(0), default=0)
            fresh = replace(fresh, uid=max(0, newest), started=seconds(now - self._backlog))
            return fresh.with_pending(session.uids_since(now - self._backlog)) if self._backlog else fresh
        since = max(moment(cursor.looked) - MARGIN, moment(cursor.started) - MARGIN, now - FAR_BACK)
        look.notes.append(
            f"the mailbox has numbered its mails anew: everything since {since:%Y-%m-%d} is looked through"
        )
        newest = max(session.uids_after(0), default=0)
        return replace(fresh.with_pending(session.uids_since(since)), uid=newest)

    def _read_pending(self, session: ImapSession, cursor: MailboxCursor, look: Look) -> MailboxCursor:
        done: list[int] = []
        keys: dict[str, None] = dict.fromkeys(cursor.recent)
        for uid in cursor.pending:
            if look.is_full:
                break
            done.append(uid)
            letter = session.letter(uid)
            if letter is None:
                look.notes.append(f"message {uid} vanished before it could be read")
                continue
            look.size += len(letter.raw)
            key = mail_key(letter.raw)
            if key in keys:
                continue
            keys[key] = None
            look.add(self._correspondence.take_in(letter.raw, Envelope(key)))
        return cursor.after(frozenset(done), keys)
