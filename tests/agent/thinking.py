"""A desk whose brain is the language-model stand-in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from deskhand.agent.brain import open_brain
from deskhand.clock import Clock
from deskhand.desk import Desk
from deskhand.flows.ingest import load_knowledge
from deskhand.flows.outcome import Outcome
from deskhand.settings import Settings
from tests.driving import ask
from tests.fakes import ScriptedTriage
from tests.standins.language_model import LanguageModelServer

ARTICLE = "account-and-members/reset-password.md"
QUESTION = "How do I reset my password?"


def model_settings(settings: Settings, server: LanguageModelServer, model: str, **more: Any) -> Settings:
    """Settings for the stand-in; the model's name picks its script."""
    provider = more.get("llm_provider", "openai")
    return Settings.model_validate(
        settings.model_dump()
        | {
            "brain": "llm",
            "llm_model": model,
            "llm_api_key": server.key,
            "llm_base_url": server.base_url(provider),
            "llm_timeout": timedelta(seconds=3),
        }
        | more
    )


@asynccontextmanager
async def thinking(
    desk: Desk,
    server: LanguageModelServer,
    model: str = "helpful",
    *,
    triage: ScriptedTriage | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncGenerator[Desk]:
    """The desk with that model as its brain, one article, and a triage that finds no rule unless told."""
    await load_knowledge(desk, [desk.company.knowledge_dir / ARTICLE])
    settings = model_settings(desk.settings, server, model, **more)
    async with open_brain(settings, desk.company, clock or desk.clock) as brain:
        yield replace(
            desk, settings=settings, brain=brain, triage=triage or ScriptedTriage(), clock=clock or desk.clock
        )


async def asked(desk: Desk, server: LanguageModelServer, model: str, *, body: str = QUESTION, **more: Any) -> Outcome:
    """The outcome of one message on a desk with that model."""
    async with thinking(desk, server, model, **more) as thoughtful:
        return await ask(thoughtful, body)
