"""The decision record: everything that a turn knew, did and decided, as docs/reference/decisions.md describes it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from deskhand.agent import policy
from deskhand.agent.decision import BrainUse, ToolCall, Triage
from deskhand.agent.tools import Ending, TurnState
from deskhand.conversations import Message
from deskhand.decisions import DecisionRecord
from deskhand.desk import Desk
from deskhand.flows.situation import Situation
from deskhand.ids import uuid7


def message_hash(message: Message) -> str:
    """SHA-256 of subject and body, so that a record can tell whether its message is still the one it read."""
    return hashlib.sha256(f"{message.subject}\n{message.body}".encode()).hexdigest()


def build_record(
    desk: Desk, situation: Situation, triage: Triage, state: TurnState, ending: Ending, *, knowledge_hash: str
) -> DecisionRecord:
    return DecisionRecord(
        id=uuid7(),
        message_id=situation.message.id,
        conversation_id=situation.conversation.id,
        ticket_id=situation.ticket.id,
        decision=ending.decision,
        action=ending.action,
        rules=list(ending.rules),
        confidence=max(0.0, min(1.0, ending.confidence)),
        record=_details(desk, situation, triage, state, ending, knowledge_hash),
        created_at=desk.clock.now(),
    )


def _details(
    desk: Desk, situation: Situation, triage: Triage, state: TurnState, ending: Ending, knowledge_hash: str
) -> dict[str, Any]:
    reply, handoff = ending.reply, ending.handoff
    return {
        "message": _message(situation.message),
        "situation": _facts(situation),
        "brain": state.brain.name,
        "model": _model_use(state.brain),
        "triage": asdict(triage),
        "passages": [asdict(cited) for cited in state.passages.values()],
        "citations": [cited.passage_id for cited in reply.citations] if reply else [],
        "tools": [_tool_call(call) for call in state.calls] + _closing_call(state, ending),
        "gate": state.gate,
        "confidence": _confidence(desk, ending),
        "reply": {"kind": reply.kind, "language": reply.language, "text": reply.text} if reply else None,
        "draft": ending.held.text if ending.held else None,
        "flags": list(ending.flags),
        "owner": handoff.assignment.owner.name if handoff else None,
        "respond_by": handoff.assignment.respond_by.isoformat() if handoff else None,
        "rule": handoff.rule if handoff else None,
        "hashes": {
            "policy": desk.company.digest,
            "prompt": state.brain.prompt,
            "knowledge": knowledge_hash,
            "triage": desk.triage.digest,
            "embedding_model": desk.embedder.model_id,
        },
        "ms": state.times.steps,
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "conversation_id": str(message.conversation_id),
        "sha256": message_hash(message),
        "received_at": message.created_at.isoformat(),
    }


def _facts(situation: Situation) -> dict[str, Any]:
    """What a replay has to set up again: the rows that these came from change with every further message."""
    conversation = situation.conversation
    return {
        "channel": conversation.channel,
        "plan": situation.customer.plan,
        "verified": situation.verified,
        "handler": conversation.handler,
        "language": conversation.language,
        "unhelpful_turns": conversation.unhelpful_turns,
        "asked_back": situation.asked_back,
        "standing": asdict(situation.standing) if situation.standing else None,
        "recent": [str(message_id) for message_id in situation.recent_ids],
    }


def _confidence(desk: Desk, ending: Ending) -> dict[str, Any]:
    """Only an answer has a band: nothing else is measured against the thresholds."""
    draft = ending.held or ending.reply
    is_answer = draft is not None and draft.kind == "answer"
    return {
        "value": round(ending.confidence, 4),
        "band": policy.band(desk.company, ending.confidence) if is_answer else None,
        "thresholds": desk.company.escalation.bands.model_dump(),
    }


def _tool_call(call: ToolCall) -> dict[str, Any]:
    """What the customer and we wrote before stands in `messages`: a record holds no second copy of a thread."""
    recorded = asdict(call)
    if call.tool == "get_customer_history" and "messages" in call.result:
        recorded["result"] = call.result | {
            "messages": [
                {key: value for key, value in past.items() if key != "text"} | {"characters": len(past["text"])}
                for past in call.result["messages"]
            ]
        }
    return recorded


def _closing_call(state: TurnState, ending: Ending) -> list[dict[str, Any]]:
    """The call that ends the turn is recorded in the commit that it makes: its result is what is committed here."""
    if state.closing is None:
        return []
    result: dict[str, Any] = {"action": ending.action, "flags": list(ending.flags)}
    if ending.handoff is not None:
        assignment = ending.handoff.assignment
        result |= {"owner": assignment.owner.name, "respond_by": assignment.respond_by.isoformat()}
    return [asdict(state.closing) | {"result": result}]


def _model_use(use: BrainUse) -> dict[str, Any] | None:
    """What the language model did and cost; None for a turn without one."""
    if use.model is None:
        return None
    return {
        "name": use.model,
        "requests": use.requests,
        "tokens_in": use.tokens_in,
        "tokens_out": use.tokens_out,
        "cost_usd": round(use.cost_usd, 6),
        "fallback": use.fallback,
        "abandoned_tools": [_tool_call(call) for call in use.abandoned],
    }
