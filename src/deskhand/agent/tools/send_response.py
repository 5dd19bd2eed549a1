"""Tool: answer the customer. One of the two ways to end a turn, and the only way words leave."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from deskhand.agent import policy
from deskhand.agent.case import describe_case
from deskhand.agent.context import Ending, Handoff, ToolContext, ToolError
from deskhand.agent.decision import Draft
from deskhand.agent.gate import check_reply
from deskhand.agent.wording import response_time_in_words
from deskhand.decisions import Action

ACTIONS: dict[str, Action] = {"answer": "answered", "ask_back": "asked_back", "acknowledgement": "acknowledged"}


class SendInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["answer", "ask_back", "acknowledgement"]
    text: str = Field(min_length=1, max_length=6000, description="Markdown, without greeting and sign-off")
    passage_ids: list[str] = Field(default_factory=list, max_length=5, description="every passage the text rests on")
    confidence: float = Field(1.0, ge=0, le=1, description="how sure you are that this answers the question")


class SendOutput(BaseModel):
    status: Literal["queued", "held_for_approval", "silenced"]
    message_id: str | None
    reasons: list[str] = Field(default_factory=list)


async def send_response(context: ToolContext, given: SendInput) -> SendOutput:
    """Answer the customer in the channel's form. It ends the turn.

    Facts about the product need passage_ids from search_knowledge_base. Greeting, sign-off and links are added for
    you. Not for promises on money, dates or law: use escalate_to_human. Example: {"kind": "ask_back", "text": "Which
    browser do you use?"}.
    """
    if context.verdict.decision == "escalate":
        raise ToolError(f"The rule '{context.verdict.rule}' asks for a person: call escalate_to_human.")
    unknown = [key for key in given.passage_ids if key not in context.state.passages]
    if unknown:
        raise ToolError(f"These passages were not found in this turn: {', '.join(unknown)}.")
    if given.kind == "answer" and not given.passage_ids:
        raise ToolError("An answer needs passage_ids: call search_knowledge_base first, or ask back.")
    language = context.triage.language
    draft = Draft(
        given.kind,
        given.text,
        given.confidence,
        language,
        tuple(context.state.passages[key] for key in given.passage_ids),
    )
    verdict = await check_reply(draft, context)
    context.state.gate.append(verdict.as_record())
    band = policy.band(context.company, given.confidence) if given.kind == "answer" else "send"
    if not verdict.passed:
        return await _hold(context, draft, verdict.reasons)
    if band in ("hold", "hand_off"):
        return await _hold(context, draft, ("confidence below the folder's band",))
    flags = ("low_confidence",) if band == "flag" else ()
    committed = await context.commit(
        Ending("respond", ACTIONS[given.kind], (), given.confidence, reply=draft, flags=flags)
    )
    if committed.silenced:
        return SendOutput(status="silenced", message_id=None)
    # What a brake kept back in the commit is a draft on a person's desk.
    return SendOutput(
        status="queued" if committed.reply_id is not None else "held_for_approval", message_id=committed.reply_id
    )


async def _hold(context: ToolContext, draft: Draft, reasons: tuple[str, ...]) -> SendOutput:
    """Keep the words as a draft on a person's desk and tell the customer that somebody looks at it: never silence."""
    if context.standing is not None:
        return await _hold_beside_a_person(context, draft, reasons)
    now = context.clock.now()
    assignment = policy.assign(context.company, policy.NO_RULE, context.customer.plan, now, verified=context.verified)
    phrases = context.company.voice.for_language(draft.language)
    note = phrases.held.format(time=response_time_in_words(assignment.told_time, phrases))
    reason = "A reply was stopped: " + "; ".join(reasons)
    case = describe_case(context, context.triage, assignment, rule=policy.NO_RULE, reason=reason)
    committed = await context.commit(
        Ending(
            decision="respond",
            action="held",
            rules=(),
            confidence=draft.confidence,
            reply=Draft("acknowledgement", note, 1.0, draft.language),
            held=draft,
            handoff=Handoff(
                policy.NO_RULE,
                reason,
                assignment,
                case | {"draft": draft.text, "reasons": list(reasons)},
            ),
            flags=reasons,
        )
    )
    status: Literal["held_for_approval", "silenced"] = "silenced" if committed.silenced else "held_for_approval"
    return SendOutput(status=status, message_id=committed.reply_id, reasons=list(reasons))


async def _hold_beside_a_person(context: ToolContext, draft: Draft, reasons: tuple[str, ...]) -> SendOutput:
    """The ticket lies on a person's desk already: the draft is added there, without a second handoff."""
    known = context.standing is not None and context.standing.is_known
    phrases = context.company.voice.for_language(draft.language)
    note = None if known else Draft("acknowledgement", phrases.added, 1.0, draft.language)
    committed = await context.commit(
        Ending("respond", "held", (), draft.confidence, reply=note, held=draft, flags=reasons)
    )
    status: Literal["held_for_approval", "silenced"] = "silenced" if committed.silenced else "held_for_approval"
    return SendOutput(status=status, message_id=committed.reply_id, reasons=list(reasons))
