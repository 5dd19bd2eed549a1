"""SMS is one file and one line of the registry: it keeps the contract, and Twilio's rules, by what it shares."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from deskhand.app import create_app
from deskhand.channels import build_channels
from deskhand.channels.base import Channel, Collects, Hooked, HookRequest, Outbound, Searchable
from deskhand.channels.sms import SmsChannel
from deskhand.company_folder import Company
from deskhand.desk import Desk
from deskhand.errors import ChannelError, Forbidden, SetupInvalid
from deskhand.settings import Settings
from tests.channels import test_contract as contract
from tests.standins import twilio_calls as calls
from tests.standins.twilio import TwilioServer
from tests.standins.twilio_rules import Account

PAYLOADS = Path(__file__).parents[1] / "payloads" / "sms"
PREFIX = "DESKHAND_SMS_"
URL = "https://support.example.com/webhooks/sms"
NUMBER = "+14155238886"
ENVIRONMENT = {
    "ACCOUNT_SID": Account().sid,
    "AUTH_TOKEN": Account().token,
    "SENDER": NUMBER,
    "WEBHOOK_URL": URL,
}

# What every channel of the registry keeps to, asked of this one as well.
test_what_a_front_door_stored_is_read_back = contract.test_what_a_front_door_stored_is_read_back
test_a_payload_that_is_no_message_is_refused = contract.test_a_payload_that_is_no_message_is_refused
test_a_reply_greets_by_first_name_and_holds_the_text = contract.test_a_reply_greets_by_first_name_and_holds_the_text
test_without_a_name_it_greets_all_the_same = contract.test_without_a_name_it_greets_all_the_same
test_a_name_that_is_none_is_not_repeated = contract.test_a_name_that_is_none_is_not_repeated
test_the_disclosure_is_there_when_it_is_given = contract.test_the_disclosure_is_there_when_it_is_given_and_only_then
test_the_source_is_linked = contract.test_the_source_is_linked
test_no_part_is_empty = contract.test_no_part_is_empty


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(PREFIX + name, value)


@pytest.fixture
def channel(settings: Settings, company: Company) -> Channel:
    return build_channels(settings, company)["sms"]


def recorded(name: str) -> list[tuple[str, str]]:
    return parse_qsl((PAYLOADS / f"{name}.txt").read_text("utf-8").strip(), keep_blank_values=True)


def call(form: calls.Form, *, path: str = "", query: str = "") -> HookRequest:
    url = f"{URL}{path}{'?' if query else ''}{query}"
    headers = calls.headers(url, form, Account().token)
    return HookRequest("POST", path, query, tuple(headers.items()), calls.encode(form))


def test_without_an_account_there_is_no_such_channel(
    settings: Settings, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(PREFIX + name)

    assert "sms" not in build_channels(settings, company)


def test_half_an_account_is_refused(settings: Settings, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{PREFIX}AUTH_TOKEN")

    with pytest.raises(SetupInvalid, match="DESKHAND_SMS_AUTH_TOKEN is missing"):
        build_channels(settings, company)


def test_it_can_what_whatsapp_can(channel: Channel) -> None:
    assert isinstance(channel, SmsChannel)
    assert isinstance(channel, Hooked)
    assert isinstance(channel, Collects)
    assert isinstance(channel, Searchable)
    assert channel.health().state == "ready"


async def test_a_recorded_message_is_the_verified_number_s(channel: SmsChannel) -> None:
    (raw,) = (await channel.hook(call(recorded("text")))).messages
    message = channel.parse(raw.payload)

    assert (message.sender_kind, message.sender, message.verified) == ("phone", "+491701234567", True)
    assert (message.body, message.headers["FromCity"]) == ("How do I invite a colleague?", "Berlin")


async def test_a_picture_without_words_waits_for_a_person(channel: SmsChannel) -> None:
    (raw,) = (await channel.hook(call(recorded("picture")))).messages

    assert channel.parse(raw.payload).hold == "a file without words"
    assert raw.payload["media"][0]["type"] == "image/jpeg"


async def test_a_recorded_report_is_read(channel: SmsChannel) -> None:
    (update,) = (await channel.hook(call(recorded("status_delivered"), path="/status", query="o=42"))).updates

    assert (update.state, update.delivery_id) == ("delivered", "42")


async def test_a_call_for_another_door_is_refused(channel: SmsChannel) -> None:
    form = recorded("text")
    headers = calls.headers("https://support.example.com/webhooks/whatsapp", form, Account().token)

    with pytest.raises(Forbidden):
        await channel.hook(HookRequest("POST", "", "", tuple(headers.items()), calls.encode(form)))


@pytest.mark.parametrize("recipient", ["", "dana@example.com", "whatsapp:"])
async def test_a_recipient_that_is_no_number_is_refused(channel: SmsChannel, recipient: str) -> None:
    with pytest.raises(ChannelError) as caught:
        await channel.send(Outbound("d-1", recipient, "Hello"))

    assert caught.value.permanent


async def test_a_question_by_sms_is_stored_and_a_reply_goes_out(
    desk: Desk, settings: Settings, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TwilioServer().running() as twilio:
        monkeypatch.setenv(f"{PREFIX}API_BASE_URL", twilio.address)
        monkeypatch.setenv(f"{PREFIX}MEDIA_HOSTS", urlsplit(twilio.cdn).netloc)
        channels = build_channels(settings, company)
        app = create_app(replace(desk, channels=channels))
        twilio.webhook = URL
        twilio.posts_by = lambda: httpx.AsyncClient(transport=httpx.ASGITransport(app))

        answers = await asyncio.gather(
            *(twilio.receive("Hello", sender="+491701234567", to=NUMBER, MessageSid="SM" + "0" * 32) for _ in range(5))
        )
        receipt = await channels["sms"].send(Outbound("d-1", "+491701234567", "Hello"))
        async with desk.db.transaction() as tx:
            rows = await (await tx.execute("select channel, provider_id from inbound")).fetchall()

    assert set(answers) == {204}
    assert rows == [("sms", "SM" + "0" * 32)]
    assert (twilio.messages[0]["sid"], twilio.messages[0]["to"]) == (receipt.provider_id, "+491701234567")
