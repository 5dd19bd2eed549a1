"""The local outbox: one file a delivery, whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

from deskhand.channels.base import Outbound
from deskhand.channels.local_outbox import LocalOutbox


async def test_a_reply_is_one_file_with_exactly_what_was_sent(tmp_path: Path) -> None:
    outbox = LocalOutbox(tmp_path / "outbox")
    text = 'Grüße 🎉\n\nzweite "Nachricht"'

    receipt = await outbox.send("email", Outbound("d-1", "dana@example.com", text, subject="Board"))

    (file,) = (tmp_path / "outbox").iterdir()
    assert json.loads(file.read_text("utf-8")) == {
        "channel": "email",
        "to": "dana@example.com",
        "subject": "Board",
        "text": text,
    }
    assert (receipt.state, receipt.provider_id) == ("sent", "local:d-1")


async def test_sending_a_delivery_twice_leaves_one_file(tmp_path: Path) -> None:
    outbox = LocalOutbox(tmp_path)

    for _ in range(2):
        await outbox.send("email", Outbound("d-1", "dana@example.com", "Hello"))

    assert [file.name for file in tmp_path.iterdir()] == ["email-d-1.json"]
