"""What requests hold and what answers say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from deskhand import customers
from deskhand.errors import InvalidInput

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
REFERENCE = "TF-20261122-7K3Q"
MOMENT = "2026-11-22T09:30:00Z"


def _email(value: str) -> str:
    try:
        customers.normalise("email", value)
    except InvalidInput as error:
        raise PydanticCustomError("email", "{text}", {"text": error.message.rstrip("."), "mend": error.mend}) from error
    return value


def _one_kind_of_line_end(value: str) -> str:
    """Forms send CR LF and scripts LF: the same message must be the same text."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


MessageText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=10_000, pattern=TEXT),
    AfterValidator(_one_kind_of_line_end),
]
ReplyText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=TEXT),
    AfterValidator(_one_kind_of_line_end),
]


class SupportMessage(BaseModel):
    """A message to us. There is no field for the plan: it comes from our own records."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Dana Fox",
                    "email": "dana@example.com",
                    "subject": "Two-factor authentication",
                    "message": "How do I switch on two-factor authentication for my team?",
                }
            ]
        },
    )

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=ONE_LINE)] = ""
    email: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=254, pattern=ONE_LINE),
        AfterValidator(_email),
        Field(json_schema_extra={"format": "email"}),
    ]
    subject: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=ONE_LINE)] = ""
    message: MessageText
    category: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9 _-]{0,39}$")] | None = Field(
        default=None, description="What the page is about that the form stands on, in your own words."
    )
    website: Annotated[str, StringConstraints(max_length=2_000)] = Field(
        default="",
        description="A trap for programs: people don't see it and leave it empty. A message that fills it is kept "
        "aside for a person.",
    )
    filled_ms: int | None = Field(
        default=None,
        ge=0,
        le=10**12,
        description="Milliseconds from showing the form to sending it. A message sent too soon is kept aside for a "
        "person; leave it out where nobody fills in a form.",
    )


class SupportReply(BaseModel):
    """A further message in the conversation of a status page."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"message": "Thank you, but the switch is grey for me."}]}
    )

    message: ReplyText


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Sla(Answer):
    """When a person answers at the latest, should one be needed. It is the estimate for an unverified sender."""

    plan: customers.Plan = Field(examples=["free"])
    first_response: str = Field(examples=["within 24 hours"])
    seconds: int = Field(examples=[86400])


class Submitted(Answer):
    """The message is stored. The token is shown this once: it opens the status, the reference alone does not."""

    reference: str = Field(examples=[REFERENCE])
    status_url: str = Field(
        description="The sender's private link to the status page.",
        examples=[f"/support/status/{REFERENCE}?token=x7Tn3..."],
    )
    access_token: str = Field(examples=["x7Tn3..."])
    sla: Sla


TicketStatus = Literal["received", "held_back", "in_progress", "answered", "with_a_person", "closed"]
MessageState = Literal["received", "read", "on_its_way", "delivered", "not_delivered", "not_known", "not_read"]


class FileView(Answer):
    id: UUID
    name: str = Field(examples=["screenshot.png"])
    size: int = Field(examples=[48213])
    url: str | None = Field(
        description="Where the file is, for who may see the status; null until the message is filed.",
        examples=[f"/support/status/{REFERENCE}/files/0197f0c2-6f0e-7cc3-98c4-dc0c0c07398f"],
    )


class TicketMessage(Answer):
    author: Literal["customer", "agent", "operator", "system"] = Field(
        description="`agent` is always the AI, `operator` a person."
    )
    name: str = Field(examples=["TaskFlow Support Team"])
    text: str
    created_at: datetime = Field(examples=[MOMENT])
    state: MessageState = Field(
        description="Of the customer's messages `received`, `read` (it is in the conversation) or `not_read` (it could "
        "not be processed; a person sees that); of ours how far it is."
    )
    mailed: MessageState | None = Field(default=None, description="How far the mailed copy is, where there is one.")
    files: tuple[FileView, ...] = ()


class TicketView(Answer):
    """A conversation as its customer may see it: no notes, no events, no other conversation."""

    reference: str = Field(examples=[REFERENCE])
    status: TicketStatus
    subject: str = Field(examples=["Two-factor authentication"])
    language: str = Field(examples=["en"])
    sla: Sla
    messages: tuple[TicketMessage, ...] = Field(description="Oldest first; of a very long conversation the newest 100.")
    created_at: datetime = Field(examples=[MOMENT])
    updated_at: datetime = Field(examples=[MOMENT])
    version: str = Field(description="Changes with what is shown.", examples=["5f2c0a91be77"])


