"""One id for each request: taken from the sender when sane, on every response, on every log line."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskhand.log import get_logger

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._-]{8,128}")

log = get_logger("api")


def current_request_id() -> str:
    """The id of the request that is being handled; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


class RequestIds:
    """Outermost middleware. It also writes the one log line of a request, without the query: that may hold a token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        offered = Headers(scope=scope).get(HEADER, "")
        request_id = offered if SANE.fullmatch(offered) else uuid4().hex
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                note = log.debug if scope["path"].startswith("/health") else log.info
                note(
                    "request_finished",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )
                structlog.contextvars.unbind_contextvars("key_prefix")
