"""Whether what became of a message is what a scenario expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deskhand.evals.scenarios import Expected
from deskhand.flows.outcome import Outcome
from deskhand.inference.language import detect_language


@dataclass(frozen=True, slots=True)
class Happened:
    """A message's outcome with what the scenario has to know around it."""

    outcome: Outcome
    replies: int
    earlier_reference: str | None

    @property
    def text(self) -> str:
        """What the customer reads."""
        delivery = self.outcome.delivery
        return "\n".join(delivery.parts) if delivery is not None else ""

    @property
    def fired(self) -> tuple[str, ...]:
        triage = self.outcome.decision.record["triage"]
        return tuple(rule["name"] for rule in triage["rules"] if rule["fired"])

    @property
    def cited(self) -> tuple[str, ...]:
        record = self.outcome.decision.record
        return tuple(
            passage["article"] for passage in record["passages"] if passage["passage_id"] in record["citations"]
        )

    @property
    def history(self) -> tuple[str, ...]:
        """The channels whose messages the turn has seen."""
        calls = [call for call in self.outcome.decision.record["tools"] if call["tool"] == "get_customer_history"]
        return tuple(sorted({past["channel"] for call in calls for past in call["result"]["messages"]}))


def problems(expected: Expected, happened: Happened) -> list[str]:
    """What is not as expected, in sentences; empty when all is right."""
    return [*_decided(expected, happened), *_handed_over(expected, happened), *_said(expected, happened)]


def _decided(expected: Expected, happened: Happened) -> Iterator[str]:
    decision, ticket = happened.outcome.decision, happened.outcome.ticket
    yield from _one_of("decision", expected.decision, decision.decision)
    yield from _one_of("action", expected.action, decision.action)
    for rule in expected.rules:
        if rule not in happened.fired:
            yield f"rule {rule} did not fire (fired: {_names(happened.fired)})"
    for rule in expected.no_rules:
        if rule in happened.fired:
            yield f"rule {rule} fired"
    if expected.status is not None:
        yield from _one_of("ticket's status", (expected.status,), ticket.status)
    if expected.handler is not None:
        yield from _one_of("ticket's handler", (expected.handler,), ticket.handler)
    if expected.same_ticket is not None and (ticket.reference == happened.earlier_reference) != expected.same_ticket:
        yield f"ticket {ticket.reference} after {happened.earlier_reference}"
    if expected.history is not None and happened.history != tuple(sorted(expected.history)):
        yield f"history seen: {_names(happened.history)}, expected {_names(expected.history)}"


def _handed_over(expected: Expected, happened: Happened) -> Iterator[str]:
    escalation = happened.outcome.escalation
    yield from _one_of("rule of the owner", expected.rule, escalation.rule if escalation else "none")
    yield from _one_of("owner", expected.owner, escalation.owner if escalation else "none")
    if expected.within is not None:
        given = escalation.respond_by - happened.outcome.decision.created_at if escalation else None
        if given is None or abs((given - expected.within).total_seconds()) > 60:
            yield f"time to respond: {given}, expected {expected.within}"


def _said(expected: Expected, happened: Happened) -> Iterator[str]:
    text = happened.text
    if expected.silent is not None and (not text) != expected.silent:
        yield f"said: “{text[:120]}”" if text else "nothing was said"
    if expected.replies is not None and happened.replies != expected.replies:
        yield f"{happened.replies} replies so far, expected {expected.replies}"
    if expected.cites and not set(expected.cites) & set(happened.cited):
        yield f"cited: {_names(happened.cited)}, expected any of {_names(expected.cites)}"
    for words in expected.says:
        if words.lower() not in text.lower():
            yield f"“{words}” was not said"
    for words in expected.never_says:
        if words.lower() in text.lower():
            yield f"“{words}” was said"
    reply = happened.outcome.decision.record["reply"]
    if expected.reply_language is not None:
        found = detect_language(reply["text"]).code if reply else "none"
        yield from _one_of("language of the reply", (expected.reply_language,), found)


def _one_of(what: str, expected: Sequence[str], found: str) -> Iterator[str]:
    if expected and found not in expected:
        yield f"{what}: {found}, expected {' or '.join(expected)}"


def _names(found: Sequence[str]) -> str:
    return ", ".join(found) or "none"
