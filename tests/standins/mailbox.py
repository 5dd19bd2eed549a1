"""A mail server on loopback: SMTP that takes mail in, IMAP4rev1 that gives it out, and faults when told to.

    python -m tests.standins mailbox --port 9300

SMTP listens on the port, IMAP on the next one.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.standins.mailbox_imap import Folder, serve_imap

USER, PASSWORD = "support@example.com", "correct horse battery"


@dataclass(frozen=True, slots=True)
class Taken:
    sender: str
    recipients: tuple[str, ...]
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SmtpFault:
    """`at` is the step: mail, rcpt or data. No reply: the connection ends. `after`: the mail is taken first."""

    at: str
    reply: str = ""
    after: bool = False
    hangs: bool = False


class MailServer:
    """`taken` are the mails that SMTP has said yes to; `keeps_sent` puts them into the folder Sent by itself."""

    def __init__(self, *, keeps_sent: bool = False) -> None:
        self.folders = {"INBOX": Folder(), "Sent": Folder()}
        self.keeps_sent = keeps_sent
        self.taken: list[Taken] = []
        self.imap_faults: deque[str] = deque()  # commands whose next call ends the connection
        self.smtp_port = self.imap_port = 0
        self._faults: deque[SmtpFault] = deque()

    @property
    def inbox(self) -> Folder:
        return self.folders["INBOX"]

    def misbehave(self, *faults: SmtpFault) -> None:
        self._faults += faults

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncGenerator[MailServer]:
        loop = asyncio.get_running_loop()
        imap_connections: set[asyncio.Task[None]] = set()

        async def on_imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = cast("asyncio.Task[None]", asyncio.current_task())
            imap_connections.add(task)
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    await serve_imap(reader, writer, self.folders, (USER, PASSWORD), self.imap_faults)
            finally:
                imap_connections.discard(task)
                writer.close()

        smtp = await loop.create_server(self._protocol, "127.0.0.1", port)
        imap = await asyncio.start_server(on_imap, "127.0.0.1", port + 1 if port else 0, limit=64 * 1024 * 1024)
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        self.imap_port = imap.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            smtp.close()
            imap.close()
            for task in list(imap_connections):
                task.cancel()
            await asyncio.gather(*imap_connections, return_exceptions=True)

    def _protocol(self) -> SMTP:
        return SMTP(
            _Desk(self),
            hostname="standin",
            authenticator=_authenticate,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    def fault(self, at: str) -> SmtpFault | None:
        if self._faults and self._faults[0].at == at:
            return self._faults.popleft()
        return None


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    given = cast("LoginPassword", data)
    is_right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=is_right)


class _Desk:
    """What aiosmtpd asks at each step; an answer of None goes on as usual."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_MAIL(
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        if (fault := self._server.fault("mail")) is not None:
            return await _play(fault, smtp)
        if address.lower() != USER:
            return "553 5.7.1 Sender address rejected: not owned by user"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, smtp: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if (fault := self._server.fault("rcpt")) is not None:
            return await _play(fault, smtp)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, _session: Session, envelope: Envelope) -> str:
        fault = self._server.fault("data")
        if fault is None or fault.after:
            raw = cast("bytes", envelope.original_content)
            self._server.taken.append(Taken(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw))
            if self._server.keeps_sent:
                self._server.folders["Sent"].add(raw)
        return "250 2.0.0 Queued" if fault is None else await _play(fault, smtp)


async def _play(fault: SmtpFault, smtp: SMTP) -> str:
    if fault.hangs:
        await asyncio.Event().wait()
    if not fault.reply:
        cast("asyncio.Transport", cast("Any", smtp).transport).abort()
    return fault.reply or "421 gone"


async def _run(port: int) -> None:
    async with MailServer(keeps_sent=True).running(port) as server:
        question = f"From: dana@example.org\r\nTo: {USER}\r\nSubject: Board\r\nMessage-ID: <first@example.org>\r\n\r\n"
        server.inbox.add(f"{question}How do I invite a colleague?\r\n".encode(), datetime.now(UTC))
        print(  # noqa: T201
            f"SMTP on 127.0.0.1:{server.smtp_port}, IMAP on 127.0.0.1:{server.imap_port}, both without TLS; "
            f"user {USER}, password {PASSWORD}",
            flush=True,
        )
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins mailbox", description=__doc__)
    parser.add_argument("--port", type=int, default=9300)
    given = parser.parse_args(arguments)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(given.port))
