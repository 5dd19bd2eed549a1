"""What we know: articles, the passages they are cut into, and what a search finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from deskhand.ids import MessageId


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a document, ready to be a passage: its path of headings joined by ' › ', and its text."""

    heading: str
    body: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read, at `path` in its folder.

    `family` is the slug without its language: translations of one article share it.
    """

    path: str
    slug: str
    family: str
    title: str
    section: str
    language: str
    product: str
    url: str
    keywords: tuple[str, ...]
    body: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Article:
    id: UUID
    slug: str
    title: str
    section: str
    language: str
    product: str
    url: str
    source: str
    version: int
    body: str
    keywords: list[str]
    retired_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ArticleState:
    """What a load compares: whether this content is already there."""

    slug: str
    source: str
    path: str
    content_hash: bytes
    retired: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """A section as it is stored: the unit that is searched for, quoted and cited."""

    id: UUID
    article_id: UUID
    version: int
    position: int
    heading: str
    body: str
    term_count: int


@dataclass(frozen=True, slots=True)
class PassageText:
    """What a model reads of a passage."""

    passage_id: UUID
    title: str
    heading: str
    body: str


class Vector(Protocol):
    """The one method of a row of a numpy array that we need."""

    def tolist(self) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of a passage: of all that it says, and of its heading alone.

    `tokens` are its compact token vectors (`inference.compact`), from models that show them.
    """

    whole: Vector
    heading: Vector
    tokens: bytes | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage with what each retriever says of it.

    `cosine_mean`, `cosine_deviation` and `bm25_best` are of all passages for the query; `coverage` is the share of the
    query's words, weighed by their rarity, that the passage has; `term_weights` are those rarities in the words' order.
    """

    passage_id: UUID
    article: str
    title: str
    heading: str
    url: str
    version: int
    body: str
    language: str
    cosine: float
    heading_cosine: float
    cosine_mean: float
    cosine_deviation: float
    bm25: float
    bm25_best: float
    coverage: float
    mix: float
    tokens: bytes | None
    term_weights: list[float]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. `score` is how likely it answers the query (0..1), `article` is the slug."""

    passage_id: UUID
    article: str
    title: str
    heading: str
    url: str
    version: int
    score: float
    body: str
    cosine: float
    bm25: float
    language: str


@dataclass(frozen=True, slots=True)
class LiveArticles:
    """What changes whenever an article is added, changed or retired."""

    count: int
    versions: int
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that found no answer, without the customer's greeting and signature."""

    id: UUID
    message_id: MessageId
    query: str
    language: str
    vector: list[float]
    model: str
    created_at: datetime
