"""All settings of the process: one frozen class, read from the environment with the prefix DESKHAND_."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from deskhand.errors import SetupInvalid

COMPANY_THAT_SHIPS = Path(__file__).parent / "company"
FILE_TYPES = (
    *("pdf", "png", "jpg", "jpeg", "gif", "webp", "txt", "log", "csv", "md", "json"),
    *("zip", "docx", "xlsx", "pptx", "odt", "ods"),
)
DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_duration(value: object) -> object:
    """`500ms`, `30s`, `4h`, `2d`; ISO 8601 such as `PT30S` is left to the model."""
    if isinstance(value, timedelta) or (isinstance(value, str) and value.startswith("P")):
        return value
    if isinstance(value, str) and (match := DURATION.match(value)):
        return timedelta(**{UNITS[match[2]]: float(match[1])})
    raise ValueError("write a number with its unit, such as 500ms, 30s, 4h or 2d")


Duration = Annotated[timedelta, BeforeValidator(read_duration)]


class Settings(BaseSettings):
    """Every field is a variable `DESKHAND_<NAME>`; a field's description is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix="DESKHAND_",
        env_file=".env",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    mode: Literal["development", "production"] = Field(
        "development",
        description="production refuses conveniences: test endpoints, local outbox, console logs",
    )
    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DESKHAND_DATABASE_URL", "DATABASE_URL"),
        description="PostgreSQL 15 or later with pgvector; unset: the embedded server in the data folder. "
        "DATABASE_URL is read too.",
    )
    database_pool_size: int = Field(10, ge=2, le=200, description="connections of one process at the most")
    database_wait: Duration = Field(
        timedelta(seconds=60), description="how long a start waits, with growing pauses, for the database"
    )
    data_dir: Path = Field(Path(".deskhand"), description="the embedded database and local files")
    postgres_dir: Path | None = Field(
        None, description="folder of a PostgreSQL installation to run as the embedded server instead of the package's"
    )
    company_dir: Path = Field(COMPANY_THAT_SHIPS, description="the company folder; `deskhand init` writes one")

    host: str = Field("127.0.0.1", description="address that the web process listens on")
    port: int = Field(8600, ge=0, le=65535, description="port of the web process; 0 picks a free one")
    public_url: str | None = Field(None, description="the address customers see, for links in replies")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="origins, comma-separated, whose pages may call the form's endpoints"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses and networks, comma-separated, whose X-Forwarded-For is believed"
    )
    max_body_bytes: int = Field(256_000, ge=1_000, description="largest request body that is read")

    form_per_address: int = Field(30, ge=0, description="messages from one network address in an hour; 0: any number")
    form_per_network: int = Field(150, ge=0, description="messages from one network, /24 or /64, in an hour")
    form_per_email: int = Field(10, ge=0, description="messages in the name of one e-mail address in an hour")
    form_replies: int = Field(30, ge=0, description="replies on one status page in an hour")
    form_min_fill: Duration = Field(
        timedelta(seconds=2),
        description="who sends the form sooner after opening it is taken for a program; 0s: nobody",
    )
    form_files_max: int = Field(5, ge=0, le=20, description="files with one message of the form; 0 takes none")
    form_file_types: Annotated[tuple[str, ...], NoDecode] = Field(
        FILE_TYPES,
        description="endings of files that the form takes, comma-separated; each is checked by the file's content",
    )
    form_copies_per_day: int = Field(1, ge=0, description="answers that are mailed in a day to an unverified address")
    form_copies_per_week: int = Field(3, ge=0, description="the same in a week")
    form_copies_per_hour: int = Field(
        200, ge=0, description="answers to the form that are mailed in an hour, to anybody"
    )

    webhook_max_bytes: int = Field(65_536, ge=1_000, description="largest body that a provider may post")
    file_max_bytes: int = Field(10_000_000, ge=0, description="largest attached file that is kept")
    message_files_max: int = Field(20, ge=0, description="files of one message that are kept at the most")
    message_files_max_bytes: int = Field(25_000_000, ge=0, description="size of one message's files at the most")

    provider_timeout: Duration = Field(timedelta(seconds=30), description="for one call to a channel's provider")
    delivery_attempts: int = Field(20, ge=1, description="tries before a reply that its provider refuses has failed")
    delivery_patience: Duration = Field(
        timedelta(days=1), description="how long a reply may wait for its provider before it has failed"
    )
    delivery_search_wait: Duration = Field(
        timedelta(seconds=60), description="how long a provider may take to show a message whose sending broke off"
    )
    mails_per_hour: int = Field(3, ge=1, description="automatic mails to one address in an hour; then a person answers")
    mails_per_day: int = Field(10, ge=1, description="automatic mails to one address in a day; then a person answers")

    topic_prefix: str = Field("deskhand", pattern=r"^[a-z][a-z0-9-]*$", description="first part of each topic's name")
    worker_concurrency: int = Field(8, ge=1, le=200, description="conversations that one worker handles at a time")
    queue_lease: Duration = Field(timedelta(seconds=30), description="how long a silent worker keeps its work")
    queue_attempts: int = Field(6, ge=1, description="tries before a message goes to the dead letters")
    queue_backoff: Duration = Field(
        timedelta(seconds=1), description="longest pause after the first failure of a message; doubles with each"
    )
    queue_backoff_cap: Duration = Field(timedelta(seconds=60), description="longest pause between two tries")
    queue_poll: Duration = Field(timedelta(seconds=2), description="look for work this often when no notice comes")
    queue_listen: bool = Field(True, description="use LISTEN/NOTIFY; false behind a transaction pooler")
    drain: Duration = Field(timedelta(seconds=25), description="how long a stop waits for work under way")

    transport: Literal["postgres", "kafka"] = Field("postgres", description="what carries messages between the parts")
    kafka_bootstrap: str | None = Field(None, description="brokers, HOST:PORT and comma-separated; kafka needs it")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how brokers are spoken to"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how to sign in, for the SASL protocols"
    )
    kafka_sasl_username: str | None = Field(None, description="name to sign in with")
    kafka_sasl_password: SecretStr | None = Field(None, description="password to sign in with")
    kafka_ca_file: Path | None = Field(None, description="certificates to trust; unset: the system's")
    kafka_group: str = Field("deskhand", min_length=1, description="consumer group of the workers")
    kafka_topic_prefix: str = Field(
        "", pattern=r"^[a-zA-Z0-9._-]*$", description="put before each topic's name on the brokers, such as `support.`"
    )
    kafka_partitions: int = Field(12, ge=1, description="partitions of a topic that `deskhand queue topics` creates")
    kafka_replication: int = Field(3, ge=1, description="copies of a topic that `deskhand queue topics` creates")
    kafka_retention: Duration = Field(
        timedelta(days=7), description="how long brokers keep messages; what was handled is remembered a day longer"
    )
    kafka_relay_shards: int = Field(1, ge=1, le=64, description="how many relays share the outbox, over all workers")
    kafka_wait: Duration = Field(
        timedelta(seconds=60), description="how long a worker's start waits, with growing pauses, for the brokers"
    )

    reference_prefix: str = Field("TF", pattern=r"^[A-Z]{1,6}$", description="first part of ticket references")
    brain: Literal["offline", "llm"] = Field("offline", description="what composes replies")
    llm_provider: Literal["openai", "anthropic", "google", "openai-compatible"] = Field(
        "openai", description="whose wire format the language model speaks"
    )
    llm_model: str | None = Field(None, description="name of the language model; the brain 'llm' needs it")
    llm_base_url: str | None = Field(None, description="address of the provider; unset: the provider's own")
    llm_api_key: SecretStr | None = Field(
        None, description="the provider's key; only openai-compatible endpoints may do without"
    )
    llm_stream: bool = Field(False, description="read the model's answers as a stream")
    llm_timeout: Duration = Field(
        timedelta(seconds=30), description="time of a turn for the model, retries included; then the offline brain"
    )
    llm_max_tokens: int = Field(60_000, ge=1_000, description="tokens, in and out, that one turn may use")
    llm_max_output_tokens: int = Field(2_000, ge=200, description="tokens of one answer of the model at the most")
    llm_turn_ceiling_usd: float = Field(0.25, ge=0, description="most that one turn may cost; then the offline brain")
    llm_day_ceiling_usd: float = Field(
        20.0, ge=0, description="most that a UTC day may cost, over all processes; then the offline brain"
    )
    llm_price_input: float = Field(
        5.0, ge=0, description="USD per million input tokens; the default is on the dear side, so that ceilings hold"
    )
    llm_price_output: float = Field(25.0, ge=0, description="USD per million output tokens")
    model_threads: int = Field(1, ge=1, le=64, description="threads of the local embedding model")
    embedding_provider: Literal["local", "openai-compatible"] = Field(
        "local", description="what makes the vectors that the help centre is searched by; triage always uses the local"
    )
    embedding_model: str | None = Field(None, min_length=1, description="name of the embedding model at the provider")
    embedding_base_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s@?#]+$",
        description="address of an OpenAI-compatible endpoint, without /embeddings",
    )
    embedding_api_key: SecretStr | None = Field(None, description="the endpoint's key; own servers may do without")
    embedding_dimensions: int | None = Field(
        None, ge=8, le=16_000, description="length of the model's vectors; above 4,000 no index speeds search up"
    )
    embedding_timeout: Duration = Field(timedelta(seconds=10), description="for one try at the embedding endpoint")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_json: bool | None = Field(None, description="JSON lines; unset: in production only")

    @field_validator("cors_origins", "trusted_proxies", "form_file_types", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            ip_network(part, strict=False)
        return value

    @field_validator("form_file_types")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - set(FILE_TYPES))
        if unknown:
            raise ValueError(f"{unknown[0]} is no type that can be checked; known are {', '.join(FILE_TYPES)}")
        return value

    @property
    def is_production(self) -> bool:
        return self.mode == "production"

    @property
    def logs_as_json(self) -> bool:
        return self.is_production if self.log_json is None else self.log_json


def load_settings(**overrides: object) -> Settings:
    """Read the environment.

    Raises:
        SetupInvalid: a variable has a value that can't be used; the message names it.
    """
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]  # overrides are validated by the model
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        variable = name if name.startswith(("DESKHAND_", "DATABASE_URL")) else f"DESKHAND_{name}"
        reason = first["msg"].removeprefix("Value error, ")
        raise SetupInvalid(f"{variable}: {reason}.", field=variable) from error
