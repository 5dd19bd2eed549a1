"""Whether the reader of an HTML mail would see what an element holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deskhand.channels.mail.css import (
    Colour,
    Declarations,
    Rule,
    Sheet,
    colour,
    is_transparent,
    merge,
    parse_declarations,
    pixels,
)

_OFF_SCREEN: Final = -400.0
_SMALLEST_FONT: Final = 2.0
_LEAST_OPACITY: Final = 0.1
_NEAR: Final = 24
_FONT_SIZES: Final = {"medium": 16.0, "small": 13.0, "x-small": 10.0, "xx-small": 9.0, "large": 18.0, "smaller": 13.0}
_MOST_LOOKS: Final = 200_000
_MOST_ANCESTORS: Final = 50
_FROM_ATTRIBUTES: Final = frozenset(("hidden", "aria-hidden", "style", "class", "id", "bgcolor", "color", "background"))


@dataclass(frozen=True, slots=True)
class Look:
    """What an element hands down. `hidden` can't be undone below; `invisible`, colour and size can."""

    hidden: bool = False
    invisible: bool = False
    opacity: float = 1.0
    font_size: float = 16.0
    foreground: Colour | None = (0, 0, 0)
    background: Colour | None = (255, 255, 255)
    transparent: bool = False
    doubtful: bool = False

    @property
    def is_seen(self) -> bool:
        if self.hidden or self.invisible or self.transparent:
            return False
        if self.opacity < _LEAST_OPACITY or self.font_size < _SMALLEST_FONT:
            return False
        front, back = self.foreground, self.background
        if front is None or back is None:
            return True
        return max(abs(one - other) for one, other in zip(front, back, strict=True)) > _NEAR


@dataclass(frozen=True, slots=True)
class Element:
    tag: str
    look: Look
    classes: frozenset[str]
    identifier: str


