"""The transport that the settings name."""

from __future__ import annotations

from deskhand.db import Database
from deskhand.errors import SetupInvalid
from deskhand.settings import Settings
from deskhand.transport.base import Transport
from deskhand.transport.postgres import PostgresTransport


def open_transport(db: Database, settings: Settings) -> Transport:
    """A transport on an open database; `close()` it at the end.

    Raises:
        SetupInvalid: a setting of Kafka's is missing, or its package.
    """
    if settings.transport == "postgres":
        return PostgresTransport(db, settings)
    try:
        from deskhand.transport.kafka import KafkaTransport  # an extra: not everybody has it
    except ModuleNotFoundError as error:
        raise SetupInvalid(
            "DESKHAND_TRANSPORT=kafka needs a package that is not installed.", mend="pip install 'deskhand[kafka]'"
        ) from error
    return KafkaTransport(db, settings)
