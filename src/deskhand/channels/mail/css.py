"""As much CSS as it takes to tell whether a reader would see a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

Declarations = dict[str, str]
Colour = tuple[int, int, int]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


RELEVANT: Final = _names(
    """display visibility opacity font-size font color background background-color position left top right bottom
    text-indent margin-left margin-top max-height height max-width width overflow overflow-x overflow-y clip clip-path
    transform filter content-visibility -webkit-text-fill-color"""
)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.S)
_ESCAPE: Final = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.S)
_COMPOUND: Final = re.compile(r"([a-z][a-z0-9-]*|\*)?((?:[.#][\w-]+|\[hidden\])*)", re.I)
_LENGTH: Final = re.compile(r"([+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}))(px|pt|em|rem|ex|ch|vh|vw|cm|mm|in|pc|%)?")
_HEX: Final = re.compile(r"#([0-9a-f]{3,8})\b")
_RGB: Final = re.compile(r"rgba?\(([^)]{1,80})\)")
_PIXELS: Final = {
    **{"px": 1.0, "pt": 4 / 3, "rem": 16.0, "cm": 37.8, "mm": 3.78, "in": 96.0, "pc": 16.0, "ch": 8.0},
    **{"ex": 8.0, "vw": 10.0, "vh": 8.0, "em": 16.0},
}
_NAMED: Final[dict[str, Colour]] = {
    **{"white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255)},
    **{"yellow": (255, 255, 0), "aqua": (0, 255, 255), "cyan": (0, 255, 255), "fuchsia": (255, 0, 255)},
    **{"magenta": (255, 0, 255), "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192)},
    **{"green": (0, 128, 0), "navy": (0, 0, 128), "maroon": (128, 0, 0), "purple": (128, 0, 128)},
    **{"olive": (128, 128, 0), "teal": (0, 128, 128), "orange": (255, 165, 0), "ivory": (255, 255, 240)},
    **{"snow": (255, 250, 250), "whitesmoke": (245, 245, 245), "ghostwhite": (248, 248, 255)},
    **{"floralwhite": (255, 250, 240), "azure": (240, 255, 255), "mintcream": (245, 255, 250)},
    **{"lightgray": (211, 211, 211), "lightgrey": (211, 211, 211), "gainsboro": (220, 220, 220)},
    **{"lightyellow": (255, 255, 224), "seashell": (255, 245, 238), "aliceblue": (240, 248, 255)},
}
_MOST_RULES: Final = 500


@dataclass(frozen=True, slots=True)
class Compound:
    """`tag.class#id`; an empty part fits everything."""

    tag: str
    classes: frozenset[str]
    identifier: str
    needs_hidden: bool = False

    def fits(self, tag: str, classes: frozenset[str], identifier: str) -> bool:
        return (
            (not self.tag or self.tag == tag)
            and self.classes <= classes
            and (not self.identifier or self.identifier == identifier)
            and not self.needs_hidden
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """`ancestors` must each fit some element above. `conditional`: holds on some screens only."""

    last: Compound
    ancestors: tuple[Compound, ...]
    declarations: Declarations
    conditional: bool


@dataclass(slots=True)
class Sheet:
    """Rules that bear on visibility, found by what their last part needs most."""

    rules: dict[str, list[Rule]] = field(default_factory=dict[str, list[Rule]])
    count: int = 0

    def add(self, source: str) -> None:
        for selectors, body, conditional in _blocks(_COMMENT.sub("", source)):
            declared = parse_declarations(body)
            if not declared:
                continue
            for selector in selectors.split(","):
                rule = _rule(selector, declared, conditional=conditional)
                if rule is not None and self.count < _MOST_RULES:
                    self.count += 1
                    self.rules.setdefault(_key(rule.last), []).append(rule)

    def candidates(self, tag: str, classes: frozenset[str], identifier: str) -> Iterator[Rule]:
        if not self.rules:
            return
        keys = ["*", tag, *(f".{name}" for name in classes), *([f"#{identifier}"] if identifier else [])]
        for key in keys:
            yield from self.rules.get(key, ())


def parse_declarations(source: str) -> Declarations:
    """Property to value in lower case; `!important` stays in the value, and wins when merged."""
    declared: Declarations = {}
    if "\\" in source:
        source = _ESCAPE.sub(_unescaped, source)
    if "/*" in source:
        source = _COMMENT.sub("", source)
    for item in source[:20_000].split(";"):
        name, colon, value = item.partition(":")
        name = name.strip().lower()
        if colon and name in RELEVANT:
            merge(declared, {name: value.strip().lower()[:200]})
    return declared


def merge(into: Declarations, later: Declarations) -> None:
    for name, value in later.items():
        if "!important" in value or "!important" not in into.get(name, ""):
            into[name] = value


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        code = int(found[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    return found[2]


def _blocks(source: str) -> Iterator[tuple[str, str, bool]]:
    """(selectors, body, conditional) of each rule; an @media without a size or feature query always holds."""
    position, conditions = 0, list[bool]()
    while (brace := source.find("{", position)) >= 0:
        closed = source.find("}", position, brace)
        while closed >= 0:
            if conditions:
                conditions.pop()
            position = closed + 1
            closed = source.find("}", position, brace)
        prelude = source[position:brace].rpartition(";")[2].strip()[:2_000]
        if prelude.startswith("@"):
            word = prelude.lower()
            conditions.append(word.startswith(("@media", "@supports")) and ("(" in word or "print" in word))
            position = brace + 1
            continue
        end = source.find("}", brace)
        end = len(source) if end < 0 else end
        yield prelude, source[brace + 1 : end], any(conditions[-4:])
        position = end + 1


def _rule(selector: str, declared: Declarations, *, conditional: bool) -> Rule | None:
    words = selector.replace(">", " ").replace("+", " ").replace("~", " ").split()
    if not words or len(words) > 6:
        return None
    compounds = [_compound(word) for word in words]
    known = [compound for compound in compounds if compound is not None]
    if len(known) < len(compounds):
        return None
    return Rule(known[-1], tuple(known[:-1]), declared, conditional)


def _compound(word: str) -> Compound | None:
    found = _COMPOUND.fullmatch(word[:200])
    if found is None:
        return None
    parts = re.findall(r"[.#][\w-]+", found[2])
    tag = (found[1] or "").lower()
    return Compound(
        "" if tag == "*" else tag,
        frozenset(part[1:] for part in parts if part[0] == "."),
        next((part[1:] for part in parts if part[0] == "#"), ""),
        "[hidden]" in found[2].lower(),
    )


def _key(compound: Compound) -> str:
    if compound.identifier:
        return f"#{compound.identifier}"
    if compound.classes:
        return f".{min(compound.classes)}"
    return compound.tag or "*"


def pixels(value: str, *, base: float = 16.0) -> float | None:
    """A length in pixels; `base` is what em and % refer to. None when it is no length."""
    found = _LENGTH.match(value.strip())
    if found is None:
        return None
    number, unit = float(found[1]), found[2] or "px"
    if unit == "%":
        return base * number / 100
    return base * number if unit == "em" else number * _PIXELS[unit]


def colour(value: str) -> Colour | None:
    """The first colour named; None for transparent, unknown ones and pictures."""
    value = value.strip().lower()
    if "url(" in value or "gradient" in value:
        return None
    if found := _HEX.search(value):
        digits = found[1]
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        return (int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)) if len(digits) >= 6 else None
    if found := _RGB.search(value):
        numbers = [pixels(part, base=255.0) for part in found[1].replace("/", " ").replace(",", " ").split()]
        if len(numbers) < 3 or any(number is None for number in numbers[:3]):
            return None
        red, green, blue = (min(255, max(0, int(number or 0))) for number in numbers[:3])
        return (red, green, blue)
    return next((_NAMED[word] for word in value.split() if word in _NAMED), None)


def is_transparent(value: str) -> bool:
    value = value.strip().lower()
    if value.startswith("transparent"):
        return True
    if found := re.match(r"#(?:[0-9a-f]{3}([0-9a-f])|[0-9a-f]{6}([0-9a-f]{2}))(?![0-9a-f])", value):
        return (found[1] or found[2]) in ("0", "00")
    found = re.match(r"(?:rgba|rgb|hsla|hsl)\(([^)]{1,80})\)", value)
    parts = found[1].replace("/", " ").replace(",", " ").split() if found else []
    alpha = pixels(parts[3], base=1.0) if len(parts) == 4 else None
    return alpha is not None and alpha < 0.1
