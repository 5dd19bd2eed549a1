"""The addresses of the customers' pages, and of the module that puts the form on other pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from deskhand.api.brakes import brake_origin, brake_replies
from deskhand.api.context import Web, WebDep
from deskhand.api.embedding import embed_module
from deskhand.api.form_input import Posted, read_fields, read_posted
from deskhand.api.pages import Notice, cookie_name, remember_token
from deskhand.api.problems import Braked, FieldsInvalid
from deskhand.api.saved_files import as_download
from deskhand.api.schemas import SupportReply
from deskhand.api.security import refuse_foreign_page
from deskhand.api.status_view import open_file, open_ticket
from deskhand.api.submission import BeingChecked, Sent, accept_reply
from deskhand.api.support import checked_key
from deskhand.errors import Conflict, DatabaseUnavailable, NotFound
from deskhand.log import get_logger

log = get_logger("api")
router = APIRouter(prefix="/support", include_in_schema=False)

Token = Annotated[str | None, Query(max_length=200)]


@router.get("")
async def form(web: WebDep) -> Response:
    """The web form, with a key of its own so that sending it twice has one effect."""
    return web.pages.form(Posted({}))


@router.get("/embed.js")
async def embed(request: Request, web: WebDep) -> Response:
    return embed_module(web.desk.settings, request.headers.get("if-none-match", ""))


@router.get("/status/{ref}")
async def status(request: Request, web: WebDep, ref: str, token: Token = None) -> Response:
    """Opened by the cookie that the form left, or by a private link; the link leaves the cookie too."""
    secret = token or _cookie(request, ref)
    return await _status_page(request, web, ref.upper(), secret, remember=bool(token))


@router.post("/status/{ref}")
async def reply(request: Request, web: WebDep, ref: str) -> Response:
    """The page's reply box without a script: back to the page, or the page with what was typed and what to mend."""
    refuse_foreign_page(request, web.desk.settings)
    reference, posted, notice = ref.upper(), Posted({}), Notice()
    try:
        posted = await _read_reply(request, web, reference)
        await brake_replies(web.desk, reference)
        sent = Sent(checked_key(posted.idempotency_key), posted.files)
        text = read_fields(posted, SupportReply).message
        await accept_reply(web.desk, reference, posted.token, text, sent)
    except NotFound:
        return web.pages.missing()
    except FieldsInvalid as error:
        notice = Notice("", 422, errors=error.errors)
    except BeingChecked:
        notice = Notice("", 409)
    except Conflict:
        posted, notice = replace(posted, idempotency_key=""), Notice("already_sent", 409)
    except Braked as error:
        notice = Notice("too_many", 429, error.seconds)
    except DatabaseUnavailable as error:
        log.warning("reply_refused", error=error.message)
        return web.pages.unavailable()
    if notice.status != 200:
        return await _status_page(request, web, reference, posted.token, posted, notice)
    address = f"/support/status/{reference}"
    return RedirectResponse(address if _cookie(request, ref) else f"{address}?token={quote(posted.token)}", 303)


async def _read_reply(request: Request, web: Web, reference: str) -> Posted:
    """What was posted, with the secret that opens the page. Raises NotFound: there is none.

    Whoever has no cookie shows the secret in the form itself, and is counted before it is read.
    """
    secret = _cookie(request, reference)
    if secret:
        await open_ticket(web.desk, reference, secret)
    else:
        await brake_origin(web.desk, request)
    posted = await read_posted(request, web.desk.settings)
    if not secret:
        await open_ticket(web.desk, reference, posted.token)
    return replace(posted, token=secret or posted.token)


@router.get("/status/{ref}/files/{file_id}")
async def file(request: Request, web: WebDep, ref: str, file_id: str, token: Token = None) -> Response:
    """A file of the conversation, to be saved and never to be shown: it is a stranger's."""
    try:
        found = await open_file(web.desk, ref.upper(), token or _cookie(request, ref), UUID(file_id))
    except (NotFound, ValueError):
        return web.pages.missing()
    except DatabaseUnavailable as error:
        log.warning("page_refused", error=error.message)
        return web.pages.unavailable()
    return as_download(found)


def _cookie(request: Request, ref: str) -> str:
    return request.cookies.get(cookie_name(ref.upper()), "")


async def _status_page(
    request: Request,
    web: Web,
    reference: str,
    secret: str,
    posted: Posted | None = None,
    notice: Notice | None = None,
    *,
    remember: bool = False,
) -> Response:
    try:
        view = await open_ticket(web.desk, reference, secret)
    except NotFound:
        return web.pages.missing()
    except DatabaseUnavailable as error:
        log.warning("page_refused", error=error.message)
        return web.pages.unavailable()
    has_cookie = bool(_cookie(request, reference))
    response = web.pages.status(view, secret, posted or Posted({}), notice or Notice(), by_link=not has_cookie)
    if remember:
        remember_token(response, web.desk.settings, reference, secret)
    return response
