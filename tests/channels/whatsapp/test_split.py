"""Long answers in several messages: nothing lost, nothing cut that is shown as one character, none over the limit."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.channels.text import split_at_sentences, units

FAMILY, FLAG, ACCENT, SYLLABLE, VOWEL = "👩🏽‍👩‍👧", "🇩🇪", "e\u0301\u0323", "\u1112\u1161\u11ab", "कि"
WHOLES = [FAMILY, FLAG, ACCENT, SYLLABLE, VOWEL, "❤️", "👍🏿", "x", "日", "."]
RUNS = st.lists(st.sampled_from(WHOLES), min_size=1, max_size=60)
SPACES = st.sampled_from([" ", "\n", "\n\n", ". ", "! "])
TEXTS = st.lists(st.tuples(RUNS.map("".join), SPACES), max_size=40).map(lambda parts: "".join(a + b for a, b in parts))
ANY = st.text(st.characters(exclude_categories=("Cs", "Zs", "Zl", "Zp", "Cc")), max_size=400)


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(TEXTS, ANY), hard=st.sampled_from([40, 160, 1600]))
def test_the_parts_together_are_the_text_and_none_is_too_long(text: str, hard: int) -> None:
    parts = split_at_sentences(text, min(300, hard), hard)

    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < units(part) <= hard for part in parts)


@settings(max_examples=300, deadline=None)
@given(wholes=st.lists(st.sampled_from(WHOLES), min_size=1, max_size=300), hard=st.integers(30, 90))
def test_no_cut_goes_through_what_is_shown_as_one_character(wholes: list[str], hard: int) -> None:
    parts = split_at_sentences("".join(wholes), hard, hard)

    assert "".join(parts) == "".join(wholes)
    borders = {0}
    for whole in wholes:
        borders.add(max(borders) + len(whole))
    at = 0
    for part in parts:
        at += len(part)
        assert at in borders, (part, unicodedata.name(part[0]))
