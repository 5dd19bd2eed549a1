"""Tool: look up the company's own documentation."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from deskhand import knowledge
from deskhand.agent.context import ToolContext
from deskhand.agent.decision import Cited
from deskhand.db import Database
from deskhand.inference import Embedder, embedder_of
from deskhand.knowledge import Hit, Query
from deskhand.log import get_logger

TRIES = 3  # a new model may take over between making the vectors and using them

log = get_logger("search")


class SearchInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=2, max_length=2000, description="the customer's question in plain words")
    limit: int = Field(5, ge=1, le=5, description="passages wanted")


class FoundPassage(BaseModel):
    passage_id: str
    article: str
    title: str
    heading: str
    url: str
    version: int
    score: float = Field(description="0..1: how likely this passage answers the query")
    text: str


class SearchOutput(BaseModel):
    passages: list[FoundPassage]


async def search_knowledge_base(context: ToolContext, given: SearchInput) -> SearchOutput:
    """Find up to five passages of the help centre that answer a question, best first.

    Use it before stating any fact about the product. Don't use it for what the customer said earlier: that is
    get_customer_history. Example: {"query": "how do I invite a colleague"}.
    """
    hits = await look_up(
        context.db,
        context.embedder,
        given.query,
        limit=given.limit,
        language=context.triage.language,
        product=context.company.profile.product,
    )
    context.state.searched = True
    for hit in hits:
        key = str(hit.passage_id)
        context.state.passages[key] = Cited(
            key, hit.article, hit.title, hit.heading, hit.url, hit.version, round(hit.score, 4)
        )
        context.state.passage_texts[key] = hit.body
    return SearchOutput(
        passages=[
            FoundPassage(
                passage_id=str(hit.passage_id),
                article=hit.article,
                title=hit.title,
                heading=hit.heading,
                url=hit.url,
                version=hit.version,
                score=round(hit.score, 4),
                text=hit.body,
            )
            for hit in hits
        ]
    )


async def look_up(db: Database, embedder: Embedder, text: str, *, limit: int, language: str, product: str) -> list[Hit]:
    """The passages that answer a question, best first, by the vectors that serve at the moment."""
    hits: list[Hit] = []
    async with db.transaction() as tx:
        model = await knowledge.find_model(tx)
    for _ in range(TRIES):
        query = await _read(embedder, text, model)
        async with db.transaction() as tx:
            hits = await knowledge.search(tx, query, limit=limit, language=language, product=product)
            now = await knowledge.find_model(tx)
        if now == model:
            break
        model = now
    return hits


async def _read(embedder: Embedder, text: str, model: str | None) -> Query:
    """With settings that can't reach the model that serves, words alone have to find the passages."""
    chosen = embedder if model is None else embedder_of(embedder, model)
    if chosen is None:
        log.warning("embedding_model_unreachable", serving=model, wanted=embedder.model_id)
    return await knowledge.read_query(chosen or embedder, text)
