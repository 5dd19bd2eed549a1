"""Where providers post: authentic by what each provider signs, answered after the commit, 503 until configured."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from deskhand.api.context import DeskDep
from deskhand.api.openapi import problems
from deskhand.channels.base import HookRequest
from deskhand.desk import Desk
from deskhand.errors import ChannelError, ChannelNotConfigured, DatabaseUnavailable, Forbidden, Unauthorized
from deskhand.flows.hooks import find_hooked, take_call
from deskhand.log import get_logger

PATIENCE_SECONDS = 10.0
NOT_AUTHENTIC = "This call is not authentic."
MISSING = {
    "gmail": "Gmail is not configured: a mailbox with Google credentials, and the Pub/Sub subscription that posts "
    "here, are missing.",
    "whatsapp": "WhatsApp is not configured: a Twilio account, its auth token and a sender are missing.",
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Taken, with words for the provider."},
    **problems(401, 403, 404, 408, 413, 415, 422, 503),
}

log = get_logger("webhooks")
router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post("/gmail", status_code=204, summary="Gmail's push notices", responses=ANSWERS)
async def gmail(request: Request, desk: DeskDep) -> Response:
    """Google Pub/Sub says that a mailbox has changed. Authentic by its signed token, not by an API key."""
    return await receive(request, desk, "gmail", "")


@router.post("/whatsapp", status_code=204, summary="WhatsApp messages from Twilio", responses=ANSWERS)
async def whatsapp(request: Request, desk: DeskDep) -> Response:
    """A customer wrote on WhatsApp. Authentic by Twilio's signature, not by an API key."""
    return await receive(request, desk, "whatsapp", "")


@router.post("/whatsapp/status", status_code=204, summary="Twilio's delivery receipts", responses=ANSWERS)
async def whatsapp_status(request: Request, desk: DeskDep) -> Response:
    """What became of a WhatsApp message of ours. Authentic by Twilio's signature, not by an API key."""
    return await receive(request, desk, "whatsapp", "/status")


@router.post("/{door}", include_in_schema=False)
async def any_door(request: Request, desk: DeskDep, door: str) -> Response:
    return await receive(request, desk, door, "")


@router.post("/{door}/{rest:path}", include_in_schema=False)
async def behind_any_door(request: Request, desk: DeskDep, door: str, rest: str) -> Response:
    return await receive(request, desk, door, f"/{rest}")


async def receive(request: Request, desk: Desk, door: str, path: str) -> Response:
    """Refusals all look the same to the caller; the log has the cause."""
    channel = find_hooked(desk, door)
    if channel is None:
        if door in MISSING:
            raise ChannelNotConfigured(MISSING[door])
        raise HTTPException(404)
    call = HookRequest(
        method=request.method,
        path=path,
        query=request.scope["query_string"].decode("latin-1"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]),
        body=await _read(request, desk.settings.webhook_max_bytes),
    )
    try:
        answer = await take_call(desk, channel, call)
    except Forbidden as error:
        log.warning("hook_refused", door=door, status=403, cause=error.message)
        raise Forbidden(NOT_AUTHENTIC) from error
    except Unauthorized as error:
        log.warning("hook_refused", door=door, status=401, cause=error.message)
        raise Unauthorized(NOT_AUTHENTIC) from error
    except ChannelError as error:
        log.warning("hook_failed", door=door, cause=error.message)
        raise HTTPException(503, "This call can't be checked now.", headers={"Retry-After": "5"}) from error
    except DatabaseUnavailable:
        log.warning("hook_not_stored", door=door)
        raise
    if answer.status == 204 or not answer.body:
        return Response(status_code=answer.status)
    return Response(answer.body, answer.status, media_type=answer.content_type)


async def _read(request: Request, most: int) -> bytes:
    """The raw body: what was signed are its bytes."""
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise HTTPException(413, f"The request's body is larger than {most} bytes.")
    except TimeoutError:
        raise HTTPException(408, "The request's body did not come in time.", headers={"Connection": "close"}) from None
    return bytes(body)
