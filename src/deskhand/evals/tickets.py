"""Labelled tickets: one JSON object a line, read with errors that name file, line and field."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from deskhand.agent.decision import Choice
from deskhand.customers import Plan, normalise
from deskhand.errors import InvalidInput

ChannelName = Literal["email", "whatsapp", "web_form"]

CHANNEL_NAMES = {"webform": "web_form", "web": "web_form", "form": "web_form", "mail": "email", "gmail": "email"}
TOP_PLANS = {"enterprise", "corporate", "ultimate", "unlimited"}
ENTRY_PLANS = {"free", "trial", "basic", "community", "personal", "hobby", "none"}


def nearest_plan(name: str | None) -> Plan:
    """The plan of ours that another company's plan is nearest to; customers without one are on 'free'."""
    words = set(re.findall(r"[a-z]+", (name or "").lower()))
    if words & TOP_PLANS:
        return "enterprise"
    return "free" if not words or words & ENTRY_PLANS else "pro"


def _channel(value: object) -> object:
    if not isinstance(value, str):
        return value
    name = re.sub(r"[\s-]+", "_", value.strip().lower())
    return CHANNEL_NAMES.get(name.replace("_", ""), name)


def _plan(value: object) -> object:
    return nearest_plan(value) if value is None or isinstance(value, str) else value


def _text(value: object) -> object:
    return "" if value is None else value


Text = Annotated[str, BeforeValidator(_text)]


class Expected(BaseModel):
    """What is right: the decision, and the rules that may name the owner, any of them."""

    model_config = ConfigDict(frozen=True)

    decision: Choice
    rules: tuple[str, ...] = ()


class Ticket(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1, coerce_numbers_to_str=True)
    channel: Annotated[ChannelName, BeforeValidator(_channel)]
    plan: Annotated[Plan, BeforeValidator(_plan)] = "free"
    name: Text = ""
    email: Text = ""
    subject: Text = ""
    message: str
    language: str | None = None
    borderline: bool = False
    expect: Expected

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value:
            return value
        try:
            return normalise("email", value)
        except InvalidInput as error:
            raise ValueError(error.message.rstrip(".")) from error


@dataclass(frozen=True, slots=True)
class TicketSet:
    """A file of labelled tickets; `digest` is the SHA-256 of its bytes."""

    name: str
    digest: str
    tickets: tuple[Ticket, ...]


def read_tickets(path: Path, *, rules: Collection[str]) -> TicketSet:
    """Read a file; `rules` are the names that the company folder knows.

    Raises:
        InvalidInput: the file can't be read, or a line is wrong: the message names file, line and field.
    """
    raw, text = _read_text(path)
    tickets: dict[str, Ticket] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        ticket = _read_line(line, where)
        if ticket.id in tickets:
            raise InvalidInput(f"{where}: id: '{ticket.id}' stands on an earlier line too.", field="id")
        for rule in ticket.expect.rules:
            if rule not in rules:
                known = ", ".join(rules)
                raise InvalidInput(
                    f"{where}: expect.rules: the company folder has no rule '{rule}' (it has {known}).",
                    field="expect.rules",
                )
        tickets[ticket.id] = ticket
    if not tickets:
        raise InvalidInput(f"{path} holds no tickets.", field="files")
    return TicketSet(path.name, hashlib.sha256(raw).hexdigest(), tuple(tickets.values()))


def _read_text(path: Path) -> tuple[bytes, str]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}.", field="files") from error
    try:
        return raw, raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"{path}, line {line}: not UTF-8.", field="files") from error


def _read_line(line: str, where: str) -> Ticket:
    try:
        found: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{where}: not JSON: {error.msg} at column {error.colno}.", field="line") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{where}: not a JSON object.", field="line")
    try:
        return Ticket.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"])
        raise InvalidInput(f"{where}: {field}: {first['msg']}.", field=field) from error
