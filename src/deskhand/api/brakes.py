"""Brakes on the form: how much comes from one address, one network, one claimed e-mail, one status page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from fastapi import Request

from deskhand import rate_limits
from deskhand.api.client_address import client_address, network_of
from deskhand.api.problems import Braked
from deskhand.desk import Desk
from deskhand.log import get_logger
from deskhand.rate_limits import Limit

HOUR = timedelta(hours=1)

log = get_logger("api")


async def brake_origin(desk: Desk, request: Request) -> None:
    """Count a message of this address and its network. Raises Braked, or DatabaseUnavailable."""
    settings = desk.settings
    address = client_address(request, settings.trusted_proxies)
    await _take(
        desk,
        [
            Limit("form_address", address, settings.form_per_address, HOUR),
            Limit("form_network", network_of(address), settings.form_per_network, HOUR),
        ],
    )


async def brake_email(desk: Desk, email: str) -> None:
    """Count a message in the name of this address, whoever sends it. Raises Braked, or DatabaseUnavailable."""
    await _take(desk, [Limit("form_email", email.strip().lower(), desk.settings.form_per_email, HOUR)])


async def brake_replies(desk: Desk, reference: str) -> None:
    """Count a reply on this status page. Raises Braked, or DatabaseUnavailable."""
    await _take(desk, [Limit("form_replies", reference, desk.settings.form_replies, HOUR)])


async def _take(desk: Desk, limits: Sequence[Limit]) -> None:
    async with desk.db.transaction() as tx:
        wait = await rate_limits.take(tx, limits, at=desk.clock.now())
    if wait is not None:
        log.warning("form_braked", kinds=[limit.kind for limit in limits], seconds=int(wait.total_seconds()))
        raise Braked(wait)
