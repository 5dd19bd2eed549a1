"""Knowledge gaps: questions that the help centre did not answer, kept with the decision and grouped when read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from deskhand import knowledge
from deskhand.agent import policy
from deskhand.agent.decision import Triage
from deskhand.agent.tools import Ending, TurnState
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.flows.situation import Situation
from deskhand.knowledge import Gap, GapGroup
from deskhand.knowledge.models import Vector

ASKS_NOTHING = ("vague", "thanks", "greeting", "feedback")


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question about to be kept, with its vector."""

    query: str
    vector: Vector
    model: str


async def read_gap(
    desk: Desk, situation: Situation, triage: Triage, state: TurnState, ending: Ending
) -> Unanswered | None:
    """What to keep of a turn that found no answer; None for all others. The model runs here, outside the commit."""
    if not _found_no_answer(desk, triage, state, ending):
        return None
    query = knowledge.bare_question(situation.message.subject, situation.message.body)
    if not query:
        return None
    vector = (await desk.embedder.embed([query]))[0]
    return Unanswered(query, vector, desk.embedder.model_id)


def _found_no_answer(desk: Desk, triage: Triage, state: TurnState, ending: Ending) -> bool:
    if not state.searched:
        return False
    if ending.action == "held":
        return True
    if ending.action == "escalated":
        return ending.handoff is not None and ending.handoff.rule == policy.NO_RULE
    if ending.action != "asked_back" or triage.intent in ASKS_NOTHING:
        return False
    best = max((cited.score for cited in state.passages.values()), default=0.0)
    return best < desk.company.escalation.bands.hold


async def keep_gap(tx: Tx, desk: Desk, situation: Situation, triage: Triage, gap: Unanswered) -> None:
    await knowledge.keep_gap(
        tx,
        message_id=situation.message.id,
        query=gap.query,
        language=triage.language,
        vector=gap.vector,
        model=gap.model,
        at=desk.clock.now(),
    )


async def list_gap_groups(desk: Desk, *, since: datetime | None) -> list[GapGroup]:
    """Open gaps by meaning, most asked first."""
    async with desk.db.transaction() as tx:
        gaps = await knowledge.list_gaps(tx, since=since)
    return knowledge.group_gaps(gaps, await _vectors(desk, gaps))


async def _vectors(desk: Desk, gaps: list[Gap]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Vectors of two models must not be compared: those of another one are made again from the words."""
    vectors = np.zeros((len(gaps), desk.embedder.dimensions), dtype=np.float32)
    foreign = [row for row, gap in enumerate(gaps) if gap.model != desk.embedder.model_id]
    for row, gap in enumerate(gaps):
        if gap.model == desk.embedder.model_id:
            vectors[row] = gap.vector
    if foreign:
        vectors[foreign] = await desk.embedder.embed([gaps[row].query for row in foreign])
    return vectors
