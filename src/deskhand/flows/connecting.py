"""Connecting a Gmail mailbox: a person's consent becomes a sealed refresh token, checked before it is kept."""

from __future__ import annotations

from deskhand.channels.email_settings import EmailSettings
from deskhand.channels.google_api import GmailApi, Missing, Profile
from deskhand.channels.google_consent import Consent, exchange
from deskhand.channels.google_tokens import GoogleTokens, Secrets, secret_name
from deskhand.errors import ChannelError, InvalidInput


class _Candidate:
    """A token that is tried before it is kept."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def read(self, name: str) -> str | None:
        return self.token

    async def write(self, name: str, secret: str) -> None:
        self.token = secret


async def connect(settings: EmailSettings, consent: Consent, answer: str, secrets: Secrets) -> Profile:
    """From the browser's answer to a mailbox that can be read.

    Raises:
        InvalidInput: the person said no, signed in as somebody else, or gave less than is needed.
        ChannelError: Google can't be reached, or refuses.
    """
    candidate = _Candidate(await exchange(settings, consent, consent.code_in(answer)))
    found = await profile_of(settings, candidate)
    if found.address.lower() not in {address.lower() for address in settings.own_addresses}:
        raise InvalidInput(
            f"This is the mailbox of {found.address}, and DESKHAND_EMAIL_ADDRESS is {settings.address}.",
            mend="Sign in with the support mailbox, or change the setting.",
        )
    await secrets.write(secret_name(settings.address), candidate.token)
    return found


async def profile_of(settings: EmailSettings, secrets: Secrets) -> Profile:
    """Whose mailbox the credentials open. Raises ChannelError when they open none."""
    try:
        async with GmailApi(settings, GoogleTokens(settings, secrets)).open() as session:
            return await session.profile()
    except Missing as error:
        raise ChannelError("Gmail knows no such mailbox.", permanent=True) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelError(f"Gmail's answer can't be read ({type(error).__name__}).", permanent=False) from error
