"""The brain that needs no language model: it quotes the help centre, asks back, or hands over."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deskhand.agent import policy
from deskhand.agent.tools import ToolContext, ToolRuntime
from deskhand.agent.tools.search_knowledge_base import FoundPassage, SearchOutput

NAME = "offline"
MOST_WORDS = 170
NEIGHBOUR = 0.12  # how much worse another passage of the article may score to be quoted beside the best
QUERY_CHARACTERS = 600
SHORTEST_QUERY = 2
PLEASANTRY = re.compile(
    r"^\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|thanks|thank you|best|kind regards|regards|"
    r"cheers|sincerely|hallo|guten tag|hola|bonjour|olá)\b[^.?!\n]{0,40}[,.!]?\s*$",
    re.I,
)
SMALL_TALK = ("thanks", "feedback", "greeting")
NEEDS_CERTAINTY = ("feature_request", "vague")  # a wish may be for what is there already
URL = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Composed:
    """Quoted text and the passages it stands in."""

    text: str
    passage_ids: list[str]
    confidence: float


async def run_turn(context: ToolContext) -> None:
    """Play one turn through the tools; it ends with exactly one response or escalation.

    The caller deals with messages that are ignored: there is nobody to answer.
    """
    runtime = ToolRuntime(context)
    await runtime.call("create_ticket", {})
    await runtime.call("get_customer_history", {})
    triage, verdict = context.triage, context.verdict
    if verdict.decision == "respond" and triage.intent in SMALL_TALK:
        await _say_phrase(runtime)
        return
    found = await runtime.call_as(SearchOutput, "search_knowledge_base", query=write_query(context))
    if verdict.decision == "escalate":
        await _escalate(runtime)
        return
    composed = compose(found.passages)
    least = policy.band(context.company, composed.confidence) if composed is not None else "hand_off"
    if triage.intent in NEEDS_CERTAINTY and least != "send":
        await _say_phrase(runtime)
        return
    if composed is None or least == "hand_off":
        await _without_evidence(runtime, found)
        return
    phrases = context.company.voice.for_language(triage.language)
    opening = f"{phrases.empathy}\n\n" if triage.sentiment < -0.25 else ""
    closing = f"\n\n{phrases.more_help}" if triage.intent == "problem" else ""
    await runtime.call(
        "send_response",
        {
            "kind": "answer",
            "text": f"{opening}{composed.text}{closing}",
            "passage_ids": composed.passage_ids,
            "confidence": composed.confidence,
        },
    )


def write_query(context: ToolContext) -> str:
    """The message without pleasantries, subject first: what is searched for."""
    lines = [line for line in context.message.body.splitlines() if line.strip() and not PLEASANTRY.match(line)]
    body = URL.sub(" ", " ".join(lines)).strip() or context.message.body
    subject = re.sub(r"^(?:\s*(?:re|fwd?|aw|wg)\s*:\s*)+", "", context.message.subject, flags=re.I).strip()
    query = f"{subject}. {body}" if subject and subject.lower() not in body.lower() else body
    query = query[:QUERY_CHARACTERS].strip()
    return query if len(query) >= SHORTEST_QUERY else "help"


def compose(passages: list[FoundPassage]) -> Composed | None:
    """Quote the best passage whole, and its neighbour in the same article when that scores nearly as well.

    Steps stay together, since a passage is never cut inside. The confidence is the best passage's own score. None when
    there is no passage.
    """
    if not passages:
        return None
    best = passages[0]
    quoted = [best]
    for other in passages[1:]:
        near = other.article == best.article and best.score - other.score <= NEIGHBOUR
        if near and len(best.text.split()) + len(other.text.split()) <= MOST_WORDS:
            quoted.append(other)
            break
    if len(quoted) == 1:
        return Composed(_whole_paragraphs(best.text.strip()), [best.passage_id], best.score)
    text = "\n\n".join(f"**{item.heading.rpartition(' › ')[2]}**\n{item.text.strip()}" for item in quoted)
    return Composed(text, [item.passage_id for item in quoted], best.score)


def _whole_paragraphs(body: str) -> str:
    """At most `MOST_WORDS`, and always the first paragraph."""
    if len(body.split()) <= MOST_WORDS:
        return body
    kept: list[str] = []
    words = 0
    for paragraph in re.split(r"\n\s*\n", body):
        words += len(paragraph.split())
        if kept and words > MOST_WORDS:
            break
        kept.append(paragraph)
    return "\n\n".join(kept)


async def _say_phrase(runtime: ToolRuntime) -> None:
    """Thanks, greetings, praise, wishes and vague messages have a sentence of the company's for an answer."""
    context = runtime.context
    phrases = context.company.voice.for_language(context.triage.language)
    vague = phrases.still_not_working if context.state.unhelpful_turns > 0 else phrases.ask_back
    kind, text = {
        "thanks": ("acknowledgement", phrases.thanks),
        "feedback": ("acknowledgement", phrases.thanks),
        "greeting": ("ask_back", phrases.greeting.format(product=context.company.profile.product)),
        "feature_request": ("acknowledgement", phrases.feature_logged),
        "vague": ("ask_back", vague),
    }[context.triage.intent]
    if kind == "ask_back" and context.standing is not None:
        await _add_to_the_ticket(runtime)
        return
    await runtime.call("send_response", {"kind": kind, "text": text})


async def _add_to_the_ticket(runtime: ToolRuntime) -> None:
    """A person has the ticket: what they will read asks nothing back."""
    await runtime.call(
        "escalate_to_human", {"rule": policy.NO_RULE, "reason": "Wrote again while waiting for a person."}
    )


async def _escalate(runtime: ToolRuntime) -> None:
    context = runtime.context
    rule = context.verdict.rule
    assert rule is not None
    leading = next(score for score in context.triage.fired if score.name == rule)
    words = "; ".join(item.text for item in leading.evidence[:3])
    meaning = next(entry.meaning for entry in context.company.escalation.rules if entry.name == rule)
    reason = f"The message {meaning}" + (f" — evidence: {words}" if words else "")
    await runtime.call("escalate_to_human", {"rule": rule, "reason": reason[:500]})


async def _without_evidence(runtime: ToolRuntime, found: SearchOutput) -> None:
    """Nothing in the help centre answers: say so and ask back once, since the policy wants a try; then a person."""
    context = runtime.context
    phrases = context.company.voice.for_language(context.triage.language)
    if context.standing is not None:
        await _add_to_the_ticket(runtime)
        return
    if context.state.unhelpful_turns == 0:
        product = context.company.profile.product
        text = phrases.ask_back if context.triage.intent == "problem" else phrases.not_found.format(product=product)
        await runtime.call("send_response", {"kind": "ask_back", "text": text})
        return
    best = f" (best passage: {found.passages[0].title}, {found.passages[0].score:.2f})" if found.passages else ""
    await runtime.call(
        "escalate_to_human",
        {"rule": policy.NO_RULE, "reason": f"The help centre holds no answer to this{best}."},
    )
