"""`deskhand kb gaps`: what customers asked and the help centre did not answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

import typer

from deskhand import knowledge
from deskhand.cli.session import command_desk, run
from deskhand.errors import InvalidInput
from deskhand.flows.gaps import list_gap_groups
from deskhand.knowledge import GapGroup
from deskhand.settings import read_duration


def gaps(
    since: str | None = typer.Option(None, help="Only what was asked within this time, such as 30d or 12h."),
    close: str | None = typer.Option(
        None, metavar="ID", help="Close a group by its id: its article is written, or it needs none."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List questions that found no answer, grouped by meaning, most asked first."""
    groups = run(_groups(_duration(since), close))
    if as_json:
        typer.echo(json.dumps([as_dict(group) for group in groups], indent=2, ensure_ascii=False))
        return
    if not groups:
        typer.echo("no open gaps")
        return
    typer.echo("asked  first seen  last seen   id        example")
    for group in groups:
        first, last = group.gaps[0].created_at, group.gaps[-1].created_at
        typer.echo(f"{group.count:>5}  {first:%Y-%m-%d}  {last:%Y-%m-%d}  {short_id(group)}  {group.example.query}")


def _duration(value: str | None) -> timedelta | None:
    if value is None:
        return None
    try:
        return cast("timedelta", read_duration(value))
    except ValueError as error:
        raise InvalidInput(f"--since {value}: {error}.", field="since") from error


def short_id(group: GapGroup) -> str:
    """The end of its oldest question's key: the front of a key is the time."""
    return group.gaps[0].id.hex[-8:]


def as_dict(group: GapGroup) -> dict[str, object]:
    return {
        "id": short_id(group),
        "count": group.count,
        "first_seen": group.gaps[0].created_at.isoformat(),
        "last_seen": group.gaps[-1].created_at.isoformat(),
        "example": group.example.query,
        "languages": sorted({gap.language for gap in group.gaps}),
        "questions": [gap.query for gap in group.gaps],
    }


async def _groups(since: timedelta | None, close: str | None) -> Sequence[GapGroup]:
    """The open groups, after closing one of them when asked to."""
    async with command_desk() as desk:
        earliest = None if since is None else desk.clock.now() - since
        groups = await list_gap_groups(desk, since=earliest)
        if close is None:
            return groups
        wanted = [group for group in groups if short_id(group) == close.strip().lower()]
        if not wanted:
            raise InvalidInput(f"There is no open group {close}.", field="close", mend="List them: deskhand kb gaps.")
        ids: list[UUID] = [gap.id for group in wanted for gap in group.gaps]
        async with desk.db.transaction() as tx:
            await knowledge.close_gaps(tx, ids)
        return [group for group in groups if group not in wanted]
