"""Who may call what, and the headers that keep browsers on our side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskhand import operators
from deskhand.api.context import DeskDep
from deskhand.errors import Forbidden, Unauthorized
from deskhand.operators import ApiKey
from deskhand.settings import Settings

FORM_PATHS = ("/support/submit", "/support/ticket/")
STATIC = "/support/static/"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"

api_key = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="dh_<prefix>_<secret>",
    description="A key made by `deskhand keys create NAME`.",
)


def require(scope: operators.Scope) -> Callable[..., Awaitable[ApiKey]]:
    """A dependency: the request carries a live key with this scope."""

    async def check(
        desk: DeskDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(api_key)]
    ) -> ApiKey:
        if credentials is None:
            raise Unauthorized
        async with desk.db.transaction() as tx:
            found = await operators.authorise(tx, credentials.credentials, scope=scope, now=desk.clock.now())
        structlog.contextvars.bind_contextvars(key_prefix=found.prefix)
        return found

    return check


def refuse_foreign_page(request: Request, settings: Settings) -> None:
    """A form that another site's page posts is refused, unless the settings name that site.

    Raises:
        Forbidden: a browser says that the post comes from elsewhere.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        foreign = site in ("cross-site", "same-site")
    else:
        # Our own pages send 'null', because they send no referrer.
        foreign = origin not in (None, "null") and urlsplit(origin or "").netloc != request.headers.get("host")
    if foreign and origin not in settings.cors_origins:
        raise Forbidden("This page may not post here; DESKHAND_CORS_ORIGINS names those that may.")


class FormCors:
    """CORS by the settings' origins, for the form's endpoints and nothing else."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"),
            expose_headers=("X-Request-ID", "Retry-After"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_form = scope["type"] == "http" and scope["path"].startswith(FORM_PATHS)
        await (self._cors if is_form else self._app)(scope, receive, send)


class SecurityHeaders:
    """Sets what a response has not set itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        if (settings.public_url or "").startswith("https://"):
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # An address that names its version never gets another content; others are asked about each time.
        is_static = scope["path"].startswith(STATIC)
        caching = "public, max-age=86400" if b"v=" in scope["query_string"] else "no-cache"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                is_page = headers.get("content-type", "").startswith("text/html")
                headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else DATA_POLICY)
                is_kept = is_static and message["status"] < 400
                headers.setdefault("Cache-Control", caching if is_kept else "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
