"""The one shape of stored input that front doors of ours write and channels read back."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from deskhand.channels.base import InboundMessage
from deskhand.channels.mail.quotes import fold
from deskhand.customers import IdentifierKind, normalise
from deskhand.errors import InvalidInput


def _storable(value: str) -> str:
    """PostgreSQL takes no NUL, and half of a surrogate pair is no text: a front door cleans what it stores."""
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("the text holds a character that can't be stored")
    return value


ANSWERS = re.compile(r"\s*(?:re|aw|sv|rv)\s*:", re.I)
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
    folded: Text = ""
    answers: tuple[Text, ...] = ()
    provider_thread: Text | None = None
    known_as: Text | None = None
    automatic: Text | None = None
    hold: Text | None = None
    notes: tuple[Text, ...] = ()


def _without_quotes(stored: StoredMessage) -> tuple[str, str]:
    """The customer's own words, and what was quoted or signed below: for doors that fold nothing themselves."""
    blocks = fold(stored.body, is_reply=bool(ANSWERS.match(stored.subject)))
    if stored.folded or all(block.fold is None for block in blocks):
        return stored.body, stored.folded
    own = "".join(block.text for block in blocks if block.fold is None).strip()
    return own, "".join(block.text for block in blocks if block.fold is not None).strip()


def read_message(channel: str, kind: IdentifierKind, payload: dict[str, Any]) -> InboundMessage:
    """Raises InvalidInput when the payload is not what a front door of ours stores."""
    try:
        stored = StoredMessage.model_validate(payload)
    except ValidationError as error:
        raise unreadable(error) from error
    body, folded = _without_quotes(stored) if kind == "email" else (stored.body, stored.folded)
    return InboundMessage(
        channel=channel,
        provider_id=stored.provider_id,
        sender_kind=kind,
        sender=normalise(kind, stored.sender),
        name=stored.name,
        subject=stored.subject,
        body=body,
        verified=stored.verified,
        thread=stored.thread,
        headers=stored.headers,
        folded=folded,
        answers=stored.answers,
        provider_thread=stored.provider_thread,
        known_as=stored.known_as or stored.headers.get("Message-ID"),
        automatic=stored.automatic,
        hold=stored.hold,
        notes=stored.notes,
    )


def unreadable(error: ValidationError) -> InvalidInput:
    """What to say of a payload that is none: the first field that is wrong, and why."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return InvalidInput(f"The stored message can't be read: {where}: {reason}.", field=where)
