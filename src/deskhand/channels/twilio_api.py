"""Twilio's message API by its official client, over a connection of ours that knows what was written and what not."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from deskhand.channels.twilio_errors import read_refusal
from deskhand.channels.twilio_settings import TwilioSettings, is_loopback
from deskhand.errors import ChannelError

NOT_WRITTEN: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
LONGEST_WAIT: Final = timedelta(hours=1)
MOST_LISTED: Final = 500


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of ours as Twilio has it."""

    sid: str
    status: str
    body: str
    sender: str
    direction: str
    created_at: datetime | None
    error_code: int | None


class _Connection(AsyncHttpClient):
    """What the official client sends by. One serves one call, and keeps what its errors leave out: the time to wait."""

    def __init__(self, account: TwilioSettings, verify: ssl.SSLContext) -> None:
        super().__init__(logging.getLogger("twilio"), is_async=True)
        self._account = account
        self._verify = verify
        self.retry_after: timedelta | None = None

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        limits = httpx.Timeout(
            self._account.send_timeout.total_seconds(), connect=self._account.connect_timeout.total_seconds()
        )
        trusts = not is_loopback(self._account.api_base_url)
        async with httpx.AsyncClient(timeout=limits, verify=self._verify, trust_env=trusts) as client:
            answer = await client.request(method, uri, params=params, data=data, headers=headers, auth=auth)
        self.retry_after = read_retry_after(answer.headers.get("Retry-After"))
        return Response(answer.status_code, answer.text, answer.headers)


class TwilioApi:
    """Sends and lists messages of one account; every failure is a `ChannelError` that says whether it was sent."""

    def __init__(self, account: TwilioSettings) -> None:
        self._account = account
        self.verify = httpx.create_ssl_context()

    async def create(self, to: str, **fields: Any) -> Sent:
        """Hand one message over. Raises ChannelError, WindowClosed, and nothing else."""
        client, connection = self._client()
        try:
            async with asyncio.timeout(self._account.send_timeout.total_seconds()):
                message = await client.messages.create_async(to=to, **fields)
        except (TwilioRestException, TwilioServiceException) as error:
            raise read_refusal(error.status, _code(error), connection.retry_after) from error
        except NOT_WRITTEN as error:
            raise ChannelError("Twilio can't be reached.", permanent=False) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise ChannelError("Twilio gave no answer in time.", permanent=False, was_sent=None) from error
        except (TwilioException, ValueError, TypeError, AttributeError) as error:
            raise ChannelError("Twilio's answer can't be read.", permanent=False, was_sent=None) from error
        if not message.sid:
            raise ChannelError("Twilio's answer has no id.", permanent=False, was_sent=None)
        return _sent(message)

    async def list_to(self, to: str) -> AsyncIterator[Sent]:
        """Messages to this address, newest first. Raises ChannelError."""
        client, connection = self._client()
        try:
            async with asyncio.timeout(self._account.send_timeout.total_seconds()):
                found = await client.messages.list_async(to=to, limit=MOST_LISTED, page_size=MOST_LISTED)
        except (TwilioRestException, TwilioServiceException) as error:
            raise read_refusal(error.status, _code(error), connection.retry_after) from error
        except (httpx.HTTPError, TimeoutError, TwilioException, ValueError, TypeError, AttributeError) as error:
            answer = error.args[-1] if error.args else None  # the client's pages raise with the bare answer
            if isinstance(answer, Response) and answer.status_code in (401, 403):
                raise read_refusal(answer.status_code, 20003, None) from error
            raise ChannelError("Twilio's list of messages can't be read now.", permanent=False) from error
        for message in found:
            yield _sent(message)

    def _client(self) -> tuple[Client, _Connection]:
        connection = _Connection(self._account, self.verify)
        user, password = self._account.credentials
        # An empty environment would be taken for none, and TWILIO_EDGE or TWILIO_REGION would then move the address.
        client = Client(user, password, self._account.account_sid, http_client=connection, environment={"-": "-"})
        client.api.base_url = self._account.api_base_url.rstrip("/")
        return client, connection


def _code(error: TwilioRestException | TwilioServiceException) -> int:
    try:
        return int(error.code or error.status)
    except (TypeError, ValueError):
        return error.status


def _sent(message: Any) -> Sent:
    return Sent(
        sid=str(message.sid),
        status=str(message.status or ""),
        body=str(message.body or ""),
        sender=str(message.from_ or ""),
        direction=str(message.direction or ""),
        created_at=message.date_created if isinstance(message.date_created, datetime) else None,
        error_code=message.error_code if isinstance(message.error_code, int) else None,
    )


def read_retry_after(value: str | None) -> timedelta | None:
    """Seconds or a date, never negative and never longer than an hour; None for what is neither."""
    if not value:
        return None
    try:
        wait = timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        try:
            wait = parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(wait, timedelta()), LONGEST_WAIT)
