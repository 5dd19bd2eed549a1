"""A worker in a process of its own, to be killed or stopped: says what it was handed, then does as it is told.

Usage: child_worker.py CONNINFO ACT BATCH, where ACT is settle, hang or die; settings come from the environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta

from deskhand.db import Database
from deskhand.errors import LeaseLost
from deskhand.log import configure
from deskhand.settings import Settings
from deskhand.transport import Delivery, Subscription
from deskhand.transport.configured import open_transport
from tests.transport.consuming import TOPIC, number, quick


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201  # the parent reads it


async def main(conninfo: str, act: str, batch: int) -> None:
    settings = Settings(_env_file=None)  # pyright: ignore[reportCallIssue]  # pydantic-settings' own
    settings = quick(settings, queue_poll=timedelta(seconds=0.1))
    database = Database(conninfo)
    await database.open()

    async def handle(delivery: Delivery) -> None:
        text = str(delivery.messages[0].payload.get("text", ""))
        say("handed", *(number(message) for message in delivery.messages))
        if act == "hang":
            await asyncio.to_thread(sys.stdin.readline)
        if act == "die" and text == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            async with delivery.settle() as tx:
                await tx.execute(
                    "insert into effects (n, worker) values (%s, 'child')", (number(delivery.messages[0]),)
                )
        except LeaseLost:
            say("refused")
            raise
        say("settled", number(delivery.messages[0]))

    await open_transport(database, settings).run([Subscription(TOPIC, handle, batch)], asyncio.Event())


if __name__ == "__main__":
    configure("error", as_json=False)
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
