"""Settings: read from the environment, refused by name, silent about secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from deskhand.errors import SetupInvalid
from deskhand.settings import Settings, load_settings

CANARY = "postgresql://desk:hunter2-canary@db/desk"


def _load() -> Settings:
    return load_settings(_env_file=None)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DESKHAND_PORT", "eighty"),
        ("DESKHAND_PORT", "70000"),
        ("DESKHAND_MODE", "prod"),
        ("DESKHAND_DATABASE_POOL_SIZE", "1"),
        ("DESKHAND_TOPIC_PREFIX", "Two words"),
        ("DESKHAND_REFERENCE_PREFIX", "tf"),
        ("DESKHAND_QUEUE_LEASE", "soon"),
        ("DESKHAND_BRAIN", "guess"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_the_variable_s_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SetupInvalid, match=rf"^{variable}: ") as caught:
        _load()

    assert caught.value.field == variable
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30s", timedelta(seconds=30)),
        ("500ms", timedelta(milliseconds=500)),
        ("1.5m", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("PT45S", timedelta(seconds=45)),
    ],
)
def test_a_duration_is_a_number_with_its_unit(monkeypatch: pytest.MonkeyPatch, written: str, meant: timedelta) -> None:
    monkeypatch.setenv("DESKHAND_QUEUE_LEASE", written)

    assert _load().queue_lease == meant


def test_a_duration_without_unit_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_DRAIN", "25")

    with pytest.raises(SetupInvalid, match="30s"):
        _load()


def test_a_variable_set_to_nothing_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files write `DATABASE_URL=` for a variable that nobody set."""
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("DESKHAND_LOG_JSON", "")

    settings = _load()

    assert settings.database_url is None
    assert settings.log_json is None


def test_the_database_s_address_is_read_under_both_names_ours_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql:///theirs")
    theirs = _load().database_url
    monkeypatch.setenv("DESKHAND_DATABASE_URL", "postgresql:///ours")
    ours = _load().database_url

    assert theirs is not None
    assert ours is not None
    assert (theirs.get_secret_value(), ours.get_secret_value()) == ("postgresql:///theirs", "postgresql:///ours")


def test_origins_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_CORS_ORIGINS", "https://a.example, https://b.example,")

    assert _load().cors_origins == ("https://a.example", "https://b.example")


def test_no_secret_shows_in_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_DATABASE_URL", CANARY)

    settings = _load()

    for shown in (repr(settings), str(settings), f"{settings.model_dump()}", settings.model_dump_json()):
        assert "hunter2" not in shown


def test_an_error_does_not_repeat_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_PORT", CANARY)

    with pytest.raises(SetupInvalid) as caught:
        _load()

    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


def test_settings_cannot_be_changed() -> None:
    settings = _load()

    with pytest.raises(ValidationError):
        setattr(settings, "port", 1)  # noqa: B010  # the type checker knows it to be frozen


def test_logs_are_json_in_production_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_MODE", "production")
    in_production = _load().logs_as_json
    monkeypatch.setenv("DESKHAND_LOG_JSON", "false")

    assert in_production
    assert not _load().logs_as_json


def test_every_setting_is_documented() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
