"""`deskhand doctor`: what is set, what is missing, what can be reached."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal

import typer
from pydantic import SecretStr

from deskhand.cli.session import run
from deskhand.company_folder import load_company
from deskhand.composition import open_database_server, open_desk
from deskhand.db import pending_migrations, wait_until_reachable
from deskhand.desk import Desk
from deskhand.errors import DeskhandError
from deskhand.settings import Settings, load_settings

State = Literal["ok", "note", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    state: State
    subject: str
    detail: str


def doctor(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Check settings, database, company folder, models, channels and queue; exit code 1 when something is at fault."""
    findings = run(_examine())
    if as_json:
        rows = [{"state": item.state, "subject": item.subject, "detail": item.detail} for item in findings]
        typer.echo(json.dumps(rows, indent=2))
    else:
        marks = {"ok": ("✓", "green"), "note": ("•", "yellow"), "fault": ("✗", "red")}
        for item in findings:
            mark, colour = marks[item.state]
            typer.secho(f"{mark} ", fg=colour, nl=False)
            typer.echo(f"{item.subject}: {item.detail}")
    if any(item.state == "fault" for item in findings):
        raise typer.Exit(1)


async def _examine() -> list[Finding]:
    settings = load_settings()
    findings = [item async for item in _settings(settings)]
    try:
        async with open_database_server(settings, role="command") as conninfo:
            await wait_until_reachable(conninfo, wait_seconds=3)
            async with open_desk(settings, conninfo) as desk:
                findings += [item async for item in _desk(desk)]
    except DeskhandError as error:
        findings.append(Finding("fault", "desk", str(error)))
    return findings


async def _settings(settings: Settings) -> AsyncGenerator[Finding]:
    for name in sorted(settings.model_fields_set):
        value: object = getattr(settings, name)
        shown = "set" if isinstance(value, SecretStr) else str(value)
        yield Finding("ok", f"DESKHAND_{name.upper()}", shown)
    if settings.database_url is None:
        state: State = "fault" if settings.is_production else "ok"
        yield Finding(state, "database", f"embedded, in {settings.data_dir.resolve()}")
    try:
        company = load_company(settings.company_dir)
        rules = len(company.escalation.rules)
        yield Finding("ok", "company folder", f"{company.profile.company}, {rules} rules, digest {company.digest[:12]}")
    except DeskhandError as error:
        yield Finding("fault", "company folder", str(error))


async def _desk(desk: Desk) -> AsyncGenerator[Finding]:
    async with desk.db.transaction() as tx:
        pending = await pending_migrations(tx)
    yield (
        Finding("fault", "schema", f"{len(pending)} migrations wait: deskhand migrate")
        if pending
        else Finding("ok", "schema", "up to date")
    )
    try:
        await desk.embedder.load()
        yield Finding("ok", "embedding model", desk.embedder.model_id)
    except DeskhandError as error:
        yield Finding("fault", "embedding model", str(error))
    for channel in desk.channels.values():
        health = channel.health()
        yield Finding("ok" if health.state == "ready" else "note", channel.label, health.detail)
    if not pending:
        lag = await desk.transport.lag()
        dead = sum(row.dead for row in lag)
        waiting = sum(row.pending for row in lag)
        yield Finding("note" if dead else "ok", "queue", f"{waiting} waiting, {dead} dead letters")
