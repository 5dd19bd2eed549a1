"""The webhook's door: what Twilio sends is let in once, what somebody made of it is not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from deskhand.channels.base import HookAnswer, HookRequest
from deskhand.channels.whatsapp import WhatsAppChannel
from deskhand.errors import ChannelNotConfigured, Forbidden, InvalidInput
from tests.channels.whatsapp.calls import (
    ACCOUNT,
    SERVICE,
    STATUS_URL,
    TOKEN,
    URL,
    call,
    changed,
    channel,
    recorded,
    vectors,
    with_header,
)
from tests.fakes import shipped_company
from tests.standins import twilio_calls as calls

MESSAGES = ["text", "image", "voice_note", "button", "location", "answer_to_ours", "without_number"]
CAPTURED = next(vector for vector in vectors() if vector["name"] == "a WhatsApp message")
REPORT = next(vector for vector in vectors() if vector["name"] == "a report")


async def refused(door: WhatsAppChannel, request: HookRequest) -> str:
    with pytest.raises(Forbidden) as caught:
        await door.hook(request)
    return str(caught.value)


def form_of(vector: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in vector["form"]]


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_recorded_message_is_let_in(name: str) -> None:
    answer = await channel().hook(call(recorded(name)))

    assert (len(answer.messages), answer.status, answer.updates) == (1, 204, ())
    assert answer.fingerprint is not None


async def test_the_vectors_of_our_own_are_let_in() -> None:
    message = await channel().hook(call(form_of(CAPTURED), signature=CAPTURED["signature"]))
    report = await channel().hook(call(form_of(REPORT), url=REPORT["url"], signature=REPORT["signature"]))

    assert message.messages[0].payload["body"] == "refund please"
    assert report.updates[0].delivery_id == "42"


async def test_the_number_of_a_messaging_service_s_pool_is_ours() -> None:
    request = call(recorded("messaging_service"))

    assert (await channel(messaging_service_sid=SERVICE).hook(request)).messages
    assert (await channel(more_senders=("whatsapp:+14155238887",)).hook(request)).messages
    await refused(channel(), request)
    await refused(channel(messaging_service_sid="MG" + "6" * 32), request)


async def test_unknown_fields_are_let_in_and_kept() -> None:
    answer = await channel().hook(call(changed(recorded("text"), NewThing="x", Another="")))

    assert answer.messages[0].payload["headers"]["NewThing"] == "x"


async def test_headers_of_a_proxy_change_nothing() -> None:
    """The signed address is the configured one: nobody can move it, and a proxy need not say it."""
    request = with_header(call(recorded("text")), "x-forwarded-host", "evil.example")
    request = with_header(request, "x-forwarded-proto", "http")

    assert (await channel().hook(request)).messages


async def test_what_twilio_reads_behind_the_hash_mark_is_not_signed() -> None:
    assert (await channel(webhook_url=f"{URL}#rc=2&rp=all").hook(call(recorded("text")))).messages


@pytest.mark.parametrize("configured", [f"{URL}?from=twilio", f"{URL}?q=It's+on"])
async def test_a_configured_query_must_be_there(configured: str) -> None:
    door = channel(webhook_url=configured)

    assert (await door.hook(call(recorded("text"), url=configured))).messages
    await refused(door, call(recorded("text")))
    await refused(door, call(recorded("text"), url=f"{configured}&more=1"))


async def test_a_port_may_be_signed_or_not() -> None:
    for configured, signed in itertools.product([URL, URL.replace(".com", ".com:443")], repeat=2):
        form = recorded("text")
        request = call(form, signature=calls.signature(signed, form, TOKEN))
        assert (await channel(webhook_url=configured).hook(request)).messages


async def test_while_a_token_is_rotated_both_are_good() -> None:
    request = call(recorded("text"), token="older")

    assert (await channel(previous_auth_token="older").hook(request)).messages
    await refused(channel(), request)


@pytest.mark.parametrize("values", [(), ("",), ("nonsense",), ("A" * 10_000,), ("ä",), ("a", "b")])
async def test_a_signature_that_is_none_is_refused_in_the_same_words(values: tuple[str, ...]) -> None:
    good = call(recorded("text"))
    words = await refused(channel(), call(recorded("text"), signature="A" * 27 + "="))

    assert await refused(channel(), with_header(good, "x-twilio-signature", *values)) == words


async def test_a_good_signature_that_stands_there_twice_is_refused() -> None:
    good = call(recorded("text"))
    signature = good.one("X-Twilio-Signature") or ""

    await refused(channel(), with_header(good, "x-twilio-signature", signature, signature))


@pytest.mark.parametrize("name", ["AccountSid", "From", "MessageSid", "NumMedia", "To"])
async def test_a_signed_call_without_a_field_that_must_be_there_is_refused(name: str) -> None:
    await refused(channel(), call(changed(recorded("text"), **{name: None})))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MessageSid", "SM0123456789"),
        ("MessageSid", "SM" + "0" * 31 + "A"),
        ("MessageSid", "SM" + "0" * 32 + "\n"),
        ("MessageSid", "../../etc/passwd"),
        ("AccountSid", "AC" + "2" * 32),
        ("AccountSid", ACCOUNT + " "),
        ("To", "whatsapp:+14155550199"),
        ("NumMedia", "abc"),
        ("NumMedia", "11"),
        ("NumMedia", "-1"),
        ("NumMedia", "٣"),
        ("NumSegments", "1ProfileNameZoe"),
        ("lower", "x"),
        ("With Space", "x"),
        ("", "x"),
        ("A" * 65, "x"),
        ("Na\nme", "x"),
    ],
)
async def test_a_signed_call_with_a_field_of_another_form_is_refused(name: str, value: str) -> None:
    await refused(channel(), call(changed(recorded("text"), **{name: value})))


@pytest.mark.parametrize("name", ["MessageSid", "From", "To", "Body", "AccountSid", "NumMedia"])
async def test_a_field_that_we_go_by_may_not_stand_there_twice(name: str) -> None:
    form = recorded("text")
    value = dict(form)[name]

    await refused(channel(), call([*form, (name, f"{value}0")]))
    assert (await channel().hook(call([*form, (name, value)]))).messages  # the same once more says nothing else


async def test_thousands_of_fields_and_megabytes_are_refused() -> None:
    await refused(channel(), call([*recorded("text"), *((f"N{number}", "") for number in range(200))]))
    await refused(channel(), call(changed(recorded("text"), Body="x" * 300_000)))


async def test_a_call_that_is_no_post_or_knocks_elsewhere_is_refused() -> None:
    good = call(recorded("text"))

    await refused(channel(), replace(good, method="GET"))
    await refused(channel(), replace(good, path="/other"))
    assert (await channel().hook(replace(good, path="/"))).messages


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "", "application/json"])
async def test_the_signed_form_under_another_content_type_is_refused(kind: str) -> None:
    await refused(channel(), with_header(call(recorded("text")), "content-type", kind))


async def test_a_json_body_is_checked_by_its_hash_and_then_not_understood() -> None:
    json_body = next(vector for vector in vectors() if vector["name"] == "a JSON body with an accent")
    request = call([], url=json_body["url"], signature=json_body["signature"])
    request = with_header(replace(request, body=json_body["body"].encode()), "content-type", "application/json")

    with pytest.raises(InvalidInput):
        await channel().hook(request)
    await refused(channel(), replace(request, body=b'{"k":"e"}'))
    await refused(channel(), replace(request, query=""))
    await refused(channel(), replace(request, query=request.query.replace("0", "1")))


def cuts(sid: str) -> list[tuple[str, str]]:
    """Where a SID can be cut so that its rest sorts behind the other names: at each of the letters a to f."""
    return [(sid[:at], sid[at:]) for at in range(3, len(sid)) if sid[at] in "abcdef"]


async def test_the_twelve_calls_that_can_be_cut_out_of_one_captured_one_are_refused() -> None:
    """Names and values are signed without anything between them; the official library accepts each of these."""
    captured = form_of(CAPTURED)
    sid = dict(captured)["MessageSid"]
    rest = "".join(f"{name}{value}" for name, value in sorted(captured) if name > "MessageSid")
    kept = [(name, value) for name, value in captured if name < "MessageSid"]
    variants = [[*kept, ("MessageSid", head), (tail[0], tail[1:] + rest)] for head, tail in cuts(sid)]

    assert len(variants) == 12
    for variant in variants:
        assert calls.signature(URL, variant, TOKEN) == CAPTURED["signature"]
        with capture_logs() as logs:
            await refused(channel(), call(variant, signature=CAPTURED["signature"]))
        assert [line["event"] for line in logs] == ["webhook_refused"]


async def test_a_call_cut_differently_out_of_the_same_text_has_the_same_fingerprint() -> None:
    """What the form of the fields can't tell, a customer's own words, the fingerprint does."""
    form = changed(recorded("text"), Body="Please help. Cancel nothing")
    recut = changed(form, Body="Please help. ", Cancel=" nothing")
    first, second = await channel().hook(call(form)), await channel().hook(call(recut))

    assert first.messages[0].payload != second.messages[0].payload
    assert first.fingerprint == second.fingerprint
    assert (await channel().hook(call(recorded("text")))).fingerprint != first.fingerprint


async def test_fields_moved_into_the_address_are_refused() -> None:
    form = recorded("status_sent")
    signature = calls.signature(f"{STATUS_URL}?o=42", form, TOKEN)
    first, *others = sorted(form)

    moved = call(others, url=f"{STATUS_URL}?o=42{first[0]}{first[1]}", signature=signature)
    await refused(channel(), moved)
    await refused(channel(), call(others, url=f"{STATUS_URL}?o=42&{first[0]}={first[1]}"))


async def test_a_message_s_call_is_no_report_and_a_report_s_no_message() -> None:
    await refused(channel(), call(recorded("text"), url=STATUS_URL))
    await refused(channel(), call(recorded("status_sent"), url=URL))


async def test_without_an_account_the_door_says_so() -> None:
    with pytest.raises(ChannelNotConfigured):
        await WhatsAppChannel(shipped_company(), None).hook(call(recorded("text")))


@pytest.mark.parametrize(
    ("name", "state", "code"),
    [
        ("status_sent", "sent", ""),
        ("status_delivered", "delivered", ""),
        ("status_read", "read", ""),
        ("status_undelivered", "failed", "63016"),
        ("status_failed", "failed", "63024"),
    ],
)
async def test_a_report_is_read(name: str, state: str, code: str) -> None:
    answer = await channel().hook(call(recorded(name), url=f"{STATUS_URL}?o=0198-a_b"))
    (update,) = answer.updates

    assert (update.state, update.code, update.delivery_id) == (state, code, "0198-a_b")
    assert update.provider_id == "SM" + "0" * 30 + "99"
    assert (code in update.detail) if code else update.detail == ""


@pytest.mark.parametrize("status", ["queued", "accepted", "sending", "scheduled", "something_new"])
async def test_a_report_of_a_message_that_is_on_its_way_changes_nothing(status: str) -> None:
    answer = await channel().hook(call(changed(recorded("status_sent"), MessageStatus=status), url=STATUS_URL))

    assert answer == HookAnswer(fingerprint=answer.fingerprint)


@pytest.mark.parametrize("query", ["o=", "o=a%20b", "o=1&o=2", "o=" + "x" * 65, "p=1", "o=1&p=2"])
async def test_a_report_with_another_query_is_refused(query: str) -> None:
    await refused(channel(), call(recorded("status_sent"), url=f"{STATUS_URL}?{query}"))


async def test_a_report_for_another_sender_is_refused() -> None:
    await refused(channel(), call(changed(recorded("status_sent"), From="whatsapp:+14155550199"), url=STATUS_URL))
