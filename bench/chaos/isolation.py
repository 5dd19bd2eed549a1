"""One customer who floods the desk, and messages that no handler survives: the others must not wait for them."""

from __future__ import annotations

import asyncio
from typing import Final

from bench.chaos.world import World
from deskhand.db import Database
from deskhand.settings import Settings
from deskhand.transport import PostgresTransport, Topics

OWN_LINE: Final = "the flood's own messages"
FLOODER: Final = "+4916900000{:03d}"
MOST: Final = 300
POISONS: Final = 8


async def flood_and_poison(world: World, seconds: float) -> None:
    """As many messages of one customer as of all others together, in a burst, and poison in two topics."""
    await _poison(world)
    count = min(MOST, max(20, int(seconds * world.load.rate)))
    sender = FLOODER.format(len(world.load.sent) % 1000)
    for _ in range(count):
        world.load.write("whatsapp", sender=sender, fault=OWN_LINE)
        await asyncio.sleep(0)
    await asyncio.sleep(seconds)


async def _poison(world: World) -> None:
    database = Database(world.database.conninfo, pool_size=2)
    await database.open()
    try:
        settings = Settings(_env_file=None)  # pyright: ignore[reportCallIssue]  # pydantic-settings' own
        topics, transport = Topics(settings.topic_prefix), PostgresTransport(database, settings)
        for number in range(POISONS):
            topic = (topics.webform_inbound, topics.tickets_incoming)[number % 2]
            async with database.transaction() as tx:
                await transport.publish(tx, topic, f"poison-{number}", {"inbound_id": "?", "message_id": "?"})
        world.poisons += POISONS
        await transport.close()
    finally:
        await database.close()
