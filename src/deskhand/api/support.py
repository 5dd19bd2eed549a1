"""The form's two endpoints: submit a message, and see what became of it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request, Response, Security
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import StringConstraints

from deskhand.api.context import DeskDep, Web, WebDep
from deskhand.api.form_input import FORM, JSON, PostedForm, media_type, read_json, read_values, split_form
from deskhand.api.openapi import problems
from deskhand.api.pages import remember_token
from deskhand.api.problems import FieldError, FieldsInvalid
from deskhand.api.schemas import Submitted, SupportMessage, TicketView
from deskhand.api.security import refuse_foreign_page
from deskhand.api.status_view import open_ticket, sla_for_strangers, status_link
from deskhand.desk import Desk
from deskhand.errors import Conflict, DatabaseUnavailable
from deskhand.flows import intake
from deskhand.log import get_logger

KEY_PATTERN = r"^[\x21-\x7e]{16,200}$"
IdempotencyKey = Annotated[str, StringConstraints(pattern=KEY_PATTERN, min_length=16, max_length=200)]

log = get_logger("api")
router = APIRouter(prefix="/support", tags=["support"])
ticket_token = HTTPBearer(
    auto_error=False, scheme_name="TicketToken", description="The `access_token` that the submit answered with."
)

SUBMIT_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        JSON: {"schema": {"$ref": "#/components/schemas/SupportMessage"}},
        FORM: {"schema": {"$ref": "#/components/schemas/SupportMessage"}},
    },
}


@router.post(
    "/submit",
    status_code=202,
    response_model=Submitted,
    summary="Send a message to support",
    responses={
        303: {"description": "A plain HTML form was posted: its status page."},
        **problems(400, 403, 409, 413, 415, 422, 503),
    },
    openapi_extra={"requestBody": SUBMIT_BODY},
)
async def submit(
    request: Request,
    web: WebDep,
    idempotency_key: Annotated[
        IdempotencyKey | None,
        Header(description="The same key with the same content has one effect and one answer; 16 to 200 characters."),
    ] = None,
) -> Response:
    """Stores the message and answers after the commit: with the ticket's reference, and with the token that opens
    its status. A message that got a 202 is never lost; after a 503 nothing was stored, and the same request with
    the same `Idempotency-Key` may be sent again.
    """
    refuse_foreign_page(request, web.desk.settings)
    kind = media_type(request)
    body = await request.body()
    if kind == FORM and _wants_page(request):
        return await _submit_page(web, split_form(body))
    if kind == FORM:
        posted = split_form(body)
        message, key = read_values(posted.values), idempotency_key or _checked_key(posted.idempotency_key)
    else:
        message, key = read_json(body), idempotency_key or ""
    answer = await accept_message(web.desk, message, key)
    response = JSONResponse(answer.model_dump(mode="json"), 202)
    remember_token(response, web.desk.settings, answer.reference, answer.access_token)
    return response


@router.get(
    "/ticket/{ref}",
    response_model=TicketView,
    summary="See a ticket's status and answer",
    responses=problems(404, 503),
)
async def ticket(
    ref: str,
    desk: DeskDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(ticket_token)],
    token: Annotated[str | None, Query(description="The access token, where a header can't be sent.")] = None,
) -> TicketView:
    """Needs the access token of the submit. An unknown reference and a wrong token look the same: 404."""
    return await open_ticket(desk, ref.upper(), credentials.credentials if credentials else token)


async def accept_message(desk: Desk, message: SupportMessage, key: str) -> Submitted:
    """Through the front door. Raises Conflict and DatabaseUnavailable, as `intake.accept` does."""
    content = {
        "sender": message.email,
        "name": message.name,
        "subject": message.subject,
        "body": message.message,
    }
    accepted = await intake.accept(
        desk,
        "web_form",
        {"provider_id": _provider_id(key), **content},
        promise_reference=True,
        # With the content in it, the token can't be made from a key that somebody chose badly.
        idempotency_key="\0".join((key, *content.values())) if key else "",
    )
    assert accepted.reference is not None
    assert accepted.access_token is not None
    log.info("form_accepted", reference=accepted.reference, duplicate=accepted.duplicate)
    return Submitted(
        reference=accepted.reference,
        status_url=status_link(desk, accepted.reference, accepted.access_token),
        access_token=accepted.access_token,
        sla=sla_for_strangers(desk),
    )


def _provider_id(key: str) -> str:
    """The key itself is not kept: who reads the database must not be able to make the token from it."""
    return f"key:{hashlib.sha256(key.encode()).hexdigest()}" if key else f"post:{uuid4().hex}"


def _wants_page(request: Request) -> bool:
    accept = request.headers.get("accept", "*/*")
    return "text/html" in accept or JSON not in accept


def _checked_key(key: str) -> str:
    if key and not (16 <= len(key) <= 200 and key.isascii() and key.isprintable() and " " not in key):
        raise FieldsInvalid([FieldError("idempotency_key", "The form's key is not one of ours.", "Reload the form.")])
    return key


async def _submit_page(web: Web, posted: PostedForm) -> Response:
    """A plain HTML form: on to its status page, or the form again with what was typed and what to mend."""
    try:
        answer = await accept_message(web.desk, read_values(posted.values), _checked_key(posted.idempotency_key))
    except FieldsInvalid as error:
        return web.pages.form(posted.values, posted.idempotency_key, errors=error.errors, status=422)
    except Conflict:
        return web.pages.form(posted.values, "", notice="already_sent", status=409)
    except DatabaseUnavailable as error:
        log.warning("form_refused", error=error.message)
        return web.pages.form(posted.values, posted.idempotency_key, notice="unavailable", status=503)
    response = RedirectResponse(f"/support/status/{answer.reference}", 303)
    remember_token(response, web.desk.settings, answer.reference, answer.access_token)
    return response
