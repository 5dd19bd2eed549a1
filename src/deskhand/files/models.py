"""A file of a customer's, as a row; its bytes are read only when somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from deskhand.ids import MessageId


@dataclass(frozen=True, slots=True)
class FileInfo:
    id: UUID
    name: str
    content_type: str
    size: int
    content_id: str


@dataclass(frozen=True, slots=True)
class AttachedFile:
    message_id: MessageId
    id: UUID
    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class FileContent:
    name: str
    content_type: str
    content: bytes = field(repr=False)
