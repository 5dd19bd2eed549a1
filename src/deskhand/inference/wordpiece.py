"""The uncased WordPiece tokenizer of BERT, in plain Python.

Follows the reference tokenizer of Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding" (2018; `tokenization.py` of google-research/bert, Apache-2.0) in the variant that the model was trained
with, Hugging Face's `BertNormalizer`: drop control characters, set CJK characters apart, strip accents by NFD,
lower-case character by character, split at punctuation, then match the longest known piece first.

One difference is deliberate: `[SEP]`, `[MASK]` and the like inside a text are ordinary characters. A customer must not
be able to type a control token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from typing import Final

MAX_TOKENS: Final = 256
"""What the model reads at most, `[CLS]` and `[SEP]` included."""

_MAX_WORD: Final = 100
# Bounds the work on a pasted blob; a token rarely covers more than a dozen characters.
_MAX_CHARACTERS_PER_TOKEN: Final = 400

# Not `\S+`: Python counts some control characters as space, BERT drops them and joins what they part.
_CHUNK: Final = re.compile(r"[^ \t\n\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_ASCII_WORD: Final = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_ASCII_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# Not "Cn": what this Python's Unicode does not know yet, such as a new emoji, is kept as an unknown word.
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co"})
_CJK: Final = re.compile(
    r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f])"
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A text as the model reads it: pieces and their numbers, `[CLS]` first and `[SEP]` last."""

    ids: tuple[int, ...]
    tokens: tuple[str, ...]


class WordPiece:
    """Turns text into the token ids of one vocabulary.

    >>> WordPiece.bundled().encode("Refunds, please!").tokens
    ('[CLS]', 'ref', '##unds', ',', 'please', '!', '[SEP]')
    """

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary
        self._longest_piece = max(map(len, vocabulary))

    @classmethod
    def bundled(cls) -> WordPiece:
        """The vocabulary of all-MiniLM-L6-v2, which ships beside this module."""
        lines = files("deskhand.inference").joinpath("vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
        return cls({piece: number for number, piece in enumerate(lines)})

    def encode(self, text: str, limit: int = MAX_TOKENS) -> Encoding:
        """The first `limit` tokens of the text; what does not fit is left out."""
        pieces = (piece for word in _words(text[: limit * _MAX_CHARACTERS_PER_TOKEN]) for piece in self._pieces(word))
        tokens = ("[CLS]", *islice(pieces, limit - 2), "[SEP]")
        return Encoding(tuple(self._vocabulary[token] for token in tokens), tokens)

    def _pieces(self, word: str) -> list[str]:
        if word in self._vocabulary:
            return [word]
        if len(word) > _MAX_WORD:
            return ["[UNK]"]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            piece = self._longest_piece_at(word, start)
            if piece is None:
                return ["[UNK]"]
            pieces.append(piece)
            start += len(piece) - (2 if start else 0)
        return pieces

    def _longest_piece_at(self, word: str, start: int) -> str | None:
        prefix = "##" if start else ""
        for end in range(min(len(word), start + self._longest_piece), start, -1):
            piece = prefix + word[start:end]
            if piece in self._vocabulary:
                return piece
        return None


def _words(text: str) -> Iterator[str]:
    for match in _CHUNK.finditer(text):
        chunk = match.group()
        if chunk.isascii():
            yield from _ASCII_WORD.findall(_ASCII_CONTROL.sub("", chunk).lower())
        else:
            for part in _CJK.sub(r" \1 ", _without_control(chunk)).split(" "):
                yield from _split_at_punctuation(_folded(part))


def _without_control(chunk: str) -> str:
    return "".join(char for char in chunk if char != "\ufffd" and unicodedata.category(char) not in _DROPPED)


def _folded(part: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFD", part) if unicodedata.category(char) != "Mn")
    # str.lower() writes a final sigma at the end of a word, the model's tokenizer does not.
    return bare.replace("Σ", "σ").lower()


def _split_at_punctuation(part: str) -> Iterator[str]:
    word = ""
    for char in part:
        if _is_punctuation(char):
            if word:
                yield word
            yield char
            word = ""
        else:
            word += char
    if word:
        yield word


def _is_punctuation(char: str) -> bool:
    if char.isascii():
        return not char.isalnum()
    return unicodedata.category(char)[0] == "P"
