"""Tool: look up the company's own documentation."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from deskhand import knowledge
from deskhand.agent.context import ToolContext
from deskhand.agent.decision import Cited


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
    vectors = await context.embedder.embed(knowledge.query_parts(given.query))
    async with context.db.transaction() as tx:
        hits = await knowledge.search(
            tx,
            given.query,
            vectors,
            model=context.embedder.model_id,
            limit=given.limit,
            language=context.triage.language,
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
