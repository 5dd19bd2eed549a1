"""Where replies go while a channel has no provider: a folder of files, so that a laptop needs no account."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from deskhand.channels.base import Receipt


class LocalOutbox:
    """Writes each reply as one JSON file named by its delivery; writing it twice leaves one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def send(self, channel: str, recipient: str, parts: tuple[str, ...], *, delivery_id: str) -> Receipt:
        def write() -> None:
            self.folder.mkdir(parents=True, exist_ok=True)
            target = self.folder / f"{channel}-{delivery_id}.json"
            draft = target.with_suffix(".part")
            draft.write_text(
                json.dumps({"channel": channel, "to": recipient, "parts": parts}, ensure_ascii=False, indent=2), "utf-8"
            )
            draft.replace(target)

        await asyncio.to_thread(write)
        return Receipt("sent", f"local:{delivery_id}", "written to the local outbox")
