"""Pushes from Google Pub/Sub: the signed token proves who calls; the body, which nobody signed, is only a hint."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

import httpx
from google.auth import exceptions, jwt

from deskhand.channels.base import HookAnswer, HookRequest
from deskhand.channels.email_settings import EmailSettings
from deskhand.clock import Clock
from deskhand.errors import ChannelNotConfigured, InvalidInput, Unauthorized
from deskhand.log import get_logger

ISSUERS: Final = ("https://accounts.google.com", "accounts.google.com")
SKEW: Final = timedelta(seconds=60)
LONGEST_TOKEN: Final = 8_192
LONGEST_BODY: Final = 64 * 1024
REFETCH: Final = timedelta(minutes=1)
WITHOUT_MAX_AGE: Final = timedelta(hours=1)
STALE_FOR: Final = timedelta(hours=24)  # while the address of the certificates is down
MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])")
ALPHABET: Final = str.maketrans("-_", "+/")
T = TypeVar("T")

log = get_logger("channels.gmail")


@dataclass(frozen=True, slots=True)
class Certificates:
    by_id: Mapping[str, str]
    fetched_at: datetime
    good_until: datetime


class GoogleKeys:
    """Google's certificates, kept for as long as their server says; an outage of it refuses no push."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._known: Certificates | None = None
        self._asked_at: datetime | None = None
        self._turn = asyncio.Lock()

    async def certificate(self, key_id: str) -> str | None:
        """None when Google has no such key.

        Raises:
            ChannelNotConfigured: there is no certificate at all, and none can be fetched now.
        """
        async with self._turn:
            now = self._clock.now()
            known = self._known
            is_due = known is None or now >= known.good_until or key_id not in known.by_id
            if is_due and (self._asked_at is None or now - self._asked_at >= REFETCH):
                self._asked_at = now
                known = self._known = await self._fetch(now) or known
            if known is None or now >= known.good_until + STALE_FOR:
                raise ChannelNotConfigured("Google's certificates can't be fetched: a push can't be checked now.")
            return known.by_id.get(key_id)

    async def _fetch(self, now: datetime) -> Certificates | None:
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                response = await client.get(self._url)
            listed = response.json() if response.status_code == 200 else None
        except (httpx.HTTPError, ValueError) as error:
            log.warning("google_certificates_unreachable", error=type(error).__name__)
            return None
        if not isinstance(listed, dict) or not listed:
            log.warning("google_certificates_unreadable", status=response.status_code)
            return None
        found = MAX_AGE.search(response.headers.get("cache-control", ""))
        age = timedelta(seconds=int(found[1])) if found else WITHOUT_MAX_AGE
        by_id = {str(key): str(value) for key, value in cast("dict[Any, Any]", listed).items()}
        return Certificates(by_id, now, now + age)


class PushDoor:
    """What comes in at `/webhooks/gmail`."""

    def __init__(self, settings: EmailSettings, keys: GoogleKeys) -> None:
        self._mailbox = settings.address.lower()
        self._audience = settings.gmail_push_audience
        self._account = settings.gmail_push_account
        self._keys = keys

    async def answer(self, request: HookRequest) -> HookAnswer:
        """204 and a look into the mailbox, from our own cursor: nothing in the body moves it."""
        if not self._audience or not self._account:
            raise ChannelNotConfigured(
                "Gmail's pushes are not configured: DESKHAND_EMAIL_GMAIL_PUSH_AUDIENCE and "
                "DESKHAND_EMAIL_GMAIL_PUSH_ACCOUNT say which are for us."
            )
        await self._authenticate(request)
        mailbox = _mailbox(request.body)
        if mailbox != self._mailbox:
            log.warning("push_for_another_mailbox")
            return HookAnswer()
        return HookAnswer(fetch=True)

    async def _authenticate(self, request: HookRequest) -> None:
        """Signature, times, audience, issuer and account: all of them, or 401, after which Google tries again."""
        header = request.one("authorization") or ""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
            raise Unauthorized("A push needs Google's signed token.")
        refused = Unauthorized("This token is not Google's, or not for us.")
        key_id = _checked(lambda: _key_id(token))
        certificate = await self._keys.certificate(key_id) if key_id else None
        if key_id is None or certificate is None:
            raise refused
        claims = _checked(lambda: _claims(token, {key_id: certificate}))
        if claims is None or not self._is_for_us(claims):
            raise refused

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        return (
            claims.get("aud") == self._audience
            and claims.get("iss") in ISSUERS
            and claims.get("email") == self._account
            and claims.get("email_verified") is True
        )


def _key_id(token: str) -> str | None:
    header = cast("Mapping[str, Any]", cast("Any", jwt.decode_header)(token))
    return str(header["kid"]) if header.get("alg") == "RS256" and header.get("kid") else None


def _claims(token: str, certificates: Mapping[str, str]) -> Mapping[str, Any]:
    """Checks the signature and both times."""
    decode = cast("Callable[..., Mapping[str, Any]]", jwt.decode)
    return decode(token, certs=certificates, clock_skew_in_seconds=int(SKEW.total_seconds()))


def _checked(read: Callable[[], T]) -> T | None:
    """A hostile token makes the library stumble in many ways; each of them means no."""
    try:
        return read()
    except (exceptions.GoogleAuthError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _mailbox(body: bytes) -> str:
    """The address in the body, wrapped by Pub/Sub or not. Raises InvalidInput when there is none."""
    if len(body) > LONGEST_BODY:
        raise InvalidInput("This push is too large.")
    notice = _object(body)
    message = notice.get("message")
    if isinstance(message, dict):
        data = cast("dict[str, Any]", message).get("data")
        notice = _object(_decoded(data)) if isinstance(data, str) else {}
    address = notice.get("emailAddress")
    if not isinstance(address, str):
        raise InvalidInput("This push names no mailbox.")
    return address.strip().lower()


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("This push is no JSON object.")
    return cast("dict[str, Any]", found)


def _decoded(data: str) -> bytes:
    """Gmail's notice stands in either alphabet of base64."""
    try:
        return b64decode(data.translate(ALPHABET) + "=" * (-len(data) % 4), validate=True)
    except ValueError as error:
        raise InvalidInput("This push's data is no base64.") from error
