"""Attachments: which of a message's files are kept, and fetching those that still lie with the provider."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from deskhand import files
from deskhand.channels.base import Collects, NewFile, StoredFile
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.errors import ChannelError
from deskhand.files import clean_name
from deskhand.ids import MessageId
from deskhand.inbound import Inbound
from deskhand.log import get_logger
from deskhand.settings import Settings

log = get_logger("attachments")

TRIES = 4  # then the message matters more than its files


@dataclass(frozen=True, slots=True)
class Collected:
    """What was fetched for a message that is not filed yet."""

    files: tuple[NewFile, ...] = ()
    notes: tuple[str, ...] = ()


def fit(given: Sequence[NewFile], settings: Settings) -> tuple[list[NewFile], list[str]]:
    """Those within the limits in their order, and a note on each that is left out."""
    kept: list[NewFile] = []
    left_out: list[str] = []
    room = settings.message_files_max_bytes
    for file in given:
        size = len(file.content)
        if size > settings.file_max_bytes:
            reason = f"larger than {_megabytes(settings.file_max_bytes)}"
        elif len(kept) >= settings.message_files_max:
            reason = f"more than {settings.message_files_max} files"
        elif size > room:
            reason = f"the message's files are larger than {_megabytes(settings.message_files_max_bytes)}"
        else:
            kept.append(file)
            room -= size
            continue
        left_out.append(f"The file “{clean_name(file.name)}” ({_megabytes(size)}) was left out: {reason}.")
    return kept, left_out


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


async def collect(desk: Desk, row: Inbound, *, attempt: int) -> Collected:
    """Fetch what a message's payload names. After some tries it is filed without, and a note says so.

    Raises:
        ChannelError: it may work later.
    """
    channel = desk.channels[row.channel]
    if not isinstance(channel, Collects):
        return Collected()
    try:
        async with asyncio.timeout(desk.settings.provider_timeout.total_seconds()):
            found, notes = await channel.collect(row.payload)
    except TimeoutError:
        error = ChannelError("The provider did not answer in time.", permanent=False)
    except ChannelError as refusal:
        error = refusal
    else:
        kept, left_out = fit(found, desk.settings)
        return Collected(tuple(kept), (*notes, *left_out))
    if not error.permanent and attempt < TRIES:
        raise error
    log.warning("files_left_behind", channel=row.channel, inbound_id=str(row.id), error=error.message)
    return Collected(notes=(f"Attached files could not be fetched: {error.message}",))


async def keep(tx: Tx, row: Inbound, collected: Collected) -> tuple[StoredFile, ...]:
    """Store what was collected; returns all files of the message."""
    known = await files.list_of_inbound(tx, row.id)
    if not known:
        for position, file in enumerate(collected.files, start=1):
            await files.store(
                tx,
                row.id,
                position=position,
                name=file.name,
                content_type=file.content_type,
                content=file.content,
                content_id=file.content_id,
            )
        known = await files.list_of_inbound(tx, row.id) if collected.files else known
    return tuple(StoredFile(str(info.id), info.name, info.content_type, info.size, info.content_id) for info in known)


async def attach(tx: Tx, message_id: MessageId, stored: Sequence[StoredFile]) -> None:
    for position, file in enumerate(stored, start=1):
        await files.attach(tx, message_id, UUID(file.file_id), position)
