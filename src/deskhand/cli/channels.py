"""`deskhand channels`: the ways in and out, what they are up to, and how one that rests goes on."""

from __future__ import annotations

import json

import typer

from deskhand.cli import gmail
from deskhand.cli.session import command_desk, run
from deskhand.flows.channel_reports import ChannelReport, report_channels
from deskhand.flows.pausing import resume_channel

app = typer.Typer(help="The ways in and out.", invoke_without_command=True)
app.add_typer(gmail.app, name="gmail")


@app.callback()
def list_(
    context: typer.Context,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """State, age of the mailbox's cursor, last message in, and replies that wait, by channel."""
    if context.invoked_subcommand is not None:
        return
    reports = run(_reports())
    if as_json:
        typer.echo(json.dumps([_as_dict(report) for report in reports], indent=2))
        return
    for report in reports:
        typer.secho(f"{report.name:<10} {report.state:<15}", fg=None if report.is_fine else "yellow", nl=False)
        typer.echo(f" {report.detail}")
        looked = f"looked {report.fetched_at:%Y-%m-%d %H:%M}" if report.fetched_at else "never looked"
        came = f"last message {report.last_message_at:%Y-%m-%d %H:%M}" if report.last_message_at else "no message yet"
        typer.echo(f"{'':<10} {looked}, {came}, {report.waiting} waiting to be sent")


def _as_dict(report: ChannelReport) -> dict[str, object]:
    return {
        "name": report.name,
        "state": report.state,
        "detail": report.detail,
        "fetched_at": report.fetched_at.isoformat() if report.fetched_at else None,
        "last_message_at": report.last_message_at.isoformat() if report.last_message_at else None,
        "waiting": report.waiting,
    }


async def _reports() -> list[ChannelReport]:
    async with command_desk() as desk, desk.db.transaction() as tx:
        return await report_channels(desk, tx)


@app.command("resume")
def resume(name: str = typer.Argument(help="The channel, such as email.")) -> None:
    """Let a paused channel send and fetch again, once what was wrong is mended."""
    typer.echo(f"{name} goes on" if run(_resume(name)) else f"{name} was not paused")


async def _resume(name: str) -> bool:
    async with command_desk() as desk:
        return await resume_channel(desk, name)
