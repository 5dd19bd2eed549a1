"""Replay: the turns of a ticket again, offline, on what was known then, with nothing written and nothing sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from deskhand import conversations, customers, decisions
from deskhand.agent.brain import OFFLINE
from deskhand.agent.context import Standing
from deskhand.agent.tools import Committed, Ending, TurnState
from deskhand.clock import FixedClock
from deskhand.conversations import Message
from deskhand.db import ReadOnlyDatabase, Tx
from deskhand.decisions import DecisionRecord
from deskhand.desk import Desk
from deskhand.errors import NotFound
from deskhand.flows.record import message_hash
from deskhand.flows.situation import Situation, as_past, triage_input
from deskhand.flows.story import find_ticket
from deskhand.flows.turn import AGENT_FAILED, WITH_AN_OPERATOR, play, silenced
from deskhand.ids import MessageId
from deskhand.tickets import Ticket


@dataclass(frozen=True, slots=True)
class Seen:
    """What a customer or an auditor can see of a turn: the part that is compared.

    `passages` are those found, `cited` those that stand behind the reply, each as article, heading and version.
    """

    decision: str
    action: str
    rules: tuple[str, ...]
    rule: str | None
    owner: str | None
    passages: tuple[str, ...]
    cited: tuple[str, ...]
    reply: str


@dataclass(frozen=True, slots=True)
class Difference:
    what: str
    then: Any
    now: Any


@dataclass(frozen=True, slots=True)
class TurnReplay:
    """One turn then and now. `causes` are what the turn rested on and is not the same any more."""

    message: Message
    then: Seen
    now: Seen
    causes: tuple[str, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        pairs = ((name.name, getattr(self.then, name.name), getattr(self.now, name.name)) for name in fields(Seen))
        return tuple(Difference(name, then, now) for name, then, now in pairs if then != now)


async def replay_ticket(desk: Desk, reference: str) -> tuple[Ticket, list[TurnReplay]]:
    """Every turn of a ticket, in order. Raises InvalidInput for a reference that nobody has."""
    offline = replace(desk, db=ReadOnlyDatabase(desk.db), brain=OFFLINE)
    async with offline.db.transaction() as tx:
        ticket = await find_ticket(tx, reference)
        records = await decisions.list_by_ticket(tx, ticket.id)
    return ticket, [await _replay(offline, ticket, record) for record in records]


async def _replay(desk: Desk, ticket: Ticket, decision: DecisionRecord) -> TurnReplay:
    async with desk.db.transaction() as tx:
        situation = await _situation_then(tx, ticket, decision)
        knowledge_hash = await desk.knowledge_fingerprint.read(tx)
    state, endings = TurnState(), list[Ending]()

    async def capture(ending: Ending) -> Committed:
        took_over = WITH_AN_OPERATOR in decision.record["flags"] and ending.action != "ignored"
        endings.append(silenced(ending) if took_over else ending)
        return Committed("not sent", "not escalated")

    then = replace(desk, clock=FixedClock(decision.created_at))
    triage = await desk.triage.read(triage_input(situation))
    await play(then, situation, triage, state, capture, is_rehearsal=True)
    return TurnReplay(
        message=situation.message,
        then=_seen_then(decision),
        now=_seen_now(endings[0], state),
        causes=_causes(desk, situation, decision, knowledge_hash),
    )


async def _situation_then(tx: Tx, ticket: Ticket, decision: DecisionRecord) -> Situation:
    """The message with the plan, handler and thread that it had, whatever has become of them."""
    facts: dict[str, Any] = decision.record["situation"]
    message = await conversations.get_message(tx, decision.message_id)
    conversation = await conversations.get(tx, decision.conversation_id)
    customer = await customers.get(tx, conversation.customer_id)
    recent = [item for key in facts["recent"] if (item := await _find_message(tx, UUID(key))) is not None]
    return Situation(
        message=message,
        conversation=replace(
            conversation,
            handler=facts["handler"],
            language=facts["language"],
            unhelpful_turns=facts["unhelpful_turns"],
        ),
        customer=replace(customer, plan=facts["plan"]),
        ticket=ticket,
        verified=facts["verified"],
        recent=tuple(as_past(conversation, item) for item in recent),
        decided=False,
        recent_ids=tuple(item.id for item in recent),
        standing=Standing(**facts["standing"]) if facts.get("standing") else None,
        asked_back=bool(facts.get("asked_back")),
    )


async def _find_message(tx: Tx, key: UUID) -> Message | None:
    try:
        return await conversations.get_message(tx, MessageId(key))
    except NotFound:
        return None


def _seen_then(decision: DecisionRecord) -> Seen:
    record = decision.record
    cited = set(record["citations"])
    return Seen(
        decision=decision.decision,
        action=decision.action,
        rules=tuple(decision.rules),
        rule=record["rule"],
        owner=record["owner"],
        passages=tuple(_name(passage) for passage in record["passages"]),
        cited=tuple(_name(passage) for passage in record["passages"] if passage["passage_id"] in cited),
        reply=record["reply"]["text"] if record["reply"] else "",
    )


def _seen_now(ending: Ending, state: TurnState) -> Seen:
    cited = {passage.passage_id for passage in ending.reply.citations} if ending.reply else set[str]()
    found = list(state.passages.values())
    return Seen(
        decision=ending.decision,
        action=ending.action,
        rules=tuple(ending.rules),
        rule=ending.handoff.rule if ending.handoff else None,
        owner=ending.handoff.assignment.owner.name if ending.handoff else None,
        passages=tuple(_name({"article": p.article, "heading": p.heading, "version": p.version}) for p in found),
        cited=tuple(
            _name({"article": p.article, "heading": p.heading, "version": p.version})
            for p in found
            if p.passage_id in cited
        ),
        reply=ending.reply.text if ending.reply else "",
    )


def _name(passage: Mapping[str, Any]) -> str:
    return f"{passage['article']} › {passage['heading']} (version {passage['version']})"


def _causes(desk: Desk, situation: Situation, decision: DecisionRecord, knowledge_hash: str) -> tuple[str, ...]:
    record = decision.record
    hashes: dict[str, str | None] = record["hashes"]
    now = {
        "policy": desk.company.digest,
        "knowledge": knowledge_hash,
        "triage": desk.triage.digest,
        "embedding_model": desk.embedder.model_id,
    }
    words = {
        "policy": "the company's rules or words were changed",
        "knowledge": "the help centre was changed",
        "triage": "the triage model was changed",
        "embedding_model": "the embedding model was changed",
    }
    causes = [words[name] for name, digest in now.items() if hashes[name] != digest]
    if record["message"]["sha256"] != message_hash(situation.message):
        causes.append("the message itself was changed")
    if len(situation.recent_ids) < len(record["situation"]["recent"]):
        causes.append("earlier messages were erased")
    if AGENT_FAILED in record["flags"]:
        causes.append("the turn had failed and went to a person as it was")
    if record["brain"] != OFFLINE.name:
        model = record["model"]["name"]
        causes.append(f"a language model wrote the reply ({model}); the replay is the offline brain's")
    return tuple(causes)
