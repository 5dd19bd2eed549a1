"""A person's consent to our reading and sending of a mailbox: OAuth 2.0 for installed apps (RFC 8252), with PKCE."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.google_tokens import SCOPES
from deskhand.errors import ChannelError, InvalidInput

LONGEST_REQUEST: Final = 16_384
DONE: Final = "Deskhand has what it needs: you can close this page."
NOT_DONE: Final = "This did not work: look at the terminal."


@dataclass(frozen=True, slots=True)
class Consent:
    """One question to a person: what comes back must know `state`, and only we know the verifier."""

    redirect: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    def page(self, settings: EmailSettings) -> str:
        """Where the person says yes. `prompt=consent` brings a refresh token even the second time."""
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": settings.gmail_client_id,
            "redirect_uri": self.redirect,
            "response_type": "code",
            "scope": " ".join(SCOPES),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": self.state,
            "access_type": "offline",
            "prompt": "consent",
            "login_hint": settings.address,
        }
        return f"{settings.gmail_consent_url}?{urlencode(asked)}"

    def code_in(self, answer: str) -> str:
        """The code in the address that the browser was sent to, or a bare code that a person has copied.

        Raises:
            InvalidInput: the person said no, or the answer is to another question.
        """
        answer = answer.strip()
        if "?" not in answer:
            if not answer or " " in answer:
                raise InvalidInput("This is no code.", mend="Copy the whole address that the browser shows.")
            return answer
        given = parse_qs(urlsplit(answer).query)
        if "error" in given:
            raise InvalidInput(f"Google says: {given['error'][0][:100]}.")
        if not hmac.compare_digest(given.get("state", [""])[0].encode(), self.state.encode()):
            raise InvalidInput("This answer belongs to another question.", mend="Start again.")
        if not given.get("code", [""])[0]:
            raise InvalidInput("There is no code in this address.", mend="Copy all of it.")
        return given["code"][0]


async def exchange(settings: EmailSettings, consent: Consent, code: str) -> str:
    """The refresh token for a code.

    Raises:
        InvalidInput: Google takes no such code, or the person left a box unticked.
        ChannelError: Google can't be reached.
    """
    secret = settings.gmail_client_secret
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": settings.gmail_client_id,
        "client_secret": secret.get_secret_value() if secret else "",
        "redirect_uri": consent.redirect,
        "code_verifier": consent.verifier,
    }
    try:
        async with httpx.AsyncClient(timeout=settings.timeout.total_seconds()) as client:
            response = await client.post(settings.gmail_token_url, data=form)
        answer = cast("dict[str, Any]", response.json())
    except (httpx.HTTPError, ValueError) as error:
        raise ChannelError("Google's token address can't be reached.", permanent=False) from error
    if response.status_code != 200:
        raise InvalidInput(
            f"Google takes no such code ({answer.get('error', response.status_code)}).",
            mend="Start again; a code is good once and for minutes. Check client id and secret.",
        )
    missing = [scope for scope in SCOPES if scope not in str(answer.get("scope", "")).split()]
    if missing:
        raise InvalidInput(
            f"The consent leaves out {', '.join(scope.rpartition('/')[2] for scope in missing)}.",
            mend="Start again and tick every box.",
        )
    token = answer.get("refresh_token")
    if not isinstance(token, str):
        raise InvalidInput(
            "Google gave no refresh token.", mend="Remove Deskhand's access in the account, start again."
        )
    return token


@asynccontextmanager
async def waiting_for_browser(port: int = 0) -> AsyncGenerator[tuple[str, asyncio.Future[str]]]:
    """(redirect address on this machine, the address that the browser came with); other requests are turned away."""
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(10):
                head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode("ascii")
            is_answer = target.startswith("/?") and ("code=" in target or "error=" in target)
            writer.write(_page("200 OK" if is_answer else "404 Not Found", DONE if "code=" in target else NOT_DONE))
            await writer.drain()
            if is_answer and not came.done():
                came.set_result(target)
        except (OSError, ValueError, IndexError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=LONGEST_REQUEST)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", came


def _page(status: str, words: str) -> bytes:
    body = f"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Deskhand</title><p>{words}</p></html>".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\r\n".encode() + body
