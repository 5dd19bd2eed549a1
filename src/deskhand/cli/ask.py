"""`deskhand ask`: one message through the real flow."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

import typer
from rich.console import Console

from deskhand import customers
from deskhand.cli.session import command_desk, run
from deskhand.customers import Plan
from deskhand.desk import Desk
from deskhand.flows import intake
from deskhand.flows.ingest import load_company_knowledge
from deskhand.flows.outcome import Outcome, wait_for_outcome
from deskhand.worker import run_worker


class ChannelName(StrEnum):
    email = "email"
    whatsapp = "whatsapp"
    web_form = "web_form"


class PlanName(StrEnum):
    free = "free"
    pro = "pro"
    enterprise = "enterprise"


def ask(
    text: str = typer.Argument(help="What the customer writes."),
    channel: ChannelName = typer.Option(ChannelName.web_form, help="The channel it comes by."),
    plan: PlanName | None = typer.Option(None, help="The plan of a customer we don't know yet."),
    email: str | None = typer.Option(None, help="The customer's address; a new customer otherwise."),
    subject: str = typer.Option("", help="Subject line."),
    name: str = typer.Option("", help="The customer's name."),
    explain: bool = typer.Option(False, "--explain", help="Show every score and step."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Send one message through the real flow and show the decision, the evidence, the passages and the reply."""
    outcome = run(_ask(text, channel.value, plan.value if plan else None, email, subject, name))
    if as_json:
        typer.echo(json.dumps(as_dict(outcome), indent=2, ensure_ascii=False))
    else:
        show(Console(), outcome, explain=explain)


async def _ask(text: str, channel: str, plan: Plan | None, email: str | None, subject: str, name: str) -> Outcome:
    async with command_desk() as desk:
        await load_company_knowledge(desk)
        async with working(desk):
            sender = email or _new_sender(channel)
            if plan is not None:
                await _set_plan_of_stranger(desk, channel, sender, plan)
            accepted = await intake.accept(desk, channel, as_payload(sender, name, subject, text))
            return await wait_for_outcome(desk, accepted.inbound_id, timeout=60)


def as_payload(sender: str, name: str, subject: str, text: str) -> dict[str, Any]:
    return {
        "provider_id": f"cli-{uuid.uuid4()}",
        "sender": sender,
        "name": name,
        "subject": subject,
        "body": text,
        "verified": True,
    }


def _new_sender(channel: str) -> str:
    if channel == "whatsapp":
        return f"+1555{uuid.uuid4().int % 10**7:07d}"
    return f"ask-{uuid.uuid4().hex[:12]}@example.com"


async def _set_plan_of_stranger(desk: Desk, channel: str, sender: str, plan: Plan) -> None:
    """The plan is a fact of our records: only a customer who is new gets the one that was asked for."""
    kind = "whatsapp_id" if channel == "whatsapp" else "email"
    async with desk.db.transaction() as tx:
        if await customers.find_by_identifier(tx, kind, sender) is None:
            customer = await customers.find_or_create(tx, kind, sender)
            await customers.set_plan(tx, customer.id, plan)


@asynccontextmanager
async def working(desk: Desk) -> AsyncGenerator[None]:
    """A worker in this process for the time of the block, beside whatever others run."""
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(desk, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


def as_dict(outcome: Outcome) -> dict[str, Any]:
    decision = outcome.decision
    return {
        "reference": outcome.ticket.reference,
        "decision": decision.decision,
        "action": decision.action,
        "rules": decision.rules,
        "confidence": round(decision.confidence, 3),
        "owner": outcome.escalation.owner if outcome.escalation else None,
        "respond_by": outcome.escalation.respond_by.isoformat() if outcome.escalation else None,
        "passages": decision.record["passages"],
        "evidence": {rule["name"]: rule["evidence"] for rule in decision.record["triage"]["rules"] if rule["fired"]},
        "reply": outcome.delivery.parts if outcome.delivery else [],
        "delivery": outcome.delivery.state if outcome.delivery else None,
        "ms": decision.record["ms"],
    }


def show(console: Console, outcome: Outcome, *, explain: bool) -> None:
    decision, record = outcome.decision, outcome.decision.record
    rules = ", ".join(decision.rules) or "none"
    console.print(
        f"[bold]{outcome.ticket.reference}[/]  {decision.decision} ({decision.action}), rules: {rules}, "
        f"confidence {decision.confidence:.2f}, {record['ms']['turn']:.0f} ms",
        highlight=False,
    )
    for rule in record["triage"]["rules"]:
        if rule["fired"] or explain:
            found = "; ".join(f"{item['source']}: “{item['text']}” ({item['score']:.2f})" for item in rule["evidence"])
            mark = "fired" if rule["fired"] else "     "
            console.print(f"  {mark} {rule['name']:<10} {rule['score']:.2f}  {found}", markup=False, highlight=False)
    if outcome.escalation is not None:
        owner, due = outcome.escalation.owner, outcome.escalation.respond_by
        console.print(f"  owner {owner}, answers by {due:%Y-%m-%d %H:%M} UTC", highlight=False)
    for passage in record["passages"] if explain else record["passages"][:3]:
        console.print(
            f"  {passage['score']:.2f}  {passage['title']} › {passage['heading']}  {passage['url']}",
            markup=False,
            highlight=False,
        )
    if explain:
        triage = record["triage"]
        console.print(
            f"  language {triage['language']}, intent {triage['intent']}, category {triage['category']}, "
            f"sentiment {triage['sentiment']:+.2f}, urgency {triage['urgency']}",
            highlight=False,
        )
        for step, spent in record["ms"].items():
            console.print(f"  {step}: {spent:.1f} ms", highlight=False)
    for part in outcome.delivery.parts if outcome.delivery else []:
        console.rule(style="dim")
        console.print(part, markup=False, highlight=False)
