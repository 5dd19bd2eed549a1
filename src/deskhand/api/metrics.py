"""Figures by channel."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from deskhand import reports
from deskhand.api.context import DeskDep
from deskhand.api.openapi import problems
from deskhand.api.schemas import ChannelFiguresView, ChannelMetrics
from deskhand.api.security import require
from deskhand.desk import Desk
from deskhand.reports import ChannelFigures

router = APIRouter(prefix="/metrics", tags=["metrics"], dependencies=[Depends(require("read"))])


@router.get(
    "/channels",
    response_model=ChannelMetrics,
    summary="What each channel did lately",
    responses=problems(401, 403, 422, 503),
)
async def channels(
    desk: DeskDep, hours: Annotated[int, Query(ge=1, le=720, description="How far to look back.")] = 24
) -> ChannelMetrics:
    """Messages, answers, escalations and the time from message in to reply out. A channel without any shows zeros."""
    since = desk.clock.now() - timedelta(hours=hours)
    async with desk.db.transaction() as tx:
        found = {figures.channel: figures for figures in await reports.figures_by_channel(tx, since)}
    nothing = {name: ChannelFigures(name, 0, 0, 0, 0, None, None, None) for name in desk.channels}
    return ChannelMetrics(
        since=since,
        hours=hours,
        channels=tuple(_view(desk, figures) for _, figures in sorted({**nothing, **found}.items())),
    )


def _view(desk: Desk, figures: ChannelFigures) -> ChannelFiguresView:
    channel = desk.channels.get(figures.channel)
    return ChannelFiguresView(
        channel=figures.channel,
        label=channel.label if channel else figures.channel,
        messages=figures.messages,
        answered=figures.answered,
        escalated=figures.escalated,
        ignored=figures.ignored,
        escalation_rate=round(figures.escalated / figures.messages, 4) if figures.messages else None,
        reply_seconds_p50=figures.reply_seconds_p50,
        reply_seconds_p95=figures.reply_seconds_p95,
        mean_sentiment=figures.mean_sentiment,
    )
