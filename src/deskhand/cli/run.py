"""`deskhand up`, `serve` and `work`: the processes that stay."""

from __future__ import annotations

import asyncio

import typer

from deskhand.app import run_web
from deskhand.cli.processes import Processes
from deskhand.cli.session import run, stop_on_signals
from deskhand.composition import open_desk
from deskhand.errors import SetupInvalid
from deskhand.inference import load_language_model
from deskhand.settings import Settings, load_settings
from deskhand.worker import run_worker


def up() -> None:
    """Run everything: the embedded database (unless DATABASE_URL is set), the web process and a worker."""
    run(_up())


async def _up() -> None:
    settings = load_settings()
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with Processes.running(settings, announce=typer.echo) as processes:
        typer.echo(
            f"Deskhand is up: {processes.address}/support (form), {processes.address}/openapi.json (API). Ctrl-C stops."
        )
        await processes.watch(stop)
    typer.echo("stopped")


def serve() -> None:
    """Run the web process alone; it needs DATABASE_URL."""
    run(_serve())


async def _serve() -> None:
    settings = load_settings()
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with open_desk(settings, _conninfo(settings)) as desk:
        await run_web(desk, stop=stop, ready=lambda address: typer.echo(f"listening on {address}"))


def work() -> None:
    """Run a worker alone; it needs DATABASE_URL. Start as many as you like."""
    run(_work())


async def _work() -> None:
    settings = load_settings()
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with open_desk(settings, _conninfo(settings)) as desk:
        await desk.embedder.load()
        await asyncio.to_thread(load_language_model)
        await desk.triage.load()
        await run_worker(desk, stop)


def _conninfo(settings: Settings) -> str:
    if settings.database_url is None:
        raise SetupInvalid(
            "DATABASE_URL is not set.",
            mend="Set it, or use `deskhand up`, which runs everything with the embedded database.",
        )
    return settings.database_url.get_secret_value()
