"""Everything that a run stands on: database, stand-ins, proxies and the desk's processes, on loopback only."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from bench.chaos.database import Database
from bench.chaos.load import Load
from bench.chaos.processes import START_SECONDS, Child, Fleet, deskhand, run_once
from bench.chaos.proxy import Proxy
from bench.chaos.standins import Google, Model, Twilio
from deskhand.channels.email_settings import load_email_settings
from deskhand.channels.google_tokens import SCOPES, secret_name
from deskhand.clock import SystemClock
from deskhand.crash import VARIABLE
from deskhand.db import Database as DeskDatabase
from deskhand.flows.vault import Vault
from deskhand.settings import COMPANY_THAT_SHIPS
from tests.standins.google_oauth import CLIENT_ID, CLIENT_SECRET
from tests.standins.language_model import KEY
from tests.standins.pubsub_keys import ACCOUNT, AUDIENCE
from tests.standins.twilio import SENDER

SECRET_KEY: Final = "chaos-" * 8
SUBJECTS: Final = ("getting-started", "plans-and-billing")
# What differs from the settings as they come: a dead worker's work and an unknown outcome are looked into sooner.
HASTE: Final = {
    "DESKHAND_QUEUE_LEASE": "10s",
    "DESKHAND_PROVIDER_TIMEOUT": "8s",
    "DESKHAND_DELIVERY_SEARCH_WAIT": "8s",
    "DESKHAND_WHATSAPP_SEND_TIMEOUT": "3s",
    "DESKHAND_WHATSAPP_LIST_DELAY": "2s",
    "DESKHAND_EMAIL_TIMEOUT": "3s",
    "DESKHAND_EMAIL_FETCH_EVERY": "3s",
    "DESKHAND_EMAIL_BACKLOG": "1h",  # mail may come before the first look
    "DESKHAND_LLM_TIMEOUT": "4s",
}


class NotStarted(Exception):
    """A part of the desk did not start; its words are in the log."""


@dataclass
class World:
    database: Database
    twilio: Twilio
    google: Google
    model: Model
    database_proxy: Proxy
    twilio_proxy: Proxy
    google_proxy: Proxy
    fleet: Fleet
    load: Load
    rng: random.Random
    log: Path
    has_model: bool
    migration_crashes: int = 0
    poisons: int = 0
    taken_over: dict[str, datetime] = field(default_factory=dict[str, datetime])
    drains: list[float] = field(default_factory=list[float])

    @property
    def taken(self) -> dict[str, list[float]]:
        return {**self.twilio.taken.times, **self.google.taken.times}

    def on_next_send(self, act: Callable[[], None]) -> None:
        """Once, when a provider has taken the next message and has not answered yet."""
        self.twilio.taken.on_next = self.google.taken.on_next = act


@asynccontextmanager
async def running_world(seed: int, *, workers: int, has_model: bool, is_short: bool) -> AsyncGenerator[World]:
    """A short run kills no migration and knows two of the company's subjects. Raises NotStarted."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deskhand-chaos-logs-")))
        database = await stack.enter_async_context(Database.running())
        twilio, google, model = Twilio(), Google(), Model()
        for standin in (twilio, google, model):
            await stack.enter_async_context(standin.running())
        database_proxy = await stack.enter_async_context(Proxy.running(database.socket))
        twilio_proxy = await stack.enter_async_context(Proxy.running(twilio.address))
        google_proxy = await stack.enter_async_context(Proxy.running(google.address))
        port = _free_port()
        address = f"http://127.0.0.1:{port}"
        twilio.webhook = f"{address}/webhooks/whatsapp"
        log = folder / "processes.log"
        environment = _environment(database, folder) | {
            "DESKHAND_PORT": str(port),
            **_whatsapp(twilio, twilio_proxy),
            **_email(google, google_proxy),
        }
        crashes = await _prepare(environment, google, log, crash=not is_short)
        fleet = Fleet(
            Child("web", deskhand("serve"), environment, log),
            [
                Child(
                    f"worker {number}",
                    deskhand("work"),
                    environment | _peculiar(number, database, database_proxy, model, has_model=has_model),
                    log,
                )
                for number in range(workers)
            ],
            address,
        )
        subjects = [str(COMPANY_THAT_SHIPS / "knowledge" / name) for name in SUBJECTS] if is_short else ["--company"]
        loading = asyncio.create_task(_must(deskhand("kb", "load", *subjects), environment, log))
        await stack.enter_async_context(fleet.running())
        await loading
        await _until_a_worker_works(google)
        rng = random.Random(seed)
        load = Load(address, twilio, google, rng)
        yield World(
            database, twilio, google, model, database_proxy, twilio_proxy, google_proxy, fleet, load, rng, log,
            has_model, crashes,
        )  # fmt: skip


