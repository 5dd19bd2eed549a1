"""Channels: the registry. A new channel is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_settings import BaseSettings

from deskhand.channels.base import Channel
from deskhand.channels.email import open_email
from deskhand.channels.email_settings import EmailSettings, load_email_settings
from deskhand.channels.google_tokens import NoSecrets, Secrets
from deskhand.channels.local_outbox import LocalOutbox
from deskhand.channels.sms import SmsChannel, SmsSettings
from deskhand.channels.web_form import WebFormChannel
from deskhand.channels.whatsapp import WhatsAppChannel, WhatsAppSettings
from deskhand.clock import Clock, SystemClock
from deskhand.company_folder import Company
from deskhand.errors import SetupInvalid
from deskhand.settings import Settings

__all__ = ["CHANNEL_SETTINGS", "build_channels"]

# Each channel reads its own variables; the reference pages and `deskhand doctor` know them from here.
CHANNEL_SETTINGS: tuple[type[BaseSettings], ...] = (EmailSettings, WhatsAppSettings, SmsSettings)


def build_channels(
    settings: Settings, company: Company, secrets: Secrets | None = None, clock: Clock | None = None
) -> Mapping[str, Channel]:
    """Every channel by name. In production one without a provider has no local outbox: its sends fail visibly.

    Raises:
        SetupInvalid: the company folder has no voice for a channel, or an account is half configured.
    """
    outbox = None if settings.is_production else LocalOutbox(settings.data_dir / "outbox")
    built: tuple[Channel, ...] = (
        open_email(load_email_settings(), company, outbox, secrets or NoSecrets(), clock or SystemClock()),
        WhatsAppChannel.build(settings, company, outbox, clock),
        WebFormChannel(company),
        *SmsChannel.build(settings, company, clock),
    )
    for channel in built:
        if channel.name not in company.voice.channels:
            raise SetupInvalid(f"voice.toml: channels.{channel.name} is missing: how do we speak there?")
    return {channel.name: channel for channel in built}
