"""`deskhand channels gmail`: connect the support mailbox, ask for pushes, see how it stands."""

from __future__ import annotations

import asyncio

import typer

from deskhand import channel_states
from deskhand.channels.email import open_gmail
from deskhand.channels.email_settings import EmailSettings, load_email_settings
from deskhand.channels.gmail import GmailChannel
from deskhand.channels.gmail_cursor import GmailCursor
from deskhand.channels.google_consent import Consent, waiting_for_browser
from deskhand.channels.google_tokens import secret_name
from deskhand.channels.mailbox_look import moment
from deskhand.cli.session import command_desk, run
from deskhand.desk import Desk
from deskhand.errors import ChannelError, InvalidInput, SetupInvalid
from deskhand.flows.connecting import connect as connect_mailbox
from deskhand.flows.connecting import profile_of
from deskhand.flows.pausing import resume_channel
from deskhand.flows.vault import Vault

app = typer.Typer(help="The support mailbox at Gmail.", no_args_is_help=True)
PASTED = "http://127.0.0.1:8601/"


@app.command("connect")
def connect(
    code: bool = typer.Option(False, "--code", help="Paste the browser's last address: it runs on another machine."),
    port: int = typer.Option(0, min=0, max=65535, help="Port on this machine that the browser comes back to."),
    wait: int = typer.Option(300, min=1, help="Seconds to wait for the browser."),
) -> None:
    """Walk through Google's consent, check the mailbox, and keep the refresh token sealed in the database."""
    settings = _settings()
    if settings.gmail_service_account_file is not None:
        raise InvalidInput(
            "A service account needs no consent.", mend="Unset DESKHAND_EMAIL_GMAIL_SERVICE_ACCOUNT_FILE, or go on."
        )
    address = run(_connect(settings, port=port, wait=None if code else wait))
    typer.echo(f"connected {address}")


async def _connect(settings: EmailSettings, *, port: int, wait: int | None) -> str:
    async with command_desk() as desk:
        if wait is None:
            consent = Consent(PASTED)
            _show(consent.page(settings))
            answer = typer.prompt("The address that the browser shows in the end (it can't open it), or the code")
        else:
            consent, answer = await _from_browser(settings, port, wait)
        profile = await connect_mailbox(settings, consent, answer, _vault(desk, settings))
        await resume_channel(desk, "email")
        return profile.address


async def _from_browser(settings: EmailSettings, port: int, wait: int) -> tuple[Consent, str]:
    async with waiting_for_browser(port) as (redirect, came):
        consent = Consent(redirect)
        _show(consent.page(settings))
        typer.echo(f"Waiting for the browser at {redirect} ...", err=True)
        try:
            async with asyncio.timeout(wait):
                return consent, await came
        except TimeoutError:
            raise InvalidInput(
                "The browser did not come back.", mend="If it runs on another machine, add --code."
            ) from None


def _show(page: str) -> None:
    typer.echo("Open this page, sign in as the support mailbox, and tick every box:\n", err=True)
    typer.echo(page)
    typer.echo("", err=True)


@app.command("watch")
def watch(stop: bool = typer.Option(False, "--stop", help="End the pushes instead.")) -> None:
    """Ask Gmail for pushes now; the worker does so by itself once a day."""
    typer.echo(run(_watch(_settings(), stop=stop)))


async def _watch(settings: EmailSettings, *, stop: bool) -> str:
    async with command_desk() as desk:
        channel = _channel(desk, settings)
        if stop:
            await channel.unwatch()
            return "pushes have ended; mail is fetched by looking"
        return f"pushes come until {await channel.watch():%Y-%m-%d %H:%M} UTC"


@app.command("status")
def status() -> None:
    """What is set up, what Google says, and how far the mailbox has been read. Exit code 1 when mail can't be read."""
    lines, is_well = run(_status(_settings()))
    for name, value in lines:
        typer.echo(f"{name:<10} {value}")
    if not is_well:
        raise typer.Exit(1)


async def _status(settings: EmailSettings) -> tuple[list[tuple[str, str]], bool]:
    async with command_desk() as desk:
        vault = _vault(desk, settings)
        stored_at = await vault.stored_at(secret_name(settings.address))
        async with desk.db.transaction() as tx:
            state = await channel_states.find(tx, "email")
        try:
            google, is_well = f"opens {(await profile_of(settings, vault)).address}", True
        except ChannelError as error:
            google, is_well = str(error), False
    consent = f"given {stored_at:%Y-%m-%d %H:%M} UTC" if stored_at else "none yet"
    if settings.gmail_service_account_file is not None:
        consent = f"service account, {settings.gmail_service_account_file}"
    lines = [("mailbox", settings.address), ("consent", consent), ("google", google)]
    return [*lines, *_progress(settings, state)], is_well and (state is None or state.paused_at is None)


def _progress(settings: EmailSettings, state: channel_states.ChannelState | None) -> list[tuple[str, str]]:
    cursor = GmailCursor.read(state.cursor if state else {})
    looked = f"last look {moment(cursor.looked):%Y-%m-%d %H:%M} UTC" if cursor.looked else "never looked"
    if state is not None and state.paused_at is not None:
        looked = f"paused since {state.paused_at:%Y-%m-%d %H:%M} UTC: {state.detail}"
    pushes = "none: no topic is set"
    if settings.gmail_topic is not None:
        pushes = f"until {moment(cursor.watch_ends):%Y-%m-%d %H:%M} UTC" if cursor.watch_ends else "not asked for yet"
    return [("reading", looked), ("waiting", f"{len(cursor.pending)} mails listed, not yet read"), ("pushes", pushes)]


def _settings() -> EmailSettings:
    settings = load_email_settings()
    if settings.provider != "gmail":
        raise SetupInvalid("DESKHAND_EMAIL_PROVIDER is not 'gmail'.", mend="See docs/howto/gmail.md.")
    return settings


def _vault(desk: Desk, settings: EmailSettings) -> Vault:
    return Vault(desk.db, settings.secret_keys, desk.clock)


def _channel(desk: Desk, settings: EmailSettings) -> GmailChannel:
    return open_gmail(settings, desk.company, _vault(desk, settings), desk.clock)
