"""Knowledge: the help centre's articles, cut into passages that can be found, quoted and cited."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from deskhand.db import Tx
from deskhand.knowledge import gap_queries, queries, ranking
from deskhand.knowledge.bare_question import bare_question
from deskhand.knowledge.fingerprint import Fingerprint
from deskhand.knowledge.gaps import GapGroup, group_gaps
from deskhand.knowledge.models import (
    Article,
    ArticleState,
    Document,
    Embedded,
    Gap,
    Hit,
    Passage,
    PassageText,
    Section,
)
from deskhand.knowledge.parsing import SUFFIXES, UnreadableFile, parse, slugify
from deskhand.knowledge.questions import query_parts
from deskhand.knowledge.storing import content_hash, retire, save, texts_to_embed
from deskhand.knowledge.terms import query_terms

__all__ = [
    "SUFFIXES",
    "Article",
    "ArticleState",
    "Document",
    "Embedded",
    "Fingerprint",
    "Gap",
    "GapGroup",
    "Hit",
    "Passage",
    "PassageText",
    "Section",
    "UnreadableFile",
    "bare_question",
    "close_gaps",
    "content_hash",
    "count_without_vectors",
    "delete_other_vectors",
    "find_article",
    "group_gaps",
    "keep_gap",
    "list_articles",
    "list_gaps",
    "list_states",
    "list_without_vectors",
    "parse",
    "query_parts",
    "refresh_statistics",
    "retire",
    "save",
    "search",
    "slugify",
    "texts_to_embed",
    "upsert_vectors",
]

_FEWEST_CANDIDATES = 8

close_gaps = gap_queries.close
count_without_vectors = queries.count_without_vectors
delete_other_vectors = queries.delete_other_vectors
find_article = queries.find_article
keep_gap = gap_queries.insert
list_articles = queries.list_articles
list_gaps = gap_queries.list_open
list_states = queries.list_states
list_without_vectors = queries.list_without_vectors
refresh_statistics = queries.refresh_statistics
upsert_vectors = queries.upsert_vectors


async def search(
    tx: Tx, query: str, vector: NDArray[np.float32], *, model: str, limit: int, language: str
) -> list[Hit]:
    """The passages most likely to answer a question, best first; [] when nothing is known at all.

    `vector` is the query's, or a row for each of its `query_parts`: a passage counts by the one that it is nearest to.
    An article that exists in the customer's language is shown in it, others in English.
    """
    terms = query_terms(query)
    language = re.split("[-_]", language.lower())[0]
    candidates = await queries.list_candidates(
        tx,
        terms,
        list(np.atleast_2d(vector)),
        model=model,
        language=language,
        limit=max(limit, _FEWEST_CANDIDATES),
    )
    return ranking.rank(candidates, query_terms=len(terms), language=language)[:limit]
