"""The company folder: who the company is, how it speaks, and its written rules, read and validated at start."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from deskhand.errors import SetupInvalid
from deskhand.settings import Duration

Tier = Literal["always", "likely"]
PlanName = Literal["free", "pro", "enterprise"]
Urgency = Literal["low", "normal", "high", "urgent"]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"'{value}' is no regular expression: {error}") from error
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Wording(_Part):
    """Sentences with {braces}: only those that are filled in may stand there, or a customer would read them."""

    filled: ClassVar[dict[str, set[str]]] = {}

    @model_validator(mode="after")
    def _only_known_braces(self) -> Self:
        for name in type(self).model_fields:
            text = getattr(self, name)
            if isinstance(text, str):
                _check_braces(name, text, self.filled.get(name, set()))
        return self


def _check_braces(name: str, text: str, known: set[str]) -> None:
    try:
        names = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if strange := names - known:
        allowed = ", ".join(f"{{{field}}}" for field in sorted(known)) or "no braces"
        raise ValueError(f"{name}: {{{min(strange)}}} is never filled in, use {allowed}")


class Profile(_Part):
    """profile.toml: names and addresses that replies may use."""

    company: str
    product: str
    team: str = Field(description="the name that replies are signed with")
    support_email: str
    website: str
    help_url: str
    about: str = Field(description="one sentence on the product, for vague first questions and the model's prompt")
    allowed_hosts: tuple[str, ...] = Field(description="hosts that links in replies may point to")
    languages: tuple[str, ...] = ("en",)


class Phrases(_Wording):
    """voice.toml, one language: the company's own sentences. Braces name what is filled in."""

    filled = {
        "disclosure": {"company", "product"},
        "escalated": {"time"},
        "no_answer": {"time"},
        "held": {"time"},
        "not_found": {"product"},
        "greeting": {"product"},
        "hours": {"n"},
    }

    disclosure: str = Field(description="says that an AI writes; {company} {product}")
    escalated: str = Field(description="a person takes over; {time} is the plan's response time")
    no_answer: str = Field(description="honest 'I don't have that', with a person; {time}")
    not_found: str = Field(
        description="honest: the help centre holds nothing on this; one question back, a person offered"
    )
    ask_back: str = Field(description="one question back for a vague message")
    still_not_working: str = Field(description="asks what happened after the steps given")
    thanks: str
    feature_logged: str
    greeting: str
    added: str = Field(description="acknowledges a message that comes while a person has the ticket")
    held: str = Field(description="acknowledges while a draft waits for a person")
    empathy: str = Field(description="first sentence for somebody frustrated")
    more_help: str
    read_more: str = Field(description="before the links of the articles cited")
    copy_link: str = Field(description="in a mail: names the link to the web form's status page")
    copy_without_text: str = Field(description="in a mail: the answer can't be repeated here and stands on that page")
    hours: str = Field(description="'{n} hours' in this language")
    hour: str


class ChannelVoice(_Wording):
    """voice.toml, one channel: the frame around a reply. {name} is the customer's first name."""

    filled = {"greeting": {"name"}, "sign_off": {"team", "support_email"}}

    greeting: str
    greeting_without_name: str
    sign_off: str
    max_words: int | None = None
    preferred_characters: int | None = None


class Linking(_Part):
    """How a customer on a chat proves to be one whom we know by mail."""

    command: str = Field(
        default="link", pattern=r"^\S+$", description="word before the address, at the start of a message"
    )
    asked: str = (
        "If we know {address}, a code of six digits is on its way to it. Send me the code here within 15 minutes."
    )
    linked: str = "Thank you. From now on I know you by both addresses."
    refused: str = "This code does not fit, or its time is over. Send '{command} YOUR-ADDRESS' to get another."
    mail_subject: str = "Your code: {code}"
    mail: str = (
        "Somebody who writes to us on {channel} says that this address is theirs. If that is you, send us this code "
        "there: {code}. It is good for 15 minutes. If it is not you, do nothing."
    )


class Voice(_Part):
    channels: dict[str, ChannelVoice]
    phrases: dict[str, Phrases]
    linking: Linking = Linking()
    avoid: tuple[str, ...] = Field((), description="words that no reply of ours holds")

    def for_language(self, language: str) -> Phrases:
        return self.phrases.get(language, self.phrases["en"])


class Owner(_Part):
    name: str
    title: str
    email: str


