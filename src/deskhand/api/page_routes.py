"""The addresses of the customers' pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from deskhand.api.context import WebDep
from deskhand.api.pages import cookie_name, remember_token
from deskhand.api.status_view import open_ticket
from deskhand.errors import DatabaseUnavailable, NotFound
from deskhand.log import get_logger

log = get_logger("api")
router = APIRouter(prefix="/support", include_in_schema=False)


@router.get("")
async def form(web: WebDep) -> Response:
    """The web form, with a key of its own so that sending it twice has one effect."""
    return web.pages.form({}, "")


@router.get("/status/{ref}")
async def status(
    request: Request, web: WebDep, ref: str, token: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """Opened by the cookie that the form left, or by the private link; the link leaves the cookie too."""
    reference = ref.upper()
    secret = token or request.cookies.get(cookie_name(reference), "")
    try:
        view = await open_ticket(web.desk, reference, secret)
    except NotFound:
        return web.pages.missing()
    except DatabaseUnavailable as error:
        log.warning("page_refused", error=error.message)
        return web.pages.unavailable()
    response = web.pages.status(view, secret)
    if token:
        remember_token(response, web.desk.settings, reference, token)
    return response