class Viewer:
    """Works out the look of each element from its parent's, its attributes and the mail's `<style>` rules."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._looks = 0

    def element(self, tag: str, attributes: dict[str, str], above: list[Element]) -> Element:
        parent = above[-1].look if above else Look()
        if not self._sheet.rules and not (attributes.keys() & _FROM_ATTRIBUTES):
            return Element(tag, parent, frozenset(), "")
        classes = frozenset(attributes.get("class", "").split()[:20])
        identifier = attributes.get("id", "").strip()
        declared, doubtful = self._declared(tag, classes, identifier, above)
        if "style" in attributes:
            merge(declared, parse_declarations(attributes["style"]))
        if tag == "font" and "color" in attributes:
            declared.setdefault("color", attributes["color"])
        if "bgcolor" in attributes:
            declared.setdefault("background-color", attributes["bgcolor"])
        if "background" in attributes:
            declared.setdefault("background", "url()")
        look = _look(parent, declared)
        if "hidden" in attributes or attributes.get("aria-hidden", "").strip().lower() == "true":
            look = _with(look, hidden=True)
        return Element(tag, _with(look, doubtful=True) if doubtful else look, classes, identifier)

    def _declared(
        self, tag: str, classes: frozenset[str], identifier: str, above: list[Element]
    ) -> tuple[Declarations, bool]:
        declared: Declarations = {}
        doubtful = False
        for rule in self._sheet.candidates(tag, classes, identifier):
            self._looks += 1
            if self._looks > _MOST_LOOKS:
                return declared, True
            if not rule.last.fits(tag, classes, identifier) or not self._ancestors_fit(rule, above):
                continue
            if rule.conditional:
                doubtful = doubtful or not _look(Look(), rule.declarations).is_seen
            else:
                merge(declared, rule.declarations)
        return declared, doubtful

    def _ancestors_fit(self, rule: Rule, above: list[Element]) -> bool:
        for compound in rule.ancestors:
            self._looks += 1
            if not any(
                compound.fits(element.tag, element.classes, element.identifier) for element in above[-_MOST_ANCESTORS:]
            ):
                return False
        return True


def _with(look: Look, *, hidden: bool = False, doubtful: bool = False) -> Look:
    return Look(
        look.hidden or hidden,
        look.invisible,
        look.opacity,
        look.font_size,
        look.foreground,
        look.background,
        look.transparent,
        look.doubtful or doubtful,
    )


def _look(parent: Look, declared: Declarations) -> Look:
    if not declared:
        return parent
    plain = {name: value.replace("!important", "").strip() for name, value in declared.items()}
    visibility = plain.get("visibility", "")
    foreground, transparent = _foreground(parent, plain)
    return Look(
        hidden=parent.hidden or _is_removed(plain),
        invisible=visibility in ("hidden", "collapse") if visibility not in ("", "inherit") else parent.invisible,
        opacity=parent.opacity * _opacity(plain),
        font_size=_font_size(parent, plain),
        foreground=foreground,
        background=_background(parent, plain),
        transparent=transparent,
        doubtful=parent.doubtful,
    )


def _is_removed(plain: Declarations) -> bool:
    """Taken off the page: not displayed, off screen, clipped or in a box of no size."""
    if plain.get("display") == "none" or plain.get("content-visibility") == "hidden":
        return True
    moved = plain.get("position") in ("absolute", "fixed", "relative")
    edges = ("text-indent", "margin-left", "margin-top", *(("left", "top", "right", "bottom") if moved else ()))
    if any(_length(plain, edge, 0.0) <= _OFF_SCREEN for edge in edges):
        return True
    if moved and any(_length(plain, edge, 0.0) >= 5_000 for edge in ("left", "top")):
        return True
    clips = any("hidden" in plain.get(name, "") or "clip" in plain.get(name, "") for name in _OVERFLOWS)
    if _length(plain, "max-height", 99.0) <= 1 or _length(plain, "max-width", 99.0) <= 1:
        return True
    if clips and (_length(plain, "height", 99.0) <= 1 or _length(plain, "width", 99.0) <= 1):
        return True
    return _is_clipped(plain)


_OVERFLOWS: Final = ("overflow", "overflow-x", "overflow-y")


def _is_clipped(plain: Declarations) -> bool:
    path, transform = plain.get("clip-path", ""), plain.get("transform", "").replace(" ", "")
    if path.startswith(("inset(50%", "inset(100%", "circle(0")):
        return True
    if "scale(0)" in transform or "scale(0," in transform or "scalex(0)" in transform or "scaley(0)" in transform:
        return True
    if "translate" in transform and "-" in transform:
        shift = transform.partition("translate")[2].partition("(")[2].rpartition(")")[0]
        if any((pixels(part, base=1_000.0) or 0.0) <= _OFF_SCREEN * 2 for part in shift.split(",")[:3]):
            return True
    clip = plain.get("clip", "")
    if clip.startswith("rect("):
        sides = [pixels(side) for side in clip[5:].rstrip(")").replace(",", " ").split()]
        return len(sides) == 4 and all(side is not None and abs(side) <= 1 for side in sides)
    return False


def _length(plain: Declarations, name: str, default: float) -> float:
    value = plain.get(name)
    if value is None:
        return default
    length = pixels(value, base=1_000.0 if value.endswith("%") else 16.0)
    return default if length is None else length


def _opacity(plain: Declarations) -> float:
    least = 1.0
    value = pixels(plain.get("opacity", ""), base=1.0)
    if value is not None:
        least = max(0.0, min(1.0, value))
    found = plain.get("filter", "")
    if found.startswith("opacity("):
        value = pixels(found[8:], base=1.0)
        least = min(least, max(0.0, value)) if value is not None else least
    return least


def _font_size(parent: Look, plain: Declarations) -> float:
    given = plain.get("font-size", "")
    if not given and "font" in plain:
        sized = (word.partition("/")[0] for word in plain["font"].split())
        given = next((word for word in sized if word[:1].isdigit() and not word.isdigit()), "")
        given = given or ("0" if " 0 " in f" {plain['font'].replace('/', ' ')} " else "")
    if given in _FONT_SIZES:
        return _FONT_SIZES[given]
    size = pixels(given, base=parent.font_size) if given else None
    return parent.font_size if size is None else max(0.0, size)


def _foreground(parent: Look, plain: Declarations) -> tuple[Colour | None, bool]:
    value = plain.get("-webkit-text-fill-color") or plain.get("color") or ""
    if not value or value in ("inherit", "currentcolor"):
        return parent.foreground, parent.transparent
    if is_transparent(value):
        return None, True
    return colour(value), False


def _background(parent: Look, plain: Declarations) -> Colour | None:
    shown = parent.background
    for name in ("background", "background-color"):
        value = plain.get(name, "")
        if not value or is_transparent(value) or value in ("none", "inherit", "initial"):
            continue
        if "url(" in value or "gradient" in value:
            return None
        found = colour(value)
        shown = found if found is not None else (shown if name == "background" else None)
    return shown
