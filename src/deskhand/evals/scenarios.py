"""Scenarios: conversations in YAML, read with errors that name file and field."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from deskhand.agent.decision import Choice
from deskhand.customers import Plan
from deskhand.decisions import Action
from deskhand.errors import InvalidInput
from deskhand.evals.tickets import ChannelName
from deskhand.settings import Duration

T = TypeVar("T")


def _several(value: object) -> object:
    """One thing may be written without its list."""
    if value is None:
        return ()
    return tuple(cast("Sequence[object]", value)) if isinstance(value, (list, tuple)) else (value,)


Several = Annotated[tuple[T, ...], BeforeValidator(_several)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(_Part):
    """What must hold after a step. Where several values stand, any of them is right, unless it says all."""

    decision: Several[Choice] = ()
    action: Several[Action] = ()
    rule: Several[str] = Field((), description="the rule that named the owner")
    rules: Several[str] = Field((), description="all of these fired")
    no_rules: Several[str] = Field((), description="none of these fired")
    owner: Several[str] = ()
    within: Duration | None = Field(None, description="the response time that the owner was given")
    cites: Several[str] = Field((), description="articles, any of which stands behind the reply")
    reply_language: str | None = None
    says: Several[str] = Field((), description="all of these stand in the reply, whatever their case")
    never_says: Several[str] = Field((), description="none of these stands in the reply")
    silent: bool | None = Field(None, description="true: nothing was said; false: something was")
    handler: Literal["agent", "operator"] | None = Field(None, description="who has the ticket")
    status: Literal["open", "pending", "resolved", "closed"] | None = None
    replies: int | None = Field(None, ge=0, description="replies of the agent in the conversation so far")
    same_ticket: bool | None = Field(None, description="whether it is the ticket of the step before")
    history: Several[ChannelName] | None = Field(None, description="exactly these channels were seen in the history")


NOTHING = Expected.model_validate({})


class Step(_Part):
    """One of: a message, several in quick succession, an operator's act, a wait."""

    says: Several[str] = Field((), description="wordings of one message: a run takes one of them")
    quickly: tuple[Several[str], ...] = Field((), description="messages sent at once, each with its wordings")
    operator: Literal["takes over", "hands back"] | None = None
    waits: Duration | None = None
    subject: str = ""
    channel: ChannelName | None = Field(None, description="from here on; unset: as before")
    new_thread: bool = Field(False, description="no answer to what was said before")
    expect: Expected = NOTHING

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        acts = [bool(self.says), bool(self.quickly), self.operator is not None, self.waits is not None]
        if sum(acts) != 1:
            raise ValueError("write exactly one of says, quickly, operator and waits")
        if not self.messages and (self.expect != NOTHING or self.channel or self.new_thread or self.subject):
            raise ValueError("only a message has subject, channel, new_thread and expect")
        return self

    @property
    def messages(self) -> tuple[tuple[str, ...], ...]:
        return (self.says,) if self.says else self.quickly


class Scenario(_Part):
    """A conversation with what is right after each step. `name` is the file's."""

    name: str
    about: str = Field(min_length=1, description="one sentence")
    covers: Several[str] = Field((), description="rules of the company folder that it is about")
    channel: ChannelName = "email"
    plan: Plan = "free"
    verified: bool | None = Field(None, description="unset: what the channel vouches for")
    customer: str = "Robin Vale"
    steps: tuple[Step, ...] = Field(min_length=1)


def read_scenarios(paths: Sequence[Path], *, rules: Collection[str], owners: Collection[str]) -> list[Scenario]:
    """Files, or folders of `*.yaml`, in order.

    Raises:
        InvalidInput: a file can't be used; the message names file and field.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InvalidInput(f"There is no {path}.", field="files", mend="Check the spelling.")
        files += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise InvalidInput(f"No scenarios in {', '.join(map(str, paths))}.", field="files")
    found = [_read(file) for file in files]
    for file, scenario in zip(files, found, strict=True):
        _check_names(file, scenario, rules, owners)
    names = [scenario.name for scenario in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"Two scenarios have the name {twice[0]}.", field="files")
    return found


def _read(path: Path) -> Scenario:
    try:
        content: Any = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} can't be read: {error}.", field="files") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path}: {' '.join(str(error).split())}.", field="files") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{path}: a scenario is a mapping with about and steps.", field="files")
    try:
        return Scenario.model_validate({"name": path.stem} | cast("dict[str, Any]", content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"]) or "scenario"
        raise InvalidInput(f"{path}: {field}: {first['msg'].removeprefix('Value error, ')}.", field=field) from error


def _check_names(path: Path, scenario: Scenario, rules: Collection[str], owners: Collection[str]) -> None:
    named = list(scenario.covers)
    for step in scenario.steps:
        named += [*step.expect.rule, *step.expect.rules, *step.expect.no_rules]
        for owner in step.expect.owner:
            if owner not in owners:
                raise InvalidInput(f"{path}: the company folder has no owner '{owner}'.", field="owner")
    for rule in named:
        if rule not in rules:
            raise InvalidInput(f"{path}: the company folder has no rule '{rule}'.", field="rules")
