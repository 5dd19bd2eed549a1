"""The account in the environment: whole, or not at all."""

from __future__ import annotations

import pytest

from deskhand.channels.base import ChannelHealth
from deskhand.channels.local_outbox import LocalOutbox
from deskhand.channels.twilio_settings import read_account
from deskhand.channels.whatsapp import WhatsAppChannel, WhatsAppSettings
from deskhand.errors import SetupInvalid
from deskhand.settings import Settings
from tests.channels.whatsapp.calls import ACCOUNT, SENDER, TEMPLATE, TOKEN, URL
from tests.fakes import shipped_company

PREFIX = "DESKHAND_WHATSAPP_"
WHOLE = {"ACCOUNT_SID": ACCOUNT, "AUTH_TOKEN": TOKEN, "SENDER": SENDER, "WEBHOOK_URL": URL}


class Environment:
    """The process's variables, and the settings that are read beside them."""

    def __init__(self, patch: pytest.MonkeyPatch, settings: Settings) -> None:
        self._patch = patch
        self._settings = settings

    def read(self, given: dict[str, str], **more: object) -> WhatsAppSettings | None:
        for name, value in given.items():
            self._patch.setenv(PREFIX + name, value)
        return read_account(WhatsAppSettings, self._settings.model_copy(update=more))

    def refusal(self, given: dict[str, str], **more: object) -> str:
        with pytest.raises(SetupInvalid) as caught:
            self.read(given, **more)
        assert "\n" not in str(caught.value)
        assert "s3cret" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Environment:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    return Environment(monkeypatch, settings)


def test_nothing_configured_is_no_account(environment: Environment) -> None:
    assert environment.read({}) is None
    assert environment.read({"ACCOUNT_SID": "", "API_BASE_URL": "http://127.0.0.1:9"}) is None


def test_a_whole_account_is_read_and_its_secrets_stay_inside(environment: Environment) -> None:
    account = environment.read(WHOLE)

    assert account is not None
    assert (account.credentials, account.senders, account.tokens) == ((ACCOUNT, TOKEN), (SENDER,), (TOKEN,))
    assert account.status_url == f"{URL}/status"
    assert TOKEN not in repr(account).replace(URL, "")


@pytest.mark.parametrize("missing", list(WHOLE))
def test_a_half_configured_account_is_refused_in_a_line_that_names_what_is_missing(
    environment: Environment, missing: str
) -> None:
    given = {name: value for name, value in WHOLE.items() if name != missing}

    assert environment.refusal(given).startswith(f"{PREFIX}{missing} is missing")


def test_a_webhook_s_address_is_made_from_the_public_one(environment: Environment) -> None:
    given = {name: value for name, value in WHOLE.items() if name != "WEBHOOK_URL"}
    account = environment.read(given, public_url="https://support.example.com/")

    assert account is not None
    assert (account.webhook_url, account.status_url) == (URL, f"{URL}/status")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCOUNT_SID", "AC123"),
        ("SENDER", "+14155238886"),
        ("SENDER", "whatsapp:14155238886"),
        ("MORE_SENDERS", "whatsapp:+1415523888, somebody"),
        ("WEBHOOK_URL", "support.example.com"),
        ("WEBHOOK_URL", "https://user:s3cret@support.example.com/x"),
        ("API_BASE_URL", "http://api.twilio.com"),
        ("MESSAGING_SERVICE_SID", "MG1"),
        ("TEMPLATE_CONTENT_SID", "HX1"),
        ("TEMPLATE_VARIABLES", "{"),
        ("TEMPLATE_VARIABLES", "[]"),
        ("TEMPLATE_VARIABLES", '{"1": ""}'),
        ("TEMPLATE_VARIABLES", '{"1": 2}'),
        ("SEND_TIMEOUT", "soon"),
        ("MEDIA_MAX_BYTES", "-1"),
    ],
)
def test_a_value_that_can_t_be_used_is_named(environment: Environment, name: str, value: str) -> None:
    assert environment.refusal(WHOLE | {name: value}).startswith(f"{PREFIX}{name}: ")


@pytest.mark.parametrize("name", ["API_KEY_SID", "API_KEY_SECRET"])
def test_half_an_api_key_is_refused(environment: Environment, name: str) -> None:
    other = {"API_KEY_SID": "API_KEY_SECRET", "API_KEY_SECRET": "API_KEY_SID"}[name]
    value = {"API_KEY_SID": "SK" + "4" * 32, "API_KEY_SECRET": "s3cret"}[name]

    assert environment.refusal(WHOLE | {name: value}).startswith(f"{PREFIX}{other} is missing")


def test_in_production_addresses_are_https(environment: Environment) -> None:
    given = WHOLE | {"WEBHOOK_URL": URL.replace("https", "http")}

    assert environment.read(given) is not None
    assert environment.refusal(given, mode="production").startswith(f"{PREFIX}WEBHOOK_URL: ")


def test_a_template_has_its_variables_shape(environment: Environment) -> None:
    account = environment.read(WHOLE | {"TEMPLATE_CONTENT_SID": TEMPLATE, "TEMPLATE_VARIABLES": '{"1": "{text}"}'})

    assert account is not None
    assert account.template is not None
    assert account.template.variables == {"1": "{text}"}


def test_the_channel_s_health_tells_the_three_apart(environment: Environment, settings: Settings) -> None:
    company, outbox = shipped_company(), LocalOutbox(settings.data_dir)

    assert WhatsAppChannel.build(settings, company, outbox).health().state == "local"
    assert WhatsAppChannel.build(settings, company, None).health().state == "not_configured"
    environment.read(WHOLE)
    assert WhatsAppChannel.build(settings, company, None).health() == ChannelHealth("ready", f"Twilio, as {SENDER}")
