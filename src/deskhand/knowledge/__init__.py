"""Knowledge: the help centre's articles, cut into passages that can be found, quoted and cited."""

from __future__ import annotations

import re

from deskhand.db import Tx
from deskhand.knowledge import gap_queries, queries, ranking, vector_queries
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
from deskhand.knowledge.query import Query, embed_passages, read_query, shows_tokens
from deskhand.knowledge.questions import query_parts
from deskhand.knowledge.storing import content_hash, retire, save, texts_to_embed
from deskhand.knowledge.vector_index import IndexPlan, carry_out, count_collection, find_candidates, plan_index

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
    "IndexPlan",
    "Passage",
    "PassageText",
    "Query",
    "Section",
    "UnreadableFile",
    "bare_question",
    "carry_out",
    "close_gaps",
    "content_hash",
    "count_collection",
    "count_without_vectors",
    "delete_other_vectors",
    "embed_passages",
    "find_article",
    "find_model",
    "group_gaps",
    "index_name",
    "insert_model",
    "keep_gap",
    "list_articles",
    "list_gaps",
    "list_states",
    "list_without_vectors",
    "parse",
    "plan_index",
    "query_parts",
    "read_query",
    "refresh_statistics",
    "retire",
    "save",
    "search",
    "shows_tokens",
    "slugify",
    "texts_to_embed",
    "update_model",
    "upsert_vectors",
]

_FEWEST_CANDIDATES = 8

close_gaps = gap_queries.close
count_without_vectors = queries.count_without_vectors
delete_other_vectors = queries.delete_other_vectors
find_article = queries.find_article
find_model = vector_queries.find_model
index_name = vector_queries.index_name
insert_model = vector_queries.insert_model
keep_gap = gap_queries.insert
list_articles = queries.list_articles
list_gaps = gap_queries.list_open
list_states = queries.list_states
list_without_vectors = queries.list_without_vectors
refresh_statistics = queries.refresh_statistics
update_model = vector_queries.update_model
upsert_vectors = queries.upsert_vectors


async def search(tx: Tx, query: Query, *, limit: int, language: str, product: str = "") -> list[Hit]:
    """The passages most likely to answer a question, best first; [] when nothing is known at all.

    A passage counts by the part of the question that it is nearest to. An article that exists in the customer's
    language is shown in it, others in English; one that names a product is shown to customers of that product only.
    """
    language = re.split("[-_]", language.lower())[0]
    candidates = await find_candidates(
        tx, query, language=language, product=product, limit=max(limit, _FEWEST_CANDIDATES)
    )
    return ranking.rank(candidates, query, language=language)[:limit]
