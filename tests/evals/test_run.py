"""Tickets through the real flow, on real databases."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from deskhand.agent.decision import Triage
from deskhand.agent.triage import TriageInput
from deskhand.desk import Desk
from deskhand.evals.grading import grade
from deskhand.evals.report import Report, as_json
from deskhand.evals.results import Result
from deskhand.evals.run import WorkerEnded, evaluation_desk, mute, run_tickets
from deskhand.evals.tickets import Ticket, TicketSet
from deskhand.settings import COMPANY_THAT_SHIPS, Settings
from deskhand.transport.postgres import PostgresTransport
from deskhand.worker import run_worker
from tests.evals.sets import ticket
from tests.fakes import FakeChannel, ScriptedTriage, read_as

TICKETS = (
    ticket("money", "escalate", "billing", plan="enterprise", message="The charge is wrong", email="ann@example.org"),
    ticket("praise", "respond", channel="whatsapp", message="You are all so kind"),
    ticket("advert", "ignore", channel="web_form", message="Cheap followers here"),
)
SCRIPT = {
    "charge": read_as("billing", "angry", words="the charge"),
    "kind": read_as(intent="thanks"),
    "followers": read_as(ignore="followers"),
}


def out_of_order(_: TriageInput) -> Triage:
    raise RuntimeError("out of order")


async def play(desk: Desk, *tickets: Ticket) -> list[Result]:
    return await run_tickets(desk, tickets, work=run_worker, on_result=lambda _: None)


async def test_a_scripted_triage_is_graded_through_the_real_flow(desk: Desk) -> None:
    triage = ScriptedTriage(SCRIPT)

    results = await play(replace(desk, triage=triage), *TICKETS)

    assert [(item.decision, item.action, item.rule) for item in results] == [
        ("escalate", "escalated", "billing"),
        ("respond", "acknowledged", None),
        ("ignore", "ignored", None),
    ]
    assert results[0].rules == ("billing", "angry")
    assert results[0].found[0].evidence == ("pattern “the charge” 0.90",)
    assert all(0 < item.turn_ms <= item.ms for item in results if item.decision != "ignore")
    assert [(read.plan, read.channel) for read in triage.read_messages] == [
        ("enterprise", "email"),
        ("free", "whatsapp"),
        ("free", "web_form"),
    ]
    grading = grade(desk.company, TICKETS, results)
    found = as_json(Report(TicketSet("three.jsonl", "aa", TICKETS), "offline", grading))
    assert (found["n"], found["right"], found["owner"]) == (3, 3, {"n": 1, "right": 1})


async def test_each_ticket_comes_from_a_customer_of_its_own(desk: Desk) -> None:
    triage = ScriptedTriage({"": read_as(intent="vague")})
    same_address = [
        ticket(str(number), "respond", email="ann@example.org", plan=plan, message="It broke")
        for number, plan in enumerate(("pro", "enterprise"))
    ]

    await play(replace(desk, triage=triage), *same_address)

    assert [(read.plan, read.earlier, read.unhelpful_turns) for read in triage.read_messages] == [
        ("pro", (), 0),
        ("enterprise", (), 0),
    ]


async def test_a_ticket_that_nobody_handles_in_time_fails_and_the_next_one_has_its_turn(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def idle(_: Desk, stop: asyncio.Event) -> None:
        await stop.wait()

    monkeypatch.setattr("deskhand.evals.run.TICKET_TIMEOUT_SECONDS", 0.1)

    results = await run_tickets(desk, TICKETS[:2], work=idle, on_result=lambda _: None)

    assert [(item.ticket_id, item.decision) for item in results] == [("money", "failed"), ("praise", "failed")]
    assert results[0].error.startswith("NoOutcome: No worker has handled the message in time")


async def test_a_turn_that_broke_for_good_fails_with_the_cause(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"queue_attempts": 1})
    transport = PostgresTransport(desk.db, settings)

    results = await play(
        replace(desk, settings=settings, transport=transport, triage=ScriptedTriage(out_of_order)), TICKETS[0]
    )

    assert results[0].decision == "failed"
    assert "out of order" in results[0].error


async def test_a_worker_that_ends_ends_the_evaluation_with_its_error(desk: Desk) -> None:
    async def fall_over(_: Desk, __: asyncio.Event) -> None:
        raise OSError("no room")

    async def leave(_: Desk, __: asyncio.Event) -> None:
        return

    with pytest.raises(OSError, match="no room"):
        await run_tickets(desk, TICKETS, work=fall_over, on_result=lambda _: None)
    with pytest.raises(WorkerEnded):
        await run_tickets(desk, TICKETS, work=leave, on_result=lambda _: None)


async def test_a_muted_channel_formats_and_sends_nothing(desk: Desk) -> None:
    fakes = {name: FakeChannel(channel) for name, channel in desk.channels.items()}

    await play(replace(desk, channels=mute(fakes), triage=ScriptedTriage(SCRIPT)), *TICKETS)

    assert [fake.sends for fake in fakes.values()] == [[], [], []]


async def test_an_evaluation_leaves_no_data_in_the_configured_database(
    settings: Settings, conninfo: str, tmp_path: Path
) -> None:
    folder = tmp_path / "company"
    shutil.copytree(COMPANY_THAT_SHIPS, folder, ignore=shutil.ignore_patterns("knowledge"))
    (folder / "knowledge").mkdir()
    (folder / "knowledge" / "labels.md").write_text("# Labels\n\nOpen the task and choose Add label.\n")
    configured = settings.model_copy(update={"database_url": SecretStr(conninfo), "company_dir": folder})

    async with evaluation_desk(configured) as desk:
        elsewhere = desk.db.conninfo
        results = await play(replace(desk, triage=ScriptedTriage(SCRIPT)), *TICKETS)

    assert [item.decision for item in results] == ["escalate", "respond", "ignore"]
    assert elsewhere != conninfo
    assert count_rows(conninfo) == {}
    assert not configured.data_dir.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(elsewhere, connect_timeout=2)


def count_rows(conninfo: str) -> dict[str, int]:
    """Tables that hold anything, but for the list of migrations."""
    with psycopg.connect(conninfo) as connection:
        names = connection.execute(
            "select tablename from pg_tables where schemaname = 'public' and tablename <> 'migrations'"
        ).fetchall()
        counts = {
            name: connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(name))).fetchone()
            for (name,) in names
        }
    return {name: row[0] for name, row in counts.items() if row and row[0]}
