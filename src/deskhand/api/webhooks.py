"""Where providers post: each answers 503 until its channel is configured."""

from __future__ import annotations

from fastapi import APIRouter, Response

from deskhand.api.openapi import problems
from deskhand.errors import ChannelNotConfigured

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/gmail", status_code=204, summary="Gmail's push notices", responses=problems(413, 503))
async def gmail() -> Response:
    """Google Pub/Sub says that a mailbox has changed. Authentic by its signed token, not by an API key."""
    raise ChannelNotConfigured(
        "Gmail is not configured: a mailbox with Google credentials, and the Pub/Sub subscription that posts here, "
        "are missing."
    )


@router.post("/whatsapp", status_code=204, summary="WhatsApp messages from Twilio", responses=problems(413, 503))
async def whatsapp() -> Response:
    """A customer wrote on WhatsApp. Authentic by Twilio's signature, not by an API key."""
    raise ChannelNotConfigured("WhatsApp is not configured: a Twilio account, its auth token and a sender are missing.")


@router.post("/whatsapp/status", status_code=204, summary="Twilio's delivery receipts", responses=problems(413, 503))
async def whatsapp_status() -> Response:
    """What became of a WhatsApp message of ours. Authentic by Twilio's signature, not by an API key."""
    raise ChannelNotConfigured("WhatsApp is not configured: a Twilio account, its auth token and a sender are missing.")
