"""What a language model is told: templates of ours, filled from the company folder and the turn's data."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Template

from deskhand.agent import policy
from deskhand.agent.llm.cleaning import clean_text, one_line, shorten
from deskhand.agent.tools import MOST_CALLS, ToolContext
from deskhand.agent.tools.analyze_sentiment import label_of
from deskhand.agent.tools.get_customer_history import HistoryOutput
from deskhand.agent.tools.search_knowledge_base import SearchOutput
from deskhand.agent.wording import response_time_in_words
from deskhand.company_folder import ChannelVoice, Company, PlanName, Rule, Tier

FIRST_CALLS = 3  # ticket, history and search are done before the model is asked
MESSAGE_CHARACTERS = 8_000
PASSAGE_CHARACTERS = 2_500
PAST_CHARACTERS = 500
PAST_MESSAGES = 6
PLANS: tuple[PlanName, ...] = ("enterprise", "pro", "free")
CHANNELS = {
    "email": "Email: professional and warm, like a helpful colleague; complete, so that no second mail is needed.",
    "whatsapp": "WhatsApp: short and conversational, contractions are fine; at most 1,600 characters, no wall of text.",
    "web_form": "Web form: semi-formal and reassuring; name the issue that they reported.",
}


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """`digest` is the SHA-256 of the text and the other templates."""

    text: str
    digest: str


@cache
def _template(name: str) -> Template:
    return Template((resources.files("deskhand.agent") / "prompts" / f"{name}.md").read_text("utf-8"))


def nudge() -> str:
    """What a model is told that answered without a tool."""
    return _template("use_a_tool").template.strip()


def build_system_prompt(company: Company) -> SystemPrompt:
    """The same for every turn, so that providers can cache it."""
    values = _values(company)
    unmarked = _template("system").substitute(values, mark="")
    mark = f"instructions-{hashlib.sha256(unmarked.encode()).hexdigest()[:12]}"
    text = _template("system").substitute(values, mark=mark)
    told = "\0".join([text, _template("task").template, nudge()])
    return SystemPrompt(text, hashlib.sha256(told.encode()).hexdigest())


def build_task(context: ToolContext, history: HistoryOutput, found: SearchOutput) -> str:
    """The turn's own message. Whatever a customer or an author wrote is fenced by a token drawn for this turn."""
    fence = Fence()
    triage, message = context.triage, context.message
    subject = one_line(message.subject, 200)
    body = f"Subject: {subject}\n\n{message.body}" if subject else message.body
    known_name = context.customer.name if context.verified else ""
    return _template("task").substitute(
        fence=fence.token,
        reference=context.ticket.reference,
        channel=context.conversation.channel,
        language=triage.language,
        plan=context.customer.plan if context.verified else "not known",
        identity="verified" if context.verified else "claimed only, so no account data",
        sentiment=f"{triage.sentiment:+.2f} ({label_of(triage.sentiment)})",
        urgency=triage.urgency,
        category=one_line(triage.category),
        unhelpful=context.state.unhelpful_turns,
        name=fence.around("name", one_line(message.author_name or known_name) or "not known"),
        message=fence.around("customer_message", shorten(body, MESSAGE_CHARACTERS)),
        history=_history(fence, history),
        passages=_passages(fence, found),
    )


class Fence:
    """Marks data by a token that its author could not know; the token is taken out of the data all the same."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)

    def around(self, kind: str, text: str) -> str:
        body = clean_text(text).replace(self.token, "")
        for bracket in ("<<", ">>"):
            body = body.replace(bracket, " ".join(bracket))
        return f"<<DATA {self.token} {kind}>>\n{body}\n<<END {self.token}>>"


def _history(fence: Fence, history: HistoryOutput) -> str:
    lines = [
        f"{past.at[:16]} {past.channel}, {past.author}: {shorten(' '.join(past.text.split()), PAST_CHARACTERS)}"
        for past in history.messages[:PAST_MESSAGES]
    ]
    return fence.around("history", "\n".join(lines)) if lines else "none"


def _passages(fence: Fence, found: SearchOutput) -> str:
    blocks = [
        fence.around(
            f"passage id={item.passage_id} score={item.score:.2f}",
            f"{item.title} › {item.heading}\n{shorten(item.text, PASSAGE_CHARACTERS)}",
        )
        for item in found.passages
    ]
    return "\n".join(blocks) or "none found"


def _values(company: Company) -> dict[str, object]:
    profile, voice, escalation = company.profile, company.voice, company.escalation
    default = escalation.owners[escalation.default_owner]
    return {
        "company": profile.company,
        "product": profile.product,
        "team": profile.team,
        "about": profile.about,
        "calls": MOST_CALLS - FIRST_CALLS,
        "always": _rules(company, "always"),
        "likely": _rules(company, "likely"),
        "default_owner": f"{default.name} ({default.title})",
        "response_times": _response_times(company),
        "channels": "\n".join(_channel(name, voice.channels[name]) for name in CHANNELS if name in voice.channels),
        "empathy": voice.phrases["en"].empathy,
        "avoid": ", ".join(f'"{word}"' for word in voice.avoid) or "none",
    }


def _rules(company: Company, tier: Tier) -> str:
    rules = [rule for rule in company.escalation.rules if rule.tier == tier]
    return _table(
        ("rule", "the message ...", "not", "owner"),
        [(f"`{rule.name}`", rule.meaning, _near_misses(rule), _owner(company, rule)) for rule in rules],
    )


def _near_misses(rule: Rule) -> str:
    return "; ".join(f'"{text}"' for text in rule.counterexamples[:3])


def _owner(company: Company, rule: Rule) -> str:
    owner = company.escalation.owners[rule.owner]
    return f"{owner.name}, {owner.title}"


def _response_times(company: Company) -> str:
    phrases = company.voice.phrases["en"]
    return _table(
        ("plan", "within"),
        [(plan, response_time_in_words(policy.response_time(company, plan), phrases)) for plan in PLANS],
    )


def _channel(name: str, voice: ChannelVoice) -> str:
    limits: list[str] = []
    if voice.max_words is not None:
        limits.append(f"at most {voice.max_words} words")
    if voice.preferred_characters is not None:
        limits.append(f"about {voice.preferred_characters} characters")
    return f"- {CHANNELS[name]}" + (f" Length: {', '.join(limits)}." if limits else "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(' '.join(cell.split()) for cell in line)} |" for line in lines)
