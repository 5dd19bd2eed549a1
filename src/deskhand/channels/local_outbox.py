"""Where replies go while a channel has no provider: a folder of files, so that a laptop needs no account."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from deskhand.channels.base import Outbound, Receipt


class LocalOutbox:
    """Writes each provider message as one JSON file named by its delivery; writing it twice leaves one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def send(self, channel: str, outbound: Outbound) -> Receipt:
        def write() -> None:
            self.folder.mkdir(parents=True, exist_ok=True)
            target = self.folder / f"{channel}-{outbound.delivery_id}.json"
            draft = target.with_suffix(".part")
            content = {"channel": channel, "to": outbound.recipient, "subject": outbound.subject, "text": outbound.text}
            draft.write_text(json.dumps(content, ensure_ascii=False, indent=2), "utf-8")
            draft.replace(target)

        await asyncio.to_thread(write)
        return Receipt("sent", f"local:{outbound.delivery_id}", "written to the local outbox")
