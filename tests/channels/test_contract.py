"""What every channel in the registry keeps to: asked of each, so that a new one is asked as well."""

from __future__ import annotations

from typing import Any

import pytest

from deskhand.channels import build_channels
from deskhand.channels.base import Channel, Outbound, Reply
from deskhand.channels.fields import read_message
from deskhand.company_folder import Company
from deskhand.errors import ChannelError, InvalidInput
from deskhand.settings import COMPANY_THAT_SHIPS, Settings, load_settings
from deskhand.transport import Topics
from tests.driving import SENDERS, payload
from tests.fakes import shipped_company

NAMES = tuple(build_channels(load_settings(_env_file=None), shipped_company()))
LONG = "\n\n".join(f"{number}. Open the page, look for entry {number} and press it. Then wait." for number in range(90))


@pytest.fixture(params=NAMES)
def channel(request: pytest.FixtureRequest, settings: Settings, company: Company) -> Channel:
    return build_channels(settings, company)[request.param]


def reply(text: str, **more: Any) -> Reply:
    given: dict[str, Any] = {
        "customer_name": "Dana Fox",
        "reference": "TF-20261122-7K3Q",
        "subject": "Board",
        "language": "en",
    }
    return Reply(text=text, **given | more)


def stored(channel: Channel, **more: Any) -> dict[str, Any]:
    return payload("How do I invite a colleague?", channel=channel.name) | more


def test_the_registry_holds_the_three_channels_under_their_names() -> None:
    assert NAMES == ("email", "whatsapp", "web_form")


def test_what_a_front_door_stored_is_read_back(channel: Channel) -> None:
    raw = stored(channel, subject="Board", thread="t-1", headers={"In-Reply-To": "<a@b>"})

    message = channel.parse(raw)

    assert (message.channel, message.provider_id, message.thread) == (channel.name, raw["provider_id"], "t-1")
    assert (message.sender, message.name) == (SENDERS[channel.name], "Dana Fox")
    assert (message.subject, message.body) == ("Board", "How do I invite a colleague?")
    assert (message.verified, message.headers) == (raw["verified"], {"In-Reply-To": "<a@b>"})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"provider_id": ""}, "provider_id"),
        ({"provider_id": "   "}, "provider_id"),
        ({"provider_id": None}, "provider_id"),
        ({"body": None}, "body"),
        ({"body": "a\0b"}, "body"),
        ({"subject": "half a \ud83d"}, "subject"),
        ({"headers": {"x": "a\0b"}}, "headers"),
        ({"plan": "enterprise"}, "plan"),
        ({"customer_id": "c-1"}, "customer_id"),
        ({"verified": "perhaps"}, "verified"),
        ({"sender": "nobody"}, None),
    ],
)
def test_a_payload_that_is_no_message_is_refused(channel: Channel, change: dict[str, Any], field: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        channel.parse(stored(channel) | change)

    assert field is None or (caught.value.field or "").startswith(field)


def test_a_reply_greets_by_first_name_and_holds_the_text(channel: Channel) -> None:
    text = "\n".join(channel.format(reply("Open **Settings** and then `Members`.")))

    assert "Dana" in text
    assert "Fox" not in text
    assert "Open Settings and then Members." in text


def test_without_a_name_it_greets_all_the_same(channel: Channel) -> None:
    first = channel.format(reply("Open Settings.", customer_name=""))[0]

    assert first.startswith(("Hello", "Hi"))
    assert "{" not in first


@pytest.mark.parametrize("name", ["http://evil.example", "<b>", "123", "a" * 60, "{team}"])
def test_a_name_that_is_none_is_not_repeated(channel: Channel, name: str) -> None:
    assert name not in "\n".join(channel.format(reply("Open Settings.", customer_name=name)))


def test_the_disclosure_is_there_when_it_is_given_and_only_then(channel: Channel) -> None:
    told = "\n".join(channel.format(reply("Open Settings.", disclosure="An AI wrote this.")))
    untold = "\n".join(channel.format(reply("Open Settings.")))

    assert "An AI wrote this." in told
    assert "An AI wrote this." not in untold


def test_the_source_is_linked(channel: Channel) -> None:
    links = (("Invite members", "https://help.taskflow.io/invite"),)

    assert "https://help.taskflow.io/invite" in "\n".join(channel.format(reply("Open Settings.", links=links)))


def test_no_part_is_empty(channel: Channel) -> None:
    assert all(part.strip() for part in channel.format(reply(LONG, disclosure="An AI wrote this.")))


async def test_in_development_a_reply_reaches_somebody_without_any_account(channel: Channel) -> None:
    receipt = await channel.send(Outbound("d-1", "dana@example.com", "Hello"))

    assert receipt.state in ("sent", "delivered")
    assert channel.health().state in ("ready", "local")


async def test_in_production_a_channel_without_provider_fails_visibly(
    channel: Channel, settings: Settings, company: Company
) -> None:
    strict = build_channels(settings.model_copy(update={"mode": "production"}), company)[channel.name]
    if strict.health().state == "ready":
        return

    with pytest.raises(ChannelError) as caught:
        await strict.send(Outbound("d-1", "dana@example.com", "Hello"))

    assert caught.value.permanent
    assert strict.health().state == "not_configured"


def test_every_channel_s_topic_is_consumed() -> None:
    topics = Topics("deskhand")

    assert {topics.inbound(name) for name in NAMES} <= set(topics.consumed)


def test_the_folder_that_ships_speaks_on_every_channel() -> None:
    assert COMPANY_THAT_SHIPS.is_dir()
    assert set(NAMES) <= set(shipped_company().voice.channels)


def test_quoted_words_of_a_letter_are_kept_beside_the_customers_own(company: Company) -> None:
    body = "All good, the file opens again.\n\nOn Monday Lisa wrote:\n> I want my money back\n> at once"
    payload = {"provider_id": "one", "sender": "dana@example.com", "subject": "Re: Ticket", "body": body}

    message = read_message("email", "email", payload)

    assert message.body == "All good, the file opens again."
    assert "I want my money back" in message.folded
