"""`deskhand demo`: everything runs, a handful of customers write, and a table shows what became of each."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import httpx
import typer
from rich.console import Console
from rich.table import Table

from deskhand import customers, inbound
from deskhand.cli.ask import as_payload
from deskhand.cli.demo_accounts import forget_accounts
from deskhand.cli.demo_letters import LETTERS, Letter
from deskhand.cli.demo_standins import PROGRAM, Posted, Standins, find_repository
from deskhand.cli.processes import NotStarted, Processes, free_port
from deskhand.cli.session import run, stop_on_signals
from deskhand.composition import open_desk
from deskhand.desk import Desk
from deskhand.errors import InvalidInput
from deskhand.flows import intake
from deskhand.flows.outcome import NoOutcome, Outcome, wait_for_outcome
from deskhand.settings import Settings, load_settings

OUTCOME_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.05
T = TypeVar("T")


def demo(
    once: bool = typer.Option(False, "--once", help="Show it and exit, for scripts."),
    standins: bool | None = typer.Option(
        None,
        "--standins/--no-standins",
        help="E-mail and WhatsApp through stand-ins of Gmail and Twilio, or without a provider; "
        "unset: stand-ins in a clone of the repository.",
    ),
) -> None:
    """Run the product with the demo company, send it customers' messages and show what it did."""
    if standins and find_repository() is None:
        raise InvalidInput(f"There is no {PROGRAM} here.", mend="Run it in a clone of the repository.")
    run(_demo(once=once, with_standins=standins is not False))


@dataclass(frozen=True, slots=True)
class Scene:
    """What the messages are sent to and read from; without stand-ins replies go to the local outbox."""

    desk: Desk
    address: str
    standins: Standins | None


async def _demo(*, once: bool, with_standins: bool) -> None:
    started = time.perf_counter()
    forget_accounts()
    settings = _settings()
    stop = asyncio.Event()
    stop_on_signals(stop)
    console = Console(width=None if Console().is_terminal else 160)
    async with _processes(settings, console, with_standins=with_standins) as (processes, standins):
        console.print(f"  up after {time.perf_counter() - started:.1f} s", style="dim")
        async with open_desk(settings, processes.conninfo) as desk:
            stories = await _unless(stop, _tell_all(Scene(desk, processes.address, standins)))
        if stories is None:
            return
        console.print(_table(stories))
        _print_addresses(console, processes.address, next(story for story in stories if story.token), standins)
        if not once:
            console.print("Ctrl-C stops everything; the data stays in " + str(settings.data_dir))
            await processes.watch(stop)


def _settings() -> Settings:
    """Of this machine alone: not the address that real customers see, and a port that is free."""
    settings = load_settings()
    if "DESKHAND_PORT" not in os.environ:
        with socket.socket() as probe:
            is_taken = probe.connect_ex((settings.host, settings.port)) == 0
        settings = settings.model_copy(update={"port": 0} if is_taken else {})
    return settings.model_copy(update={"public_url": None, "port": settings.port or free_port(settings.host)})


@asynccontextmanager
async def _processes(
    settings: Settings, console: Console, *, with_standins: bool
) -> AsyncGenerator[tuple[Processes, Standins | None]]:
    def announce(line: str) -> None:
        console.print(f"  {line}", style="dim")

    address = f"http://{settings.host}:{settings.port}"
    repository = find_repository() if with_standins else None
    here = {"DESKHAND_PUBLIC_URL": address}

    if repository is None:

        async def without(_conninfo: str) -> Mapping[str, str]:
            return here | {"DESKHAND_EMAIL_PROVIDER": "none"}

        async with Processes.running(settings, announce=announce, prepare=without) as processes:
            yield processes, None
        return
    async with Standins.running(repository, address) as standins:

        async def connected(conninfo: str) -> Mapping[str, str]:
            announce(f"stand-ins ready: Gmail on {standins.gmail}, Twilio on {standins.twilio}")
            return here | dict(await standins.connect(conninfo))

        async with Processes.running(settings, announce=announce, prepare=connected) as processes:
            yield processes, standins


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work comes to; None when a stop is asked for before."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.wait((working,))
    return None


@dataclass(frozen=True, slots=True)
class Story:
    letter: Letter
    outcome: Outcome
    posted: Posted
    token: str
    milliseconds: float
    delivery: str


async def _tell_all(scene: Scene) -> list[Story]:
    return [await _tell(scene, letter) for letter in LETTERS]


