"""Reports: what the desk did, in figures."""

from deskhand.reports.models import ChannelFigures
from deskhand.reports.queries import (
    figures_by_channel,
    get_spending,
    record_metric,
    reserve_spending,
    settle_spending,
)

__all__ = [
    "ChannelFigures",
    "figures_by_channel",
    "get_spending",
    "record_metric",
    "reserve_spending",
    "settle_spending",
]
