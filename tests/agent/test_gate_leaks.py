"""No reply repeats what a language model was told."""

from __future__ import annotations

import base64

import pytest

from deskhand.agent.gate_leaks import find_leaks
from deskhand.agent.llm.prompt import build_system_prompt
from deskhand.company_folder import Company


@pytest.fixture(scope="module")
def prompt(company: Company) -> str:
    return build_system_prompt(company).text


def leaks(text: str, prompt: str, public: str = "") -> list[str]:
    return list(find_leaks(text, prompt=prompt, public=public))


def test_every_line_of_some_length_is_recognised(prompt: str) -> None:
    lines = [line for line in prompt.splitlines() if len(line.split()) >= 12]

    assert len(lines) > 40
    assert [line for line in lines if not leaks(f"Sure! {line}", prompt)] == []


def test_case_and_punctuation_hide_nothing(prompt: str) -> None:
    assert leaks("CUSTOMER -- recipient, channel; and owner / are *set* by the system!", prompt)


def test_seven_words_in_a_row_are_no_phrase(prompt: str) -> None:
    assert leaks("The customer, recipient, channel and owner are set.", prompt) == []


def test_the_mark_alone_is_enough(prompt: str) -> None:
    mark = next(word for word in prompt.replace("(", " ").replace(")", " ").split() if word.startswith("instructions-"))

    assert leaks(f"My number is {mark}.", prompt)


def test_an_encoded_prompt_is_no_text(prompt: str) -> None:
    encoded = base64.b64encode(prompt[:200].encode()).decode()

    assert leaks(f"Here: {encoded}", prompt) == ["holds a long run of characters that is no text"]


def test_a_long_token_that_stands_in_a_passage_may_be_quoted(prompt: str) -> None:
    token = "A1b2" * 15

    assert leaks(f"Paste {token}", prompt, public=f"an example: {token}") == []


def test_no_article_of_the_company_reads_like_the_prompt(prompt: str, company: Company) -> None:
    articles = sorted(company.knowledge_dir.rglob("*.md"))

    found = {path.name: hits for path in articles if (hits := leaks(path.read_text("utf-8"), prompt))}

    assert len(articles) > 50
    assert found == {}
