"""Tool: what this customer and we have said before, over all channels."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from deskhand import conversations
from deskhand.agent.context import ToolContext


class HistoryInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(10, ge=1, le=50, description="messages wanted")


class PastMessageOut(BaseModel):
    channel: str
    author: str
    text: str
    at: str


class HistoryOutput(BaseModel):
    verified: bool = Field(description="false: the sender's identity is only claimed, so other channels stay closed")
    messages: list[PastMessageOut] = Field(description="newest first, without the present message")


async def get_customer_history(context: ToolContext, given: HistoryInput) -> HistoryOutput:
    """Read the customer's earlier messages and our replies, newest first, across channels.

    Use it when the message refers to something earlier. For a sender whose identity is merely claimed it holds this
    conversation only. Example: {"limit": 10}.
    """
    async with context.db.transaction() as tx:
        past = await conversations.list_history(
            tx,
            context.customer.id,
            before=context.message.created_at,
            excluding=context.message.id,
            limit=given.limit,
            within=None if context.verified else context.conversation.id,
        )
    messages = [
        PastMessageOut(channel=item.channel, author=item.author, text=item.body, at=item.created_at.isoformat())
        for item in past
    ]
    return HistoryOutput(verified=context.verified, messages=messages)
