"""`deskhand explain`: why the agent did what it did with a ticket, for people who write no code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from deskhand.cli.session import command_desk, run
from deskhand.flows.story import Story, TurnStory, tell_story

LINES_SHOWN = 6
CHARACTERS_SHOWN = 500
PASSAGES_SHOWN = 3
ACTIONS = {
    "answered": "answered from the help centre",
    "asked_back": "asked the customer back",
    "acknowledged": "answered with a sentence of the company's",
    "held": "held its answer back for a person to check, and told the customer so",
    "escalated": "handed over to a person, and told the customer so",
    "ignored": "stored it and answered nothing",
    "silent": "kept silent: an operator has the conversation",
}
BANDS = {
    "send": "send",
    "flag": "send and flag for review",
    "hold": "hold as a draft",
    "hand_off": "hand over to a person",
}


def explain(
    reference: str = typer.Argument(help="A ticket's reference, such as TF-20261122-7K3Q."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: everything that is recorded."),
    show_all: bool = typer.Option(False, "--all", help="Every rule, passage, tool call and hash."),
) -> None:
    """Show for every turn of a ticket what was decided, why, on what evidence, and what became of it."""
    story = run(_story(reference))
    if as_json:
        typer.echo(json.dumps(as_dict(story), indent=2, ensure_ascii=False))
        return
    console = Console()
    for line in as_lines(story, show_all=show_all):
        console.print(Text(line), soft_wrap=not console.is_terminal)


async def _story(reference: str) -> Story:
    async with command_desk() as desk:
        return await tell_story(desk, reference)


def as_dict(story: Story) -> dict[str, Any]:
    ticket = story.ticket
    return {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "status": ticket.status,
        "handler": ticket.handler,
        "owner": ticket.owner or None,
        "respond_by": ticket.respond_by.isoformat() if ticket.respond_by else None,
        "turns": [_turn_as_dict(turn) for turn in story.turns],
    }


def _turn_as_dict(turn: TurnStory) -> dict[str, Any]:
    decision, record, escalation, delivery = turn.decision, turn.decision.record, turn.escalation, turn.delivery
    passages = [passage | {"changed": turn.changed.get(passage["article"])} for passage in record["passages"]]
    sent = {"parts": delivery.parts, "state": delivery.state, "detail": delivery.detail} if delivery else None
    return {
        "message": record["message"] | {"text": turn.message.body, "is_unchanged": turn.is_same_message},
        "decision": decision.decision,
        "action": decision.action,
        "rules": decision.rules,
        "evidence": {rule["name"]: rule["evidence"] for rule in _fired(record)},
        "sent": sent,
        "escalation": {
            "rule": escalation.rule,
            "reason": escalation.reason,
            "owner": escalation.owner,
            "respond_by": escalation.respond_by.isoformat(),
            "notice": escalation.notice,
        }
        if escalation
        else None,
        "decided_at": decision.created_at.isoformat(),
    } | {**{key: value for key, value in record.items() if key != "message"}, "passages": passages}


def _fired(record: dict[str, Any]) -> list[dict[str, Any]]:
    triage = record["triage"]
    ignored = [triage["ignore"]] if triage["ignore"] else []
    return [rule for rule in triage["rules"] if rule["fired"]] + ignored


def as_lines(story: Story, *, show_all: bool) -> Iterator[str]:
    ticket = story.ticket
    yield f"{ticket.reference}  {ticket.subject}"
    whose = f"with {ticket.owner or 'an operator'}" if ticket.handler == "operator" else "with the agent"
    due = f", answer due by {ticket.respond_by:%Y-%m-%d %H:%M} UTC" if ticket.respond_by else ""
    yield f"Ticket {ticket.status}, {whose}{due}. {_turns(len(story.turns))}."
    for number, turn in enumerate(story.turns, start=1):
        yield ""
        yield f"── Turn {number}, {turn.message.created_at:%Y-%m-%d %H:%M:%S} UTC, by {_channel(turn)} ──"
        yield from _turn_lines(turn, show_all=show_all)


def _turns(count: int) -> str:
    return "No message of it has been decided yet" if not count else f"{count} {'turn' if count == 1 else 'turns'}"


def _channel(turn: TurnStory) -> str:
    facts = turn.decision.record["situation"]
    verified = "identity verified" if facts["verified"] else "identity only claimed"
    return f"{facts['channel'].replace('_', ' ')} ({facts['plan']} plan, {verified})"


def _turn_lines(turn: TurnStory, *, show_all: bool) -> Iterator[str]:
    decision, record = turn.decision, turn.decision.record
    yield "The customer wrote:"
    yield from _quote(turn.message.body)
    if not turn.is_same_message:
        yield "  (The stored message is not the one that this turn read: it was changed since.)"
    yield f"Decision: {decision.decision}. The agent {ACTIONS[decision.action]}."
    yield from _rule_lines(record, show_all=show_all)
    yield from _confidence_lines(record)
    yield from _passage_lines(turn, show_all=show_all)
    yield from _gate_lines(record)
    yield from _sent_lines(turn)
    yield from _owner_lines(turn)
    if show_all:
        yield from _tool_lines(record)
    yield from _cost_lines(record, show_all=show_all)


def _quote(text: str) -> Iterator[str]:
    lines = [line for line in text[:CHARACTERS_SHOWN].splitlines() if line.strip()]
    for line in lines[:LINES_SHOWN]:
        yield f"  │ {line}"
    if len(lines) > LINES_SHOWN or len(text) > CHARACTERS_SHOWN:
        yield f"  │ … ({len(text)} characters in all)"


def _rule_lines(record: dict[str, Any], *, show_all: bool) -> Iterator[str]:
    triage = record["triage"]
    fired = _fired(record)
    if not fired:
        yield "Rules: none fired."
    for rule in fired:
        found = "; ".join(f"{item['source']} “{item['text']}” ({item['score']:.2f})" for item in rule["evidence"])
        tier = "" if rule["name"] == "ignore" else f" ({rule['tier'].upper()})"
        yield f"Rule {rule['name']}{tier} fired, score {rule['score']:.2f}: {found}"
    if show_all:
        quiet = [rule for rule in triage["rules"] if not rule["fired"]]
        yield "  quiet: " + ", ".join(f"{rule['name']} {rule['score']:.2f}" for rule in quiet)
    yield (
        f"  read as: language {triage['language']}, {triage['intent'].replace('_', ' ')}, "
        f"category {triage['category']}, sentiment {triage['sentiment']:+.2f} (-1 furious .. +1 delighted), "
        f"urgency {triage['urgency']}"
    )


def _confidence_lines(record: dict[str, Any]) -> Iterator[str]:
    found = record["confidence"]
    if found["band"] is None:
        yield f"Confidence in the decision: {found['value']:.2f}."
        return
    limits = found["thresholds"]
    yield (
        f"Confidence in the answer: {found['value']:.2f}, so: {BANDS[found['band']]} "
        f"(send from {limits['send']:.2f}, flag from {limits['flag']:.2f}, hold from {limits['hold']:.2f}, "
        "below that a person)."
    )


def _passage_lines(turn: TurnStory, *, show_all: bool) -> Iterator[str]:
    record = turn.decision.record
    cited = set(record["citations"])
    passages = record["passages"]
    if not passages:
        yield "Passages: none looked up."
        return
    yield "Passages of the help centre (✓: the reply stands on it):"
    for number, passage in enumerate(passages):
        if not (show_all or number < PASSAGES_SHOWN or passage["passage_id"] in cited):
            continue
        mark = "✓" if passage["passage_id"] in cited else " "
        place = " › ".join(part for part in (passage["title"], passage["heading"]) if part)
        changed = turn.changed.get(passage["article"])
        note = f"  [{changed}]" if changed else ""
        yield f"  {mark} {passage['score']:.2f}  {place}, version {passage['version']}  {passage['url']}{note}"


def _gate_lines(record: dict[str, Any]) -> Iterator[str]:
    for verdict in record["gate"]:
        reasons = "; ".join(verdict["reasons"])
        yield "Gate: the reply passed every check." if verdict["passed"] else f"Gate: the reply was stopped: {reasons}"
    if not record["gate"] and record["reply"]:
        yield "Gate: not needed, the reply is the company's own sentence."
    if record["flags"]:
        yield f"Flags: {', '.join(record['flags'])}"
    if record["draft"]:
        yield "Draft that was held back:"
        yield from _quote(record["draft"])


def _sent_lines(turn: TurnStory) -> Iterator[str]:
    delivery = turn.delivery
    if delivery is None:
        yield "Nothing was sent."
        return
    detail = f" ({delivery.detail})" if delivery.detail else ""
    yield f"Sent to the customer: {delivery.state} at {delivery.updated_at:%Y-%m-%d %H:%M:%S} UTC{detail}"
    for part in delivery.parts:
        for line in part.splitlines():
            yield f"  │ {line}".rstrip()


def _owner_lines(turn: TurnStory) -> Iterator[str]:
    escalation = turn.escalation
    if escalation is None:
        return
    yield (
        f"Owner: {escalation.owner}, by the rule {escalation.rule}; answers by "
        f"{escalation.respond_by:%Y-%m-%d %H:%M} UTC; notice {escalation.notice}."
    )
    yield f"  {escalation.reason}"


def _tool_lines(record: dict[str, Any]) -> Iterator[str]:
    yield "Tool calls:"
    for call in record["tools"]:
        given = json.dumps(call["arguments"], ensure_ascii=False)
        result = json.dumps(call["result"], ensure_ascii=False)
        yield f"  {call['tool']} {_short(given)} → {_short(result)}"


def _short(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def _cost_lines(record: dict[str, Any], *, show_all: bool) -> Iterator[str]:
    model = record["model"]
    if model is None:
        yield f"Brain: {record['brain']}, no language model, no cost."
    else:
        gave_up = f"; given up: {model['fallback']}" if model["fallback"] else ""
        yield (
            f"Brain: {record['brain']}, model {model['name']}, {model['requests']} requests, "
            f"{model['tokens_in']} tokens in and {model['tokens_out']} out, {model['cost_usd']:.4f} USD{gave_up}."
        )
    steps = [f"{step.replace('_', ' ')} {spent:.1f} ms" for step, spent in record["ms"].items() if step != "turn"]
    yield f"Time: {record['ms']['turn']:.1f} ms in all" + (f" ({', '.join(steps)})" if steps else "")
    kept = {name: digest for name, digest in record["hashes"].items() if digest}
    yield "Stood on: " + ", ".join(
        f"{name.replace('_', ' ')} {digest if show_all else digest[:12]}" for name, digest in kept.items()
    )
