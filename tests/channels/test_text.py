"""Shaping of replies: splits at sentence ends that lose no word, and limits that hold."""

from __future__ import annotations

import random

import pytest

from deskhand.channels.text import first_name, limit_words, plain, split_at_sentences, units

EMOJI = "👩🏽‍💻🎉🇩🇪"
PIECES = [
    *("Open the board.", "Is it there?", "Stop!", "Wait… then go on.", "A line without an end", "e.g. this one."),
    *("1. Open Settings.", "2. Choose Members.", "10. Save.", "- one point", EMOJI, "https://help.taskflow.io/a?b=c"),
    *("x" * 700, EMOJI * 40, "Ünïcödé wörds stehen hier.", "日本語の文章です。", "3.5 GB of 10 GB."),
]


def _texts() -> list[str]:
    """Texts put together at random, the same ones in each run."""
    dice = random.Random(20261122)
    return [
        "".join(dice.choice(PIECES) + dice.choice([" ", "\n", "\n\n", "  "]) for _ in range(dice.randint(1, 40)))
        for _ in range(200)
    ]


@pytest.mark.parametrize("hard", [80, 320, 1600])
def test_joining_the_parts_loses_nothing_and_none_is_too_long(hard: int) -> None:
    for text in _texts():
        parts = split_at_sentences(text, min(300, hard), hard)

        assert "".join("".join(parts).split()) == "".join(text.split())
        assert all(0 < units(part) <= hard for part in parts)


def test_words_stay_whole_when_none_is_longer_than_a_part() -> None:
    for text in _texts():
        short = " ".join(word for word in text.split() if units(word) <= 300)

        parts = split_at_sentences(short, 300, 320)

        assert " ".join(parts).split() == short.split()


def test_parts_end_where_sentences_end() -> None:
    text = " ".join(f"This is sentence number {number} of the answer." for number in range(60))

    parts = split_at_sentences(text, 300, 1600)

    assert len(parts) > 5
    assert all(part.endswith(".") for part in parts)
    assert all(len(part) <= 300 for part in parts)


def test_a_step_s_number_stays_with_its_step() -> None:
    text = "\n".join(f"{number}. Open page {number} and press the button in the corner." for number in range(1, 40))

    parts = split_at_sentences(text, 300, 1600)

    assert not any(line.strip().rstrip(".").isdigit() for part in parts for line in part.splitlines())
    assert "\n".join(parts).splitlines() == text.splitlines()


def test_a_sentence_that_is_longer_than_preferred_stays_whole() -> None:
    text = "Short. " + "word " * 100 + "end."

    assert split_at_sentences(text, 300, 1600) == ("Short.", "word " * 100 + "end.")


def test_text_without_spaces_is_cut_at_the_hard_limit() -> None:
    parts = split_at_sentences("x" * 4000, 300, 1600)

    assert [len(part) for part in parts] == [1600, 1600, 800]


def test_emoji_count_as_the_provider_counts_them() -> None:
    """Twilio counts UTF-16 units: most emoji are two."""
    parts = split_at_sentences("🎉" * 1000, 300, 1600)

    assert units("🎉") == 2
    assert "".join(parts) == "🎉" * 1000
    assert [units(part) for part in parts] == [1600, 400]


def test_what_is_shown_as_one_character_is_not_cut() -> None:
    worker = "👩🏽‍💻"

    parts = split_at_sentences(worker * 600, 300, 1600)

    assert "".join(parts) == worker * 600
    assert all(part.startswith(worker) and part.endswith(worker) for part in parts)


def test_nothing_gives_no_part() -> None:
    assert split_at_sentences(" \n\n ", 300, 1600) == ()


@pytest.mark.parametrize(
    ("markdown", "written"),
    [
        ("## Steps\n\n1. Open **Settings**.\n2. Press `Save`.", "Steps\n\n1. Open Settings.\n2. Press Save."),
        ("See [the page](https://help.taskflow.io/a).", "See the page (https://help.taskflow.io/a)."),
        ("a\n\n\n\nb", "a\n\nb"),
        ("5 * 3 * 2 and snake_case_name", "5 * 3 * 2 and snake_case_name"),
    ],
)
def test_markdown_reads_as_a_person_would_type_it(markdown: str, written: str) -> None:
    assert plain(markdown) == written


@pytest.mark.parametrize(
    ("name", "first"),
    [("Dana Fox", "Dana"), ("  Zoë  ", "Zoë"), ("O'Neil", "O'Neil"), ("", ""), ("12 Monkeys", ""), ("@dana", "")],
)
def test_the_first_name_is_one_that_a_greeting_may_hold(name: str, first: str) -> None:
    assert first_name(name) == first


def test_words_are_limited_by_whole_lines() -> None:
    text = "one two three\nfour five six\nseven"

    assert limit_words(text, 7) == text
    assert limit_words(text, 6) == "one two three\nfour five six"
    assert limit_words(text, 5) == "one two three"


def test_a_first_line_that_is_too_long_is_cut_by_words() -> None:
    assert limit_words("one two three", 2) == "one two"


@pytest.mark.parametrize("most", [0, -3])
def test_no_room_leaves_no_words(most: int) -> None:
    assert limit_words("one two three four five", most) == ""
