"""The one shape of stored input that front doors of ours write and channels read back."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from deskhand.channels.base import InboundMessage
from deskhand.customers import IdentifierKind, normalise
from deskhand.errors import InvalidInput


def _storable(value: str) -> str:
    """PostgreSQL takes no NUL, and half of a surrogate pair is no text: a front door cleans what it stores."""
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("the text holds a character that can't be stored")
    return value


Text = Annotated[str, AfterValidator(_storable)]


class StoredMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider_id: Annotated[Text, Field(pattern=r"\S")]
    sender: Text
    name: Text = ""
    subject: Text = ""
    body: Text
    verified: bool = False
    thread: Text | None = None
    headers: dict[Text, Text] = {}


def read_message(channel: str, kind: IdentifierKind, payload: dict[str, Any]) -> InboundMessage:
    """Raises InvalidInput when the payload is not what a front door of ours stores."""
    try:
        stored = StoredMessage.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise InvalidInput(f"The stored message can't be read: {where}: {reason}.", field=where) from error
    return InboundMessage(
        channel=channel,
        provider_id=stored.provider_id,
        sender_kind=kind,
        sender=normalise(kind, stored.sender),
        name=stored.name,
        subject=stored.subject,
        body=stored.body,
        verified=stored.verified,
        thread=stored.thread,
        headers=stored.headers,
    )
