"""Health: alive says that the process runs, ready says that everything it stands on does."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from deskhand.api.context import WebDep
from deskhand.api.openapi import problems
from deskhand.api.problems import RETRY_AFTER_SECONDS, problem
from deskhand.api.schemas import Alive, Check, Checks, Readiness, TransportCheck
from deskhand.db import pending_migrations
from deskhand.desk import Desk
from deskhand.errors import BrokerUnavailable, DatabaseUnavailable, DeskhandError
from deskhand.flows.channel_reports import report_channels
from deskhand.log import get_logger

PATIENCE_SECONDS = 3.0
DOWN = Check(state="down", detail="can't be reached")

log = get_logger("api")
router = APIRouter(tags=["health"])


@router.get("/health", response_model=Alive, summary="Is the process alive?", responses=problems())
async def health() -> Alive:
    """Depends on nothing else: an orchestrator restarts the process when this fails."""
    return Alive()


@router.get(
    "/health/detailed",
    response_model=Readiness,
    summary="Is the desk ready for work?",
    responses=problems(503, model="NotReady"),
)
async def health_detailed(web: WebDep) -> Response:
    """Looks at the database and its migrations, the transport, each channel, the models and the company folder.

    A 503 names what is down. Dead letters and channels that are not configured are shown, and hinder nothing.
    """
    checks = await examine(web.desk)
    down = [name for name in ("database", "transport", "models", "company") if getattr(checks, name).state == "down"]
    if web.draining:
        down.append("process (it is stopping)")
    if not down:
        return JSONResponse(Readiness(checks=checks).model_dump(mode="json"))
    return problem(
        503,
        f"Not ready: {', '.join(down)}.",
        code="not_ready",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        more={"down": down, "checks": checks.model_dump(mode="json")},
    )


async def examine(desk: Desk) -> Checks:
    database, transport = await _examine_database(desk)
    return Checks(
        database=database,
        transport=transport,
        models=await _examine_models(desk),
        company=_examine_company(desk),
        channels=await _examine_channels(desk),
    )


async def _examine_database(desk: Desk) -> tuple[Check, TransportCheck]:
    """The causes go to the log: hosts and roles are nobody's business."""
    no_transport = TransportCheck(state="down", detail="needs the database")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with desk.db.transaction() as tx:
                pending = await pending_migrations(tx)
            if pending:
                detail = f"{len(pending)} migration(s) pending: run `deskhand migrate`"
                return Check(state="down", detail=detail), no_transport
    except (DatabaseUnavailable, TimeoutError) as error:
        log.warning("database_check_failed", error=str(error) or type(error).__name__)
        return DOWN, no_transport
    return Check(state="ok"), await _examine_transport(desk)


async def _examine_transport(desk: Desk) -> TransportCheck:
    """Brokers that are away hinder no request: what is published waits in the database."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            lags = await desk.transport.lag()
    except (BrokerUnavailable, DatabaseUnavailable, TimeoutError) as error:
        log.warning("transport_check_failed", error=str(error) or type(error).__name__)
        if desk.settings.transport == "kafka" and not isinstance(error, DatabaseUnavailable):
            return TransportCheck(state="degraded", detail="the brokers can't be reached: messages wait in the outbox")
        return TransportCheck(state="down", detail="can't be reached")
    dead = sum(lag.dead for lag in lags)
    return TransportCheck(
        state="ok",
        detail=f"{dead} message(s) were given up: see `deskhand queue`" if dead else "",
        pending=sum(lag.pending for lag in lags),
        oldest_age_seconds=round(max((lag.oldest_age_seconds for lag in lags), default=0.0), 3),
        dead_letters=dead,
    )


async def _examine_channels(desk: Desk) -> dict[str, Check]:
    """What was kept about them where it can be read, their own word otherwise."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), desk.db.transaction() as tx:
            return {item.name: Check(state=item.state, detail=item.detail) for item in await report_channels(desk, tx)}
    except (DatabaseUnavailable, TimeoutError):
        told = {name: channel.health() for name, channel in desk.channels.items()}
        return {name: Check(state=found.state, detail=found.detail) for name, found in told.items()}


async def _examine_models(desk: Desk) -> Check:
    try:
        await desk.embedder.embed(["ready"])
    except DeskhandError as error:
        log.warning("models_check_failed", error=error.message)
        return Check(state="down", detail="the embedding model can't be loaded")
    return Check(state="ok", detail=desk.embedder.model_id)


def _examine_company(desk: Desk) -> Check:
    if not desk.company.folder.is_dir():
        return Check(state="down", detail="the company folder is gone")
    return Check(state="ok", detail=f"{desk.company.profile.company}, rules {desk.company.digest[:12]}")
