"""The providers' stand-ins with moods, and a count of what each of them took, by our delivery's id."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from deskhand.channels.mail import OUTBOUND_ID_HEADER
from tests.standins.google import Failure, GoogleServer
from tests.standins.google_discovery import Call
from tests.standins.google_http import Answer as GoogleAnswer
from tests.standins.google_mailbox import Mailbox
from tests.standins.language_model import LanguageModelServer
from tests.standins.language_model_scripts import helpful
from tests.standins.language_model_steps import Seen, Step
from tests.standins.twilio import Answer, Fault, TwilioServer, _Request  # pyright: ignore[reportPrivateUsage]  # a stand-in is made to be extended

OUTBOUND_ID = re.compile(rb"(?im)^" + OUTBOUND_ID_HEADER.encode() + rb":\s*(\S+)")


@dataclass
class Taken:
    """When each delivery of ours was taken by a provider: more than once is a doubled reply."""

    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    on_next: Callable[[], None] | None = None  # called once, when the next is taken and before it is answered

    def note(self, delivery_id: str) -> None:
        self.times[delivery_id].append(time.time())
        act, self.on_next = self.on_next, None
        if act is not None:
            act()


class Orders(list[dict[str, str]]):
    """What Twilio has accepted, noted at that moment: an answer may be long in coming."""

    def __init__(self, taken: Taken) -> None:
        super().__init__()
        self._taken = taken

    def append(self, order: dict[str, str]) -> None:
        super().append(order)
        report = urlsplit(order.get("StatusCallback", ""))
        self._taken.note(parse_qs(report.query).get("o", ["?"])[0])


class Twilio(TwilioServer):
    """`mood` is what every order comes to while it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = Taken()
        self.orders = Orders(self.taken)
        self.mood: Fault | None = None
        self.posts_by = lambda: httpx.AsyncClient(trust_env=False, timeout=15, verify=False)  # loopback, no TLS

    async def _create(self, request: _Request) -> Answer | None:
        if self.mood is not None:
            self.faults.append(self.mood)
        self.reports_by_itself = len(self.orders) % 2 == 0  # a report settles an unknown outcome; many get lost
        return await super()._create(request)


class Google(GoogleServer):
    """`mood` is what every send comes to while it is set."""

    def __init__(self) -> None:
        super().__init__(Mailbox("support@example.com"), page=100)
        self.taken = Taken()
        self.mood: Failure | None = None

    def _next_failure(self, method: str) -> Failure | None:
        return self.mood if self.mood is not None and method == "messages.send" else super()._next_failure(method)

    def _messages_send(self, call: Call) -> GoogleAnswer:
        answer = super()._messages_send(call)
        if answer.status == 200:
            found = OUTBOUND_ID.search(self.mailbox.sent[-1].raw)
            self.taken.note(found[1].decode() if found else "?")
        return answer


class Model(LanguageModelServer):
    """One model whose `mood` is its answer while it is set; `on_next` is called once, while it is being asked."""

    NAME = "chaos"

    def __init__(self) -> None:
        super().__init__(scripts={self.NAME: self._answer})
        self.mood: Step | None = None
        self.on_next: Callable[[], None] | None = None

    def _answer(self, seen: Seen) -> Step:
        self.seen.clear()  # a long run would keep every prompt
        act, self.on_next = self.on_next, None
        if act is not None:
            act()
        return self.mood or helpful(seen)


def letter(sender: str, subject: str, text: str, message_id: str) -> bytes:
    """A customer's plain mail, vouched for by the receiving server."""
    domain = sender.rpartition("@")[2]
    lines: list[Any] = [
        f"Authentication-Results: mx.google.com; dkim=pass header.i=@{domain}; dmarc=pass header.from={domain}",
        f"From: {sender}",
        "To: support@example.com",
        f"Subject: {subject}",
        f"Message-ID: {message_id}",
        "Date: Sun, 22 Nov 2026 12:00:00 +0000",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    ]
    return ("\r\n".join(lines) + f"\r\n\r\n{text}\r\n").encode()
