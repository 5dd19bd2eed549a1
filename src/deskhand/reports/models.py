"""Figures for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """One channel since a moment: counts of messages, seconds from message in to reply out, mean of -1..+1."""

    channel: str
    messages: int
    answered: int
    escalated: int
    ignored: int
    reply_seconds_p50: float | None
    reply_seconds_p95: float | None
    mean_sentiment: float | None
