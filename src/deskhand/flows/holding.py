"""Holding: where the agent must not speak for itself, its words or its silence go to a person with the cause."""

from __future__ import annotations

from dataclasses import replace

from deskhand.agent import policy
from deskhand.agent.case import describe_case
from deskhand.agent.decision import Draft, Triage
from deskhand.agent.tools import Ending, Handoff
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.flows.brakes import find_excess
from deskhand.flows.recipient import find_recipient
from deskhand.flows.situation import Situation

HELD = "held for a person"
BRAKE = "mail brake"


def hand_over_unanswered(desk: Desk, situation: Situation, triage: Triage, cause: str) -> Ending:
    """A message that only a person may answer; a rule that fired still names the owner. Nothing is said."""
    verdict = policy.decide(triage)
    rule = verdict.rule or policy.NO_RULE
    rules = verdict.rules if verdict.rule else (policy.NO_RULE,)
    if situation.standing is not None:
        return Ending("respond", "held", (), verdict.confidence, flags=(HELD, cause))
    return Ending(
        "escalate",
        "escalated",
        rules,
        verdict.confidence,
        handoff=_handoff(desk, situation, triage, rule, f"Only a person may answer: {cause}."),
        flags=(HELD, cause),
    )


async def keep_within_brakes(desk: Desk, tx: Tx, situation: Situation, triage: Triage, ending: Ending) -> Ending:
    """The ending as it is, or without its mail when too many went to this address: its words become a draft."""
    if ending.reply is None:
        return ending
    channel = situation.conversation.channel
    recipient = await find_recipient(desk, tx, situation)
    excess = await find_excess(desk, tx, situation.customer.id, channel, recipient)
    if excess is None:
        return ending
    flags = (*ending.flags, BRAKE)
    if ending.handoff is not None or ending.held is not None or situation.standing is not None:
        return replace(ending, reply=None, flags=flags)
    return held_back(desk, situation, triage, replace(ending, flags=flags), ending.reply, excess)


def held_back(desk: Desk, situation: Situation, triage: Triage, ending: Ending, draft: Draft, excess: str) -> Ending:
    handoff = _handoff(desk, situation, triage, policy.NO_RULE, f"A reply was not sent: {excess}.")
    case = handoff.context | {"draft": draft.text, "reasons": [excess]}
    return replace(ending, action="held", reply=None, held=draft, handoff=replace(handoff, context=case))


def _handoff(desk: Desk, situation: Situation, triage: Triage, rule: str, reason: str) -> Handoff:
    assignment = policy.assign(
        desk.company, rule, situation.customer.plan, desk.clock.now(), verified=situation.verified
    )
    return Handoff(rule, reason, assignment, describe_case(situation, triage, assignment, rule=rule, reason=reason))
