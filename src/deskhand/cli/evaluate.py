"""`deskhand eval`: labelled tickets, graded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deskhand import evals
from deskhand.agent.triage import build_triage
from deskhand.cli.session import run
from deskhand.company_folder import Company, load_company
from deskhand.errors import InvalidInput
from deskhand.evals.baseline import BASELINE, Baseline
from deskhand.inference import LocalEmbedder
from deskhand.settings import Settings, load_settings
from deskhand.worker import run_worker

PIPE_WIDTH = 1000  # tables take what they need of it: nothing is cut in a pipe
OnResult = Callable[[evals.Result], None]


class BrainName(StrEnum):
    offline = "offline"
    llm = "llm"


def evaluate(
    files: list[Path] = typer.Argument(
        help="Labelled tickets, one JSON object a line; several are shown side by side."
    ),
    as_json: bool = typer.Option(
        False, "--json", help="Print JSON: one object, or one by file name for several files."
    ),
    brain: BrainName | None = typer.Option(None, help="What composes replies; unset: DESKHAND_BRAIN."),
    triage_only: bool = typer.Option(False, "--triage-only", help="Triage and policy alone: fast, no database."),
    baseline: bool = typer.Option(
        False, "--baseline", help=f"Compare with {BASELINE}; exit code 1 on a significant loss."
    ),
    accept: bool = typer.Option(False, "--accept", help=f"Write these scores to {BASELINE}."),
) -> None:
    """Run every ticket through the flow of live traffic, on a throw-away database, and grade the decisions."""
    if baseline and accept:
        raise InvalidInput("--baseline compares and --accept overwrites: choose one.", field="accept")
    settings = load_settings()
    how: evals.How = "triage-only" if triage_only else (brain.value if brain else settings.brain)
    settings = settings.model_copy(update={"brain": how} if not triage_only else {})
    company = load_company(settings.company_dir)
    sets = _read(files, company)
    accepted = evals.read_baseline()
    if baseline:
        for tickets in sets:
            accepted.run_of(tickets, how)
    reports = run(_triage(settings, company, sets) if how == "triage-only" else _flow(settings, sets, how))
    if as_json:
        found = {report.name: evals.as_json(report) for report in reports}
        typer.echo(json.dumps(found if len(reports) > 1 else found[reports[0].name], indent=2, ensure_ascii=False))
    else:
        evals.show(_console(), reports)
    if accept:
        evals.write_baseline(accepted.accepting(reports))
        typer.echo(f"accepted: {BASELINE} has these scores now", err=True)
    if baseline and _lost(accepted, reports, to_stderr=as_json):
        raise typer.Exit(1)


def _read(files: Sequence[Path], company: Company) -> list[evals.TicketSet]:
    sets = [evals.read_tickets(path, rules=[rule.name for rule in company.escalation.rules]) for path in files]
    names = [tickets.name for tickets in sets]
    if len(set(names)) < len(names):
        raise InvalidInput("Two files have one name.", field="files", mend="Evaluate them one at a time.")
    return sets


async def _triage(settings: Settings, company: Company, sets: Sequence[evals.TicketSet]) -> list[evals.Report]:
    triage = build_triage(company, LocalEmbedder(threads=settings.model_threads))
    with _progress(sets) as on_result:
        return [
            evals.Report(
                tickets,
                "triage-only",
                await evals.score_triage(company, triage, tickets.tickets, on_result=on_result),
            )
            for tickets in sets
        ]


async def _flow(settings: Settings, sets: Sequence[evals.TicketSet], how: evals.How) -> list[evals.Report]:
    reports: list[evals.Report] = []
    typer.echo("preparing a throw-away database with the help centre", err=True)
    async with evals.evaluation_desk(settings) as desk:
        with _progress(sets) as on_result:
            for tickets in sets:
                results = await evals.run_tickets(desk, tickets.tickets, work=run_worker, on_result=on_result)
                reports.append(evals.Report(tickets, how, evals.grade(desk.company, tickets.tickets, results)))
    return reports


def _lost(accepted: Baseline, reports: Sequence[evals.Report], *, to_stderr: bool) -> bool:
    comparisons = [evals.compare(accepted.run_of(report.tickets, report.how), report) for report in reports]
    for comparison in comparisons:
        for line in comparison.lines():
            typer.echo(line, err=to_stderr)
    return any(comparison.is_loss for comparison in comparisons)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


@contextmanager
def _progress(sets: Sequence[evals.TicketSet]) -> Generator[OnResult]:
    """A bar on a terminal; in a pipe a plain line for each tenth."""
    total = sum(len(tickets.tickets) for tickets in sets)
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn("tickets"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("tickets", total=total)
            yield lambda _: bar.advance(task)
        return
    done = 0

    def tell(_: evals.Result) -> None:
        nonlocal done
        done += 1
        if done * 10 // total > (done - 1) * 10 // total:
            sys.stderr.write(f"tickets: {done} of {total}\n")

    yield tell
