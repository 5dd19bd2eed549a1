"""The command line: thin commands, one file a noun. Exit codes: 0 done, 1 failed, 2 wrong input or set-up."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from deskhand import __version__, log
from deskhand.cli import (
    ask,
    channels,
    customers,
    demo,
    doctor,
    evaluate,
    explain,
    inbound,
    init,
    kb,
    keys,
    migrate,
    queue,
    replay,
    run,
    simulate,
)
from deskhand.cli.session import find_unknown_variables
from deskhand.errors import DeskhandError, InvalidInput, SetupInvalid
from deskhand.settings import load_settings

app = typer.Typer(
    name="deskhand",
    help="A support desk with an AI agent in the first seat.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("up")(run.up)
app.command("serve")(run.serve)
app.command("work")(run.work)
app.command("demo")(demo.demo)
app.command("migrate")(migrate.migrate)
app.command("doctor")(doctor.doctor)
app.command("init")(init.init)
app.command("ask")(ask.ask)
app.command("explain")(explain.explain)
app.command("replay")(replay.replay)
app.command("eval")(evaluate.evaluate)
app.command("simulate")(simulate.simulate)
app.add_typer(kb.app, name="kb")
app.add_typer(queue.app, name="queue")
app.add_typer(keys.app, name="keys")
app.add_typer(channels.app, name="channels")
app.add_typer(inbound.app, name="inbound")
app.add_typer(customers.app, name="customers")


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
    debug: bool = typer.Option(False, "--debug", help="Show the trace of an error."),
) -> None:
    """A support desk with an AI agent in the first seat."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    settings = load_settings()
    quiet = context.invoked_subcommand not in ("up", "serve", "work")
    level = "warning" if quiet and settings.log_level == "info" else settings.log_level
    log.configure(level, as_json=settings.logs_as_json)
    if context.invoked_subcommand != "doctor" and (unknown := find_unknown_variables()):
        log.get_logger("settings").warning("unknown_variables", detail=unknown)
    context.obj = {"debug": debug}


def main() -> NoReturn:
    """Run a command; errors of ours are one line with the next step, never a trace (unless --debug)."""
    try:
        app()
    except DeskhandError as error:
        if "--debug" in sys.argv:
            raise
        typer.secho(f"deskhand: {error}", err=True, fg="red")
        raise SystemExit(2 if isinstance(error, (InvalidInput, SetupInvalid)) else 1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(0)
