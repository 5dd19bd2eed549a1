"""How a sentence is meant: asked, doubted, reported or forbidden, which says little about what we promise or did."""

from __future__ import annotations

import re
from typing import Literal

Stance = Literal["asked", "doubted", "forbidden", "said"]

# A second clause may take back what the first one denies: "I can't promise, but you'll get it".
JOINED = re.compile(
    r"[,;:\u2013\u2014]|\b(?:and|but|though|however|und|aber|doch|sondern|y|pero|sino|et|mais|e|mas|porém)\b", re.I
)
DOUBTED = re.compile(
    r"\b(?:i|we)(?:'m| am|'re| are)? (?:can't|cannot|can not|couldn't|could not|not able|unable|not allowed|don't|"
    r"do not|haven't|have not|didn't|have no|wouldn't|won't be able)\b|\bnobody can (?:promise|say)\b|"
    r"\b(?:ich|wir) (?:kann|können|darf|dürfen|habe|haben|weiß|wissen|kenne|sehe|finde|möchte)\b.*"
    r"\b(?:nicht|nichts|kein\w*|nie)\b|"
    r"\b(?:kann|können|weiß|wissen|habe|kenne) (?:ich|wir)\b.*\b(?:nicht|nichts|kein\w*)\b|"
    r"\b(?:ob|wann)\b.*\b(?:weiß|kann) ich nicht\b|"
    r"\bno (?:puedo|podemos|sé|sabemos|tengo|tenemos|he|hemos|veo|conozco|encuentro)\b|"
    r"\b(?:je|nous) (?:ne |n')(?:peux|pouvons|sais|savons|ai|avons|vois|connais|trouve)\b.*\b(?:pas|rien|aucun\w*)\b|"
    r"\bnão (?:posso|podemos|sei|sabemos|tenho|temos|vejo|encontro|alterei|mudei)\b",
    re.I,
)
REPORTED = re.compile(
    r"^\W*(?:you (?:wrote|write|said|say|asked|ask|mention\w*|want to know|told)|"
    r"sie (?:schreiben|schrieben|sagen|fragen|erwähnen)|(?:usted )?(?:escribe|pregunta|dice|menciona)|"
    r"vous (?:écrivez|demandez|dites|avez écrit)|(?:escreve|pergunta|diz|disse|perguntou))\b",
    re.I,
)
FORBIDDEN = re.compile(
    r"^\W*(?:please )?(?:don't|do not|never|nobody|no one)\b|^\W*(?:niemand|niemals|nadie|nunca|personne|ninguém)\b|"
    r"^\W*(?:bitte )?\w+ sie\b.*\b(?:nie|niemals|nicht|keine?)\b|^\W*(?:por favor,? )?(?:não|no) |"
    r"^\W*(?:ne |n')",
    re.I,
)


def stance_of(sentence: str) -> Stance:
    if sentence.rstrip(' "*_').endswith("?"):
        return "asked"
    if JOINED.search(sentence):
        return "said"
    if DOUBTED.search(sentence) or REPORTED.search(sentence):
        return "doubted"
    return "forbidden" if FORBIDDEN.search(sentence) else "said"
