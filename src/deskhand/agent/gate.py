"""The gate: deterministic checks that every reply passes before it leaves, whoever wrote it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deskhand.agent.decision import Draft
from deskhand.agent.gate_facts import strange_facts
from deskhand.agent.gate_languages import (
    FOREIGN_CLAIMS,
    FOREIGN_PROMISES,
    asks_for_secrets,
    promised,
    said_in_other_words,
)
from deskhand.agent.gate_leaks import repeated_instructions
from deskhand.agent.gate_meaning import strange_meanings
from deskhand.agent.gate_patterns import (
    CLAIMS,
    DOMAIN,
    EMAIL,
    INTERNAL,
    MONEY,
    NUMBER,
    PROMISES,
    REFERENCE,
    SECRET,
    URL,
)
from deskhand.agent.gate_reply_language import wrong_language
from deskhand.agent.gate_sentences import flat, own_sentences

if TYPE_CHECKING:
    from deskhand.agent.context import ToolContext

MOST_WORDS = 400
APOSTROPHES = str.maketrans("\u2018\u2019\u02bc", "'''")


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Empty `reasons` let the reply pass."""

    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons

    def as_record(self) -> dict[str, Any]:
        return {"passed": self.passed, "reasons": list(self.reasons)}


async def check_reply(draft: Draft, context: ToolContext) -> GateVerdict:
    """Stop what no cited passage backs: promises, prices, links, addresses, claimed acts, internals, foreign data."""
    passages = [context.state.passage_texts.get(cited.passage_id, "") for cited in draft.citations]
    titles = (f"{cited.title}\n{cited.heading}" for cited in draft.citations)
    sources = _visible("\n".join(f"{title}\n{text}" for title, text in zip(titles, passages, strict=True)))
    text = _visible(draft.text)
    own = own_sentences(text, sources, context.company)
    reasons = [*_reasons(draft, text, context, sources), *_strange_sentences(own)]
    written = f"{context.message.subject}\n{context.message.body}"
    reasons += [*strange_facts(own, sources, written), *wrong_language(own, context, passages)]
    reasons += await strange_meanings(own, context, sources, context.triage.language)
    return GateVerdict(tuple(reasons))


def _reasons(draft: Draft, text: str, context: ToolContext, sources: str) -> Iterator[str]:
    if (found := INTERNAL.search(text)) and flat(found[0]) not in flat(sources):
        yield f"internal: {found[0][:60]}"
    yield from repeated_instructions(text, context, sources)
    backed = _amounts(sources)
    for price, written in _amounts(text).items():
        if price not in backed:
            yield f"price not in a cited passage: {written}"
    yield from _strange_addresses(text, context, sources)
    yield from _strange_numbers(text, context, sources)
    yield from _strange_references(text, context)
    if draft.kind == "answer" and not draft.citations:
        yield "an answer without a cited passage"
    avoided = [word for word in context.company.voice.avoid if word.lower() in text.lower() and word not in sources]
    if avoided:
        yield f"words that the company avoids: {', '.join(avoided)}"
    if len(text.split()) > MOST_WORDS:
        yield f"longer than {MOST_WORDS} words"


def _strange_sentences(sentences: Sequence[str]) -> Iterator[str]:
    for sentence in sentences:
        if promised(PROMISES, sentence) or said_in_other_words(FOREIGN_PROMISES, sentence):
            yield f"promise: {sentence[:120]}"
        if any(claim.search(sentence) for claim in CLAIMS) or said_in_other_words(FOREIGN_CLAIMS, sentence):
            yield f"claims an act that no tool did: {sentence[:120]}"
        if SECRET.search(sentence):
            yield f"internal: tells a secret: {sentence[:60]}"
        if asks_for_secrets(sentence):
            yield f"asks for a password, card or code: {sentence[:120]}"


def _strange_numbers(text: str, context: ToolContext, sources: str) -> Iterator[str]:
    """A telephone, card or account number is told when a cited passage has it, or the customer wrote it."""
    known = re.sub(r"\D", "", REFERENCE.sub(" ", f"{sources} {context.message.subject} {context.message.body}"))
    for number in NUMBER.findall(REFERENCE.sub(" ", URL.sub(" ", text))):
        if re.sub(r"\D", "", number) not in known:
            yield f"number not in a cited passage: {number}"


def _strange_addresses(text: str, context: ToolContext, sources: str) -> Iterator[str]:
    profile = context.company.profile
    for url in URL.findall(text):
        host = _host(url)
        if host not in profile.allowed_hosts:
            yield f"link to a host that is not allowed: {host or url[:60]}"
    known = {address.lower() for address in [profile.support_email, *EMAIL.findall(sources)]}
    for address in EMAIL.findall(text):
        if address.lower() not in known:
            yield f"e-mail address not in a cited passage: {address}"
    allowed = {*profile.allowed_hosts, *(domain.lower() for domain in DOMAIN.findall(sources))}
    for domain in DOMAIN.findall(URL.sub(" ", text)):
        if domain.lower() not in allowed:
            yield f"name of a host that is not allowed: {domain}"


def _host(url: str) -> str:
    """The host that a browser would open; empty for what only looks like an address of ours."""
    if "\\" in url or not url.lower().startswith(("http://", "https://", "www.")):
        return ""
    try:
        parts = urlsplit(url if "//" in url else f"https://{url}")
        return "" if "@" in parts.netloc else (parts.hostname or "").rstrip(".,;:!?")
    except ValueError:
        return ""


def _strange_references(text: str, context: ToolContext) -> Iterator[str]:
    """A ticket's reference is told to those who have it: this ticket's, or one that the customer named."""
    known = f"{context.ticket.reference} {context.message.subject} {context.message.body}"
    for reference in REFERENCE.findall(text):
        if reference not in known:
            yield f"another ticket's reference: {reference}"


def _amounts(text: str) -> dict[str, str]:
    """Prices and percentages, spelled alike, with how they are written."""
    return {re.sub(r"\s", "", found.rstrip(".,")).lower(): found for found in MONEY.findall(text)}


def _visible(text: str) -> str:
    """The text as a reader sees it: no invisible characters, one kind of apostrophe."""
    shown = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", shown).translate(APOSTROPHES)
