"""One look into a Gmail mailbox: from our cursor, by its history, or by a search when the history is gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from deskhand.channels.base import Batch
from deskhand.channels.correspondence import Correspondence, Envelope, sent_update, unreadable
from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.gmail_cursor import GmailCursor
from deskhand.channels.google_api import GmailSession, Letter, Missing, Page
from deskhand.channels.mailbox_look import FAR_BACK, Look, moment, seconds
from deskhand.errors import ChannelError
from deskhand.log import get_logger

MOST_PAGES: Final = 20  # of one listing: 10,000 messages
NOT_OURS: Final = frozenset(("SPAM", "TRASH", "DRAFT", "CHAT"))
MARGIN: Final = timedelta(days=1)
COMPARE_EVERY: Final = timedelta(hours=6)
COMPARE_FROM: Final = timedelta(days=2)
WATCH_DAILY: Final = timedelta(days=6)  # a watch lasts seven days; it is renewed when less than this is left
WATCH_RETRY: Final = timedelta(minutes=10)
WATCH_ALARM: Final = timedelta(hours=48)

log = get_logger("channels.gmail")


class GmailSync:
    """Reads and never changes: no label, no mark, so that nothing of ours sets off a push."""

    def __init__(self, settings: EmailSettings, correspondence: Correspondence) -> None:
        self._topic = settings.gmail_topic
        self._backlog = settings.backlog
        self._correspondence = correspondence

    async def look(self, session: GmailSession, stored: dict[str, Any], now: datetime) -> Batch:
        """An error leaves the caller's cursor where it was: the same look is taken again."""
        look = Look()
        cursor = await self._keep_watch(session, GmailCursor.read(stored), now, look)
        if not cursor.pending:
            cursor = await self._list(session, cursor, now, look)
        cursor = await self._read_pending(session, cursor, look)
        return look.batch(cursor.json(), more=cursor.is_behind)

    async def _list(self, session: GmailSession, cursor: GmailCursor, now: datetime, look: Look) -> GmailCursor:
        if cursor.history_id is None:
            cursor = await self._start(session, cursor, now)
        elif cursor.search_page is None:
            cursor = await self._read_history(session, cursor, now, look)
        if cursor.search_from is None and now - moment(cursor.compared) >= COMPARE_EVERY:
            since = max(seconds(now - COMPARE_FROM), cursor.started)
            cursor = replace(cursor, search_from=since, compared=seconds(now))
        if cursor.search_from is not None:
            cursor = await self._search(session, cursor, now)
        return cursor

    async def _start(self, session: GmailSession, cursor: GmailCursor, now: datetime) -> GmailCursor:
        """The place is taken before the search, so that what comes meanwhile is in one of the two."""
        profile = await session.profile()
        started = seconds(now - self._backlog)
        search_from = started if self._backlog else None
        return replace(
            cursor,
            history_id=profile.history_id,
            started=started,
            looked=seconds(now),
            compared=seconds(now),
            search_from=search_from,
        )

    async def _read_history(self, session: GmailSession, cursor: GmailCursor, now: datetime, look: Look) -> GmailCursor:
        """All pages or nothing. The cursor is what Gmail said on the first page: what came later is listed again."""
        assert cursor.history_id is not None
        pages: list[Page] = []
        page: str | None = None
        try:
            while len(pages) < MOST_PAGES and (not pages or page):
                pages.append(await session.history(cursor.history_id, page))
                page = pages[-1].next
        except Missing:
            return await self._start_over(session, cursor, now, look)
        place = max(one.last_record for one in pages) if page else pages[0].history_id
        found = [seen.id for one in pages for seen in one.messages if not seen.labels & NOT_OURS]
        return replace(cursor.with_pending(found), history_id=max(place, cursor.history_id), looked=seconds(now))

    async def _start_over(self, session: GmailSession, cursor: GmailCursor, now: datetime, look: Look) -> GmailCursor:
        profile = await session.profile()
        since = max(seconds(moment(cursor.looked) - MARGIN), cursor.started, seconds(now - FAR_BACK))
        look.notes.append(
            f"Gmail's history no longer reaches back to our last look: everything since {moment(since):%Y-%m-%d %H:%M} "
            "UTC is looked through"
        )
        return replace(cursor, history_id=profile.history_id, looked=seconds(now), search_from=since, search_page=None)

    async def _search(self, session: GmailSession, cursor: GmailCursor, now: datetime) -> GmailCursor:
        """Everything since a moment that was not read lately; lists come newest first and are turned round."""
        known = frozenset(cursor.recent)
        found: list[str] = []
        page = cursor.search_page
        for _ in range(MOST_PAGES):
            try:
                listed = await session.search(f"after:{cursor.search_from}", page)
            except ChannelError as error:
                if page is None or not error.permanent:
                    raise
                listed = await session.search(f"after:{cursor.search_from}")  # a page's token ends with time
            found += [seen.id for seen in listed.messages if seen.id not in known]
            page = listed.next
            if page is None:
                break
        since = cursor.search_from if page else None
        return replace(cursor.with_pending(reversed(found)), search_from=since, search_page=page)

    async def _read_pending(self, session: GmailSession, cursor: GmailCursor, look: Look) -> GmailCursor:
        done: list[str] = []
        remembered: list[str] = []
        for message_id in cursor.pending:
            if look.is_full:
                break
            done.append(message_id)
            try:
                letter = await session.letter(message_id)
            except Missing:
                look.notes.append(f"message {message_id} vanished before it could be read")
                continue
            except ChannelError as error:
                if not error.permanent or error.pauses:
                    raise
                look.messages.append(unreadable(Envelope(message_id), str(error)))
                continue
            if not letter.labels & NOT_OURS:
                remembered.append(message_id)
                await self._take_in(letter, look)
        return cursor.after(frozenset(done), remembered)

    async def _take_in(self, letter: Letter, look: Look) -> None:
        look.size += len(letter.raw)
        if "SENT" in letter.labels:
            update = await asyncio.to_thread(sent_update, letter.raw, letter.id)
            look.updates += [update] if update else []
            return
        envelope = Envelope(letter.id, letter.thread or None)
        taken = await asyncio.to_thread(self._correspondence.take_in, letter.raw, envelope)
        look.add(taken)

    async def _keep_watch(self, session: GmailSession, cursor: GmailCursor, now: datetime, look: Look) -> GmailCursor:
        """Pushes end after seven days unless they are asked for again; looks go on without them."""
        left = moment(cursor.watch_ends) - now if cursor.watch_ends is not None else timedelta(0)
        if self._topic is None or left > WATCH_DAILY or now - moment(cursor.watch_asked) < WATCH_RETRY:
            return cursor
        try:
            ends = await session.watch(self._topic)
        except (ChannelError, Missing) as error:
            cursor = replace(cursor, watch_asked=seconds(now))
            return self._alarm(cursor, left, str(error) or "Gmail knows no such topic.", look)
        return replace(cursor, watch_ends=seconds(ends), watch_asked=seconds(now), watch_alarm=False)

    @staticmethod
    def _alarm(cursor: GmailCursor, left: timedelta, reason: str, look: Look) -> GmailCursor:
        if left >= WATCH_ALARM or cursor.watch_alarm:
            return cursor
        when = f"end in {max(0, int(left.total_seconds() // 3600))} hours" if cursor.watch_ends else "have not begun"
        look.notes.append(f"ALARM: Gmail's pushes {when}, and asking for them failed: {reason}")
        log.error("gmail_watch_lapsing", reason=reason, hours=int(left.total_seconds() // 3600))
        return replace(cursor, watch_alarm=True)
