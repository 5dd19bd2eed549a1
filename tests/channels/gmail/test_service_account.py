"""A service account with domain-wide delegation instead of a person's consent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deskhand.channels.google_tokens import GoogleTokens
from deskhand.errors import ChannelError
from tests.channels.gmail.desk import Safe, settings_for
from tests.standins.google import GoogleServer
from tests.standins.google_oauth import ACCOUNT
from tests.standins.pubsub_keys import key_pair


@pytest.fixture
def key_file(google: GoogleServer, tmp_path: Path) -> Path:
    private, certificate = key_pair("service-account")
    google.oauth.public_keys = {"key-1": certificate}
    key = {
        "type": "service_account",
        "client_email": ACCOUNT,
        "private_key_id": "key-1",
        "private_key": private,
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    (tmp_path / "key.json").write_text(json.dumps(key))
    return tmp_path / "key.json"


async def test_a_service_account_opens_the_mailbox_that_it_speaks_for(google: GoogleServer, key_file: Path) -> None:
    """At the configured token address, whatever the file says."""
    settings = settings_for(google, gmail_service_account_file=key_file)

    token = await GoogleTokens(settings, Safe()).get()

    assert google.oauth.scopes_of(f"Bearer {token}")


async def test_without_delegation_the_mailbox_rests(google: GoogleServer, key_file: Path) -> None:
    settings = settings_for(google, gmail_service_account_file=key_file, address="boss@example.com")

    with pytest.raises(ChannelError, match="unauthorized_client") as caught:
        await GoogleTokens(settings, Safe()).get()

    assert caught.value.pauses


@pytest.mark.parametrize("content", ["", "{}", '{"private_key": "canary"}', None])
async def test_a_key_file_that_can_not_be_read_is_named_and_not_repeated(
    google: GoogleServer, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "broken.json"
    if content is not None:
        file.write_text(content)
    settings = settings_for(google, gmail_service_account_file=file)

    with pytest.raises(ChannelError, match=r"broken\.json") as caught:
        await GoogleTokens(settings, Safe()).get()

    assert caught.value.pauses
    assert "canary" not in str(caught.value)
