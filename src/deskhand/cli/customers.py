"""`deskhand customers`: who was found to be one person, and the way back."""

from __future__ import annotations

import json
from uuid import UUID

import typer

from deskhand.cli.session import command_desk, run
from deskhand.customers import Merge, merging
from deskhand.errors import InvalidInput
from deskhand.flows.merging import unmerge_customers

app = typer.Typer(help="Customers who were found to be one person.", no_args_is_help=True)


@app.command("merges")
def merges(
    limit: int = typer.Option(20, min=1, max=500, help="How many, newest first."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List merges of customers with their evidence."""
    rows = run(_merges(limit))
    if as_json:
        typer.echo(json.dumps([_as_dict(row) for row in rows], indent=2, ensure_ascii=False))
        return
    if not rows:
        typer.echo("no merges")
    for row in rows:
        undone = f", undone {row.undone_at:%Y-%m-%d %H:%M}" if row.undone_at else ""
        typer.echo(f"{row.id}  {row.created_at:%Y-%m-%d %H:%M}  {row.evidence}{undone}")


def _as_dict(row: Merge) -> dict[str, object]:
    return {
        "id": str(row.id),
        "kept": str(row.kept_id),
        "merged": str(row.merged_id),
        "evidence": row.evidence,
        "created_at": row.created_at.isoformat(),
        "undone_at": row.undone_at.isoformat() if row.undone_at else None,
    }


async def _merges(limit: int) -> list[Merge]:
    async with command_desk() as desk, desk.db.transaction() as tx:
        return await merging.list_merges(tx, limit=limit)


@app.command("unmerge")
def unmerge(merge: str = typer.Argument(help="The merge's id, from `deskhand customers merges`.")) -> None:
    """Make two customers of one again: addresses, conversations and tickets go back to whose they were."""
    try:
        merge_id = UUID(merge)
    except ValueError:
        raise InvalidInput(
            f"'{merge}' is no id of a merge.", field="merge", mend="See `deskhand customers merges`."
        ) from None
    run(_unmerge(merge_id))
    typer.echo(f"undone {merge}")


async def _unmerge(merge_id: UUID) -> None:
    async with command_desk() as desk:
        await unmerge_customers(desk, merge_id)
