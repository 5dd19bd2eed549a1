"""Metrics: flows publish figures with the data they speak of; a consumer writes them down in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from deskhand import reports
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.ids import ConversationId
from deskhand.transport.base import Delivery


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    labels: dict[str, str] = field(default_factory=dict[str, str])


async def publish_figures(
    desk: Desk, tx: Tx, channel: str, conversation_id: ConversationId, figures: Sequence[Figure]
) -> None:
    await desk.transport.publish(
        tx,
        desk.topics.metrics,
        None,
        {
            "channel": channel,
            "conversation_id": str(conversation_id),
            "figures": [{"name": item.name, "value": item.value, "labels": item.labels} for item in figures],
        },
    )


async def record_figures(desk: Desk, delivery: Delivery) -> None:
    """Worker: the published figures become rows of `agent_metrics`."""
    async with delivery.settle() as tx:
        for message in delivery.messages:
            payload = message.payload
            for item in payload["figures"]:
                await reports.record_metric(
                    tx,
                    item["name"],
                    float(item["value"]),
                    payload["channel"],
                    ConversationId(UUID(payload["conversation_id"])),
                    item["labels"],
                )
