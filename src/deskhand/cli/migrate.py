"""`deskhand migrate`: bring the database to the present schema."""

from __future__ import annotations

import typer

from deskhand import crash
from deskhand.cli.session import run
from deskhand.composition import open_database_server
from deskhand.db import migrate as apply
from deskhand.db import wait_until_reachable
from deskhand.settings import load_settings


def migrate() -> None:
    """Apply the migrations that the database has not seen; safe to run again."""
    run(_migrate())


async def _migrate() -> None:
    settings = load_settings()
    crash.arm(is_production=settings.is_production)
    async with open_database_server(settings, role="command") as conninfo:
        await wait_until_reachable(conninfo, wait_seconds=settings.database_wait.total_seconds())
        applied = await apply(conninfo)
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("nothing to apply: the schema is up to date")
