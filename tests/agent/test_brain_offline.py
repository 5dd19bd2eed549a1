"""The offline brain's parts: what it searches for, and what it quotes."""

from __future__ import annotations

import pytest

from deskhand.agent.brain_offline import MOST_WORDS, compose, write_query
from deskhand.agent.tools.search_knowledge_base import FoundPassage
from tests.agent.scene import make_context


def _passage(text: str, *, score: float = 0.8, article: str = "members", number: int = 1) -> FoundPassage:
    return FoundPassage(
        passage_id=f"p{number}",
        article=article,
        title="Members",
        heading=f"Members › Part {number}",
        url="https://help.taskflow.io/members",
        version=1,
        score=score,
        text=text,
    )


@pytest.mark.parametrize(
    ("subject", "body", "query"),
    [
        ("", "Hi,\nhow do I invite a colleague?\nThanks!\nBest regards", "how do I invite a colleague?"),
        ("Re: AW: Invitation", "It does not arrive.", "Invitation. It does not arrive."),
        ("invite", "How do I invite a colleague?", "How do I invite a colleague?"),
        ("", "Look at https://example.com/x?token=1 please: is it right?", "Look at please: is it right?"),
        ("Board", "Hello", "Board. Hello"),
        ("", "?", "help"),
        ("", " ", "help"),
    ],
)
def test_what_is_searched_for_is_the_matter_without_pleasantries(subject: str, body: str, query: str) -> None:
    found = write_query(make_context(subject=subject, body=body))

    assert " ".join(found.split()) == query


def test_a_long_message_is_searched_for_by_its_beginning() -> None:
    assert len(write_query(make_context(body="why " * 1000))) <= 600


def test_the_best_passage_is_quoted_whole_with_its_score_as_confidence() -> None:
    composed = compose(
        [_passage("1. Open Settings.\n2. Press Invite.", score=0.71), _passage("Else.", number=2, score=0.4)]
    )

    assert composed is not None
    assert (composed.text, composed.passage_ids) == ("1. Open Settings.\n2. Press Invite.", ["p1"])
    assert composed.confidence == 0.71


def test_a_passage_of_the_same_article_that_is_nearly_as_good_stands_beside_it() -> None:
    composed = compose([_passage("Open Settings."), _passage("Press Invite.", number=2, score=0.75)])

    assert composed is not None
    assert composed.passage_ids == ["p1", "p2"]
    assert "Open Settings." in composed.text
    assert "Press Invite." in composed.text


def test_a_passage_of_another_article_is_not_mixed_in() -> None:
    composed = compose([_passage("Open Settings."), _passage("Press Pay.", number=2, score=0.79, article="billing")])

    assert composed is not None
    assert composed.passage_ids == ["p1"]


def test_a_long_passage_is_cut_between_paragraphs() -> None:
    paragraphs = [f"{number} " + "word " * 60 for number in range(6)]

    composed = compose([_passage("\n\n".join(paragraphs))])

    assert composed is not None
    assert len(composed.text.split()) <= MOST_WORDS
    assert composed.text.strip() == "\n\n".join(paragraphs[:2]).strip()


def test_nothing_found_composes_nothing() -> None:
    assert compose([]) is None
