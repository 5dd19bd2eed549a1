"""The form's endpoints: submit a message, see what became of it, and write on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response, Security
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import StringConstraints

from deskhand.api.brakes import brake_email, brake_origin, brake_replies
from deskhand.api.context import DeskDep, Web, WebDep
from deskhand.api.form_input import FORM, JSON, MULTIPART, Posted, media_type, read_fields, read_posted
from deskhand.api.openapi import problems
from deskhand.api.pages import Notice, remember_token
from deskhand.api.problems import Braked, FieldError, FieldsInvalid
from deskhand.api.schemas import Submitted, SupportMessage, SupportReply, TicketView
from deskhand.api.security import refuse_foreign_page
from deskhand.api.status_view import open_ticket
from deskhand.api.submission import Sent, accept_message, accept_reply, seconds_since
from deskhand.errors import Conflict, DatabaseUnavailable
from deskhand.log import get_logger

KEY_PATTERN = r"^[\x21-\x7e]{16,200}$"
IdempotencyKey = Annotated[str, StringConstraints(pattern=KEY_PATTERN, min_length=16, max_length=200)]
KeyHeader = Annotated[
    IdempotencyKey | None,
    Header(
        alias="Idempotency-Key",
        description="The same key with the same content has one effect and one answer; 16 to 200 characters.",
    ),
]

log = get_logger("api")
router = APIRouter(prefix="/support", tags=["support"])
ticket_token = HTTPBearer(
    auto_error=False, scheme_name="TicketToken", description="The `access_token` that the submit answered with."
)
TokenHeader = Annotated[HTTPAuthorizationCredentials | None, Security(ticket_token)]
TokenQuery = Annotated[str | None, Query(description="The access token, where a header can't be sent.")]


def body_of(model: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"#/components/schemas/{model}"}}
    fields = {"allOf": [schema["schema"]], "description": "The same fields, and up to some `files`."}
    return {"requestBody": {"required": True, "content": {JSON: schema, FORM: schema, MULTIPART: {"schema": fields}}}}


@router.post(
    "/submit",
    status_code=202,
    response_model=Submitted,
    summary="Send a message to support",
    responses={
        303: {"description": "A plain HTML form was posted: its status page."},
        **problems(400, 403, 408, 409, 413, 415, 422, 429, 503),
    },
    openapi_extra=body_of("SupportMessage"),
)
async def submit(request: Request, web: WebDep, idempotency_key: KeyHeader = None) -> Response:
    """Stores the message with its files and answers after the commit: with the ticket's reference, and with the token
    that opens its status. A message that got a 202 is never lost; after a 503 nothing was stored, and the same request
    with the same `Idempotency-Key` may be sent again.
    """
    refuse_foreign_page(request, web.desk.settings)
    kind = media_type(request)
    if kind != JSON and wants_page(request):
        return await _submit_page(request, web, kind)
    await brake_origin(web.desk, request)
    posted = await read_posted(request, web.desk.settings)
    answer = await _accept(web, posted, idempotency_key or checked_key(posted.idempotency_key))
    response = JSONResponse(answer.model_dump(mode="json"), 202)
    remember_token(response, web.desk.settings, answer.reference, answer.access_token)
    return response


@router.get(
    "/ticket/{ref}",
    response_model=TicketView,
    summary="See a ticket's status and answer",
    responses=problems(404, 503),
)
async def ticket(ref: str, desk: DeskDep, credentials: TokenHeader, token: TokenQuery = None) -> TicketView:
    """Needs the access token of the submit. An unknown reference and a wrong token look the same: 404."""
    return await open_ticket(desk, ref.upper(), credentials.credentials if credentials else token)


@router.post(
    "/ticket/{ref}/replies",
    status_code=202,
    response_model=TicketView,
    summary="Write on in a ticket's conversation",
    responses=problems(400, 403, 404, 408, 409, 413, 415, 422, 429, 503),
    openapi_extra=body_of("SupportReply"),
)
async def reply(
    request: Request,
    ref: str,
    desk: DeskDep,
    credentials: TokenHeader,
    token: TokenQuery = None,
    idempotency_key: KeyHeader = None,
) -> TicketView:
    """A further message of the same sender, with files if need be; answered like the first one, by agent or person."""
    refuse_foreign_page(request, desk.settings)
    reference, secret = ref.upper(), credentials.credentials if credentials else token
    await open_ticket(desk, reference, secret)
    await brake_replies(desk, reference)
    posted = await read_posted(request, desk.settings)
    text = read_fields(posted, SupportReply).message
    key = idempotency_key or checked_key(posted.idempotency_key)
    await accept_reply(desk, reference, secret, text, Sent(key, posted.files))
    return await open_ticket(desk, reference, secret)


def wants_page(request: Request) -> bool:
    accept = request.headers.get("accept", "*/*")
    return "text/html" in accept or JSON not in accept


def checked_key(key: str) -> str:
    if key and not (16 <= len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key):
        raise FieldsInvalid([FieldError("idempotency_key", "The form's key is not one of ours.", "Reload the form.")])
    return key


async def _accept(web: Web, posted: Posted, key: str) -> Submitted:
    message = read_fields(posted, SupportMessage)
    await brake_email(web.desk, message.email)
    return await accept_message(web.desk, message, Sent(key, posted.files, seconds_since(posted.opened_at)))


async def _submit_page(request: Request, web: Web, kind: str) -> Response:
    """A plain HTML form: on to its status page, or the form again with what was typed and what to mend."""
    posted = Posted({})
    try:
        if kind == MULTIPART:
            await brake_origin(web.desk, request)  # before tens of megabytes are read
        posted = await read_posted(request, web.desk.settings)
        if kind != MULTIPART:
            await brake_origin(web.desk, request)
        answer = await _accept(web, posted, checked_key(posted.idempotency_key))
    except FieldsInvalid as error:
        return web.pages.form(posted, errors=error.errors, notice=Notice("", 422))
    except Conflict:
        return web.pages.form(Posted(posted.values), notice=Notice("already_sent", 409))
    except Braked as error:
        return web.pages.form(posted, notice=Notice("too_many", 429, error.seconds))
    except DatabaseUnavailable as error:
        log.warning("form_refused", error=error.message)
        return web.pages.form(posted, notice=Notice("unavailable", 503))
    response = RedirectResponse(f"/support/status/{answer.reference}", 303)
    remember_token(response, web.desk.settings, answer.reference, answer.access_token)
    return response
