"""What a customer sent, in our own words."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from deskhand.channels.base import HookRequest, InboundMessage
from deskhand.errors import InvalidInput
from tests.channels.whatsapp.calls import TOKEN, URL, call, changed, channel, recorded
from tests.standins import twilio_calls as calls


async def let_in(request: HookRequest) -> tuple[dict[str, Any], InboundMessage]:
    """The payload as the database gives it back, and the message read from it."""
    (raw,) = (await channel().hook(request)).messages
    payload = json.loads(json.dumps(raw.payload))
    return payload, channel().parse(payload)


async def read(name: str, **fields: str | None) -> InboundMessage:
    return (await let_in(call(changed(recorded(name), **fields))))[1]


async def test_a_text_is_the_verified_sender_s_under_their_whatsapp_id() -> None:
    message = await read("text")

    assert (message.channel, message.provider_id) == ("whatsapp", "SM" + "0" * 31 + "1")
    assert (message.sender_kind, message.sender, message.verified) == ("whatsapp_id", "+14155550100", True)
    assert (message.name, message.body) == ("Zoë", "How do I invite a colleague? 🎉")
    assert message.headers["Phone"] == "+14155550100"
    assert message.hold is None


async def test_the_whatsapp_id_counts_where_it_is_not_the_number() -> None:
    message = await read("text", From="whatsapp:+5511987654321", WaId="551187654321")

    assert (message.sender, message.headers["Phone"]) == ("+551187654321", "+5511987654321")


async def test_somebody_without_a_number_has_the_id_that_whatsapp_made_for_us() -> None:
    message = await read("without_number")

    assert (message.sender_kind, message.sender) == ("whatsapp_id", "US.13491208655302741918")
    assert "Phone" not in message.headers
    assert message.headers["ProfileUsername"] == "zoe.writes"


async def test_a_call_that_names_nobody_is_let_in_and_can_t_be_read() -> None:
    """The flows keep what they can't read, with the cause, for a person to see."""
    (raw,) = (await channel().hook(call(changed(recorded("text"), From="whatsapp:nobody", WaId=None)))).messages

    assert raw.payload["sender"] == "whatsapp:nobody"
    with pytest.raises(InvalidInput):
        channel().parse(raw.payload)


async def test_an_answer_to_one_of_our_messages_names_it() -> None:
    assert (await read("answer_to_ours")).answers == ("SM" + "a" * 32,)
    assert (await read("answer_to_ours", OriginalRepliedMessageSid="x")).answers == ()


async def test_a_file_is_named_in_the_payload_and_fetched_later() -> None:
    payload, message = await let_in(call(recorded("image")))

    assert [item["type"] for item in payload["media"]] == ["image/jpeg"]
    assert payload["media"][0]["url"].startswith("https://api.twilio.com/2010-04-01/Accounts/AC")
    assert (message.body, message.hold) == ("This is what I see", None)


async def test_a_voice_note_waits_for_a_person() -> None:
    message = await read("voice_note")

    assert (message.body, message.hold) == ("", "a file without words")


async def test_a_pressed_button_is_what_it_says() -> None:
    assert (await read("button")).body == "Talk to a person"


async def test_a_place_is_put_into_words() -> None:
    assert (await read("location")).body == "Location: 52.516, 13.377 Brandenburg Gate Pariser Platz, 10117 Berlin"


async def test_a_media_count_without_addresses_is_a_message_all_the_same() -> None:
    payload, message = await let_in(call(changed(recorded("text"), NumMedia="10")))

    assert (payload["media"], message.body) == ([], "How do I invite a colleague? 🎉")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a%00b", "ab"),
        (b"half %ED%A0%BD a pair", "half ��� a pair"),
        (b"no utf-8 %FF%FE", "no utf-8 ��"),
        ("👩🏽‍💻".encode(), "👩🏽‍💻"),
        (b"one%0D%0Atwo", "one\ntwo"),
        (b"a+plus%2B", "a plus+"),
    ],
)
async def test_what_can_t_be_stored_is_cleaned_and_the_signature_still_holds(sent: bytes, kept: str) -> None:
    form = changed(recorded("text"), Body=None)
    body = calls.encode(form) + b"&Body=" + sent
    text = calls.called_url(URL).encode() + _signed(form, sent)
    request = call(form, signature=_sign(text))
    request = HookRequest(request.method, request.path, request.query, request.headers, body)

    _, message = await let_in(request)

    assert message.body == kept


async def test_65_thousand_characters_are_kept() -> None:
    assert (await read("text", Body="x" * 65_000)).body == "x" * 65_000


async def test_a_long_name_is_cut_and_has_one_line() -> None:
    name = (await read("text", ProfileName="Zoë\n" * 200)).name

    assert name.startswith("Zoë Zoë")
    assert "\n" not in name
    assert len(name) <= 200


async def test_the_same_call_gives_the_same_payload() -> None:
    first, _ = await let_in(call(recorded("image")))
    second, _ = await let_in(call(list(reversed(recorded("image")))))

    assert first == second


def _signed(form: calls.Form, raw_body: bytes) -> bytes:
    fields = {name: value.encode() for name, value in form} | {"Body": unquote_to_bytes(raw_body.replace(b"+", b" "))}
    return b"".join(name.encode() + fields[name] for name in sorted(fields))


def _sign(text: bytes) -> str:
    return base64.b64encode(hmac.digest(TOKEN.encode(), text, "sha1")).decode()
