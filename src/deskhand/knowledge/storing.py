"""Writing an article: its passages, their terms and their vectors appear and change together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from deskhand.db import Tx
from deskhand.ids import uuid7
from deskhand.knowledge import queries
from deskhand.knowledge.models import Document, Embedded, Passage, Section
from deskhand.knowledge.terms import count_terms


def content_hash(document: Document) -> bytes:
    """Over everything that is stored, so a better way of cutting takes effect with the next load."""
    return hashlib.sha256(json.dumps(asdict(document), ensure_ascii=False, sort_keys=True).encode()).digest()


def texts_to_embed(title: str, heading: str, body: str) -> tuple[str, str]:
    """What a model reads of a passage: all of it, and its heading, with the title unless it is a question."""
    last = heading.rpartition(" › ")[2]
    named = last if last.endswith("?") else ": ".join(part for part in (title, heading) if part)
    return "\n".join(part for part in (title, heading, body) if part), named


async def save(
    tx: Tx, document: Document, *, source: str, model: str, vectors: Sequence[Embedded]
) -> list[Passage] | None:
    """Store an article with its passages, one of `vectors` a section; None when this content is already there."""
    stored = await queries.upsert_article(tx, document, source=source, content_hash=content_hash(document))
    if stored is None:
        return None
    article_id, version = stored
    await queries.delete_passages(tx, article_id)
    counts = [count_terms(_worded(document, section)) for section in document.sections]
    passages = [
        Passage(uuid7(), article_id, version, position, section.heading, section.body, counts[position].total())
        for position, section in enumerate(document.sections)
    ]
    await queries.insert_passages(tx, passages)
    for passage, count, embedded in zip(passages, counts, vectors, strict=True):
        await queries.insert_terms(tx, passage.id, count)
        await queries.upsert_vectors(tx, model, passage.id, embedded)
    return passages


async def retire(tx: Tx, slug: str) -> bool:
    """Take an article out of the help centre; its row stays, so that its version never starts again."""
    article = await queries.find_article(tx, slug)
    if article is None or not await queries.retire_article(tx, slug):
        return False
    await queries.delete_passages(tx, article.id)
    return True


def _worded(document: Document, section: Section) -> str:
    """The author's keywords are the words that customers use instead of ours."""
    return "\n".join((document.title, section.heading, section.body, *document.keywords))
