"""`deskhand queue`: what waits, what died, and what to do about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from deskhand.cli.session import command_desk, run
from deskhand.errors import InvalidInput, SetupInvalid
from deskhand.settings import load_settings
from deskhand.transport.base import DeadLetter, TopicLag

if TYPE_CHECKING:
    from deskhand.transport.kafka.brokers import TopicFacts

app = typer.Typer(help="The queue: depth and lag, dead letters, replay, purge.", invoke_without_command=True)


@app.callback()
def depth(
    context: typer.Context,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Depth and lag by topic."""
    if context.invoked_subcommand is not None:
        return
    rows = run(_lag())
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {
                        "topic": row.topic,
                        "pending": row.pending,
                        "in_flight": row.in_flight,
                        "waiting_retry": row.waiting_retry,
                        "oldest_age_seconds": round(row.oldest_age_seconds, 3),
                        "dead": row.dead,
                    }
                    for row in rows
                ],
                indent=2,
            )
        )
        return
    width = max((len(row.topic) for row in rows), default=5)
    typer.echo(f"{'topic':<{width}}  pending  in flight  retry  oldest  dead")
    for row in rows:
        typer.echo(
            f"{row.topic:<{width}}  {row.pending:>7}  {row.in_flight:>9}  {row.waiting_retry:>5}  "
            f"{row.oldest_age_seconds:>5.0f}s  {row.dead:>4}"
        )


async def _lag() -> list[TopicLag]:
    async with command_desk() as desk:
        found = {row.topic: row for row in await desk.transport.lag()}
        quiet = [TopicLag(topic, 0, 0, 0, 0.0, 0) for topic in desk.topics.consumed if topic not in found]
        return sorted([*found.values(), *quiet], key=lambda row: row.topic)


@app.command("dead")
def dead(
    topic: str | None = typer.Option(None, help="Only this topic."),
    limit: int = typer.Option(20, min=1, max=500, help="How many, newest first."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List messages that were given up, with the error."""
    letters = run(_dead(topic, limit))
    if as_json:
        typer.echo(json.dumps([_as_dict(letter) for letter in letters], indent=2, ensure_ascii=False))
        return
    if not letters:
        typer.echo("no dead letters")
    for letter in letters:
        typer.echo(f"{letter.id}  {letter.topic}  {letter.attempts} attempts  {letter.died_at:%Y-%m-%d %H:%M}")
        typer.echo(f"    {letter.error.splitlines()[0] if letter.error else ''}")


def _as_dict(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "topic": letter.topic,
        "key": letter.key,
        "payload": dict(letter.payload),
        "attempts": letter.attempts,
        "error": letter.error,
        "trace": letter.trace,
        "died_at": letter.died_at.isoformat(),
    }


async def _dead(topic: str | None, limit: int) -> list[DeadLetter]:
    async with command_desk() as desk:
        return await desk.transport.list_dead_letters(topic, limit=limit)


@app.command("replay")
def replay(
    ids: list[int] | None = typer.Argument(None, help="Numbers of dead letters."),
    topic: str | None = typer.Option(None, help="All dead letters of this topic."),
) -> None:
    """Give dead letters another chance, with fresh attempts."""
    if not ids and topic is None:
        raise InvalidInput("Nothing to replay.", field="ids", mend="Name numbers (`deskhand queue dead`) or --topic.")
    typer.echo(f"replayed {run(_replay(ids, topic))}")


async def _replay(ids: list[int] | None, topic: str | None) -> int:
    async with command_desk() as desk:
        return await desk.transport.replay(ids=ids or None, topic=topic)


@app.command("purge")
def purge(
    topic: str = typer.Argument(help="The topic."),
    dead: bool = typer.Option(False, "--dead", help="Its dead letters, not what waits."),
    yes: bool = typer.Option(False, "--yes", help="Don't ask."),
) -> None:
    """Delete what waits in a topic, or its dead letters. There is no way back."""
    what = "dead letters" if dead else "waiting messages"
    if not yes:
        typer.confirm(f"Delete all {what} of {topic}?", abort=True)
    typer.echo(f"deleted {run(_purge(topic, dead))} {what}")


async def _purge(topic: str, dead: bool) -> int:
    async with command_desk() as desk:
        if topic not in desk.topics.consumed:
            raise InvalidInput(
                f"There is no topic '{topic}'.", field="topic", mend=f"There are: {', '.join(desk.topics.consumed)}."
            )
        return await desk.transport.purge(topic, dead=dead)


@app.command("topics")
def topics(create: bool = typer.Option(False, "--create", help="Make the topics that are missing.")) -> None:
    """List the topics on the brokers; the PostgreSQL transport needs none."""
    settings = load_settings()
    if settings.transport != "kafka":
        typer.echo("DESKHAND_TRANSPORT=postgres needs no topics")
        return
    rows = run(_topics(create=create))
    width = max(len(row.name) for row in rows)
    typer.echo(f"{'topic':<{width}}  partitions  copies")
    for row in rows:
        typer.echo(f"{row.name:<{width}}  {row.partitions or 'missing':>10}  {row.replication or '':>6}")
    if any(not row.partitions for row in rows):
        raise SetupInvalid("Topics are missing.", mend="Run `deskhand queue topics --create`.")


async def _topics(*, create: bool) -> list[TopicFacts]:
    from deskhand.transport.kafka.provision import create_topics, examine_topics  # an extra: not everybody has it

    async with command_desk() as desk:
        if create:
            await create_topics(desk.settings, desk.topics)
        return await examine_topics(desk.settings, desk.topics)
