"""What an account at Twilio needs: read from the environment, complete or not at all."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, ClassVar, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from deskhand.errors import SetupInvalid
from deskhand.settings import Duration, Settings


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a whole address, such as https://support.example.com/webhooks/whatsapp")
    if parts.username is not None:
        raise ValueError("an address with a user name is signed by Twilio in more ways than one: leave it out")
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Url = Annotated[str, AfterValidator(_web_address)]


class TwilioSettings(BaseSettings):
    """Every field is a variable with the channel's prefix, such as `DESKHAND_WHATSAPP_ACCOUNT_SID`."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True)

    label: ClassVar[str] = "Twilio"
    door: ClassVar[str] = ""  # the channel's place under /webhooks/
    sender_form: ClassVar[re.Pattern[str]] = re.compile(r".")
    sender_example: ClassVar[str] = ""

    account_sid: str | None = Field(
        None, pattern=r"^AC[0-9a-f]{32}$", description="the account's SID: AC and 32 digits"
    )
    auth_token: SecretStr | None = Field(None, description="the account's auth token: checks calls, and sends")
    previous_auth_token: SecretStr | None = Field(
        None, description="the token before a rotation: still checks calls; remove it when the rotation is done"
    )
    api_key_sid: str | None = Field(
        None, pattern=r"^SK[0-9a-f]{32}$", description="an API key to send by instead of the auth token"
    )
    api_key_secret: SecretStr | None = Field(None, description="that key's secret")
    sender: str | None = Field(None, description="our address at Twilio")
    more_senders: Words = Field(
        (), description="further addresses of ours, comma-separated, that customers may write to"
    )
    messaging_service_sid: str | None = Field(
        None, pattern=r"^MG[0-9a-f]{32}$", description="the Messaging Service to send through"
    )
    webhook_url: Url | None = Field(
        None, description="the address exactly as it is configured at Twilio; unset: from DESKHAND_PUBLIC_URL"
    )
    status_url: Url | None = Field(
        None, description="where Twilio reports what became of a message; unset: the webhook's address and /status"
    )
    api_base_url: Url = Field("https://api.twilio.com", description="address of Twilio's API")
    connect_timeout: Duration = Field(timedelta(seconds=5), description="how long to wait for a connection to Twilio")
    send_timeout: Duration = Field(timedelta(seconds=15), description="how long a call of Twilio's API may take in all")
    list_delay: Duration = Field(
        timedelta(seconds=10), description="how old a send must be before its absence from Twilio's list says anything"
    )
    media_hosts: Words = Field(
        ("mms.twiliocdn.com", "media.twiliocdn.com", "s3-external-1.amazonaws.com"),
        description="hosts, comma-separated, that Twilio's API may redirect to for a file",
    )
    media_max_bytes: int = Field(20_000_000, ge=0, description="bytes of files of one message at the most")
    media_timeout: Duration = Field(timedelta(seconds=20), description="how long the files of one message may take")

    @property
    def tokens(self) -> tuple[str, ...]:
        """Those that a call may be signed by."""
        given = (self.auth_token, self.previous_auth_token)
        return tuple(token.get_secret_value() for token in given if token is not None)

    @property
    def credentials(self) -> tuple[str, str]:
        """User and password for Twilio's API."""
        if self.api_key_sid is not None and self.api_key_secret is not None:
            return self.api_key_sid, self.api_key_secret.get_secret_value()
        return self.account_sid or "", self.tokens[0]

    @property
    def senders(self) -> tuple[str, ...]:
        return (self.sender or "", *self.more_senders)


S = TypeVar("S", bound=TwilioSettings)
DEFAULTED = {
    *("api_base_url", "connect_timeout", "send_timeout", "list_delay"),
    *("media_hosts", "media_max_bytes", "media_timeout"),
}
WHY = {
    "account_sid": "it names the account",
    "auth_token": "without it nobody can tell whether a call comes from Twilio",
    "sender": "it is the address that we write from",
    "webhook_url": "set it or DESKHAND_PUBLIC_URL: Twilio signs the address that it calls",
    "api_key_secret": "DESKHAND_{door}_API_KEY_SID is set",
    "api_key_sid": "DESKHAND_{door}_API_KEY_SECRET is set",
}


def read_account(kind: type[S], settings: Settings) -> S | None:
    """The account that the environment names; None when it names none.

    Raises:
        SetupInvalid: it is half named, or a variable can't be used; the message names it.
    """
    try:
        given = kind(_env_file=Settings.model_config.get("env_file"))  # pyright: ignore[reportCallIssue]  # pydantic-settings' own
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _invalid(kind, str(first["loc"][0]), first["msg"].removeprefix("Value error, ")) from error
    if not given.model_fields_set - DEFAULTED:
        return None
    account = _with_addresses(given, settings)
    _require(account)
    _check(account, settings)
    return account


def _with_addresses(given: S, settings: Settings) -> S:
    webhook = given.webhook_url
    if webhook is None and settings.public_url is not None:
        webhook = f"{settings.public_url.rstrip('/')}/webhooks/{given.door}"
    status = given.status_url or (webhook and without_fragment(webhook).split("?")[0].rstrip("/") + "/status")
    return given.model_copy(update={"webhook_url": webhook, "status_url": status})


def _require(account: TwilioSettings) -> None:
    needed = ["account_sid", "auth_token", "sender", "webhook_url"]
    if account.api_key_sid is not None or account.api_key_secret is not None:
        needed += ["api_key_sid", "api_key_secret"]
    for name in needed:
        if getattr(account, name) is None:
            raise _invalid(type(account), name, f"is missing: {WHY[name].format(door=account.door.upper())}")


def _check(account: TwilioSettings, settings: Settings) -> None:
    kind = type(account)
    for name, address in [("sender", account.sender), *(("more_senders", one) for one in account.more_senders)]:
        if not kind.sender_form.fullmatch(address or ""):
            raise _invalid(kind, name, f"write it like {kind.sender_example}")
    for name, address in (("webhook_url", account.webhook_url), ("status_url", account.status_url)):
        if settings.is_production and not (address or "").startswith("https://"):
            raise _invalid(kind, name, "in production it begins with https://")
    if not account.api_base_url.startswith("https://") and not is_loopback(account.api_base_url):
        raise _invalid(kind, "api_base_url", "give an https:// address; http:// is for loopback only")


def _invalid(kind: type[TwilioSettings], field: str, reason: str) -> SetupInvalid:
    variable = f"{kind.model_config.get('env_prefix', '')}{field.upper()}"
    glue = " " if reason.startswith("is missing") else ": "
    return SetupInvalid(f"{variable}{glue}{reason}.", field=variable)


def without_fragment(url: str) -> str:
    """Twilio reads what follows `#` as its own instructions: it is neither sent nor signed."""
    return url.partition("#")[0]


def is_loopback(url: str) -> bool:
    """A stand-in's address on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
