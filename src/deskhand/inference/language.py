"""Which language a message is written in: by its script where that tells, otherwise by py3langid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol, cast

LATIN_LANGUAGES: Final = (
    *("cs", "da", "de", "en", "es", "fi", "fr", "id", "it"),
    *("nl", "no", "pl", "pt", "ro", "sv", "tr", "vi"),
)
"""What a text in Latin letters is told apart into; every further language would cost accuracy on short texts."""

_DEFAULT: Final = "en"
_SHORT: Final = 4
_READ: Final = 2_000
# Another language than the expected one must be this likely, and this many times likelier than the expected one.
_LEAST: Final = 0.4
_LEAST_IN_SHORT: Final = 0.7
_RATIO: Final = 4.0

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LATIN: Final = re.compile(r"[A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
# Inline code, addresses, and names with a digit or a sign inside: they are the same in every language.
_CODE: Final = re.compile(r"`[^`]*`")
_JARGON: Final = re.compile(r"\d|_|@|://|[a-z][A-Z]|\w[./\\]\w")


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """An ISO 639-1 code, and how likely it is between 0 and 1 (0: nothing in the text told)."""

    code: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Script:
    letters: re.Pattern[str]
    codes: tuple[str, ...]
    """The languages written in it, the default first."""
    telling: tuple[tuple[str, re.Pattern[str]], ...] = ()
    """Letters that only one of them has."""
    weight: int = 1
    """How many Latin letters one character is worth."""

    def guess(self, text: str, hint: str | None) -> LanguageGuess:
        for code, letters in self.telling:
            if letters.search(text):
                return LanguageGuess(code, 0.99)
        if hint in self.codes:
            return LanguageGuess(hint, 0.99)
        return LanguageGuess(self.codes[0], 0.99 if len(self.codes) == 1 else 0.8)


_SCRIPTS: Final = (
    _Script(re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"), ("ko",), weight=2),
    _Script(
        re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"),
        ("zh", "ja"),
        (("ja", re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")),),
        weight=2,
    ),
    _Script(
        re.compile(r"[\u0400-\u04ff]"),
        ("ru", "uk"),
        (("uk", re.compile(r"[іїєґІЇЄҐ]")), ("ru", re.compile(r"[ыэъёЫЭЪЁ]"))),
    ),
    _Script(
        re.compile(r"[\u0600-\u06ff\u0750-\u077f]"),
        ("ar", "fa", "ur"),
        (("ur", re.compile(r"[ٹڈڑںےہ]")), ("fa", re.compile(r"[پچژگکی]")), ("ar", re.compile(r"[ةىكيأإ]"))),
    ),
    _Script(re.compile(r"[\u0900-\u097f]"), ("hi",)),
    _Script(re.compile(r"[\u0e00-\u0e7f]"), ("th",)),
    _Script(re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]"), ("el",)),
    _Script(re.compile(r"[\u0590-\u05ff]"), ("he",)),
)


def detect_language(text: str, hint: str | None = None) -> LanguageGuess:
    """The language of a message; `hint` is the conversation's so far.

    A text of under four words keeps the hint unless its script contradicts it, and is taken for English when there is
    no hint and no clear winner, as product jargon is. The first call loads the model: see `load_language_model`.
    """
    text = text[:_READ]
    expected = hint.lower().replace("_", "-").split("-")[0] if hint else None
    script = _script_of(text)
    if script is not None:
        return script.guess(text, expected)

    plain = " ".join(part for part in _CODE.sub(" ", text).split() if not _JARGON.search(part))
    words = len(_WORD.findall(plain))
    if words == 0:
        return LanguageGuess(expected or _DEFAULT, 0.0)
    scores = dict(load_language_model().rank(plain))
    if words < _SHORT and expected is not None:
        return LanguageGuess(expected, scores.get(expected, 0.0))
    least = _LEAST_IN_SHORT if words < _SHORT else _LEAST
    return _likeliest(scores, expected if expected in scores else _DEFAULT, least)


def _likeliest(scores: dict[str, float], expected: str, least: float) -> LanguageGuess:
    best = max(scores, key=scores.__getitem__)
    is_clear = scores[best] >= max(least, _RATIO * scores[expected])
    code = best if is_clear else expected
    return LanguageGuess(code, scores[code])


def _script_of(text: str) -> _Script | None:
    """The script that most of the text is in; None for Latin letters or none at all."""
    amounts = [len(script.letters.findall(text)) * script.weight for script in _SCRIPTS]
    most = max(amounts)
    return _SCRIPTS[amounts.index(most)] if most > len(_LATIN.findall(text)) else None


class LanguageModel(Protocol):
    """The one method of a loaded model that we call."""

    def rank(self, text: str) -> Sequence[tuple[str, float]]: ...


class _Identifier(LanguageModel, Protocol):
    """What py3langid, which has no types, offers for narrowing a model down."""

    nb_ptc: object
    nb_pc: object
    nb_classes: object
    tk_nextmove: object
    tk_output: object
    tk_row: object

    def set_languages(self, langs: Sequence[str]) -> None: ...


class _IdentifierClass(Protocol):
    def from_model_file(self, model_file: str, norm_probs: bool) -> _Identifier: ...

    def __call__(self, *tables: object, norm_probs: bool, tk_row: object) -> LanguageModel: ...


@cache
def load_language_model() -> LanguageModel:
    """Reads py3langid's tables, once a process. It takes half a second: a server calls it in a thread at its start."""
    from py3langid import langid  # its import alone is cheap, but not needed where nobody writes

    identifier_class = cast(_IdentifierClass, langid.LanguageIdentifier)
    full = identifier_class.from_model_file(langid.MODEL_FILE, norm_probs=True)
    full.set_languages(LATIN_LANGUAGES)
    # A second one of the chosen columns only, since the first keeps the table of all 142 languages.
    tables = (full.nb_ptc, full.nb_pc, full.nb_classes, full.tk_nextmove, full.tk_output)
    return identifier_class(*tables, norm_probs=True, tk_row=full.tk_row)
