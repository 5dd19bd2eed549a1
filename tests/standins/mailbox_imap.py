"""The part of IMAP4rev1 (RFC 3501) that reads a mailbox, strictly: what is out of place or unknown is refused."""

from __future__ import annotations

import asyncio
import email
import re
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

TOKEN: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"|\(([^()]*)\)|([^\s()]+)')
LITERAL: Final = re.compile(rb"\{(\d+)\}$")
FETCH: Final = re.compile(rb"BODY(\.PEEK)?\[\](?:<(\d+)\.(\d+)>)?", re.I)


@dataclass(frozen=True, slots=True)
class Mail:
    uid: int
    at: datetime
    raw: bytes = field(repr=False)
    seen: bool = False


@dataclass
class Folder:
    uid_validity: int = 1
    uid_next: int = 1
    mails: list[Mail] = field(default_factory=list[Mail])

    def add(self, raw: bytes, at: datetime | None = None) -> int:
        self.mails.append(Mail(self.uid_next, at or datetime.now(UTC), raw))
        self.uid_next += 1
        return self.uid_next - 1

    def number_anew(self) -> None:
        """As after a restore from a backup: every mail has another number."""
        self.uid_validity += 1
        old, self.mails, self.uid_next = self.mails, [], 1
        for mail in old:
            self.add(mail.raw, mail.at)

    def delete(self, uid: int) -> None:
        self.mails = [mail for mail in self.mails if mail.uid != uid]

    def replace(self, mail: Mail) -> None:
        self.mails = [mail if one.uid == mail.uid else one for one in self.mails]


class _No(Exception):
    """The command is refused: NO."""


class _Bad(Exception):
    """The command can't be understood: BAD."""


class _Talk:
    def __init__(self, writer: asyncio.StreamWriter, folders: dict[str, Folder], login: tuple[str, str]) -> None:
        self.writer = writer
        self.folders = folders
        self.login = login
        self.is_in = False
        self.folder: Folder | None = None
        self.read_only = False

    def say(self, line: bytes) -> None:
        self.writer.write(b"* " + line + b"\r\n")

    def perform(self, name: str, words: list[bytes], literal: bytes) -> str:
        if name in ("CAPABILITY", "NOOP", "LOGOUT"):
            self.say({"CAPABILITY": b"CAPABILITY IMAP4rev1", "NOOP": b"OK", "LOGOUT": b"BYE"}[name])
            return f"{name} completed"
        if name == "LOGIN":
            if [word.decode() for word in words] != list(self.login):
                raise _No("[AUTHENTICATIONFAILED] Invalid credentials")
            self.is_in = True
            return "LOGIN completed"
        if not self.is_in:
            raise _Bad("not authenticated")
        if name in ("SELECT", "EXAMINE"):
            return self._select(name, words)
        if name == "APPEND":
            self._named(words[0]).add(literal)
            return "APPEND completed"
        if name != "UID" or len(words) < 2 or self.folder is None:
            raise _Bad(f"unknown or out of place: {name}")
        return self._by_uid(words[0].decode().upper(), words[1:])

    def _named(self, word: bytes) -> Folder:
        found = self.folders.get(word.decode())
        if found is None:
            raise _No("[NONEXISTENT] no such folder")
        return found

    def _select(self, name: str, words: list[bytes]) -> str:
        self.folder, self.read_only = self._named(words[0]), name == "EXAMINE"
        self.say(b"%d EXISTS" % len(self.folder.mails))
        self.say(b"0 RECENT")
        self.say(b"FLAGS (\\Seen)")
        self.say(b"OK [UIDVALIDITY %d] UIDs valid" % self.folder.uid_validity)
        self.say(b"OK [UIDNEXT %d] Predicted next UID" % self.folder.uid_next)
        return ("[READ-ONLY] " if self.read_only else "[READ-WRITE] ") + f"{name} completed"

    def _by_uid(self, name: str, words: list[bytes]) -> str:
        assert self.folder is not None
        if name == "SEARCH":
            found = [mail for mail in self.folder.mails if _matches(mail, words, self.folder)]
            self.say(b"SEARCH" + b"".join(b" %d" % mail.uid for mail in found))
        elif name == "FETCH" and len(words) == 2:
            for number, mail in enumerate(self.folder.mails, 1):
                if mail.uid in _uids(words[0], self.folder):
                    self._fetch(number, mail, words[1])
        else:
            raise _Bad(f"unknown: UID {name}")
        return f"UID {name} completed"

    def _fetch(self, number: int, mail: Mail, items: bytes) -> None:
        head = b"%d FETCH (UID %d" % (number, mail.uid)
        if items.upper() == b"RFC822.SIZE":
            self.say(head + b" RFC822.SIZE %d)" % len(mail.raw))
            return
        asked = FETCH.fullmatch(items)
        if asked is None:
            raise _Bad(f"unknown items: {items!r}")
        raw, place = mail.raw, b""
        if asked[2] is not None:
            start, size = int(asked[2]), int(asked[3])
            raw, place = raw[start : start + size], b"<%d>" % start
        if asked[1] is None and not self.read_only and self.folder is not None:
            self.folder.replace(replace(mail, seen=True))
        self.say(head + b" BODY[]%s {%d}\r\n%s)" % (place, len(raw), raw))


def _uids(text: bytes, folder: Folder) -> set[int]:
    found: set[int] = set()
    last = max((mail.uid for mail in folder.mails), default=0)
    for part in text.split(b","):
        first, _, end = part.partition(b":")
        low, high = (last if one == b"*" else int(one) for one in (first, end or first))
        found |= set(range(min(low, high), max(low, high) + 1))  # n:* names the last mail, whatever n is
    return found


def _matches(mail: Mail, words: list[bytes], folder: Folder) -> bool:
    match [word.decode() for word in words]:
        case ["UID", numbers]:
            return mail.uid in _uids(numbers.encode(), folder)
        case ["SINCE", day]:
            return mail.at.date() >= datetime.strptime(day, "%d-%b-%Y").replace(tzinfo=UTC).date()
        case ["HEADER", name, value]:
            return value.lower() in str(email.message_from_bytes(mail.raw).get(name, "")).lower()
        case other:
            raise _Bad(f"unknown search: {other}")


async def serve_imap(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    folders: dict[str, Folder],
    login: tuple[str, str],
    faults: deque[str],
) -> None:
    """One connection, until the client logs out or a fault ends it."""
    talk = _Talk(writer, folders, login)
    talk.say(b"OK IMAP4rev1 ready")
    name = ""
    while name != "LOGOUT":
        line = await reader.readuntil(b"\r\n")
        literal = b""
        if found := LITERAL.search(line.rstrip()):
            writer.write(b"+ go on\r\n")
            literal = await reader.readexactly(int(found[1]))
            await reader.readuntil(b"\r\n")
        tag, _, rest = line.rstrip().partition(b" ")
        words = [_unquoted(one) for one in TOKEN.finditer(rest)]
        name = words[0].decode().upper() if words else ""
        if faults and faults[0] == name:
            faults.popleft()
            return
        writer.write(tag + b" " + _answer(talk, name, words[1:], literal) + b"\r\n")
        await writer.drain()


def _answer(talk: _Talk, name: str, words: list[bytes], literal: bytes) -> bytes:
    try:
        return b"OK " + talk.perform(name, words, literal).encode()
    except _No as no:
        return f"NO {no}".encode()
    except (_Bad, ValueError, IndexError, UnicodeDecodeError) as bad:
        return f"BAD {bad}".encode()


def _unquoted(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return re.sub(rb"\\(.)", rb"\1", found[1])
    return found[2] if found[2] is not None else found[3]
