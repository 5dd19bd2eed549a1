"""`deskhand keys`: API keys for programs."""

from __future__ import annotations

import getpass
import json

import typer

from deskhand import operators
from deskhand.cli.session import command_desk, run

app = typer.Typer(help="API keys for programs.", no_args_is_help=True)


@app.command("create")
def create(
    name: str = typer.Argument(help="Who uses the key."),
    scope: list[str] = typer.Option(["read"], "--scope", help="read, write or admin; may be given several times."),
) -> None:
    """Make a key and print it once; only its hash is kept."""
    typer.echo(run(_create(name, scope)))
    typer.secho("Keep it safe: it is not shown again.", err=True)


async def _create(name: str, scopes: list[str]) -> str:
    async with command_desk() as desk, desk.db.transaction() as tx:
        return await operators.create_key(tx, name=name, scopes=scopes, actor=f"cli:{getpass.getuser()}")


@app.command("list")
def list_(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the keys; what they open stays secret."""
    run(_list(as_json))


async def _list(as_json: bool) -> None:
    async with command_desk() as desk, desk.db.transaction() as tx:
        keys = await operators.list_keys(tx)
    rows = [
        {
            "prefix": key.prefix,
            "name": key.name,
            "scopes": key.scopes,
            "created_at": key.created_at.isoformat(),
            "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
            "revoked": key.revoked_at is not None,
        }
        for key in keys
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = "revoked" if row["revoked"] else f"last used {row['last_used_at'] or 'never'}"
        typer.echo(f"{row['prefix']}  {row['name']}  {','.join(key_scopes(row['scopes']))}  {state}")


def key_scopes(scopes: object) -> list[str]:
    return [str(scope) for scope in scopes] if isinstance(scopes, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # rows are made above


@app.command("revoke")
def revoke(prefix: str = typer.Argument(help="The eight characters behind 'dh_'.")) -> None:
    """End a key at once."""
    run(_revoke(prefix))
    typer.echo(f"revoked {prefix}")


async def _revoke(prefix: str) -> None:
    async with command_desk() as desk, desk.db.transaction() as tx:
        await operators.revoke_key(tx, prefix, actor=f"cli:{getpass.getuser()}")
