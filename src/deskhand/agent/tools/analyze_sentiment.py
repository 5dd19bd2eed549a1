"""Tool: how the customer sounds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from deskhand.agent.context import ToolContext
from deskhand.agent.triage.base import TriageInput


class SentimentInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field("", max_length=20_000, description="empty: the present message")


class SentimentOutput(BaseModel):
    score: float = Field(ge=-1, le=1, description="-1 furious .. +1 delighted; negation is understood")
    label: Literal["angry", "negative", "neutral", "positive"]


def label_of(score: float) -> Literal["angry", "negative", "neutral", "positive"]:
    if score < -0.5:
        return "angry"
    if score < -0.15:
        return "negative"
    return "positive" if score > 0.25 else "neutral"


async def analyze_sentiment(context: ToolContext, given: SentimentInput) -> SentimentOutput:
    """Tell how the customer feels, from -1 (furious) to +1 (delighted).

    Use it to choose the tone. It decides nothing by itself. Example: {}.
    """
    score = context.triage.sentiment
    if given.text.strip():
        read = await context.triage_engine.read(
            TriageInput(subject="", body=given.text, channel=context.conversation.channel, plan=context.customer.plan)
        )
        score = read.sentiment
    return SentimentOutput(score=round(score, 3), label=label_of(score))
