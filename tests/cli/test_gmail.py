"""`deskhand channels gmail`: connect, watch, status, on a stand-in of Google."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from deskhand.cli import app
from deskhand.errors import InvalidInput, SetupInvalid
from tests.channels.gmail.desk import TOPIC
from tests.cli.conftest import call
from tests.standins.google import GoogleServer
from tests.standins.google_oauth import CLIENT_ID, CLIENT_SECRET


@pytest.fixture
def google() -> Generator[GoogleServer]:
    """In a thread of its own: a command has the test's."""
    server, ready, loop = GoogleServer(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with server.running():
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    yield server
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def variables(google: GoogleServer, conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": conninfo,
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "s" * 40,
        "EMAIL_PROVIDER": "gmail",
        "EMAIL_ADDRESS": google.mailbox.address,
        "EMAIL_GMAIL_CLIENT_ID": CLIENT_ID,
        "EMAIL_GMAIL_CLIENT_SECRET": CLIENT_SECRET,
        "EMAIL_GMAIL_API_URL": google.address,
        "EMAIL_GMAIL_TOKEN_URL": f"{google.address}/token",
        "EMAIL_GMAIL_CONSENT_URL": f"{google.address}/consent",
        "EMAIL_GMAIL_TOPIC": TOPIC,
    }.items():
        monkeypatch.setenv(f"DESKHAND_{name}", value)


def _paste(google: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The person opens the page that was printed and pastes the address that the browser ends at."""
    shown: list[str] = []

    def echo(message: object = "", **_more: object) -> None:
        shown.append(str(message))

    def prompt(_text: str) -> str:
        page = next(line for line in shown if line.startswith(google.address))
        return httpx.get(page).headers["location"]

    monkeypatch.setattr("typer.echo", echo)
    monkeypatch.setattr("typer.prompt", prompt)
    return shown


@pytest.mark.usefixtures("variables")
def test_a_mailbox_is_connected_watched_and_shown(google: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    before = call("channels", "gmail", "status")
    with monkeypatch.context() as patched:
        shown = _paste(google, patched)
        connected = CliRunner().invoke(app, ["channels", "gmail", "connect", "--code"])
    after = call("channels", "gmail", "status")
    watched = call("channels", "gmail", "watch")

    assert (before.exit_code, connected.exit_code, after.exit_code, watched.exit_code) == (1, 0, 0, 0)
    assert "deskhand channels gmail connect" in before.output
    assert shown[-1] == f"connected {google.mailbox.address}"
    assert f"opens {google.mailbox.address}" in after.output
    assert "pushes come until" in watched.output
    assert google.watch_ends is not None
    told = "".join((*shown, before.output, after.output, watched.output))
    assert not any(token in told for token in google.oauth.refresh_tokens)


@pytest.mark.usefixtures("variables")
def test_a_browser_on_this_machine_comes_back_by_itself(google: GoogleServer) -> None:
    pages: list[str] = []

    def browse(message: object = "", **_more: object) -> None:
        text = str(message)
        pages.append(text)
        if text.startswith("Waiting"):
            page = next(line for line in pages if line.startswith(google.address))
            threading.Thread(target=httpx.get, args=(page,), kwargs={"follow_redirects": True}).start()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("typer.echo", browse)
        result = CliRunner().invoke(app, ["channels", "gmail", "connect", "--wait", "20"])

    assert result.exit_code == 0
    assert pages[-1] == f"connected {google.mailbox.address}"


@pytest.mark.usefixtures("variables")
def test_a_browser_that_never_comes_ends_the_wait_with_advice() -> None:
    result = call("channels", "gmail", "connect", "--wait", "1")

    assert isinstance(result.exception, InvalidInput)
    assert "--code" in str(result.exception)


def test_without_gmail_the_commands_say_which_setting_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    result = call("channels", "gmail", "status")

    assert isinstance(result.exception, SetupInvalid)
    assert "DESKHAND_EMAIL_PROVIDER" in str(result.exception)


def test_the_page_to_open_carries_no_secret(google: GoogleServer) -> None:
    from deskhand.channels.google_consent import Consent
    from tests.channels.gmail.desk import settings_for

    page = Consent("http://127.0.0.1:1/").page(settings_for(google))

    assert "GOCSPX" not in page
    assert urlsplit(page).path == "/consent"
