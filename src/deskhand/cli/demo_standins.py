"""The demonstration's Gmail and Twilio: the repository's stand-ins, run on loopback beside web and worker."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
import uuid
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deskhand import channel_states
from deskhand.channels.email_settings import PREFIX, load_email_settings
from deskhand.channels.google_consent import Consent
from deskhand.cli.demo_letters import Letter
from deskhand.cli.processes import NotStarted
from deskhand.clock import SystemClock
from deskhand.db import Database
from deskhand.flows.connecting import connect
from deskhand.flows.vault import Vault

PROGRAM = Path("tests/standins/__main__.py")
START_SECONDS = 60.0
ARRIVAL_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.1
VARIABLE = re.compile(r"\b(DESKHAND_[A-Z_]+)=(\S+)")
CAME_BACK_TO = "http://127.0.0.1:8601/"  # nothing listens there: the address alone holds the code
HASTE = {
    "DESKHAND_EMAIL_FETCH_EVERY": "1s",
    "DESKHAND_EMAIL_BACKLOG": "10m",  # mail may be there before the first look
    "DESKHAND_MAILS_PER_HOUR": "1000",  # a demonstration may be shown again and again
    "DESKHAND_MAILS_PER_DAY": "1000",
}


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that a stand-in has passed on, or keeps to be fetched; `thread` is a mail's."""

    provider_id: str
    thread: str = ""


def find_repository() -> Path | None:
    """The clone that we stand in; an installed package has no stand-ins."""
    return Path.cwd() if PROGRAM.is_file() else None


class Standins:
    """Both providers; `variables` are the settings that point to them. Use `running()`."""

    def __init__(self, printed: Mapping[str, str]) -> None:
        given = load_email_settings().secret_keys
        self.variables = {**HASTE, "DESKHAND_SECRET_KEY": ",".join(given) or secrets.token_urlsafe(32), **printed}
        self.gmail = printed["DESKHAND_EMAIL_GMAIL_API_URL"]
        self.twilio = printed["DESKHAND_WHATSAPP_API_BASE_URL"]

    @classmethod
    @asynccontextmanager
    async def running(cls, repository: Path, address: str) -> AsyncGenerator[Standins]:
        """For the time of the block; `address` is where Deskhand's web process will listen.

        Raises:
            NotStarted: a stand-in ended, or did not say where it listens.
        """
        webhook = f"{address}/webhooks/whatsapp"
        async with AsyncExitStack() as stack:
            google = await stack.enter_async_context(_child(repository, "google", "--port", "0"))
            twilio = await stack.enter_async_context(_child(repository, "twilio", "--port", "0", "--webhook", webhook))
            yield cls(await _printed(google) | await _printed(twilio))

    async def connect(self, conninfo: str) -> Mapping[str, str]:
        """Give the consent that a person would give in a browser; returns the variables for web and worker."""
        given = {name: value for name, value in self.variables.items() if name.startswith(PREFIX)}
        fields: dict[str, Any] = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
        settings = load_email_settings(**fields, secret_key=self.variables["DESKHAND_SECRET_KEY"], _env_file=None)
        consent, clock = Consent(CAME_BACK_TO), SystemClock()
        async with _client() as client:
            page = await client.get(consent.page(settings))
        database = Database(conninfo, pool_size=2)
        await database.open(wait_seconds=START_SECONDS)
        try:
            await connect(settings, consent, page.headers["Location"], Vault(database, settings.secret_keys, clock))
            async with database.transaction() as tx:
                await channel_states.resume(tx, "email", at=clock.now())
        finally:
            await database.close()
        return self.variables

    async def post(self, letter: Letter) -> Posted:
        """The customer writes by e-mail or WhatsApp."""
        if letter.channel == "email":
            form = {"From": f"{letter.name} <{letter.sender}>", "Subject": letter.subject, "Body": letter.body}
            stored = await _post(f"{self.gmail}/standin/deliver", form)
            return Posted(stored["id"], stored["threadId"])
        posted = Posted("SM" + uuid.uuid4().hex)
        sender = f"whatsapp:{letter.sender}"
        form = {"From": sender, "Body": letter.body, "ProfileName": letter.name, "MessageSid": posted.provider_id}
        answer = await _post(f"{self.twilio}/standin/receive", form)
        if answer["answered"] >= 300:
            raise NotStarted(f"The WhatsApp webhook answered {answer['answered']}.")
        return posted

    async def arrival(self, letter: Letter, posted: Posted, parts: Sequence[str]) -> str:
        """What the provider says of our reply, once it has arrived or a while has passed."""
        found = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(ARRIVAL_SECONDS), _client() as client:
                while found not in ("delivered", "sent in thread"):
                    await asyncio.sleep(LOOK_AGAIN_SECONDS if found else 0)
                    found = await self._look(client, letter, posted, parts)
        return found

    async def _look(self, client: httpx.AsyncClient, letter: Letter, posted: Posted, parts: Sequence[str]) -> str:
        if letter.channel == "email":
            sent = (await client.get(f"{self.gmail}/standin/sent")).json()["sent"]
            threads = {mail["threadId"] for mail in sent if letter.sender in mail["to"]}
            return "sent in thread" if posted.thread in threads else "sent apart" if threads else "not sent"
        account = self.variables["DESKHAND_WHATSAPP_ACCOUNT_SID"]
        user = (account, self.variables["DESKHAND_WHATSAPP_AUTH_TOKEN"])
        query = {"To": f"whatsapp:{letter.sender}"}
        path = f"{self.twilio}/2010-04-01/Accounts/{account}/Messages.json"
        answer = await client.get(path, params=query, auth=user)
        found = {message["body"]: message["status"] for message in answer.json()["messages"]}
        states = {found.get(part, "not sent") for part in parts}
        return states.pop() if len(states) == 1 else "partly sent"


@asynccontextmanager
async def _child(repository: Path, *arguments: str) -> AsyncGenerator[Process]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.standins", *arguments),
        cwd=repository,
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours to pass on
    )
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


async def _printed(child: Process) -> dict[str, str]:
    """A stand-in says by which settings it is reached."""
    assert child.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            async for line in child.stdout:
                if found := dict(VARIABLE.findall(line.decode())):
                    return found
    except TimeoutError as error:
        raise NotStarted("A stand-in did not say where it listens.") from error
    raise NotStarted(f"A stand-in ended with exit code {await child.wait()}.")


async def _post(url: str, form: Mapping[str, str]) -> dict[str, Any]:
    async with _client() as client:
        answer = await client.post(url, data=dict(form))
    return answer.raise_for_status().json()


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=20)
