"""A reply on its way out: what Twilio is told, and what its answers mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deskhand.channels.base import Outbound
from deskhand.channels.twilio_api import read_retry_after
from deskhand.channels.twilio_errors import MEANINGS, read_refusal
from deskhand.channels.whatsapp import WhatsAppChannel
from deskhand.clock import FixedClock
from deskhand.errors import ChannelError, WindowClosed
from tests.channels.whatsapp.calls import SENDER, SERVICE, STATUS_URL, TEMPLATE, channel
from tests.fakes import shipped_company
from tests.standins.twilio import Fault, TwilioServer

CUSTOMER = "+491701234567"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VARIABLES = '{"1": "{text}"}'


@pytest.fixture
async def twilio() -> AsyncGenerator[TwilioServer]:
    async with TwilioServer(now=lambda: NOW).running() as server:
        server.account.wrote_at[f"whatsapp:{CUSTOMER}"] = NOW - timedelta(hours=1)
        yield server


def whatsapp(twilio: TwilioServer, **more: Any) -> WhatsAppChannel:
    given: dict[str, Any] = {
        "api_base_url": twilio.address,
        "auth_token": twilio.account.token,
        "list_delay": timedelta(seconds=10),
    }
    return channel(clock=FixedClock(NOW), **given | more)


def outbound(text: str = "Open Settings.", **more: Any) -> Outbound:
    given: dict[str, Any] = {"delivery_id": "0198c0de", "recipient": CUSTOMER, "text": text}
    return Outbound(**given | more)


async def fails(channel: WhatsAppChannel, message: Outbound | None = None) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await channel.send(message or outbound())
    return caught.value


async def test_the_text_goes_out_byte_for_byte_with_our_id_in_the_report_s_address(twilio: TwilioServer) -> None:
    receipt = await whatsapp(twilio).send(outbound("Ünï 🎉\n\n*x*  "))

    assert twilio.orders == [
        {
            "To": f"whatsapp:{CUSTOMER}",
            "From": SENDER,
            "Body": "Ünï 🎉\n\n*x*  ",
            "StatusCallback": f"{STATUS_URL}?o=0198c0de",
        }
    ]
    assert (receipt.state, receipt.provider_id) == ("sent", twilio.messages[0]["sid"])


async def test_instructions_for_twilio_stay_behind_the_hash_mark(twilio: TwilioServer) -> None:
    await whatsapp(twilio, status_url=f"{STATUS_URL}?a=1#rc=2&rp=all").send(outbound())

    assert twilio.orders[0]["StatusCallback"] == f"{STATUS_URL}?a=1&o=0198c0de#rc=2&rp=all"


async def test_an_api_key_sends_in_place_of_the_token(twilio: TwilioServer) -> None:
    twilio.account.keys["SK" + "4" * 32] = "s3cret"
    await whatsapp(twilio, auth_token="other", api_key_sid="SK" + "4" * 32, api_key_secret="s3cret").send(outbound())

    assert len(twilio.messages) == 1


async def test_a_messaging_service_is_named(twilio: TwilioServer) -> None:
    await whatsapp(twilio, messaging_service_sid=SERVICE).send(outbound())

    assert twilio.orders[0]["MessagingServiceSid"] == SERVICE
    assert twilio.messages[0]["status"] == "accepted"


async def test_somebody_without_a_number_is_written_to_by_their_id(twilio: TwilioServer) -> None:
    twilio.account.wrote_at["whatsapp:US.13491208655302741918"] = NOW
    await whatsapp(twilio).send(outbound(recipient="US.13491208655302741918"))

    assert twilio.orders[0]["To"] == "whatsapp:US.13491208655302741918"


@pytest.mark.parametrize("recipient", ["", "dana@example.com", "whatsapp:", "+49 170", "1; To=x"])
async def test_a_recipient_that_is_none_never_reaches_twilio(twilio: TwilioServer, recipient: str) -> None:
    assert (await fails(whatsapp(twilio), outbound(recipient=recipient))).permanent
    assert twilio.messages == []


async def test_a_day_after_the_customer_wrote_the_template_goes_out_alone(twilio: TwilioServer) -> None:
    twilio.account.wrote_at.clear()
    out = whatsapp(twilio, template_content_sid=TEMPLATE, template_variables=VARIABLES)
    receipt = await out.send(outbound("One.\n\nTwo.", customer_wrote_at=NOW - timedelta(hours=24)))

    assert "Body" not in twilio.orders[0]
    assert json.loads(twilio.orders[0]["ContentVariables"]) == {"1": "One. Two."}
    assert (twilio.refused, TEMPLATE in receipt.detail) == ([], True)


async def test_when_twilio_says_the_window_is_closed_the_template_goes_out(twilio: TwilioServer) -> None:
    twilio.account.wrote_at.clear()
    out = whatsapp(twilio, template_content_sid=TEMPLATE, template_variables=VARIABLES)
    await out.send(outbound("x" * 1500))

    assert twilio.refused == [63016]
    assert twilio.messages[0]["body"] == "We have an answer: " + "x" * 599 + "…"


@pytest.mark.parametrize("wrote_at", [None, NOW - timedelta(hours=25)])
async def test_without_a_template_a_closed_window_says_so(twilio: TwilioServer, wrote_at: datetime | None) -> None:
    twilio.account.wrote_at.clear()
    error = await fails(whatsapp(twilio), outbound(customer_wrote_at=wrote_at))

    assert isinstance(error, WindowClosed)
    assert (error.code, error.permanent, error.was_sent) == ("window_closed", True, False)


async def test_a_message_within_the_day_is_free_text(twilio: TwilioServer) -> None:
    out = whatsapp(twilio, template_content_sid=TEMPLATE, template_variables=VARIABLES)
    await out.send(outbound(customer_wrote_at=NOW - timedelta(hours=23, minutes=59)))

    assert twilio.messages[0]["body"] == "Open Settings."


async def test_a_text_that_twilio_finds_too_long_is_sent_in_smaller_pieces(twilio: TwilioServer) -> None:
    twilio.account.limit = 900
    text = "One sentence of the answer. " * 50
    receipt = await whatsapp(twilio).send(outbound(text.strip()))

    assert " ".join(message["body"] for message in twilio.messages) == text.strip()
    assert [receipt.provider_id, *receipt.also_known_as] == [message["sid"] for message in twilio.messages]
    assert twilio.refused == [21617]


async def test_a_text_that_no_split_makes_short_enough_fails_for_good(twilio: TwilioServer) -> None:
    twilio.account.limit = 10
    error = await fails(whatsapp(twilio), outbound("One sentence of the answer. " * 50))

    assert (error.permanent, error.was_sent, twilio.messages) == (True, False, [])


async def test_a_text_over_the_limit_is_not_sent(twilio: TwilioServer) -> None:
    assert (await fails(whatsapp(twilio), outbound("🎉" * 801))).permanent


async def test_when_a_later_piece_fails_nobody_sends_the_first_again(twilio: TwilioServer) -> None:
    twilio.account.limit = 900
    out, text = whatsapp(twilio), ("One sentence of the answer. " * 50).strip()
    twilio.faults.extend([None, None, "failing"])

    error = await fails(out, outbound(text))

    assert (error.permanent, error.was_sent, len(twilio.messages)) == (True, None, 1)


@pytest.mark.parametrize(
    ("fault", "was_sent", "wait"),
    [
        ("rate-limited", False, timedelta(seconds=3)),
        ("failing", None, None),
        ("failing-after-accepting", None, None),
        ("hangs-after-accepting", None, None),
        ("hangs", None, None),
        ("closes", None, None),
        ("garbage", None, None),
    ],
)
async def test_a_fault_says_whether_the_message_was_taken(
    twilio: TwilioServer, fault: Fault, was_sent: bool | None, wait: timedelta | None
) -> None:
    twilio.faults.append(fault)
    error = await fails(whatsapp(twilio, send_timeout=timedelta(seconds=0.3)))

    assert (error.permanent, error.pauses, error.was_sent, error.retry_after) == (False, False, was_sent, wait)


async def test_when_nobody_listens_the_message_was_certainly_not_taken(twilio: TwilioServer) -> None:
    error = await fails(whatsapp(twilio, api_base_url="http://127.0.0.1:9"))

    assert (error.permanent, error.was_sent) == (False, False)


async def test_a_wrong_token_rests_the_channel(twilio: TwilioServer) -> None:
    error = await fails(whatsapp(twilio, auth_token="wrong"))

    assert (error.pauses, error.permanent, error.was_sent) == (True, False, False)
    assert "20003" in error.message


@pytest.mark.parametrize("code", sorted(MEANINGS))
def test_every_known_code_is_for_now_for_good_or_for_a_person(code: int) -> None:
    error = read_refusal(400, code, None)

    assert [not error.permanent and not error.pauses, error.permanent, error.pauses].count(True) == 1
    assert error.was_sent is False
    assert str(code) in error.message


@pytest.mark.parametrize("code", [20429, 63017, 63018, 63012])
def test_what_passes_is_tried_again_after_a_while(code: int) -> None:
    error = read_refusal(429 if code == 20429 else 400, code, None)

    assert not error.permanent
    assert error.retry_after is not None


@pytest.mark.parametrize("code", [21211, 21408, 21610, 21617, 63003, 63013, 63021, 63024, 99999])
def test_what_never_works_is_not_tried_again(code: int) -> None:
    assert read_refusal(400, code, None).permanent


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (403, 403), (404, 20404), (400, 63038), (400, 60728)])
def test_an_account_s_fault_calls_a_person(status: int, code: int) -> None:
    assert read_refusal(status, code, None).pauses


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_after_a_5xx_nobody_knows(status: int) -> None:
    error = read_refusal(status, status, None)

    assert (error.permanent, error.was_sent) == (False, None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3), ("0.5", 0.5), ("-1", 0), ("99999", 3600), ("", None), ("soon", None), ("nan", None), (None, None)],
)
def test_the_time_to_wait_is_read_or_left(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value) == (None if seconds is None else timedelta(seconds=seconds))


def test_a_date_to_wait_for_is_read() -> None:
    assert read_retry_after("Sun, 01 Jan 2006 00:00:00 GMT") == timedelta()


async def test_a_send_that_was_lost_from_sight_is_found_at_twilio(twilio: TwilioServer) -> None:
    twilio.faults.append("hangs-after-accepting")
    out = whatsapp(twilio, send_timeout=timedelta(seconds=0.3))
    await fails(out)

    found = await out.find_sent(outbound(), NOW - timedelta(seconds=20))

    assert found is not None
    assert found.provider_id == twilio.messages[0]["sid"]


async def test_a_send_that_never_arrived_is_certainly_not_there(twilio: TwilioServer) -> None:
    await whatsapp(twilio).send(outbound("Another text."))

    assert await whatsapp(twilio).find_sent(outbound(), NOW - timedelta(seconds=20)) is None


async def test_the_same_words_of_a_message_that_is_known_are_not_taken_for_this_one(twilio: TwilioServer) -> None:
    earlier = await whatsapp(twilio).send(outbound(delivery_id="0198c0dd"))
    lost = outbound(others=frozenset((earlier.provider_id,)))

    assert await whatsapp(twilio).find_sent(lost, NOW - timedelta(seconds=20)) is None


async def test_the_same_words_of_an_earlier_day_are_another_message(twilio: TwilioServer) -> None:
    twilio.now = lambda: NOW - timedelta(minutes=30)
    await whatsapp(twilio).send(outbound())

    assert await whatsapp(twilio).find_sent(outbound(), NOW - timedelta(seconds=20)) is None


async def test_right_after_a_send_its_absence_says_nothing(twilio: TwilioServer) -> None:
    with pytest.raises(ChannelError) as caught:
        await whatsapp(twilio).find_sent(outbound(), NOW - timedelta(seconds=4))

    assert (caught.value.permanent, caught.value.retry_after) == (False, timedelta(seconds=6))


async def test_a_template_can_t_be_told_from_another(twilio: TwilioServer) -> None:
    out = whatsapp(twilio, template_content_sid=TEMPLATE, template_variables=VARIABLES)
    await out.send(outbound("One.\n\nTwo.", customer_wrote_at=NOW - timedelta(hours=25)))

    with pytest.raises(ChannelError) as caught:
        await out.find_sent(outbound("One.\n\nTwo."), NOW - timedelta(seconds=20))
    assert caught.value.permanent


async def test_when_twilio_can_t_be_asked_it_is_asked_again(twilio: TwilioServer) -> None:
    with pytest.raises(ChannelError) as caught:
        await whatsapp(twilio, api_base_url="http://127.0.0.1:9").find_sent(outbound(), NOW)

    assert not caught.value.permanent


async def test_a_wrong_token_rests_the_channel_when_it_only_asks(twilio: TwilioServer) -> None:
    with pytest.raises(ChannelError) as caught:
        await whatsapp(twilio, auth_token="wrong").find_sent(outbound(), NOW)

    assert caught.value.pauses


async def test_many_sends_at_once_are_each_sent_once(twilio: TwilioServer) -> None:
    out = whatsapp(twilio)
    receipts = await asyncio.gather(*(out.send(outbound(f"Text {number}")) for number in range(20)))

    assert len({receipt.provider_id for receipt in receipts}) == 20 == len(twilio.messages)


async def test_the_environment_of_twilio_s_own_tools_moves_nothing(
    twilio: TwilioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TWILIO_EDGE", "TWILIO_REGION", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        monkeypatch.setenv(name, "sydney")
    await whatsapp(twilio).send(outbound())

    assert len(twilio.messages) == 1


async def test_in_production_without_an_account_a_send_fails_visibly() -> None:
    error = await fails(WhatsAppChannel(shipped_company(), None))

    assert error.permanent
