"""A reply's text as blocks: nothing lost, lists recognised, links to allowed hosts only."""

from __future__ import annotations

import pytest

from deskhand.api.rich_text import Block, Span, is_allowed, to_blocks

HOSTS = ("help.taskflow.io",)


def plain(block: Block) -> list[str]:
    return ["".join(span.text for span in line) for line in block.lines]


def test_paragraphs_steps_and_bullets_are_told_apart() -> None:
    blocks = to_blocks("Hi,\n\nDo this:\n1. One\n2. Two\n   goes on\n\n- a\n- b\n\nBye", HOSTS)

    assert [(block.kind, plain(block)) for block in blocks] == [
        ("paragraph", ["Hi,"]),
        ("paragraph", ["Do this:"]),
        ("steps", ["One", "Two goes on"]),
        ("bullets", ["a", "b"]),
        ("paragraph", ["Bye"]),
    ]


def test_steps_apart_by_an_empty_line_are_one_list() -> None:
    (block,) = to_blocks("1. One\n\n2. Two", HOSTS)

    assert plain(block) == ["One", "Two"]


def test_a_list_that_starts_later_keeps_its_number() -> None:
    blocks = to_blocks("3. Three\n4. Four\n\n1. Again", HOSTS)

    assert [(block.start, len(block.lines)) for block in blocks] == [(3, 2), (1, 1)]


def test_a_year_or_a_minus_is_no_list() -> None:
    (block,) = to_blocks("2026 was good.\n-5 degrees", HOSTS)

    assert block.kind == "paragraph"


def test_an_address_becomes_a_link_without_the_punctuation_behind_it() -> None:
    (block,) = to_blocks("See https://help.taskflow.io/2fa, please.", HOSTS)

    assert block.lines[0] == (
        Span("See "),
        Span("https://help.taskflow.io/2fa", "https://help.taskflow.io/2fa"),
        Span(", please."),
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "https://help.taskflow.io.evil.example/",
        "https://help.taskflow.io@evil.example/",
        "https://user:pass@help.taskflow.io/",
        "https://help.taskflow.io:8443/",
        "javascript:alert(1)//help.taskflow.io",
        "data:text/html,x",
        "//help.taskflow.io/",
        "https://[help.taskflow.io",
        "https://hеlp.taskflow.io/",  # a Cyrillic letter
    ],
)
def test_no_other_address_is_a_link(address: str) -> None:
    assert not is_allowed(address, HOSTS)
    assert all(span.href is None for block in to_blocks(f"See {address} now", HOSTS) for span in block.lines[0])


def test_a_long_hostile_text_takes_no_time() -> None:
    assert to_blocks("http://" * 20_000, HOSTS)
    assert to_blocks("- " * 20_000 + ": https://", HOSTS)
    assert to_blocks("1. x\n" * 20_000, HOSTS)
