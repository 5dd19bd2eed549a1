"""`deskhand replay`: a ticket's turns again, with nothing written and nothing sent."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, cast

import typer

from deskhand.cli.session import command_desk, run
from deskhand.flows.replay import Difference, TurnReplay, replay_ticket
from deskhand.tickets import Ticket


def replay(
    reference: str = typer.Argument(help="A ticket's reference, such as TF-20261122-7K3Q."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Run every turn of a ticket again offline and show what would differ today; exit code 1 when something does."""
    ticket, turns = run(_replay(reference))
    differs = any(turn.differences for turn in turns)
    if as_json:
        typer.echo(json.dumps(as_dict(ticket, turns), indent=2, ensure_ascii=False))
    else:
        for line in as_lines(ticket, turns):
            typer.echo(line)
    if differs:
        raise typer.Exit(1)


async def _replay(reference: str) -> tuple[Ticket, list[TurnReplay]]:
    async with command_desk() as desk:
        return await replay_ticket(desk, reference)


def as_dict(ticket: Ticket, turns: Sequence[TurnReplay]) -> dict[str, Any]:
    return {
        "reference": ticket.reference,
        "differs": any(turn.differences for turn in turns),
        "turns": [
            {
                "message_id": str(turn.message.id),
                "differences": {item.what: {"then": item.then, "now": item.now} for item in turn.differences},
                "causes": list(turn.causes),
                "now": asdict(turn.now),
            }
            for turn in turns
        ],
    }


def as_lines(ticket: Ticket, turns: Sequence[TurnReplay]) -> Iterator[str]:
    if not any(turn.differences for turn in turns):
        count = f"{len(turns)} turn" + ("" if len(turns) == 1 else "s")
        yield f"{ticket.reference}: no difference ({count} replayed)"
        return
    for number, turn in enumerate(turns, start=1):
        words = " ".join(turn.message.body.split())
        yield f"{ticket.reference}, turn {number}: “{words[:80]}{'…' if len(words) > 80 else ''}”"
        if not turn.differences:
            yield "  no difference"
        for item in turn.differences:
            yield from _difference_lines(item)
        if turn.differences and turn.causes:
            yield f"  since then {'; '.join(turn.causes)}"


def _difference_lines(item: Difference) -> Iterator[str]:
    if item.what in ("reply", "passages", "cited"):
        yield f"  {item.what}:"
        then, now = (value.splitlines() if isinstance(value, str) else list(value) for value in (item.then, item.now))
        for line in difflib.unified_diff(then, now, lineterm="", n=1):
            if not line.startswith(("---", "+++", "@@")):
                yield f"    {line}"
        return
    yield f"  {item.what}: {_shown(item.then)} → {_shown(item.now)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(entry) for entry in cast("tuple[object, ...]", value)) or "none"
    return str(value) if value else "none"
