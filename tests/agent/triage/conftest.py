"""The real engine on the demo company, once for all tests of triage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

import deskhand
from deskhand.agent.decision import Triage
from deskhand.agent.triage import TriageEngine, TriageInput, build_triage
from deskhand.company_folder import Company, load_company
from deskhand.inference import LocalEmbedder

Read = Callable[..., Awaitable[Triage]]


@pytest.fixture(scope="package")
def company() -> Company:
    return load_company(Path(deskhand.__file__).parent / "company")


@pytest.fixture(scope="package")
def embedder() -> Iterator[LocalEmbedder]:
    embedder = LocalEmbedder()
    yield embedder
    embedder.close()


@pytest.fixture(scope="package")
def engine(company: Company, embedder: LocalEmbedder) -> TriageEngine:
    return build_triage(company, embedder)


@pytest.fixture
def read(engine: TriageEngine) -> Read:
    async def read(body: str, subject: str = "", plan: str = "pro", unhelpful_turns: int = 0) -> Triage:
        earlier = ("My calendar shows the wrong week.",) if unhelpful_turns else ()
        return await engine.read(
            TriageInput(
                subject,
                body,
                "email",
                plan,
                None,
                earlier,
                agent_replied=bool(earlier),
                unhelpful_turns=unhelpful_turns,
            )
        )

    return read
