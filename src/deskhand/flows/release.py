"""The release of a turn: record, reply, delivery, ticket and handoff, all on the transaction that is given."""

from __future__ import annotations

from uuid import UUID

from deskhand import conversations, decisions, deliveries, tickets
from deskhand.agent.decision import Draft, Triage
from deskhand.agent.tools import Committed, Ending, TurnState
from deskhand.agent.wording import disclosure
from deskhand.channels.base import Reply
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.flows.gaps import Unanswered, keep_gap
from deskhand.flows.mailed_copy import Said, queue_copy
from deskhand.flows.metrics import Figure, publish_figures
from deskhand.flows.recipient import find_recipient
from deskhand.flows.record import build_record
from deskhand.flows.situation import Situation
from deskhand.tickets import Outcome, Status

OUTCOMES: dict[str, tuple[Status, Outcome]] = {
    "answered": ("pending", "answered"),
    "acknowledged": ("pending", "answered"),
    "asked_back": ("pending", "asked_back"),
    "ignored": ("closed", "ignored"),
}


async def release(
    desk: Desk,
    tx: Tx,
    situation: Situation,
    triage: Triage,
    state: TurnState,
    ending: Ending,
    *,
    gap: Unanswered | None = None,
) -> Committed:
    """Write what the turn ends with; a message that has its record already changes nothing."""
    knowledge_hash = await desk.knowledge_fingerprint.read(tx)
    record = build_record(desk, situation, triage, state, ending, knowledge_hash=knowledge_hash)
    if not await decisions.insert(tx, record):
        return Committed(None, None, silenced=True)
    await conversations.set_language(tx, situation.conversation.id, triage.language)
    await _count(tx, desk, situation, triage, state, ending)
    if ending.action == "silent":
        return Committed(None, None, silenced=True)
    if gap is not None:
        await keep_gap(tx, desk, situation, triage, gap)
    reply_id = await _say(desk, tx, situation, ending.reply) if ending.reply is not None else None
    escalation_id = None
    if ending.handoff is not None:
        escalation_id = await _hand_over(desk, tx, situation, triage, ending)
    elif ending.decision == "escalate":
        await tickets.add_to_escalation(
            tx, situation.ticket, rules=ending.rules, urgency=triage.urgency, at=desk.clock.now()
        )
    elif ending.action in OUTCOMES and (ending.action != "ignored" or not situation.ticket.outcome):
        # noise closes no ticket that was worked on
        status, outcome = OUTCOMES[ending.action]
        await tickets.record_outcome(
            tx,
            situation.ticket.id,
            status=status,
            outcome=outcome,
            category=triage.category,
            priority=triage.urgency,
            at=desk.clock.now(),
        )
    unhelpful = state.unhelpful_turns + (1 if ending.action in ("answered", "asked_back") else 0)
    await conversations.set_unhelpful_turns(tx, situation.conversation.id, unhelpful)
    return Committed(reply_id, escalation_id)


async def _say(desk: Desk, tx: Tx, situation: Situation, draft: Draft) -> str:
    """Put the reply into the channel's form, store exactly that, and queue its delivery."""
    conversation, now = situation.conversation, desk.clock.now()
    channel = desk.channels[conversation.channel]
    phrases = desk.company.voice.for_language(draft.language)
    reply = Reply(
        text=draft.text,
        customer_name=situation.message.author_name or (situation.customer.name if situation.verified else ""),
        reference=situation.ticket.reference,
        subject=conversation.subject,
        language=draft.language,
        links=tuple(dict.fromkeys((cited.title, cited.url) for cited in draft.citations if cited.url)),
        disclosure=disclosure(desk.company, phrases) if conversation.ai_disclosed_at is None else None,
    )
    parts = channel.format(reply)
    recipient = await find_recipient(desk, tx, situation)
    message_id = await conversations.add_message(
        tx,
        conversation.id,
        kind="outbound",
        author="agent",
        author_name=desk.company.profile.team,
        subject=conversation.subject,
        body="\n\n".join(parts),
        in_reply_to=situation.message.id,
        at=now,
    )
    await conversations.mark_disclosed(tx, conversation.id, now)
    delivery_ids = await deliveries.queue(
        tx,
        message_id=message_id,
        channel=conversation.channel,
        recipient=recipient,
        parts=parts,
        at=now,
    )
    for delivery_id in map(str, delivery_ids):
        await desk.transport.publish(
            tx, desk.topics.deliveries, str(conversation.id), {"delivery_id": delivery_id}, dedup_key=delivery_id
        )
    await queue_copy(desk, tx, situation, Said(message_id, reply, draft, recipient))
    return str(message_id)


async def _hand_over(desk: Desk, tx: Tx, situation: Situation, triage: Triage, ending: Ending) -> str | None:
    handoff = ending.handoff
    assert handoff is not None
    assignment = handoff.assignment
    escalation_id: UUID | None = await tickets.escalate(
        tx,
        ticket=situation.ticket,
        message_id=situation.message.id,
        rule=handoff.rule,
        reason=handoff.reason,
        owner=assignment.owner.name,
        owner_email=assignment.owner.email,
        urgency=assignment.urgency,
        category=triage.category,
        handoff=handoff.context,
        respond_by=assignment.respond_by,
        at=desk.clock.now(),
        outcome="held" if ending.held is not None else "escalated",
    )
    if escalation_id is None:
        return None
    await conversations.add_message(
        tx,
        situation.conversation.id,
        kind="note",
        author="system",
        body=f"Handed to {assignment.owner.name}, {assignment.owner.title}: {handoff.reason}",
        at=desk.clock.now(),
    )
    await desk.transport.publish(
        tx,
        desk.topics.escalations,
        str(situation.conversation.id),
        {"escalation_id": str(escalation_id)},
        dedup_key=str(escalation_id),
    )
    return str(escalation_id)


async def _count(tx: Tx, desk: Desk, situation: Situation, triage: Triage, state: TurnState, ending: Ending) -> None:
    """Business figures of the turn; seconds from message in to this commit."""
    waited = (desk.clock.now() - situation.message.created_at).total_seconds()
    figures = [
        Figure("turn_seconds", max(0.0, waited), {"action": ending.action}),
        Figure("sentiment", triage.sentiment),
    ]
    if ending.action == "escalated" and ending.handoff is not None:
        figures.append(Figure("escalation", 1.0, {"rule": ending.handoff.rule}))
    if state.brain.model is not None:
        labels = {"model": state.brain.model, "brain": state.brain.name}
        figures.append(Figure("model_cost_usd", state.brain.cost_usd, labels))
    await publish_figures(desk, tx, situation.conversation.channel, situation.conversation.id, figures)
