"""Channels: the registry. A new channel is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from deskhand.channels.base import Channel
from deskhand.channels.gmail import EmailChannel
from deskhand.channels.local_outbox import LocalOutbox
from deskhand.channels.web_form import WebFormChannel
from deskhand.channels.whatsapp import WhatsAppChannel
from deskhand.company_folder import Company
from deskhand.errors import SetupInvalid
from deskhand.settings import Settings

__all__ = ["build_channels"]


def build_channels(settings: Settings, company: Company) -> Mapping[str, Channel]:
    """Every channel by name. In production one without a provider has no local outbox: its sends fail visibly.

    Raises:
        SetupInvalid: the company folder has no voice for a channel.
    """
    outbox = None if settings.is_production else LocalOutbox(settings.data_dir / "outbox")
    built: tuple[Channel, ...] = (
        EmailChannel(company, outbox),
        WhatsAppChannel(company, outbox),
        WebFormChannel(company),
    )
    for channel in built:
        if channel.name not in company.voice.channels:
            raise SetupInvalid(f"voice.toml: channels.{channel.name} is missing: how do we speak there?")
    return {channel.name: channel for channel in built}
