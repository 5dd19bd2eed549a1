"""How far a Gmail mailbox has been read: kept as JSON, moved in the transaction that stores the messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from deskhand.channels.mailbox_look import as_json, from_json, remembered


@dataclass(frozen=True, slots=True)
class GmailCursor:
    """Times are seconds since 1970. `pending` are messages that were listed and not yet read, oldest first."""

    history_id: int | None = None
    started: int = 0  # nothing older was there for us to read
    pending: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()  # read lately, oldest first, so that a look at everything reads only what is new
    looked: int = 0  # when the history was last read to its end
    compared: int = 0  # when the mailbox was last compared with `recent`
    search_from: int | None = None  # a search that goes on: from when ...
    search_page: str | None = None  # ... and the page that comes next
    watch_ends: int | None = None
    watch_asked: int = 0
    watch_alarm: bool = False  # somebody has been told that the watch is about to lapse

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        return cls(**from_json(stored, cls.__slots__))

    def json(self) -> dict[str, Any]:
        return as_json(asdict(self))

    @property
    def is_behind(self) -> bool:
        return bool(self.pending) or self.search_page is not None

    def with_pending(self, ids: Iterable[str]) -> Self:
        """Each once; what is pending already keeps its place."""
        return replace(self, pending=tuple(dict.fromkeys((*self.pending, *ids))))

    def after(self, done: Collection[str], remember: Iterable[str]) -> Self:
        """`done` are pending no more; those of them to `remember` are not read again by a search."""
        return replace(
            self,
            pending=tuple(one for one in self.pending if one not in done),
            recent=remembered(self.recent, remember),
        )
