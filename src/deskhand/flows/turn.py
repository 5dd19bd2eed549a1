"""One turn of the agent: read, decide, answer or hand over, and commit all of it at once."""

from __future__ import annotations

import time
from uuid import UUID

from deskhand import conversations, crash
from deskhand.agent import policy
from deskhand.agent.case import describe_case
from deskhand.agent.decision import Draft, StepTimes, Triage
from deskhand.agent.tools import Commit, Committed, Ending, Handoff, ToolContext, TurnState
from deskhand.agent.triage import unhelpful_so_far
from deskhand.agent.wording import response_time_in_words
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import DeskhandError
from deskhand.flows.gaps import Unanswered, read_gap
from deskhand.flows.holding import hand_over_unanswered, keep_within_brakes
from deskhand.flows.receipts import as_uuid
from deskhand.flows.release import release
from deskhand.flows.situation import Situation, read_situation, triage_input
from deskhand.ids import MessageId
from deskhand.log import get_logger
from deskhand.transport.base import DeadLetter, Delivery

log = get_logger("turn")

WITH_AN_OPERATOR = "with an operator"
AGENT_FAILED = "the agent failed"


class TurnUnfinished(DeskhandError):
    """The brain ended without a response or an escalation."""

    retryable = True


async def take_turn(desk: Desk, delivery: Delivery) -> None:
    """Worker: give one customer message exactly one outcome. No transaction is open while the brain thinks."""
    queued = delivery.messages[0]
    async with desk.db.transaction() as tx:
        situation = await read_situation(
            desk,
            tx,
            MessageId(UUID(str(queued.payload["message_id"]))),
            verified=bool(queued.payload.get("verified", False)),
        )
    if situation.decided:
        async with delivery.settle():
            return
    started = time.perf_counter()
    state = TurnState()
    triage = await desk.triage.read(triage_input(situation))
    state.times.add("triage", (time.perf_counter() - started) * 1000)

    async def commit(ending: Ending) -> Committed:
        state.times.add("turn", (time.perf_counter() - started) * 1000)
        gap = await read_gap(desk, situation, triage, state, ending)
        crash.here("before_turn_commit")
        async with delivery.settle() as tx:
            committed = await _commit(desk, tx, situation, triage, state, ending, gap)
        crash.here("after_turn_commit")
        return committed

    hold = queued.payload.get("hold")
    await play(desk, situation, triage, state, commit, hold=str(hold) if hold else None)


async def play(
    desk: Desk,
    situation: Situation,
    triage: Triage,
    state: TurnState,
    commit: Commit,
    *,
    hold: str | None = None,
    is_rehearsal: bool = False,
) -> None:
    """Ignore, keep silent beside an operator, hand over what is held, or let the brain run.

    `hold` is why only a person may answer. A rehearsal opens no ticket.
    """
    verdict = policy.decide(triage)
    state.unhelpful_turns = unhelpful_so_far(triage_input(situation), triage)
    if verdict.decision == "ignore":
        await commit(Ending("ignore", "ignored", verdict.rules, verdict.confidence))
        return
    if situation.conversation.handler == "operator":
        await commit(Ending(verdict.decision, "silent", verdict.rules, verdict.confidence))
        return
    if hold is not None:
        await commit(hand_over_unanswered(desk, situation, triage, hold))
        return
    context = ToolContext(
        db=desk.db,
        embedder=desk.embedder,
        triage_engine=desk.triage,
        company=desk.company,
        clock=desk.clock,
        reference_prefix=desk.settings.reference_prefix,
        customer=situation.customer,
        verified=situation.verified,
        conversation=situation.conversation,
        message=situation.message,
        ticket=situation.ticket,
        triage=triage,
        verdict=verdict,
        commit=commit,
        state=state,
        standing=situation.standing,
        is_rehearsal=is_rehearsal,
    )
    await desk.brain.run_turn(context)
    if not state.ended:
        raise TurnUnfinished


async def _commit(
    desk: Desk,
    tx: Tx,
    situation: Situation,
    triage: Triage,
    state: TurnState,
    ending: Ending,
    gap: Unanswered | None = None,
) -> Committed:
    """Everything that a turn changes, in the transaction that acknowledges its message."""
    if await conversations.lock_handler(tx, situation.conversation.id) == "operator" and ending.action != "ignored":
        ending = silenced(ending)
    ending = await keep_within_brakes(desk, tx, situation, triage, ending)
    committed = await release(desk, tx, situation, triage, state, ending, gap=gap)
    log.info(
        "turn_finished",
        conversation_id=str(situation.conversation.id),
        reference=situation.ticket.reference,
        decision=ending.decision,
        action=ending.action,
        rules=list(ending.rules),
        brain=state.brain.name,
        ms=round(state.times.steps["turn"], 1),
    )
    return committed


def silenced(ending: Ending) -> Ending:
    """An operator took over while the brain was thinking: nothing is said, and the record says why."""
    return Ending(ending.decision, "silent", ending.rules, ending.confidence, flags=(WITH_AN_OPERATOR,))


async def record_failure(desk: Desk, tx: Tx, letter: DeadLetter) -> None:
    """A turn that failed for good goes to a person with the cause, so that the customer is not forgotten."""
    message_id = as_uuid(str(letter.payload.get("message_id")))
    if message_id is None:
        return
    situation = await read_situation(desk, tx, MessageId(message_id), verified=False)
    if situation.decided:
        return
    language = situation.conversation.language
    triage = Triage(language, 0.0, "general", "question", 0.0, "normal", (), None)
    assignment = policy.assign(
        desk.company, policy.NO_RULE, situation.customer.plan, desk.clock.now(), verified=situation.verified
    )
    phrases = desk.company.voice.for_language(language)
    note = phrases.escalated.format(time=response_time_in_words(assignment.told_time, phrases))
    reason = f"The agent failed on this message: {letter.error[:300]}"
    await _commit(
        desk,
        tx,
        situation,
        triage,
        TurnState(times=StepTimes({"turn": 0.0})),
        Ending(
            decision="escalate",
            action="escalated",
            rules=(policy.NO_RULE,),
            confidence=0.0,
            reply=Draft("acknowledgement", note, 1.0, language),
            handoff=Handoff(
                policy.NO_RULE,
                reason,
                assignment,
                describe_case(situation, triage, assignment, rule=policy.NO_RULE, reason=reason),
            ),
            flags=(AGENT_FAILED,),
        ),
    )
