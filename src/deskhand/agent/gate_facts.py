"""Names of plans and limits in a reply's own sentences: each must stand in a cited passage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, get_args

from deskhand.agent.gate_languages import NEGATION
from deskhand.agent.gate_stance import stance_of
from deskhand.company_folder import PlanName

NAMES: Final = "|".join(name.capitalize() for name in get_args(PlanName))
PLAN_WORD: Final = r"(?:plans?|tier|version|package|[Tt]arif\w*|[Pp]lan\w*|offre|plano)"
# "Pro" and "Enterprise" are names by their capital inside a sentence; "Free" only beside a word for a plan, and a
# German sentence may begin with "Pro Person".
PLAN: Final = re.compile(
    rf"(?<!^)(?<!MacBook )(?<!iPad )(?<!\d )\b(?:Pro|Enterprise)\b(?!\s+(?:Max|Person|Nutzer|Monat|Tag)\b)|"
    rf"\b(?:{NAMES})[- ]{PLAN_WORD}\b|\b{PLAN_WORD} (?:{NAMES})\b|^Enterprise\b"
)
UNITS: Final = (
    r"(?:[KMGT]B|[KMG]o|[Gg]igabytes?|[Mm]egabytes?|users?|members?|guests?|seats?|people|requests?|calls?|projects?|"
    r"automations?|integrations?|boards?|workspaces?|Nutzer\w*|Mitglieder\w*|Gäste|Anfragen|Projekte|Automatisierungen|"
    r"usuarios|miembros|invitados|solicitudes|peticiones|proyectos|automatizaciones|utilisateurs|membres|invités|"
    r"requêtes|projets|automatisations|utilizadores|usuários|membros|convidados|pedidos|solicitações|projetos|"
    r"automações)"
)
LIMIT: Final = re.compile(rf"(?<![\w.,])(\d[\d.,\s]*)\s?{UNITS}\b")
DENIED: Final = re.compile(r"\b(?:not|never|cannot|no|nor|neither)\b|n't\b", re.I)


def strange_facts(sentences: Sequence[str], sources: str, written: str) -> Iterator[str]:
    """`written` is the customer's message: how many people or files they have is theirs to say, and ours to repeat."""
    known = {_digits(number) for number in re.findall(r"\d[\d.,]*", f"{sources} {written}")}
    for sentence in sentences:
        if stance_of(sentence) != "said" or DENIED.search(sentence) or NEGATION.search(sentence):
            continue
        plans = {found for found in re.findall(rf"\b(?:{NAMES})\b", " ".join(PLAN.findall(sentence)))}
        strange = [plan for plan in sorted(plans) if not re.search(rf"\b{plan}\b", f"{sources} {written}", re.I)]
        strange += [found[0] for found in LIMIT.finditer(sentence) if _digits(found[1]) not in known]
        if strange:
            yield f"plan or limit not in a cited passage: {', '.join(strange)}"


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