class Rule(_Part):
    """One entry of escalation.toml: a kind of message that a person takes over."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    tier: Tier
    owner: str = Field(description="key of [owners]")
    meaning: str = Field(description="the message ...: for people and for a language model")
    urgency: Urgency = "high"
    next_step: str = Field(description="what the owner is advised to do first")
    threshold: float = Field(0.5, gt=0, lt=1, description="least score that fires the rule")
    patterns: tuple[Pattern, ...] = Field((), description="regular expressions, any of which is evidence")
    unless: tuple[Pattern, ...] = Field((), description="regular expressions that void a pattern's hit")
    examples: tuple[str, ...] = Field((), description="messages that fire the rule")
    counterexamples: tuple[str, ...] = Field((), description="near misses that don't")
    blocked_plans: tuple[PlanName, ...] = Field(
        (), description="plans for which 'a defect blocks us' fires this rule too"
    )
    blocked_threshold: float = Field(
        0.5, gt=0, lt=1, description="least score of 'a defect blocks us' that fires the rule for these plans"
    )
    sentiment_below: float | None = Field(None, ge=-1, le=1, description="fires when sentiment is below this")


class Bands(_Part):
    """Confidence from which a reply is sent, sent and flagged, or held; below the last, a person takes over."""

    send: float = Field(ge=0, le=1)
    flag: float = Field(ge=0, le=1)
    hold: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _fall(self) -> Bands:
        if not self.send >= self.flag >= self.hold:
            raise ValueError("send, flag and hold must fall")
        return self


class Escalation(_Part):
    """escalation.toml: owners, rules in the order that names the owner, response times, thresholds."""

    owners: dict[str, Owner]
    default_owner: str = Field(description="takes what no rule covers: thin evidence, failures, stopped replies")
    rules: tuple[Rule, ...]
    ignore_threshold: float = Field(0.5, gt=0, lt=1)
    ignore_patterns: tuple[Pattern, ...] = ()
    response_time: dict[PlanName, Duration]
    unhelpful_turns: int = Field(2, ge=1, description="answers that did not help before a person takes over")
    bands: Bands

    @model_validator(mode="after")
    def _consistent(self) -> Escalation:
        for rule in self.rules:
            if rule.owner not in self.owners:
                raise ValueError(f"rule '{rule.name}': there is no owner '{rule.owner}'")
        if self.default_owner not in self.owners:
            raise ValueError(f"default_owner: there is no owner '{self.default_owner}'")
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError("two rules have one name")
        if {"free", "pro", "enterprise"} - self.response_time.keys():
            raise ValueError("response_time needs free, pro and enterprise")
        return self

    def rule(self, name: str) -> Rule:
        return next(rule for rule in self.rules if rule.name == name)


class Macro(_Part):
    title: str
    body: str


class Company(_Part):
    """A whole company folder. `digest` is a SHA-256 over its files of rules, kept with every decision."""

    folder: Path
    digest: str
    profile: Profile
    voice: Voice
    escalation: Escalation
    macros: dict[str, Macro]

    @property
    def knowledge_dir(self) -> Path:
        return self.folder / "knowledge"


PartT = TypeVar("PartT", bound=_Part)


class _Macros(_Part):
    macros: dict[str, Macro] = {}


def load_company(folder: Path) -> Company:
    """Read and check a company folder.

    Raises:
        SetupInvalid: a file is missing or wrong; the message names file and field.
    """
    if not folder.is_dir():
        raise SetupInvalid(f"DESKHAND_COMPANY_DIR: there is no folder {folder}.", mend="Make one: deskhand init DIR.")
    digest = hashlib.sha256()
    profile = _load(folder / "profile.toml", Profile, digest.update)
    voice = _load(folder / "voice.toml", Voice, digest.update)
    escalation = _load(folder / "escalation.toml", Escalation, digest.update)
    macros = _load(folder / "macros.toml", _Macros, digest.update)
    if "en" not in voice.phrases:
        raise SetupInvalid("voice.toml: phrases.en is missing; it is what other languages fall back to.")
    return Company(
        folder=folder,
        digest=digest.hexdigest(),
        profile=profile,
        voice=voice,
        escalation=escalation,
        macros=macros.macros,
    )


def _load(path: Path, kind: type[PartT], note: Any) -> PartT:
    try:
        raw = path.read_bytes()
        note(raw)
        return kind.model_validate(tomllib.loads(raw.decode("utf-8")))
    except FileNotFoundError as error:
        raise SetupInvalid(f"{path} is missing.", mend="`deskhand init DIR` writes a complete folder.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupInvalid(f"{path}: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise SetupInvalid(
            f"{path}: {where or 'file'}: {first['msg'].removeprefix('Value error, ')}.", field=where
        ) from error
