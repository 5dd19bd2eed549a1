"""`deskhand kb`: the help centre."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from deskhand import knowledge
from deskhand.agent.tools.search_knowledge_base import look_up
from deskhand.cli import gaps
from deskhand.cli.session import command_desk, run
from deskhand.errors import InvalidInput
from deskhand.flows.ingest import LoadReport, Progress, load_company_knowledge, load_knowledge
from deskhand.inference import detect_language

app = typer.Typer(help="The help centre: load and search articles.", no_args_is_help=True)

app.command("gaps")(gaps.gaps)

OnProgress = Callable[[Progress], None]


@app.command("load")
def load(
    paths: list[Path] | None = typer.Argument(None, help="Folders or files: Markdown, HTML or plain text."),
    company: bool = typer.Option(False, "--company", help="Load the company folder's knowledge."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Turn articles into passages with embeddings; again, it loads only what changed and removes what vanished."""
    if not paths and not company:
        raise InvalidInput("Nothing to load.", field="paths", mend="Name folders or files, or say --company.")
    for path in paths or []:
        if not path.exists():
            raise InvalidInput(f"There is no {path}.", field="paths", mend="Check the spelling.")
    report = run(_load(paths or [], company))
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "added": report.added,
                    "changed": report.changed,
                    "unchanged": report.unchanged,
                    "removed": report.removed,
                    "passages": report.passages,
                    "problems": [{"path": item.path, "reason": item.reason} for item in report.problems],
                }
            )
        )
    elif report.added or report.changed or report.removed or not company:
        typer.echo(
            f"{len(report.added)} added, {len(report.changed)} changed, {len(report.unchanged)} unchanged, "
            f"{len(report.removed)} removed; {report.passages} passages written"
        )
    for problem in report.problems:
        typer.secho(f"not loaded: {problem.path}: {problem.reason}", err=True, fg="red")
    if report.problems:
        raise typer.Exit(1)


async def _load(paths: list[Path], company: bool) -> LoadReport:
    async with command_desk() as desk:
        with progress_of("articles") as progress:
            if company:
                return await load_company_knowledge(desk, progress=progress)
            return await load_knowledge(desk, paths, progress=progress)


@contextmanager
def progress_of(what: str) -> Generator[OnProgress]:
    """A bar on a terminal; in a pipe a plain line for each tenth."""
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Bar(*columns, console=console, transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda at: bar.update(task, completed=at.done, total=at.total)
        return
    told = 0

    def plain(at: Progress) -> None:
        nonlocal told
        tenth = at.done * 10 // max(at.total, 1)
        if at.outcome != "unchanged" and tenth > told and at.total >= 20:
            told = tenth
            sys.stderr.write(f"{what}: {at.done} of {at.total}\n")

    yield plain


@app.command("search")
def search(
    query: str = typer.Argument(help="A question."),
    limit: int = typer.Option(5, min=1, max=20, help="Passages wanted."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the passages that answer a question, best first, with their scores."""
    hits = run(_search(query, limit))
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {
                        "score": round(hit.score, 4),
                        "article": hit.article,
                        "title": hit.title,
                        "heading": hit.heading,
                        "version": hit.version,
                        "url": hit.url,
                        "text": hit.body,
                    }
                    for hit in hits
                ],
                ensure_ascii=False,
                indent=2,
            )
        )
        return
    if not hits:
        typer.echo("nothing found; is anything loaded? deskhand kb load --company")
    for hit in hits:
        typer.echo(f"{hit.score:.2f}  {hit.title} › {hit.heading}  {hit.url}")


async def _search(query: str, limit: int) -> list[knowledge.Hit]:
    async with command_desk() as desk:
        return await look_up(
            desk.db,
            desk.embedder,
            query,
            limit=limit,
            language=detect_language(query).code,
            product=desk.company.profile.product,
        )
