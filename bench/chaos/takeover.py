"""Operators who take conversations over while the agent is at work on them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import psycopg

from bench.chaos.world import World

FRESH: Final = """
    select c.id, i.payload ->> 'sender' from inbound i join messages m on m.id = i.message_id
      join conversations c on c.id = m.conversation_id
     where i.channel in ('whatsapp', 'email') and c.handler = 'agent' and i.received_at > now() - interval '2 seconds'
       and not exists (select from deliveries d join messages r on r.id = d.message_id
                        where r.conversation_id = c.id and d.state not in ('queued'))
     order by random() limit 3
"""
# The row's lock is what a turn and a delivery wait for; the time is taken while it is held.
TAKE: Final = """
    with taken as (select id from conversations where id = any(%s) for update)
    update conversations set handler = 'operator' where id in (select id from taken)
    returning id, clock_timestamp()
"""


async def take_over(world: World, seconds: float) -> None:
    """Some of the conversations that came in just now, before or after their reply was queued."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for sender, at in await asyncio.to_thread(_take_some, world):
            world.taken_over[sender] = at
        await asyncio.sleep(0.1)


def _take_some(world: World) -> Sequence[tuple[str, datetime]]:
    with psycopg.connect(world.database.conninfo, autocommit=True, application_name="chaos") as connection:
        fresh = dict(connection.execute(FRESH).fetchall())
        taken = connection.execute(TAKE, (list(fresh),)).fetchall() if fresh else []
    return [(fresh[conversation], at) for conversation, at in taken]