async def _tell(scene: Scene, letter: Letter) -> Story:
    """Send one message by its front door and wait for what becomes of it."""
    await _know_customer(scene.desk, letter)
    started = time.perf_counter()
    posted, token = Posted(""), ""
    if letter.channel == "web_form":
        inbound_id, token = await _submit_form(scene, letter)
    elif scene.standins is not None:
        posted = await scene.standins.post(letter)
        inbound_id = await _taken_in(scene.desk, letter.channel, posted)
    else:
        payload = as_payload(letter.sender, letter.name, letter.subject, letter.body)
        inbound_id = (await intake.accept(scene.desk, letter.channel, payload)).inbound_id
    outcome = await wait_for_outcome(scene.desk, inbound_id, timeout=OUTCOME_SECONDS)
    spent = (time.perf_counter() - started) * 1000
    return Story(letter, outcome, posted, token, spent, await _delivery(scene, letter, posted, outcome))


async def _taken_in(desk: Desk, channel: str, posted: Posted) -> UUID:
    """The row of a message that the provider has passed on, or that is still to be fetched from it."""
    try:
        async with asyncio.timeout(OUTCOME_SECONDS):
            while True:
                async with desk.db.transaction() as tx:
                    row = await inbound.find_by_provider_id(tx, channel, posted.provider_id)
                if row is not None:
                    return row.id
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
    except TimeoutError as error:
        raise NoOutcome(f"No message came in by {channel} within {OUTCOME_SECONDS:.0f} s.") from error


async def _delivery(scene: Scene, letter: Letter, posted: Posted, outcome: Outcome) -> str:
    """As its provider has it; by our own records where there is none."""
    if outcome.delivery is None:
        return "—"
    if scene.standins is None or letter.channel == "web_form":
        return outcome.delivery.state
    return await scene.standins.arrival(letter, posted, outcome.delivery.parts)


async def _know_customer(desk: Desk, letter: Letter) -> None:
    kind = "whatsapp_id" if letter.channel == "whatsapp" else "email"
    async with desk.db.transaction() as tx:
        customer = await customers.find_or_create(tx, kind, letter.sender, name=letter.name)
        await customers.set_plan(tx, customer.id, letter.plan)


async def _submit_form(scene: Scene, letter: Letter) -> tuple[UUID, str]:
    body: dict[str, Any] = {
        "name": letter.name,
        "email": letter.sender,
        "subject": letter.subject,
        "message": letter.body,
    }
    async with httpx.AsyncClient(base_url=scene.address, timeout=10, trust_env=False) as client:
        answer = await client.post("/support/submit", json=body, headers={"Idempotency-Key": uuid.uuid4().hex * 2})
    if answer.status_code != 202:
        raise NotStarted(f"The form answered {answer.status_code}: {answer.text[:200]}")
    accepted = answer.json()
    async with scene.desk.db.transaction() as tx:
        row = await inbound.find_by_reference(tx, accepted["reference"])
    assert row is not None, "a form that was accepted is stored"
    return row.id, accepted["access_token"]


def _table(stories: list[Story]) -> Table:
    table = Table(title="What became of each message", title_justify="left", show_lines=False)
    for heading in (
        "channel",
        "customer",
        "question",
        "decision",
        "rule and owner, or cited article",
        "ticket",
        "reply",
    ):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("channel", "decision", "ticket", "reply"))
    table.add_column("ms", justify="right", no_wrap=True)
    for story in stories:
        table.add_row(
            story.letter.channel,
            story.letter.name,
            _shortened(story.letter.body),
            story.outcome.decision.action,
            _reason(story.outcome),
            story.outcome.ticket.reference,
            story.delivery,
            f"{story.milliseconds:.0f}",
        )
    return table


def _shortened(text: str) -> str:
    return text if len(text) <= 64 else text[:63].rsplit(" ", 1)[0] + " …"


def _reason(outcome: Outcome) -> str:
    record = outcome.decision.record
    if outcome.escalation is not None:
        return f"{outcome.escalation.rule} → {outcome.escalation.owner}"
    cited = {item["passage_id"]: item for item in record["passages"]}
    titles = [cited[key]["title"] for key in record["citations"] if key in cited]
    return "; ".join(dict.fromkeys(titles)) or ", ".join(outcome.decision.rules) or "—"


def _print_addresses(console: Console, address: str, story: Story, standins: Standins | None) -> None:
    page = f"{address}/support/status/{story.outcome.ticket.reference}?token={story.token}"
    lines = [f"Write to it yourself:    {address}/support"]
    if standins is not None:
        mail, chat = f"{standins.gmail}/standin/deliver", f"{standins.twilio}/standin/receive"
        lines += [
            f"By e-mail:               curl -d From=you@example.org -d Subject=Hi -d Body=... {mail}",
            f"By WhatsApp:             curl -d From=whatsapp:+14155550100 -d Body=... {chat}",
        ]
    lines += [f"A ticket's own page:     {page}", f"The API, described:      {address}/openapi.json"]
    for line in lines:
        console.print(line, soft_wrap=True)
