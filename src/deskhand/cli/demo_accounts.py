"""A demonstration never uses a real account: what the developer's environment names is left out of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from deskhand.errors import SetupInvalid

ACCOUNTS = ("DESKHAND_EMAIL_", "DESKHAND_WHATSAPP_", "DESKHAND_SMS_")


def forget_accounts() -> None:
    """Take every provider's variables out of this process's environment, which its children inherit.

    Raises:
        SetupInvalid: the file `.env` names an account; the children would read it again.
    """
    named = accounts_in(dotenv_values(".env")) if Path(".env").is_file() else []
    if named:
        raise SetupInvalid(
            f".env names a provider's account ({', '.join(named)}), which a demonstration does not use.",
            mend="Run it in a folder without this file.",
        )
    for name in [name for name in os.environ if name.upper().startswith(ACCOUNTS)]:
        del os.environ[name]


def accounts_in(given: Mapping[str, str | None]) -> list[str]:
    """The variables by which mail or messages could leave: settings such as a pause are none."""
    return sorted(name for name, value in given.items() if value and _names_account(name.upper(), value))


def _names_account(name: str, value: str) -> bool:
    if name == "DESKHAND_EMAIL_PROVIDER":
        return value != "none"
    if name.startswith(ACCOUNTS[0]):
        return name == "DESKHAND_EMAIL_GMAIL_SERVICE_ACCOUNT_FILE"
    return name.startswith(ACCOUNTS)
