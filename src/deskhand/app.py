"""The web process: builds the application on a desk, and runs it until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Generator
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from fastapi.middleware import Middleware
from starlette.staticfiles import StaticFiles

from deskhand.api import (
    conversations,
    customers,
    health,
    metrics,
    openapi,
    page_routes,
    problems,
    support,
    testing,
    webhooks,
)
from deskhand.api.context import Web
from deskhand.api.limits import BodyLimit, HeadAsGet
from deskhand.api.pages import STATIC_DIR, Pages
from deskhand.api.request_ids import RequestIds
from deskhand.api.security import FormCors, SecurityHeaders
from deskhand.api.status_view import sla_for_strangers
from deskhand.desk import Desk
from deskhand.errors import SetupInvalid
from deskhand.log import get_logger
from deskhand.settings import Settings

log = get_logger("app")

TAGS: list[dict[str, Any]] = [
    {"name": "health", "description": "For orchestrators; open."},
    {"name": "support", "description": "The web form; open, its status by a secret of the submitter's."},
    {"name": "webhooks", "description": "Where providers post; authentic by the provider's signature."},
    {"name": "metrics", "description": "Figures for people and dashboards."},
    {"name": "conversations", "description": "What was said."},
    {"name": "customers", "description": "Who writes to us."},
    {"name": "test", "description": "Development only."},
]


def create_app(desk: Desk) -> FastAPI:
    """The whole HTTP side on one desk. Outermost middleware first, all of it plain ASGI."""
    settings = desk.settings
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        openapi_tags=TAGS,
        middleware=[
            Middleware(RequestIds),
            Middleware(SecurityHeaders, settings=settings),
            Middleware(FormCors, origins=settings.cors_origins),
            Middleware(problems.UnexpectedErrors),
            Middleware(HeadAsGet),
            Middleware(
                BodyLimit,
                most=settings.max_body_bytes,
                most_with_files=settings.max_body_bytes + settings.message_files_max_bytes,
            ),
        ],
    )
    app.state.web = Web(desk, Pages(desk.company, sla_for_strangers(desk), settings))
    problems.install(app)
    routers = [health, support, webhooks, metrics, conversations, customers, page_routes, openapi]
    for module in [*routers, testing] if not settings.is_production else routers:
        app.include_router(module.router)
    app.mount("/support/static", StaticFiles(directory=STATIC_DIR), name="static")
    app.openapi = lambda: openapi.describe(app)
    return app


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers of its own: `stop` is the one way to end it."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it exists, for `asyncio.Runner(loop_factory=new_event_loop)`: uvicorn takes the loop it finds."""
    if sys.platform == "win32":
        return asyncio.SelectorEventLoop()
    import uvloop  # not there on Windows

    return uvloop.new_event_loop()


async def run_web(desk: Desk, *, stop: asyncio.Event, ready: Callable[[str], None] | None = None) -> None:
    """Serve until `stop` is set, then finish what is under way within `settings.drain`.

    `ready` is called with the address once requests are taken. Run it in a `new_event_loop()`.

    Raises:
        SetupInvalid: the address can't be listened on.
    """
    listener = _listen(desk.settings)
    address = _address(listener, desk.settings.host)
    app = create_app(desk)
    grace = _grace_seconds(desk.settings)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(desk.settings.drain.total_seconds() - grace)),
    )

    def on_started() -> None:
        log.info("web_started", url=address)
        if ready is not None:
            ready(address)

    server = _Server(config, on_started)
    serving = asyncio.create_task(server.serve([listener]), name="web")
    stopping = asyncio.create_task(stop.wait(), name="web-stop")
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        cast("Web", app.state.web).draining = True
        if not serving.done():
            await asyncio.sleep(grace)
        server.should_exit = True
        await serving
    finally:
        stopping.cancel()
        if not serving.done():
            serving.cancel()
            await asyncio.wait([serving])
        listener.close()
    log.info("web_stopped")


def _grace_seconds(settings: Settings) -> float:
    """How long a stopping process still takes requests, so that a balancer can read 'not ready' and turn away."""
    return settings.drain.total_seconds() / 5 if settings.is_production else 0.0


def _listen(settings: Settings) -> socket.socket:
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SetupInvalid(f"DESKHAND_HOST: {settings.host} is no address here.", field="DESKHAND_HOST") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
    except OSError as error:
        listener.close()
        raise SetupInvalid(
            f"DESKHAND_PORT: can't listen on {settings.host}:{settings.port}: {error.strerror}.",
            field="DESKHAND_PORT",
            mend="Stop what uses it, or choose another; 0 picks a free one.",
        ) from error
    listener.setblocking(False)
    return listener


def _address(listener: socket.socket, host: str) -> str:
    """What a person can open: a wildcard address becomes this machine's own."""
    port = listener.getsockname()[1]
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
