"""Raw input: stored once for each id of the provider, whoever stores it at the same instant."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from deskhand import inbound
from deskhand.db import Database, Tx
from deskhand.errors import NotFound
from deskhand.ids import uuid7
from tests.factories import NOON
from tests.races import at_once


async def _store(tx: Tx, provider_id: str = "p-1", **more: Any) -> UUID | None:
    given: dict[str, Any] = {"channel": "email", "payload": {"body": "Hi"}, "reference": None, "access_hash": None}
    return await inbound.store(tx, provider_id=provider_id, at=NOON, **given | more)


async def test_what_came_is_kept_as_it_came(database: Database) -> None:
    payload = {"body": "Grüße 🎉", "headers": {"X": "1"}}
    async with database.transaction() as tx:
        stored = await _store(tx, payload=payload, reference="TF-20261122-7K3Q", access_hash=b"\x01\xff")
        assert stored is not None

        found = await inbound.get(tx, stored)

    assert (found.payload, found.outcome, found.message_id) == (payload, "received", None)
    assert (found.reference, found.access_hash, found.received_at) == ("TF-20261122-7K3Q", b"\x01\xff", NOON)


async def test_one_provider_id_is_stored_once(database: Database) -> None:
    async with database.transaction() as tx:
        first = await _store(tx)
        second = await _store(tx, payload={"body": "again"})
        known = await inbound.find_by_provider_id(tx, "email", "p-1")

    assert first is not None
    assert second is None
    assert known is not None
    assert (known.id, known.payload) == (first, {"body": "Hi"})


async def test_twenty_at_the_same_instant_are_one(database: Database) -> None:
    stored = await at_once(database, 20, _store)

    assert len([one for one in stored if one is not None]) == 1


async def test_two_channels_may_use_the_same_id(database: Database) -> None:
    async with database.transaction() as tx:
        assert await _store(tx) is not None
        assert await _store(tx, channel="whatsapp") is not None


async def test_its_outcome_is_written_on_it(database: Database) -> None:
    async with database.transaction() as tx:
        stored = await _store(tx, reference="TF-20261122-7K3Q")
        assert stored is not None
        await inbound.settle(tx, stored, outcome="failed", detail="no message", message_id=None, at=NOON)

        found = await inbound.find_by_reference(tx, "TF-20261122-7K3Q")

    assert found is not None
    assert (found.outcome, found.detail) == ("failed", "no message")


async def test_what_never_came_is_not_found(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await inbound.get(tx, uuid7())
