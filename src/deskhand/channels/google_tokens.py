"""Access tokens for Gmail: from a refresh token that a person's consent gave, or from a service account."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol, cast

import requests
from google.auth import exceptions
from google.auth.transport.requests import Request
from google.oauth2 import credentials as user
from google.oauth2 import service_account

from deskhand.channels.email_settings import EmailSettings
from deskhand.errors import ChannelError, SetupInvalid

SCOPES: Final = ("https://www.googleapis.com/auth/gmail.readonly", "https://www.googleapis.com/auth/gmail.send")
Credentials = user.Credentials | service_account.Credentials
# What only a person can mend: consent withdrawn, client deleted, delegation missing.
FOR_A_PERSON = ("invalid_grant", "invalid_client", "unauthorized_client", "access_denied", "invalid_scope")


class Secrets(Protocol):
    """Where credentials are kept."""

    async def read(self, name: str) -> str | None: ...

    async def write(self, name: str, secret: str) -> None: ...


class NoSecrets:
    """Where there is no store, nothing is connected."""

    async def read(self, name: str) -> str | None:
        return None

    async def write(self, name: str, secret: str) -> None:
        raise SetupInvalid("There is no store for credentials here.")


def secret_name(address: str) -> str:
    """Under which a mailbox's refresh token is kept."""
    return f"gmail:{address.lower()}"


class GoogleTokens:
    """One mailbox's access token, renewed a few minutes before it ends."""

    def __init__(self, settings: EmailSettings, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._credentials: Credentials | None = None
        self._turn = asyncio.Lock()
        delegated = settings.gmail_service_account_file is not None
        self._mend = "check the delegation" if delegated else "run `deskhand channels gmail connect`"

    async def get(self, *, refused: str | None = None) -> str:
        """A token that is valid as far as we know; `refused` is one that Gmail would not take.

        Raises:
            ChannelError: none can be had; `pauses` when only a person can mend it.
        """
        async with self._turn:
            found = self._credentials or await self._load()
            if not found.valid or _token(found) == refused:
                await self._renew(found)
            self._credentials = found
            return _token(found)

    async def _load(self) -> Credentials:
        settings = self._settings
        if settings.gmail_service_account_file is not None:
            return await asyncio.to_thread(_delegated, settings)
        try:
            refresh_token = await self._secrets.read(secret_name(settings.address))
        except SetupInvalid as error:
            raise ChannelError(str(error), permanent=False, pauses=True) from error
        if refresh_token is None:
            raise ChannelError(
                "Gmail is not connected: run `deskhand channels gmail connect`.", permanent=False, pauses=True
            )
        secret = settings.gmail_client_secret
        return cast("Callable[..., user.Credentials]", user.Credentials)(
            None,
            refresh_token=refresh_token,
            token_uri=settings.gmail_token_url,
            client_id=settings.gmail_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            scopes=list(SCOPES),
        )

    async def _renew(self, found: Credentials) -> None:
        self._credentials = None  # after a failure the store is asked again: a person may have connected anew
        try:
            await asyncio.to_thread(_refresh, found, self._settings.timeout)
        except exceptions.RefreshError as error:
            raise _refusal(error, self._mend) from error
        except exceptions.GoogleAuthError as error:
            raise ChannelError(
                "Google's token address can't be reached.", permanent=False, retry_after=timedelta(seconds=5)
            ) from error


def _token(found: Credentials) -> str:
    return str(cast("Any", found).token or "")


def _delegated(settings: EmailSettings) -> Credentials:
    file = settings.gmail_service_account_file
    assert file is not None
    try:
        key = json.loads(file.read_text("utf-8")) | {"token_uri": settings.gmail_token_url}
        make = cast("Callable[..., service_account.Credentials]", service_account.Credentials.from_service_account_info)
        return make(key, scopes=list(SCOPES), subject=settings.address)
    except (OSError, ValueError, TypeError, exceptions.GoogleAuthError) as error:
        raise ChannelError(
            f"The service account's key {file} can't be read: {type(error).__name__}.", permanent=False, pauses=True
        ) from error


def _refresh(found: Credentials, timeout: timedelta) -> None:
    with requests.Session() as session:
        ask = partial(Request(session), timeout=int(timeout.total_seconds()))
        cast("Callable[[Any], None]", found.refresh)(ask)


def _refusal(error: exceptions.RefreshError, mend: str) -> ChannelError:
    details: tuple[Any, ...] = error.args
    answer = cast("dict[str, Any]", details[1]) if len(details) > 1 and isinstance(details[1], dict) else {}
    code = str(answer.get("error", ""))
    if code in FOR_A_PERSON:
        return ChannelError(
            f"Google gives no access to the mailbox any more ({code}): {mend}.",
            permanent=False,
            pauses=True,
        )
    return ChannelError(
        f"Google gave no access token ({code or 'unreadable answer'}).",
        permanent=False,
        retry_after=timedelta(seconds=5),
    )