def _environment(database: Database, folder: Path) -> dict[str, str]:
    """Nothing of the caller's settings comes in: a developer's variables may hold real accounts."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DESKHAND_")}
    brakes = {f"DESKHAND_FORM_PER_{name}": "0" for name in ("ADDRESS", "NETWORK", "EMAIL")}
    return (
        clean
        | HASTE
        | brakes
        | {
            "DATABASE_URL": database.conninfo,
            "DESKHAND_DATABASE_URL": database.conninfo,
            "DESKHAND_DATA_DIR": str(folder / "data"),
            "DESKHAND_LOG_LEVEL": "warning",
            "DESKHAND_MODE": "development",
        }
    )


def _whatsapp(twilio: Twilio, proxy: Proxy) -> dict[str, str]:
    return {
        "DESKHAND_WHATSAPP_ACCOUNT_SID": twilio.account.sid,
        "DESKHAND_WHATSAPP_AUTH_TOKEN": twilio.account.token,
        "DESKHAND_WHATSAPP_SENDER": SENDER,
        "DESKHAND_WHATSAPP_WEBHOOK_URL": twilio.webhook,
        "DESKHAND_WHATSAPP_API_BASE_URL": proxy.address,
    }


def _email(google: Google, proxy: Proxy) -> dict[str, str]:
    return {
        "DESKHAND_SECRET_KEY": SECRET_KEY,
        "DESKHAND_EMAIL_PROVIDER": "gmail",
        "DESKHAND_EMAIL_ADDRESS": google.mailbox.address,
        "DESKHAND_EMAIL_GMAIL_CLIENT_ID": CLIENT_ID,
        "DESKHAND_EMAIL_GMAIL_CLIENT_SECRET": CLIENT_SECRET,
        "DESKHAND_EMAIL_GMAIL_API_URL": proxy.address,
        "DESKHAND_EMAIL_GMAIL_TOKEN_URL": f"{proxy.address}/token",
        "DESKHAND_EMAIL_GMAIL_CERTS_URL": f"{google.address}/certs",
        "DESKHAND_EMAIL_GMAIL_PUSH_AUDIENCE": AUDIENCE,
        "DESKHAND_EMAIL_GMAIL_PUSH_ACCOUNT": ACCOUNT,
    }


def _peculiar(number: int, database: Database, proxy: Proxy, model: Model, *, has_model: bool) -> dict[str, str]:
    """The last worker of several reaches the database by the proxy, and thinks with the language model."""
    if number == 0:
        return {}
    conninfo = database.through(proxy.port)
    own = {"DATABASE_URL": conninfo, "DESKHAND_DATABASE_URL": conninfo}
    if has_model:
        own |= {
            "DESKHAND_BRAIN": "llm",
            "DESKHAND_LLM_PROVIDER": "openai-compatible",
            "DESKHAND_LLM_BASE_URL": model.base_url("openai"),
            "DESKHAND_LLM_API_KEY": KEY,
            "DESKHAND_LLM_MODEL": Model.NAME,
            "DESKHAND_LLM_PRICE_INPUT": "0.01",
            "DESKHAND_LLM_PRICE_OUTPUT": "0.01",
        }
    return own


async def _prepare(environment: dict[str, str], google: Google, log: Path, *, crash: bool) -> int:
    """The schema and a connected mailbox. With `crash` the migration is killed in each of its files."""
    crashes = 0
    for _ in range(100 if crash else 0):
        if await run_once(deskhand("migrate"), environment | {VARIABLE: "in_migration:2"}, log) == 0:
            break
        crashes += 1
    await _must(deskhand("migrate"), environment, log)
    settings = load_email_settings(secret_key=SECRET_KEY, _env_file=None)
    desk = DeskDatabase(environment["DATABASE_URL"], pool_size=2)
    await desk.open()
    try:
        vault = Vault(desk, settings.secret_keys, SystemClock())
        await vault.write(secret_name(google.mailbox.address), google.oauth.refresh_token(SCOPES))
    finally:
        await desk.close()
    return crashes


async def _must(command: list[str], environment: dict[str, str], log: Path) -> None:
    if await run_once(command, environment, log) != 0:
        raise NotStarted(log.read_text("utf-8", "replace")[-2_000:])


async def _until_a_worker_works(google: Google) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not google.calls:
            await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
