"""Files that lie with Twilio: fetched from there and from nowhere else, within limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from deskhand.channels import twilio_media
from deskhand.channels.twilio_media import Left, Passing, choose_target, is_public
from deskhand.channels.whatsapp import WhatsAppChannel
from tests.channels.whatsapp.calls import account, call, changed, channel, recorded
from tests.standins.twilio import TwilioServer

API = "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM/Media/ME"
PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "192.0.2.1", "nonsense", ""),
]


@pytest.fixture
async def twilio() -> AsyncGenerator[TwilioServer]:
    async with TwilioServer().running() as server:
        yield server


def whatsapp(twilio: TwilioServer, **more: Any) -> WhatsAppChannel:
    given: dict[str, Any] = {
        "api_base_url": twilio.address,
        "auth_token": twilio.account.token,
        "media_hosts": (urlsplit(twilio.cdn).netloc,),
    }
    return channel(**given | more)


def holding(*urls: str) -> dict[str, Any]:
    media = [{"url": url, "type": "image/jpeg"} for url in urls]
    return {"provider_id": "SM1", "sender": "+491701234567", "body": "", "media": media}


async def test_a_file_is_fetched_by_way_of_twilio_s_cdn_which_never_sees_the_password(twilio: TwilioServer) -> None:
    files, notes = await whatsapp(twilio).collect(holding(twilio.add_file(b"picture", kind="image/png")))

    assert [(file.name, file.content_type, file.content) for file in files] == [("file-1.png", "image/png", b"picture")]
    assert notes == ()
    assert "authorization" not in twilio.cdn_calls[0]


async def test_a_message_without_files_asks_nobody() -> None:
    assert await channel().collect(holding()) == ((), ())


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/Media/ME",
        "https://169.254.169.254/latest/meta-data",
        "https://mms.twiliocdn.com/ME",
        "http://api.twilio.com/Media/ME",
        "https://api.twilio.com:8443/Media/ME",
        "https://api.twilio.com.evil.example/Media/ME",
        "https://api.twilio.com@evil.example/Media/ME",
        "https://me:pw@api.twilio.com/Media/ME",
        "file:///etc/passwd",
        "https://[::1",
        "nonsense",
        "",
    ],
)
async def test_an_address_that_is_not_twilio_s_api_is_left_alone(url: str) -> None:
    with pytest.raises(Left):
        await choose_target(account(), url, is_first=True)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "http://mms.twiliocdn.com/x", "https://mms.twiliocdn.com:444/x", "https://[::1]/x"]
)
async def test_a_redirect_to_elsewhere_is_not_followed(url: str) -> None:
    with pytest.raises(Left):
        await choose_target(account(), url, is_first=False)


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_into_a_private_network_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", (address, 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)

    assert not is_public(address)
    with pytest.raises(Left):
        await choose_target(account(), API, is_first=True)


async def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers otherwise the second time changes nothing."""

    async def resolve(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", ("93.184.215.14", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)
    target = await choose_target(account(), API, is_first=True)
    hop = await choose_target(account(), "https://mms.twiliocdn.com/ME?Expires=1", is_first=False)

    assert (target.connect_to, target.host, target.is_api) == ("93.184.215.14", "api.twilio.com", True)
    assert (hop.connect_to, hop.is_api) == ("93.184.215.14", False)


async def test_a_name_without_an_address_may_have_one_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: Any, **__: Any) -> list[Any]:
        raise OSError

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)
    with pytest.raises(Passing):
        await choose_target(account(), API, is_first=True)


async def test_a_file_that_redirects_to_this_machine_is_left_with_a_note(twilio: TwilioServer) -> None:
    inside = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = inside.sockets[0].getsockname()[1]
    url = twilio.add_file(b"", leads_to=f"http://127.0.0.1:{port}/admin")

    files, notes = await whatsapp(twilio).collect(holding(url))

    inside.close()
    assert (files, notes) == ((), ("File 1 was left at Twilio: its address is not one of Twilio's.",))


async def test_a_file_that_is_redirected_in_a_circle_is_left(twilio: TwilioServer) -> None:
    url = twilio.add_file(b"")
    twilio.files[url.rpartition("/")[2]] = type(twilio.files[url.rpartition("/")[2]])(b"", leads_to=url)

    _, notes = await whatsapp(twilio).collect(holding(url))

    assert notes == ("File 1 was left at Twilio: it is redirected too often.",)


async def test_a_file_over_the_limit_is_left_and_the_next_one_fetched(twilio: TwilioServer) -> None:
    urls = twilio.add_file(b"x" * 2000), twilio.add_file(b"x" * 900), twilio.add_file(b"x" * 200)

    files, notes = await whatsapp(twilio, media_max_bytes=1000).collect(holding(*urls))

    assert [len(file.content) for file in files] == [900]
    assert notes == (
        "File 1 was left at Twilio: it is too large.",
        "File 3 was left at Twilio: it is too large.",
    )


async def test_a_file_that_drips_is_left_when_the_time_is_up(twilio: TwilioServer) -> None:
    url = twilio.add_file(b"x" * 100_000, drips=True)

    files, notes = await whatsapp(twilio, media_timeout=timedelta(seconds=0.5)).collect(holding(url))

    assert (files, notes) == ((), ("File 1 was left at Twilio: it did not come in time.",))


async def test_a_file_that_was_deleted_is_left(twilio: TwilioServer) -> None:
    url = twilio.add_file(b"x")
    twilio.files.clear()

    assert (await whatsapp(twilio).collect(holding(url)))[1] == (
        "File 1 was left at Twilio: it is not there any more.",
    )


async def test_a_break_in_the_line_is_tried_again(twilio: TwilioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio_media, "PAUSE", 0)
    url = twilio.add_file(b"picture")
    out = whatsapp(twilio, api_base_url="http://127.0.0.1:9")

    assert (await out.collect(holding(url.replace(twilio.address, "http://127.0.0.1:9"))))[1] == (
        "File 1 was left at Twilio: the connection failed.",
    )


async def test_ten_addresses_in_a_message_are_all_read() -> None:
    fields = {f"MediaUrl{number}": f"{API}{number}" for number in range(10)}
    answer = await channel().hook(call(changed(recorded("text"), NumMedia="10", MediaUrl10=API, **fields)))

    assert [item["url"] for item in answer.messages[0].payload["media"]] == [f"{API}{n}" for n in range(10)]
