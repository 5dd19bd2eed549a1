"""Settings of the e-mail channel: `DESKHAND_EMAIL_...`, and the key that seals what is secret."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from deskhand.errors import SetupInvalid
from deskhand.settings import Duration

PREFIX = "DESKHAND_EMAIL_"
Security = Literal["tls", "starttls", "none"]


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _safe_address(value: str) -> str:
    """Tokens and mail travel encrypted, or not off this machine."""
    parts = urlsplit(value)
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname))):
        raise ValueError("give an https:// address; http:// is for loopback only")
    return value.rstrip("/")


Url = Annotated[str, AfterValidator(_safe_address)]


class EmailSettings(BaseSettings):
    """Every field is a variable `DESKHAND_EMAIL_<NAME>`; a field's description is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    provider: Literal["none", "gmail", "mailbox"] = Field(
        "none", description="where e-mail comes from; none: replies go to the local outbox, in development only"
    )
    address: str = Field("", description="the support mailbox, such as support@example.com")
    aliases: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="further addresses of ours, comma-separated: mail from them is never answered"
    )
    from_name: str = Field("", max_length=100, description="name beside the address; unset: the company's team")
    authserv_id: str = Field(
        "",
        description="name under which our receiving server signs Authentication-Results; unset: mx.google.com for "
        "Gmail, and no sender is verified for a mailbox",
    )
    fetch_every: Duration = Field(timedelta(seconds=60), description="look into the mailbox this often")
    backlog: Duration = Field(
        timedelta(0), description="how far back the first look into a new mailbox goes; older mail is left alone"
    )
    timeout: Duration = Field(timedelta(seconds=15), description="longest wait for one answer of the provider")
    secret_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DESKHAND_SECRET_KEY", "secret_key"),
        description="seals stored credentials and signs Message-IDs; at least 32 characters. Several keys, "
        "comma-separated: the first seals, all open.",
    )

    gmail_client_id: str = Field("", description="OAuth client of the Google Cloud project, type Desktop app")
    gmail_client_secret: SecretStr | None = Field(None, description="its secret")
    gmail_service_account_file: Path | None = Field(
        None, description="key of a service account with domain-wide delegation, instead of an OAuth client"
    )
    gmail_topic: str | None = Field(
        None,
        pattern=r"^projects/[^/\s]+/topics/[^/\s]+$",
        description="Pub/Sub topic projects/PROJECT/topics/TOPIC; unset: mail is fetched by looking only",
    )
    gmail_push_audience: str | None = Field(None, description="audience of the push subscription's tokens")
    gmail_push_account: str | None = Field(None, description="e-mail of the service account that signs pushes")
    gmail_api_url: Url = Field("https://gmail.googleapis.com", description="Gmail's address")
    gmail_consent_url: Url = Field(
        "https://accounts.google.com/o/oauth2/v2/auth", description="page on which a person consents"
    )
    gmail_token_url: Url = Field("https://oauth2.googleapis.com/token", description="gives access tokens")
    gmail_certs_url: Url = Field(
        "https://www.googleapis.com/oauth2/v1/certs", description="Google's certificates that verify pushes"
    )

    imap_host: str = Field("", description="IMAP server of a plain mailbox")
    imap_port: int = Field(993, ge=1, le=65535, description="its port")
    imap_security: Security = Field("tls", description="tls, starttls, or none on loopback only")
    imap_folder: str = Field("INBOX", description="the folder that is read")
    smtp_host: str = Field("", description="SMTP server of a plain mailbox")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port")
    smtp_security: Security = Field("starttls", description="tls, starttls, or none on loopback only")
    mailbox_user: str = Field("", description="user at both servers; unset: the address")
    mailbox_password: SecretStr | None = Field(None, description="password, or app password, at both servers")
    sent_folder: str = Field("Sent", description="the folder in which sent mail is kept and looked for")
    sent_copies: Literal["server", "append", "none"] = Field(
        "none", description="who keeps sent mail there: the SMTP server by itself, Deskhand, or nobody"
    )

    @field_validator("aliases", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for name in self._missing():
            raise ValueError(f"{name} is missing; the provider '{self.provider}' needs it")
        if any(len(key) < 32 for key in self.secret_keys):
            raise ValueError("DESKHAND_SECRET_KEY: each key needs at least 32 characters")
        for service in ("imap", "smtp"):
            if getattr(self, f"{service}_security") == "none" and not is_loopback(getattr(self, f"{service}_host")):
                raise ValueError(f"{PREFIX}{service.upper()}_SECURITY: 'none' is for loopback only")
        return self

    def _missing(self) -> list[str]:
        needed: dict[str, object] = {}
        if self.provider != "none":
            needed |= {"ADDRESS": self.address, "SECRET_KEY": self.secret_keys}
        if self.provider == "gmail" and self.gmail_service_account_file is None:
            needed |= {"GMAIL_CLIENT_ID": self.gmail_client_id, "GMAIL_CLIENT_SECRET": self.gmail_client_secret}
        if self.provider == "mailbox":
            needed |= {"IMAP_HOST": self.imap_host, "SMTP_HOST": self.smtp_host}
            needed |= {"MAILBOX_PASSWORD": self.mailbox_password}
        return [
            "DESKHAND_SECRET_KEY" if name == "SECRET_KEY" else PREFIX + name for name, is_ in needed.items() if not is_
        ]

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The first one seals; the others still open what they once sealed."""
        given = self.secret_key.get_secret_value() if self.secret_key else ""
        return tuple(key.strip() for key in given.split(",") if key.strip())

    @property
    def own_addresses(self) -> tuple[str, ...]:
        return (self.address, *self.aliases)

    @property
    def trusted_server(self) -> str:
        return self.authserv_id or ("mx.google.com" if self.provider == "gmail" else "")


def load_email_settings(**overrides: object) -> EmailSettings:
    """Read the environment.

    Raises:
        SetupInvalid: a variable has a value that can't be used, or the provider needs one more; the message names it.
    """
    try:
        return EmailSettings(**overrides)  # pyright: ignore[reportArgumentType]  # overrides are validated by the model
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        if not name:
            raise SetupInvalid(f"{reason}.") from error
        variable = name if name.startswith("DESKHAND_") else f"{PREFIX}{name}"
        raise SetupInvalid(f"{variable}: {reason}.", field=variable) from error
