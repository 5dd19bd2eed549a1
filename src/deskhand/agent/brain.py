"""The brain of a desk: what plays a turn through the tools, chosen by the settings."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deskhand.agent import brain_offline
from deskhand.agent.tools import ToolContext
from deskhand.errors import SetupInvalid

if TYPE_CHECKING:
    from deskhand.clock import Clock
    from deskhand.company_folder import Company
    from deskhand.settings import Settings


@dataclass(frozen=True, slots=True)
class Brain:
    """`run_turn` ends a turn with exactly one response or escalation."""

    name: str
    run_turn: Callable[[ToolContext], Awaitable[None]]


OFFLINE = Brain(brain_offline.NAME, brain_offline.run_turn)


@asynccontextmanager
async def open_brain(settings: Settings, company: Company, clock: Clock) -> AsyncGenerator[Brain]:
    """The brain that the settings ask for, for as long as the block lasts.

    Raises:
        SetupInvalid: the language model's settings are incomplete, or its optional packages are not installed.
    """
    if settings.brain == "offline":
        yield OFFLINE
        return
    async with AsyncExitStack() as stack:
        try:
            # The packages behind this import are an optional extra: the rest of the product must start without them.
            from deskhand.agent import brain_llm

            opening = brain_llm.open_language_model_brain(settings, company, clock)
            brain = await stack.enter_async_context(opening)
        except ImportError as error:
            missing = error.name.partition(".")[0] if error.name else str(error)
            raise SetupInvalid(
                f"DESKHAND_BRAIN: 'llm' needs packages that are not installed ({missing}).",
                field="DESKHAND_BRAIN",
                mend="Install them: pip install 'deskhand[llm]'.",
            ) from error
        yield Brain(brain_llm.NAME, brain.run_turn)