class Alive(Answer):
    status: Literal["alive"] = "alive"


class Check(Answer):
    """One thing that the desk stands on. Only `down` makes it not ready."""

    state: str = Field(examples=["ok"])
    detail: str = Field(default="", examples=[""])


class TransportCheck(Check):
    pending: int = Field(default=0, examples=[2])
    oldest_age_seconds: float = Field(default=0.0, examples=[0.4])
    dead_letters: int = Field(default=0, examples=[0])


class Checks(Answer):
    database: Check
    transport: TransportCheck
    models: Check
    company: Check
    channels: dict[str, Check] = Field(
        examples=[{"web_form": {"state": "ready", "detail": "answers are shown on the status page"}}]
    )


class Readiness(Answer):
    status: Literal["ready"] = "ready"
    checks: Checks


class ChannelFiguresView(Answer):
    channel: str = Field(examples=["web_form"])
    label: str = Field(examples=["Web form"])
    messages: int = Field(examples=[120])
    answered: int = Field(examples=[96])
    escalated: int = Field(examples=[22])
    ignored: int = Field(examples=[2])
    escalation_rate: float | None = Field(examples=[0.183], description="Of all messages; null without any.")
    reply_seconds_p50: float | None = Field(examples=[0.21])
    reply_seconds_p95: float | None = Field(examples=[0.48])
    mean_sentiment: float | None = Field(examples=[-0.08], description="From -1 to +1.")


class ChannelMetrics(Answer):
    since: datetime = Field(examples=[MOMENT])
    hours: int = Field(examples=[24])
    channels: tuple[ChannelFiguresView, ...]


class AttachmentView(Answer):
    id: UUID
    name: str = Field(examples=["screenshot.png"], description="The sender's, made fit to be shown.")
    content_type: str = Field(examples=["image/png"], description="The sender's claim.")
    size: int = Field(examples=[48211], description="Bytes.")


class MessageView(Answer):
    id: UUID
    kind: Literal["inbound", "outbound", "note", "event"]
    author: Literal["customer", "agent", "operator", "system"]
    author_name: str
    subject: str
    body: str
    folded: str = Field(default="", description="Quoted history and signature, as far as they were set apart.")
    in_reply_to: UUID | None
    created_at: datetime
    delivery: Literal["queued", "sending", "sent", "delivered", "read", "failed", "unknown"] | None = Field(
        default=None, description="How far a message of ours has got, the least of its parts; null for all others."
    )
    files: tuple[AttachmentView, ...] = ()


class ConversationPage(Answer):
    id: UUID
    customer_id: UUID
    channel: str = Field(examples=["web_form"])
    subject: str
    language: str = Field(examples=["en"])
    handler: Literal["agent", "operator"]
    created_at: datetime
    last_message_at: datetime
    messages: tuple[MessageView, ...] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Pass it as `cursor` for the page behind this one; null at the end.")


class IdentifierView(Answer):
    kind: customers.IdentifierKind = Field(examples=["email"])
    value: str = Field(examples=["dana@example.com"])
    state: Literal["verified", "claimed"] = Field(description="`claimed`: nobody has proved to be its holder yet.")
    verified_at: datetime | None


class CustomerView(Answer):
    id: UUID
    name: str = Field(examples=["Dana Fox"])
    company: str = Field(examples=["Fox & Sons"])
    plan: customers.Plan = Field(examples=["pro"])
    language: str | None = Field(examples=["en"])
    created_at: datetime
    identifiers: tuple[IdentifierView, ...]


class QueuedTest(Answer):
    reference: str = Field(examples=[REFERENCE])
    status_url: str = Field(examples=[f"/support/status/{REFERENCE}?token=x7Tn3..."])


class FieldProblem(Answer):
    field: str = Field(examples=["email"])
    message: str = Field(examples=["Email is missing."])
    mend: str = Field(examples=["Give an address like name@example.com."])


class Problem(Answer):
    """A problem document (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["Email is missing."])
    code: str = Field(examples=["invalid_input"])
    request_id: str = Field(examples=["0b6d1c7e9f3a4e5d8c7b6a5f4e3d2c1b"])
    errors: tuple[FieldProblem, ...] | None = Field(
        default=None, description="The fields that are wrong, where some are."
    )


class NotReady(Problem):
    down: tuple[str, ...] = Field(examples=[["database"]])
    checks: Checks
