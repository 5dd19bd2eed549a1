"""Customers who write at a constant rate on three channels, and write the same again until we have said yes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import httpx

from bench.chaos.standins import Google, Twilio, letter
from bench.form_load import QUESTIONS
from tests.standins.pubsub_keys import notice

Channel = Literal["web_form", "whatsapp", "email"]
MIX: Final[tuple[Channel, ...]] = ("web_form", "whatsapp", "web_form", "email", "web_form", "whatsapp")
CHANNELS: Final[tuple[Channel, ...]] = ("web_form", "whatsapp", "email")
PAUSE = 0.4  # before a message that got no yes is sent again
PUSH_EVERY = 0.5


@dataclass(slots=True)
class Sent:
    """One message of a customer; `key` is how the inbound row names it: its sender, or the provider's id."""

    number: int
    channel: Channel
    sender: str
    key: str
    text: str
    fault: str
    sent_at: float
    accepted_at: float | None = None
    tries: int = 0


class Load:
    """`fault` is what the messages of this moment are booked under."""

    def __init__(self, address: str, twilio: Twilio, google: Google, rng: random.Random) -> None:
        self.fault = "calm"
        self.rate = 0.0
        self.sent: list[Sent] = []
        self._address = address
        self._twilio = twilio
        self._google = google
        self._rng = rng
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False
        self._client: httpx.AsyncClient | None = None

    async def run(self, rate: float, count: int, on_sent: Callable[[int], None]) -> None:
        """So many messages, one each 1/`rate` seconds, whatever becomes of the earlier ones."""
        began = time.monotonic()
        self.rate = rate
        async with httpx.AsyncClient(base_url=self._address, timeout=10, trust_env=False) as client:
            self._client = client
            pushing = asyncio.create_task(self._push(client))
            for number in range(count):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                self.write(MIX[number % len(MIX)])
                on_sent(number + 1)
            await self.all_accepted()
            self._is_over = True
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)

    def write(self, channel: Channel, *, sender: str = "", fault: str = "") -> Sent:
        """One message under way."""
        message = _compose(len(self.sent), channel, sender, self._rng.choice(QUESTIONS), fault or self.fault)
        self.sent.append(message)
        assert self._client is not None
        task = asyncio.create_task(self._send(self._client, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return message

    async def all_accepted(self) -> None:
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def _send(self, client: httpx.AsyncClient, message: Sent) -> None:
        """As a provider or a browser does: again, under the same key, until the answer is a yes."""
        post = {"web_form": self._post_form, "whatsapp": self._post_whatsapp, "email": self._put_into_mailbox}
        while not self._is_over:
            message.tries += 1
            with suppress(httpx.HTTPError, OSError):
                status = await post[message.channel](client, message)
                if 200 <= status < 300:
                    message.accepted_at = time.time()
                    return
            await asyncio.sleep(PAUSE * self._rng.uniform(0.5, 1.5))

    async def _post_form(self, client: httpx.AsyncClient, message: Sent) -> int:
        body = {"name": "Dana Fox", "email": message.sender, "subject": "", "message": message.text}
        key = {"Idempotency-Key": f"chaos-message-{message.number:09d}"}
        return (await client.post("/support/submit", json=body, headers=key)).status_code

    async def _post_whatsapp(self, _client: httpx.AsyncClient, message: Sent) -> int:
        return await self._twilio.receive(message.text, sender=f"whatsapp:{message.sender}", MessageSid=message.key)

    async def _put_into_mailbox(self, _client: httpx.AsyncClient, message: Sent) -> int:
        """What lies in the mailbox is the provider's to keep and ours to find."""
        raw = letter(message.sender, "A question", message.text, f"<chaos-{message.number}@mail.example.org>")
        self._google.mailbox.deliver(raw, thread=f"c{message.number:015x}")
        self._news.set()
        return 200

    async def _push(self, client: httpx.AsyncClient) -> None:
        """Pub/Sub says that there is mail; a push that fails is lost, and the next look finds the mail."""
        mailbox = self._google.mailbox
        while True:
            await self._news.wait()
            self._news.clear()
            headers = {"Authorization": f"Bearer {self._google.keys.token()}"}
            with suppress(httpx.HTTPError, OSError):
                await client.post("/webhooks/gmail", content=notice(mailbox.address), headers=headers)
            await asyncio.sleep(PUSH_EVERY)


def _compose(number: int, channel: Channel, sender: str, text: str, fault: str) -> Sent:
    """Everybody writes once, but two WhatsApp messages in a row are of one customer."""
    if channel == "whatsapp":
        sender = sender or f"+4915{number // len(MIX):09d}"
        key = f"SM{(1 << 120) + number:032x}"
    else:
        key = sender = sender or f"chaos-{number}@example.org"
    return Sent(number, channel, sender, key, text, fault, time.time())
