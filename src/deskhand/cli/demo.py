"""`deskhand demo`: everything runs, a handful of customers write, and a table shows what became of each."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import typer
from rich.console import Console
from rich.table import Table

from deskhand import customers, inbound
from deskhand.cli.ask import as_payload
from deskhand.cli.processes import NotStarted, Processes
from deskhand.cli.session import run, stop_on_signals
from deskhand.composition import open_desk
from deskhand.customers import Plan
from deskhand.desk import Desk
from deskhand.flows import intake
from deskhand.flows.outcome import Outcome, wait_for_outcome
from deskhand.settings import load_settings

OUTCOME_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A customer's message of the demonstration."""

    channel: str
    name: str
    sender: str
    plan: Plan
    subject: str
    body: str


LETTERS = (
    Letter("web_form", "Nadia Flores", "nadia@lumen-studio.example", "free", "New colleague",
           "Hi, a designer joins us on Monday. How do I invite her to our workspace, and is there a limit on users?"),
    Letter("web_form", "Tomasz Zielinski", "tomasz@kolejka.example", "pro", "Two payments in one month",
           "Good morning, our card statement has two payments to you for October. Please look and return one."),
    Letter("email", "Priscilla Adeyemi", "priscilla@northbeam.example", "enterprise", "Records under Article 15",
           "Dear team, under the GDPR I would like a copy of all personal data that you hold about me. Regards, P."),
    Letter("email", "Owen Gallagher", "owen@fernhill.example", "pro", "Slack went quiet",
           "Hi, since this morning no notifications reach our Slack channel any more. What should we check?"),
    Letter("whatsapp", "Mei", "+442079460123", "pro", "", "hey is there a keyboard shortcut for adding a task?"),
    Letter("whatsapp", "Jonas", "+4915112345678", "free", "", "Wie kann ich mein Passwort zurücksetzen?"),
    Letter("whatsapp", "Ana", "+34911234567", "pro", "", "can i please talk to a real person about our setup"),
    Letter("web_form", "Rank Boosters", "sales@rank-boosters.example", "free", "Get to page one of Google!",
           "We offer 200 premium backlinks and guaranteed first-page ranking for your site. Reply for a quote today."),
)  # fmt: skip


def demo(
    once: bool = typer.Option(False, "--once", help="Show it and exit, for scripts."),
) -> None:
    """Run the product with the demo company, send it customers' messages and show what it did."""
    run(_demo(once))


async def _demo(once: bool) -> None:
    started = time.perf_counter()
    settings = load_settings()
    stop = asyncio.Event()
    stop_on_signals(stop)
    console = Console(width=None if Console().is_terminal else 160)
    async with Processes.running(settings, announce=lambda line: console.print(f"  {line}", style="dim")) as processes:
        console.print(f"  up after {time.perf_counter() - started:.1f} s", style="dim")
        async with open_desk(settings, processes.conninfo) as desk:
            stories = [await _tell(desk, processes.address, letter) for letter in LETTERS]
        console.print(_table(stories))
        reference, token = next((s.outcome.ticket.reference, s.token) for s in stories if s.token)
        _print_addresses(console, processes.address, reference, token)
        if not once:
            console.print("Ctrl-C stops everything; the data stays in " + str(settings.data_dir))
            await processes.watch(stop)


@dataclass(frozen=True, slots=True)
class Story:
    letter: Letter
    outcome: Outcome
    token: str
    milliseconds: float


async def _tell(desk: Desk, address: str, letter: Letter) -> Story:
    """Send one message by its front door and wait for what becomes of it."""
    await _know_customer(desk, letter)
    started = time.perf_counter()
    if letter.channel == "web_form":
        inbound_id, token = await _submit_form(desk, address, letter)
    else:
        payload = as_payload(letter.sender, letter.name, letter.subject, letter.body)
        accepted = await intake.accept(desk, letter.channel, payload)
        inbound_id, token = accepted.inbound_id, ""
    outcome = await wait_for_outcome(desk, inbound_id, timeout=OUTCOME_SECONDS)
    return Story(letter, outcome, token, (time.perf_counter() - started) * 1000)


async def _know_customer(desk: Desk, letter: Letter) -> None:
    kind = "phone" if letter.channel == "whatsapp" else "email"
    async with desk.db.transaction() as tx:
        customer = await customers.find_or_create(tx, kind, letter.sender, name=letter.name)
        await customers.set_plan(tx, customer.id, letter.plan)


async def _submit_form(desk: Desk, address: str, letter: Letter) -> tuple[UUID, str]:
    body: dict[str, Any] = {
        "name": letter.name,
        "email": letter.sender,
        "subject": letter.subject,
        "message": letter.body,
    }
    async with httpx.AsyncClient(base_url=address, timeout=10) as client:
        answer = await client.post("/support/submit", json=body, headers={"Idempotency-Key": uuid.uuid4().hex * 2})
    if answer.status_code != 202:
        raise NotStarted(f"The form answered {answer.status_code}: {answer.text[:200]}")
    accepted = answer.json()
    async with desk.db.transaction() as tx:
        row = await inbound.find_by_reference(tx, accepted["reference"])
    assert row is not None, "a form that was accepted is stored"
    return row.id, accepted["access_token"]


def _table(stories: list[Story]) -> Table:
    table = Table(title="What became of each message", title_justify="left", show_lines=False)
    for heading in ("channel", "question", "decision", "rule and owner, or cited article", "ticket"):
        table.add_column(heading, overflow="fold")
    table.add_column("ms", justify="right")
    for story in stories:
        decision = story.outcome.decision
        table.add_row(
            story.letter.channel,
            story.letter.body if len(story.letter.body) <= 72 else story.letter.body[:71].rsplit(" ", 1)[0] + " …",
            f"{decision.decision} ({decision.action})",
            _reason(story.outcome),
            story.outcome.ticket.reference,
            f"{story.milliseconds:.0f}",
        )
    return table


def _reason(outcome: Outcome) -> str:
    record = outcome.decision.record
    if outcome.escalation is not None:
        return f"{outcome.escalation.rule} → {outcome.escalation.owner}"
    cited = {item["passage_id"]: item for item in record["passages"]}
    titles = [cited[key]["title"] for key in record["citations"] if key in cited]
    return "; ".join(dict.fromkeys(titles)) or ", ".join(outcome.decision.rules) or "—"


def _print_addresses(console: Console, address: str, reference: str, token: str) -> None:
    console.print(f"Write to it yourself:    {address}/support")
    console.print(f"A ticket's own page:     {address}/support/status/{reference}?token={token}", soft_wrap=True)
    console.print(f"The API, described:      {address}/openapi.json")
