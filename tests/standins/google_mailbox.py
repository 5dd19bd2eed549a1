"""A Gmail mailbox in memory: messages, labels, threads, and the history of every change."""

from __future__ import annotations

import email
import email.policy
import itertools
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import lru_cache
from typing import Literal, cast

Kind = Literal["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"]
FIELDS = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}
HIDDEN = {"SPAM", "TRASH"}
MESSAGE_ID = re.compile(rb"(?im)^message-id:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n")
SUBJECT = re.compile(r"^(?:(?:re|fwd?|aw|wg)\s*:\s*)+", re.I)


@dataclass(frozen=True, slots=True)
class Stored:
    id: str
    thread: str
    labels: tuple[str, ...]
    at: datetime
    history_id: int
    raw: bytes = field(repr=False)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers() if key.lower() == name.lower()), "")

    def headers(self) -> tuple[tuple[str, str], ...]:
        return _headers(self.raw)


@dataclass(frozen=True, slots=True)
class Record:
    id: int
    kind: Kind
    message: Stored
    labels: tuple[str, ...] = ()


def utc_now() -> datetime:
    return datetime.now(UTC)


@lru_cache(maxsize=50_000)  # a search looks at every mail
def _headers(raw: bytes) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(value).replace("\r\n", "")) for key, value in _parsed(raw).raw_items())


def _parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default.clone(refold_source="none"))


class Mailbox:
    """`rewrites_message_ids`: as Gmail may, a sent mail leaves under another Message-ID than it came with.

    `since`: what is numbered begins there, so that a database that knew an earlier mailbox does not mix up the two.
    """

    def __init__(
        self, address: str = "support@example.com", *, rewrites_message_ids: bool = True, since: int = 0
    ) -> None:
        self.address = address
        self.rewrites_message_ids = rewrites_message_ids
        self.messages: dict[str, Stored] = {}
        self.history: list[Record] = []
        self.sent: list[Stored] = []
        self.oldest_history = 1_000 + since
        self._history_ids = itertools.count(1_001 + since, 7)  # increasing, not contiguous
        self._ids = itertools.count(0x1934A5B6C7D80001 + (since << 20), 0x1_0013)
        self.history_id = 1_000 + since

    def deliver(
        self, raw: bytes, *, labels: Iterable[str] = ("INBOX", "UNREAD"), at: datetime | None = None, thread: str = ""
    ) -> Stored:
        """A mail comes in."""
        return self._add(raw, tuple(labels), at or utc_now(), thread or self._thread_of(raw))

    def send(self, raw: bytes, thread: str) -> Stored:
        """A mail of ours leaves; it stays in its thread only when headers and subject say so as well."""
        if self.rewrites_message_ids or MESSAGE_ID.search(raw) is None:
            fresh = f"Message-ID: <CA{secrets.token_hex(12)}@mail.gmail.com>\r\n".encode()
            raw = fresh + MESSAGE_ID.sub(b"", raw, count=1)
        stays = bool(thread) and self._belongs(raw, thread)
        stored = self._add(raw, ("SENT",), utc_now(), thread if stays else "")
        self.sent.append(stored)
        return stored

    def label(self, message_id: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        message = self.messages[message_id]
        for kind, changed in (("labelAdded", tuple(add)), ("labelRemoved", tuple(remove))):
            if changed:
                kept = [label for label in message.labels if label not in changed or kind == "labelAdded"]
                labels = tuple(dict.fromkeys([*kept, *(changed if kind == "labelAdded" else ())]))
                message = replace(message, labels=labels, history_id=self._next())
                self.messages[message_id] = message
                self.history.append(Record(message.history_id, cast("Kind", kind), message, changed))

    def delete(self, message_id: str) -> None:
        message = replace(self.messages.pop(message_id), history_id=self._next())
        self.history.append(Record(message.history_id, "messageDeleted", message))

    def expire_history(self) -> None:
        """What has happened so far can't be asked for any more."""
        self.oldest_history = self._next()
        self.history.clear()

    def changes(self, after: int, kinds: Iterable[str]) -> list[Record] | None:
        """None when the history does not reach back so far, or not yet so far forward."""
        if after < self.oldest_history or after > self.history_id:
            return None
        wanted = set(kinds) or set(FIELDS)
        return [record for record in self.history if record.id > after and record.kind in wanted]

    def search(self, query: str, labels: Iterable[str], *, spam_and_trash: bool) -> list[Stored]:
        """Newest first. Raises ValueError for an operator that this stand-in does not know."""
        tests = [_test(word) for word in query.split()]
        found = [
            message
            for message in self.messages.values()
            if set(labels) <= set(message.labels)
            and (spam_and_trash or not HIDDEN & set(message.labels))
            and all(test(message) for test in tests)
        ]
        return sorted(found, key=lambda message: (message.at, message.id), reverse=True)

    def _add(self, raw: bytes, labels: tuple[str, ...], at: datetime, thread: str) -> Stored:
        message_id = f"{next(self._ids):x}"
        stored = Stored(message_id, thread or message_id, labels, at, self._next(), raw)
        self.messages[message_id] = stored
        self.history.append(Record(stored.history_id, "messageAdded", stored))
        return stored

    def _next(self) -> int:
        self.history_id = next(self._history_ids)
        return self.history_id

    def _thread_of(self, raw: bytes) -> str:
        named = set(re.findall(r"<[^>]+>", _references(raw)))
        return next((one.thread for one in self.messages.values() if one.header("Message-ID") in named), "")

    def _belongs(self, raw: bytes, thread: str) -> bool:
        named = set(re.findall(r"<[^>]+>", _references(raw)))
        others = [one for one in self.messages.values() if one.thread == thread]
        subject = _plain_subject(str(_parsed(raw)["subject"] or ""))
        return any(
            one.header("Message-ID") in named and _plain_subject(str(_parsed(one.raw)["subject"] or "")) == subject
            for one in others
        )


def _references(raw: bytes) -> str:
    parsed = _parsed(raw)
    return f"{parsed['in-reply-to'] or ''} {parsed['references'] or ''}"


def _plain_subject(subject: str) -> str:
    return SUBJECT.sub("", subject.strip()).strip()


def _test(word: str) -> Callable[[Stored], bool]:
    name, _, value = word.partition(":")
    if name == "after" and value.isdigit():
        return lambda message: message.at.timestamp() >= int(value)
    if name == "rfc822msgid":
        return lambda message: message.header("Message-ID").strip("<> ") == value.strip("<>")
    if name == "to":
        return lambda message: value.lower() in message.header("To").lower()
    raise ValueError(f"this stand-in knows no {word}")
