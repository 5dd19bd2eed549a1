"""Tool: hand the ticket to a named person. One of the two ways to end a turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from deskhand.agent import policy
from deskhand.agent.case import describe_case
from deskhand.agent.context import Ending, Handoff, Standing, ToolContext, ToolError
from deskhand.agent.decision import Draft
from deskhand.agent.gate import check_reply
from deskhand.agent.wording import response_time_in_words

ALREADY_WITH_A_PERSON = "already with a person"


class EscalateInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rule: str = Field(description="name of the policy's rule, or 'thin_evidence' when the help centre has no answer")
    reason: str = Field(min_length=3, max_length=500, description="one sentence for the colleague who takes over")
    urgency: Literal["low", "normal", "high", "urgent"] | None = Field(None, description="empty: the rule's own")
    summary: str = Field("", max_length=1000, description="what the customer wants, for the colleague")
    help_text: str = Field("", max_length=3000, description="help from cited passages to add to the acknowledgement")
    passage_ids: list[str] = Field(default_factory=list, max_length=5, description="passages behind help_text")


class EscalateOutput(BaseModel):
    owner: str
    respond_by: str
    escalation_id: str | None
    status: Literal["escalated", "already_with_a_person"]


async def escalate_to_human(context: ToolContext, given: EscalateInput) -> EscalateOutput:
    """Hand this ticket to the person whom the policy names, with full context, and acknowledge to the customer.

    Use it when a rule asks for it, when the customer wants a person, or when the help centre holds no answer. It ends
    the turn. Owner and deadline come from the policy. Example: {"rule": "billing", "reason": "Asks for a refund."}.
    """
    known = {rule.name for rule in context.company.escalation.rules} | {policy.NO_RULE}
    if given.rule not in known:
        raise ToolError(f"There is no rule '{given.rule}'. Use one of: {', '.join(sorted(known))}.")
    leading = context.verdict.rule or given.rule
    if context.standing is not None and not policy.is_stricter(context.company, leading, than=context.standing.rule):
        return await _add(context, given, context.standing)
    now = context.clock.now()
    assignment = policy.assign(context.company, leading, context.customer.plan, now, verified=context.verified)
    if given.urgency is not None and context.verdict.rule is None:
        assignment = replace(assignment, urgency=given.urgency)
    reply = await _acknowledgement(context, given, leading, assignment)
    rules = context.verdict.rules if context.verdict.rule is not None else (given.rule,)
    committed = await context.commit(
        Ending(
            decision="escalate",
            action="escalated",
            rules=rules,
            confidence=context.verdict.confidence,
            reply=reply,
            handoff=Handoff(leading, given.reason, assignment, _handoff_context(context, given, leading, assignment)),
        )
    )
    return EscalateOutput(
        owner=f"{assignment.owner.name}, {assignment.owner.title}",
        respond_by=assignment.respond_by.isoformat(),
        escalation_id=committed.escalation_id,
        status="escalated" if committed.escalation_id else "already_with_a_person",
    )


async def _add(context: ToolContext, given: EscalateInput, standing: Standing) -> EscalateOutput:
    """One handoff, one notice: what comes while a person has the ticket is added to it, and told once."""
    phrases = context.company.voice.for_language(context.triage.language)
    await context.commit(
        Ending(
            decision="escalate",
            action="escalated",
            rules=context.verdict.rules or (given.rule,),
            confidence=context.verdict.confidence,
            reply=None if standing.is_known else Draft("acknowledgement", phrases.added, 1.0, context.triage.language),
            flags=(ALREADY_WITH_A_PERSON,),
        )
    )
    due = context.ticket.respond_by
    return EscalateOutput(
        owner=context.ticket.owner,
        respond_by=due.isoformat() if due else "",
        escalation_id=None,
        status="already_with_a_person",
    )


async def _acknowledgement(
    context: ToolContext, given: EscalateInput, rule: str, assignment: policy.Assignment
) -> Draft:
    """What the customer reads: thanks, the plan's response time, and help where cited passages give some."""
    phrases = context.company.voice.for_language(context.triage.language)
    time = response_time_in_words(assignment.told_time, phrases)
    sentences = [phrases.empathy] if context.triage.sentiment < -0.25 else []
    sentences.append((phrases.no_answer if rule == policy.NO_RULE else phrases.escalated).format(time=time))
    text = " ".join(sentences)
    language = context.triage.language if context.triage.language in context.company.voice.phrases else "en"
    citations = tuple(context.state.passages[key] for key in given.passage_ids if key in context.state.passages)
    if given.help_text.strip() and citations:
        helpful = Draft("answer", given.help_text.strip(), 1.0, language, citations)
        verdict = await check_reply(helpful, context)
        context.state.gate.append(verdict.as_record())
        if verdict.passed:
            text = f"{text}\n\n{given.help_text.strip()}"
            return Draft("acknowledgement", text, 1.0, language, citations)
    return Draft("acknowledgement", text, 1.0, language)


def _handoff_context(
    context: ToolContext, given: EscalateInput, rule: str, assignment: policy.Assignment
) -> dict[str, Any]:
    case = describe_case(context, context.triage, assignment, rule=rule, reason=given.reason, summary=given.summary)
    return case | {
        "passages": [
            {"title": cited.title, "heading": cited.heading, "url": cited.url, "score": cited.score}
            for cited in list(context.state.passages.values())[:3]
        ]
    }
