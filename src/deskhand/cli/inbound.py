"""`deskhand inbound`: messages that became no ticket, and how to file one after all."""

from __future__ import annotations

import json
from uuid import UUID

import typer

from deskhand import inbound
from deskhand.cli.session import command_desk, run
from deskhand.errors import InvalidInput
from deskhand.flows.filing import release_suspended
from deskhand.inbound import Inbound

app = typer.Typer(help="Messages that became no ticket.", no_args_is_help=True)
LONGEST = 70


@app.command("suspended")
def suspended(
    limit: int = typer.Option(20, min=1, max=500, help="How many, newest first."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List what no person wrote, with the cause: absence notices, bounces, newsletters."""
    _show("suspended", limit, as_json)


@app.command("failed")
def failed(
    limit: int = typer.Option(20, min=1, max=500, help="How many, newest first."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List what could not be read or filed, with the cause."""
    _show("failed", limit, as_json)


def _show(outcome: str, limit: int, as_json: bool) -> None:
    rows = run(_list(outcome, limit))
    if as_json:
        typer.echo(json.dumps([_as_dict(row) for row in rows], indent=2, ensure_ascii=False))
        return
    if not rows:
        typer.echo(f"no {outcome} messages")
    for row in rows:
        place = ", in its thread" if row.message_id is not None else ""
        typer.echo(f"{row.id}  {row.channel}  {row.received_at:%Y-%m-%d %H:%M}  {row.detail}{place}")
        typer.echo(f"    {_sender(row)}: {_subject(row)}")


def _as_dict(row: Inbound) -> dict[str, object]:
    return {
        "id": str(row.id),
        "channel": row.channel,
        "received_at": row.received_at.isoformat(),
        "cause": row.detail,
        "in_thread": row.message_id is not None,
        "sender": _sender(row),
        "subject": _subject(row),
    }


def _sender(row: Inbound) -> str:
    return str(row.payload.get("sender", "somebody"))


def _subject(row: Inbound) -> str:
    words = str(row.payload.get("subject") or row.payload.get("body") or "")
    return " ".join(words.split())[:LONGEST]


async def _list(outcome: str, limit: int) -> list[Inbound]:
    async with command_desk() as desk, desk.db.transaction() as tx:
        return await inbound.list_by_outcome(tx, outcome, limit=limit)


@app.command("release")
def release(ref: str = typer.Argument(help="The message's id, from `deskhand inbound suspended`.")) -> None:
    """File a suspended message after all, as if a person had written it."""
    try:
        inbound_id = UUID(ref)
    except ValueError:
        raise InvalidInput(
            f"'{ref}' is no id of a message.", field="ref", mend="See `deskhand inbound suspended`."
        ) from None
    run(_release(inbound_id))
    typer.echo(f"released {ref}: a worker files it")


async def _release(inbound_id: UUID) -> None:
    async with command_desk() as desk:
        await release_suspended(desk, inbound_id)
