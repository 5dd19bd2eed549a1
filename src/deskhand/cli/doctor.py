"""`deskhand doctor`: what is set, what is missing, what can be reached."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal

import typer
from pydantic import SecretStr

from deskhand.cli.session import find_unknown_variables, run
from deskhand.company_folder import load_company
from deskhand.composition import open_database_server, open_desk
from deskhand.db import pending_migrations, wait_until_reachable
from deskhand.desk import Desk
from deskhand.errors import DeskhandError
from deskhand.flows.channel_reports import report_channels
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
    if unknown := find_unknown_variables():
        yield Finding("note", "settings", unknown)
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
    async for finding in _channels(desk, is_migrated=not pending):
        yield finding
    if desk.settings.transport == "kafka":
        yield await _topics(desk)
    if not pending:
        lag = await desk.transport.lag()
        dead = sum(row.dead for row in lag)
        waiting = sum(row.pending for row in lag)
        yield Finding("note" if dead else "ok", "queue", f"{waiting} waiting, {dead} dead letters")


async def _channels(desk: Desk, *, is_migrated: bool) -> AsyncGenerator[Finding]:
    """In production a channel that can't send or fetch is a fault; on a laptop it is as it should be."""
    if not is_migrated:
        for channel in desk.channels.values():
            yield Finding("note", channel.label, channel.health().detail)
        return
    async with desk.db.transaction() as tx:
        reports = await report_channels(desk, tx)
    for report in reports:
        state: State = "ok" if report.state == "ready" else "note"
        if report.state in ("paused", "failing", "silent") or (desk.settings.is_production and not report.is_fine):
            state = "fault"
        mend = f"; when it is mended: deskhand channels resume {report.name}" if report.state == "paused" else ""
        yield Finding(state, report.label, f"{report.detail}{mend}")


async def _topics(desk: Desk) -> Finding:
    from deskhand.transport.kafka.provision import examine_topics  # an extra: not everybody has it

    try:
        topics = await examine_topics(desk.settings, desk.topics)
    except DeskhandError as error:
        return Finding("fault", "Kafka", str(error))
    missing = [topic.name for topic in topics if not topic.partitions]
    if missing:
        return Finding("fault", "Kafka", f"topics are missing: {', '.join(missing)}; deskhand queue topics --create")
    return Finding("ok", "Kafka", f"{len(topics)} topics, {min(topic.replication for topic in topics)} copies")
