"""Credentials that the desk itself holds, such as a mailbox's refresh token: sealed at rest, opened to be used."""

from deskhand.credentials.queries import delete, find_sealed, store_sealed
from deskhand.credentials.sealing import Seal, derive

__all__ = ["Seal", "delete", "derive", "find_sealed", "store_sealed"]
