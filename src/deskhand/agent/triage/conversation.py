"""What the conversation so far adds: a follow-up that says it still fails, and one word that asks for a person."""

from __future__ import annotations

import re
from typing import Final

from deskhand.agent.decision import Intent, Triage
from deskhand.agent.triage.base import TriageInput

_ASIDE: Final = r"(?:please|pls|plz|now|bitte|jetzt|por favor|s'il vous pla[iî]t|svp|ahora|agora|maintenant)"
_BEFORE: Final = (
    r"(?:(?:an?|the|real|live|actual|einen?|echte[rn]?|un|una|une|um|uma|real|vrai|verdadeir[ao]|"
    r"i (?:want|need)(?: to (?:talk|speak) to)?|(?:talk|speak) to|get me|connect me to|give me)\s+)*"
)
_PERSON: Final = (
    r"(?:human(?: being)?|agent|representative|rep|person|operator|advisor|someone real|customer service|"
    r"mensch(?:en)?|mitarbeiter(?:in)?|berater(?:in)?|kundendienst|ansprechpartner(?:in)?|"
    r"humano|humana|agente|persona|asesor(?:a)?|representante|operador(?:a)?|"
    r"humain|personne|conseill(?:er|ère)|représentant(?:e)?|"
    r"pessoa|atendente|operatore|umano|mens|medewerker)"
)
_ALONE: Final = re.compile(
    rf"^\W*(?:{_ASIDE}\W+)?{_BEFORE}{_PERSON}(?:\s+(?:real|humana?|réelle|echte))?(?:\W+{_ASIDE})*\W*$", re.I
)
_STILL: Final = re.compile(
    r"\b(?:still|the same|same (?:\w+ )?(?:error|problem|issue|thing|result|here)|"
    r"nope|no (?:luck|change|difference|success)|not (?:working|fixed|solved|resolved|helping|it)|"
    r"(?:does|did|do|has|is|was|were)n'?t (?:work|help|fix|solve|change)\w*|"
    r"useless|persists?|unchanged|tried (?:that|it|this|all|everything)|"
    r"immer noch|noch immer|weiterhin|geht nicht|klappt nicht|hat nicht|nichts gebracht|"
    r"sigue|todav[ií]a|tampoco|no (?:funciona|funcionó|sirve|sirvió)|igual que antes|"
    r"toujours|marche pas|fonctionne (?:toujours )?pas|rien (?:changé|ne change)|"
    r"ainda|continua|n[aã]o (?:funciona|funcionou|resolveu|deu))\b",
    re.I,
)
_NO: Final = re.compile(r"\b(?:no|not|n'?t|nein|nicht|nada|non|pas|n[aã]o|same|again|worse)\b|n't\b", re.I)
AGAIN_RULE: Final = "unresolved"
_SHORT: Final = 8
_LIKELY: Final = 0.2


def asks_for_a_person(message: TriageInput) -> str | None:
    """The word, when the whole message is one that asks for a person."""
    body = message.body.strip()
    return body if _ALONE.match(body) else None


def unhelpful_so_far(message: TriageInput, triage: Triage) -> int:
    """Our answers before this message that did not help it: none, when it asks something new or thanks."""
    if triage.intent == "thanks":
        return 0
    if message.asked_back or _STILL.search(message.body):
        return message.unhelpful_turns
    unresolved = next((rule.fired for rule in triage.rules if rule.name == AGAIN_RULE), False)
    asks_anew = triage.intent in ("question", "feature_request", "feedback", "greeting")
    return 0 if asks_anew and not unresolved else message.unhelpful_turns


def still_fails(message: TriageInput, limit: int, intent: Intent, unresolved: float) -> str | None:
    """Why a follow-up counts as unresolved, after `limit` answers of ours that did not help.

    A new question in the same conversation does not count.
    """
    if message.unhelpful_turns < limit or intent in ("thanks", "greeting", "feedback", "feature_request"):
        return None
    hit = _STILL.search(message.body)
    if not hit and len(message.body.split()) <= _SHORT and intent != "question":
        hit = _NO.search(message.body)
    if unresolved < _LIKELY and (intent == "question" or (not hit and intent != "vague")):
        return None
    words = f"'{hit.group()}', " if hit else ""
    return f"{words}after {message.unhelpful_turns} answers that did not help"
