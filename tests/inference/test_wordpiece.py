"""The tokenizer, held against ids that Hugging Face's `tokenizers` gave for the model's own tokenizer.json."""

from __future__ import annotations

import hashlib
import json
import time
from importlib.resources import files
from pathlib import Path
from typing import TypedDict

import pytest

from deskhand.inference.wordpiece import MAX_TOKENS, WordPiece


class Sample(TypedDict):
    text: str
    ids: list[int]


SAMPLES: list[Sample] = json.loads((Path(__file__).parent / "ids.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wordpiece() -> WordPiece:
    return WordPiece.bundled()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: ascii(sample["text"][:30]))
def test_a_text_gets_the_ids_of_the_models_own_tokenizer(wordpiece: WordPiece, sample: Sample) -> None:
    assert list(wordpiece.encode(sample["text"]).ids) == sample["ids"]


def test_the_vocabulary_is_the_models_own() -> None:
    vocabulary = files("deskhand.inference").joinpath("vocab.txt").read_bytes()

    digest = hashlib.sha256(vocabulary).hexdigest()

    assert digest == "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


def test_tokens_are_the_words_behind_the_ids(wordpiece: WordPiece) -> None:
    encoding = wordpiece.encode("Refunds, please!")

    assert encoding.tokens == ("[CLS]", "ref", "##unds", ",", "please", "!", "[SEP]")
    assert len(encoding.ids) == len(encoding.tokens)


def test_a_long_text_is_cut_at_the_limit(wordpiece: WordPiece) -> None:
    assert len(wordpiece.encode("refund " * 1000).ids) == MAX_TOKENS
    assert wordpiece.encode("where is my refund", limit=4).tokens == ("[CLS]", "where", "is", "[SEP]")


def test_a_control_token_inside_a_text_is_only_letters(wordpiece: WordPiece) -> None:
    assert wordpiece.encode("[SEP]").tokens == ("[CLS]", "[", "sep", "]", "[SEP]")


def test_a_lone_surrogate_is_dropped(wordpiece: WordPiece) -> None:
    assert wordpiece.encode("re\ud83dfund").tokens == ("[CLS]", "ref", "##und", "[SEP]")


@pytest.mark.parametrize("char", ["a", "é", "退", " ", "\x00"])
def test_ten_megabytes_of_nonsense_cost_no_more_than_a_moment(wordpiece: WordPiece, char: str) -> None:
    blob = char * 10_000_000
    started = time.perf_counter()

    wordpiece.encode(blob)

    assert time.perf_counter() - started < 1
