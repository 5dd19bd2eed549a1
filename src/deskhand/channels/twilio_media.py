"""Files that lie with Twilio: fetched from its API and where that redirects to, from nowhere else.

A URL in a message is a stranger's word. Each step of the way must be https to a host of the list and, after the name is
resolved, to a public address; the connection is made to that very address, so that a second answer of the name server
changes nothing. The account's password goes to Twilio's API only.
"""

from __future__ import annotations

import asyncio
import mimetypes
import re
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from deskhand.channels.base import NewFile
from deskhand.channels.twilio_settings import TwilioSettings

MOST_STEPS: Final = 4  # the API and three redirects
TRIES: Final = 3
PAUSE: Final = 0.5
NAT64: Final = ip_network("64:ff9b::/96")
CONTENT_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")
UNKNOWN_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: the address that was checked, and whether it is Twilio's API, which gets the password."""

    url: str
    host: str
    connect_to: str
    is_api: bool


class Left(Exception):
    """The file stays where it is; the message says why."""


class Passing(Exception):
    """It may work in a moment."""


async def collect_media(
    account: TwilioSettings, media: Sequence[Mapping[str, str]], verify: ssl.SSLContext
) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
    """The files, within the limits of one message, and a note on each that was left there. Raises nothing."""
    files: list[NewFile] = []
    notes: list[str] = []
    room = account.media_max_bytes
    seconds = account.media_timeout.total_seconds()
    ends_at = asyncio.get_running_loop().time() + seconds
    async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=seconds) as client:
        for number, item in enumerate(media, start=1):
            try:
                async with asyncio.timeout_at(ends_at):
                    file = await _fetch(client, account, item, number, room)
            except TimeoutError:
                notes.append(f"File {number} was left at Twilio: it did not come in time.")
            except (Left, Passing) as reason:
                notes.append(f"File {number} was left at Twilio: {reason}.")
            else:
                room -= len(file.content)
                files.append(file)
    return tuple(files), tuple(notes)


async def _fetch(
    client: httpx.AsyncClient, account: TwilioSettings, item: Mapping[str, str], number: int, room: int
) -> NewFile:
    for attempt in range(1, TRIES + 1):
        try:
            kind, content = await _follow(client, account, item["url"], room)
        except Passing:
            if attempt == TRIES:
                raise
            await asyncio.sleep(PAUSE * attempt)
        else:
            kind = next((one for one in (kind, item.get("type", "")) if CONTENT_TYPE.fullmatch(one)), UNKNOWN_TYPE)
            return NewFile(f"file-{number}{mimetypes.guess_extension(kind) or ''}", kind, content)
    raise AssertionError("unreachable")


async def _follow(client: httpx.AsyncClient, account: TwilioSettings, url: str, room: int) -> tuple[str, bytes]:
    for step in range(MOST_STEPS):
        target = await choose_target(account, url, is_first=step == 0)
        async with _open(client, account, target) as answer:
            if answer.is_redirect:
                url = urljoin(url, answer.headers.get("Location", ""))
                continue
            return await _read(answer, room)
    raise Left("it is redirected too often")


@asynccontextmanager
async def _open(client: httpx.AsyncClient, account: TwilioSettings, target: Target) -> AsyncGenerator[httpx.Response]:
    """One request to the checked address; what the network does to it is `Passing`."""
    address = httpx.URL(target.url)
    request = client.build_request(
        "GET",
        address.copy_with(host=target.connect_to),
        headers={"Host": address.netloc.decode("ascii"), "Accept-Encoding": "identity"},
        extensions={"sni_hostname": target.host},
    )
    auth = account.credentials if target.is_api else None
    try:
        answer = await client.send(request, stream=True, auth=auth, follow_redirects=False)
    except (httpx.HTTPError, OSError) as error:
        raise Passing("the connection failed") from error
    try:
        yield answer
    finally:
        await answer.aclose()


async def _read(answer: httpx.Response, room: int) -> tuple[str, bytes]:
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Passing(f"it answered {answer.status_code}")
    if answer.status_code != 200:
        raise Left("it is not there any more" if answer.status_code == 404 else f"it answered {answer.status_code}")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Left("it is packed")
    content = bytearray()
    try:
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > room:
                raise Left("it is too large")
    except httpx.HTTPError as error:
        raise Passing("the connection broke") from error
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower(), bytes(content)


async def choose_target(account: TwilioSettings, url: str, *, is_first: bool) -> Target:
    """Check one step of the way. Raises Left."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Left("its address can't be read") from error
    host = (parts.hostname or "").lower()
    place = host if port is None else f"{host}:{port}"
    api = urlsplit(account.api_base_url)
    is_api = (parts.scheme, host, port) == (api.scheme, api.hostname, api.port)
    if not is_api and (is_first or place not in account.media_hosts):
        raise Left("its address is not one of Twilio's")
    written = _written_address(host)  # one that an operator configured as such: a stand-in on this machine
    if parts.scheme != "https" and not (parts.scheme == "http" and written is not None and written.is_loopback):
        raise Left("its address is not https")
    if parts.username is not None:
        raise Left("its address holds a password")
    if written is not None:
        return Target(url, host, str(written), is_api)
    return Target(url, host, await _resolve(host, port or 443), is_api)


def _written_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


async def _resolve(host: str, port: int) -> str:
    """A public address of the host; one that isn't spoils them all. Raises Left, Passing."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Passing("its host has no address") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise Left("its host leads into a private network")
    return addresses[0]


def is_public(address: str) -> bool:
    """Not ours and not our neighbours', also when it is wrapped into another kind of address."""
    try:
        one = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(one, IPv6Address):
        inner = one.ipv4_mapped or one.sixtofour or (one.teredo[1] if one.teredo else None)
        if one in NAT64:
            inner = IPv4Address(int(one) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
    return one.is_global and not one.is_multicast and not one.is_reserved
