"""The commands on a database in which a ticket has been handled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from deskhand.cli import app
from deskhand.composition import open_desk
from deskhand.flows.ingest import load_knowledge
from deskhand.flows.outcome import Outcome
from deskhand.settings import Settings
from tests.driving import ask

ARTICLE = "# Labels\n\n## Add a label\n\nOpen the task, choose **Add label** and press Enter.\n"
Talk = Callable[..., list[Outcome]]


@pytest.fixture(autouse=True)
def _log() -> Generator[None]:
    """A command sets logging up on the output that its runner closes: the next test starts afresh."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def talk(conninfo: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Talk:
    """One conversation with the desk that the commands of this test will find; returns its outcomes."""
    monkeypatch.setenv("DESKHAND_DATABASE_URL", conninfo)
    monkeypatch.setenv("DESKHAND_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "help").mkdir()
    (tmp_path / "help" / "labels.md").write_text(ARTICLE, "utf-8")

    async def converse(bodies: Sequence[str]) -> list[Outcome]:
        async with open_desk(settings, conninfo) as desk:
            await load_knowledge(desk, [tmp_path / "help"])
            outcomes = [await ask(desk, bodies[0])]
            for body in bodies[1:]:
                outcomes.append(await ask(desk, body, thread=str(outcomes[0].decision.conversation_id)))
            await desk.transport.close()
            return outcomes

    return lambda *bodies: asyncio.run(converse(bodies))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))
