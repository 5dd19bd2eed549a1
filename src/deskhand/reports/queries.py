"""All SQL on figures: one statement a function."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deskhand.db import Tx
from deskhand.ids import ConversationId, uuid7
from deskhand.reports.models import ChannelFigures


async def record_metric(
    tx: Tx, name: str, value: float, channel: str, conversation_id: ConversationId | None, labels: dict[str, Any]
) -> None:
    await tx.execute(
        "insert into agent_metrics (id, name, value, channel, conversation_id, labels) values (%s, %s, %s, %s, %s, %s)",
        (uuid7(), name, value, channel, conversation_id, Jsonb(labels)),
    )


async def figures_by_channel(tx: Tx, since: datetime) -> list[ChannelFigures]:
    async with tx.cursor(row_factory=class_row(ChannelFigures)) as cursor:
        await cursor.execute(
            """
            with turns as (
                select channel, count(*) as messages,
                       count(*) filter (where labels ->> 'action' = 'escalated') as escalated,
                       count(*) filter (where labels ->> 'action' in ('answered', 'acknowledged', 'asked_back'))
                           as answered,
                       count(*) filter (where labels ->> 'action' = 'ignored') as ignored
                  from agent_metrics where name = 'turn_seconds' and created_at >= %(since)s group by channel),
            replies as (
                select channel,
                       percentile_cont(0.5) within group (order by value) as reply_p50,
                       percentile_cont(0.95) within group (order by value) as reply_p95
                  from agent_metrics where name = 'reply_seconds' and created_at >= %(since)s group by channel),
            moods as (
                select channel, avg(value) as sentiment
                  from agent_metrics where name = 'sentiment' and created_at >= %(since)s group by channel)
            select t.channel, t.messages, t.answered, t.escalated, t.ignored,
                   r.reply_p50 as reply_seconds_p50, r.reply_p95 as reply_seconds_p95,
                   m.sentiment as mean_sentiment
              from turns t left join replies r using (channel) left join moods m using (channel)
             order by t.channel
            """,
            {"since": since},
        )
        return await cursor.fetchall()


async def reserve_spending(tx: Tx, day: date, usd: float, *, ceiling: float) -> bool:
    """Set money for a language model aside; False when the day's total would pass the ceiling."""
    cursor = await tx.execute(
        """
        insert into model_spending as spent (day, usd)
        select %(day)s, %(usd)s::numeric where %(usd)s::numeric <= %(ceiling)s::numeric
        on conflict (day) do update set usd = spent.usd + excluded.usd, updated_at = now()
         where spent.usd + excluded.usd <= %(ceiling)s::numeric
        """,
        {"day": day, "usd": usd, "ceiling": ceiling},
    )
    return cursor.rowcount == 1


async def settle_spending(tx: Tx, day: date, difference: float) -> None:
    """Correct a reservation by what it really cost: `difference` is negative when it cost less."""
    await tx.execute(
        """
        update model_spending set usd = greatest(0, usd + %(difference)s::numeric), updated_at = now()
         where day = %(day)s
        """,
        {"day": day, "difference": difference},
    )


async def get_spending(tx: Tx, day: date) -> float:
    """What language models cost on a UTC day, reservations under way included."""
    cursor = await tx.execute("select usd::float8 from model_spending where day = %s", (day,))
    row = await cursor.fetchone()
    return float(row[0]) if row is not None else 0.0
