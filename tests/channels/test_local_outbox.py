"""The local outbox: one file a delivery, whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

from deskhand.channels.local_outbox import LocalOutbox


async def test_a_reply_is_one_file_with_exactly_what_was_sent(tmp_path: Path) -> None:
    outbox = LocalOutbox(tmp_path / "outbox")
    parts = ("Grüße 🎉\n\nerste", 'zweite "Nachricht"')

    receipt = await outbox.send("email", "dana@example.com", parts, delivery_id="d-1")

    (file,) = (tmp_path / "outbox").iterdir()
    assert json.loads(file.read_text("utf-8")) == {"channel": "email", "to": "dana@example.com", "parts": list(parts)}
    assert (receipt.state, receipt.provider_id) == ("sent", "local:d-1")


async def test_sending_a_delivery_twice_leaves_one_file(tmp_path: Path) -> None:
    outbox = LocalOutbox(tmp_path)

    for _ in range(2):
        await outbox.send("email", "dana@example.com", ("Hello",), delivery_id="d-1")

    assert [file.name for file in tmp_path.iterdir()] == ["email-d-1.json"]
