"""A mailbox over IMAP (RFC 3501): read without leaving a mark, one connection a look."""

from __future__ import annotations

import contextlib
import imaplib
import re
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.mail import DEFAULT_BOUNDS
from deskhand.errors import ChannelError

SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
LONGEST_LINE: Final = 10_000_000
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Folder:
    """`uid_next` is 0 where the server does not tell."""

    uid_validity: int
    uid_next: int


@dataclass(frozen=True, slots=True)
class Letter:
    uid: int
    raw: bytes = field(repr=False)


class ImapSession:
    """Blocking: use it in a thread. Every method raises ChannelError."""

    def __init__(self, connection: imaplib.IMAP4) -> None:
        self._connection = connection

    def open_folder(self, name: str) -> Folder:
        """For reading only: no mail is marked as seen."""
        self._ask("select", _quoted(name), True)
        return Folder(self._number("UIDVALIDITY"), self._number("UIDNEXT"))

    def uids_after(self, uid: int) -> list[int]:
        """`n:*` always names the last mail, even one before n."""
        return [one for one in self._uids("UID", f"{uid + 1}:*") if one > uid]

    def uids_since(self, day: datetime) -> list[int]:
        return self._uids("SINCE", f"{day.day:02d}-{MONTHS[day.month - 1]}-{day.year}")

    def uids_by_message_id(self, message_id: str) -> list[int]:
        return self._uids("HEADER", "Message-ID", _quoted(message_id))

    def letter(self, uid: int) -> Letter | None:
        """None when it was deleted. Of a mail over our limit only what we would read comes over the wire."""
        sizes = self._ask("uid", "FETCH", str(uid), "(RFC822.SIZE)")
        found = SIZE.search(b"".join(_bytes(part) for part in sizes))
        if found is None:
            return None
        part = f"<0.{DEFAULT_BOUNDS.size + 1}>" if int(found[1]) > DEFAULT_BOUNDS.size else ""
        answer = self._ask("uid", "FETCH", str(uid), f"(BODY.PEEK[]{part})")
        raw = next((cast("tuple[bytes, bytes]", one)[1] for one in answer if isinstance(one, tuple)), None)
        return None if raw is None else Letter(uid, raw)

    def keep(self, folder: str, raw: bytes, at: datetime) -> None:
        self._ask("append", _quoted(folder), "(\\Seen)", imaplib.Time2Internaldate(at), raw)

    def _uids(self, *criteria: str) -> list[int]:
        answer = self._ask("uid", "SEARCH", *criteria)
        return sorted(int(uid) for part in answer for uid in _bytes(part).split())

    def _number(self, name: str) -> int:
        values = self._connection.response(name)[1]
        return int(values[0]) if values and values[0] is not None else 0

    def _ask(self, command: str, *arguments: Any) -> list[Any]:
        status, answer = cast("tuple[str, list[Any]]", getattr(self._connection, command)(*arguments))
        if status != "OK":
            raise ChannelError(f"The IMAP server refused {command.upper()}: {_shown(answer)}", permanent=False)
        return answer


@contextmanager
def open_imap(settings: EmailSettings) -> Generator[ImapSession]:
    """Raises ChannelError: `pauses` when the server takes neither user nor password."""
    try:
        connection = _connect(settings)
    except (OSError, imaplib.IMAP4.error) as error:
        raise ChannelError(f"The IMAP server can't be reached ({error}).", permanent=False) from error
    try:
        _log_in(connection, settings)
        yield ImapSession(connection)
    except (OSError, imaplib.IMAP4.error, ValueError) as error:
        raise ChannelError(f"The IMAP server stumbled ({type(error).__name__}: {error}).", permanent=False) from error
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            connection.logout()
        with contextlib.suppress(OSError):
            connection.shutdown()


def _connect(settings: EmailSettings) -> imaplib.IMAP4:
    imaplib._MAXLINE = max(imaplib._MAXLINE, LONGEST_LINE)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]  # a search's answer is one line
    seconds = settings.timeout.total_seconds()
    if settings.imap_security == "tls":
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(settings.imap_host, settings.imap_port, ssl_context=context, timeout=seconds)
    connection = imaplib.IMAP4(settings.imap_host, settings.imap_port, timeout=seconds)
    if settings.imap_security == "starttls":
        try:
            connection.starttls(ssl.create_default_context())
        except BaseException:
            connection.shutdown()
            raise
    return connection


def _log_in(connection: imaplib.IMAP4, settings: EmailSettings) -> None:
    password = settings.mailbox_password
    try:
        connection.login(settings.mailbox_user or settings.address, password.get_secret_value() if password else "")
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        if "UNAVAILABLE" in str(error):
            raise
        raise ChannelError("The IMAP server takes neither user nor password.", permanent=False, pauses=True) from error


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bytes(part: object) -> bytes:
    if isinstance(part, tuple):
        return b"".join(_bytes(one) for one in cast("tuple[Any, ...]", part))
    return part if isinstance(part, bytes) else b""


def _shown(answer: list[Any]) -> str:
    return b" ".join(_bytes(part) for part in answer)[:200].decode("utf-8", "replace")
