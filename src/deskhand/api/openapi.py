"""The OpenAPI document: problems as problem+json on every operation, and who may read the document."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from deskhand import __version__
from deskhand.api.context import DeskDep
from deskhand.api.problems import MEDIA_TYPE
from deskhand.api.schemas import NotReady, Problem, SupportMessage, SupportReply
from deskhand.api.security import api_key, require

ABOUT = """
Deskhand's HTTP API. Every error is a problem document (RFC 9457, `application/problem+json`); every response carries
`X-Request-ID`. Everything but health and the form needs an API key: `Authorization: Bearer dh_...`.
""".strip()

CAUSES: dict[int, tuple[str, str, str]] = {
    400: ("The request can't be read.", "bad_request", "The body is not valid JSON in UTF-8."),
    401: ("No key, or one that is not known or has ended.", "unauthorized", "This API key is not known."),
    403: ("Not allowed from there, or with this key.", "forbidden", "This API key lacks the scope 'read'."),
    404: ("There is no such thing.", "not_found", "There is nothing here by that name."),
    408: ("The body did not come in time.", "timeout", "The request's body did not come in time."),
    409: ("The idempotency key came with other content.", "conflict", "This idempotency key was used before."),
    413: ("The body is too large.", "body_too_large", "The request's body is larger than 256000 bytes."),
    415: ("Another media type, or not UTF-8.", "unsupported_media_type", "Send application/json, in UTF-8."),
    422: ("Some fields are wrong; `errors` names each with its mend.", "invalid_input", "Email is missing."),
    429: ("Too many from there.", "too_many_requests", "Too many messages came from there: wait and send it again."),
    500: ("A fault of ours.", "internal", "Something went wrong on our side; the log has it under this request id."),
    503: ("Not available now; with `Retry-After` it is worth trying again.", "unavailable", "It can't be reached."),
}

router = APIRouter()


def problems(*statuses: int, model: str = "Problem") -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these errors; 500 is always among them."""
    return {status: _response(status, model) for status in (*statuses, 500)}


def _response(status: int, model: str) -> dict[str, Any]:
    description, code, detail = CAUSES[status]
    example: dict[str, Any] = {
        "type": "about:blank",
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": "0b6d1c7e",
    }
    content: dict[str, Any] = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{model}"}}}
    if model == "Problem":
        content[MEDIA_TYPE]["example"] = {**example, "title": description.rstrip(".")}
    response: dict[str, Any] = {"description": description, "content": content}
    if status in (429, 503):
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return response


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, with the models that routes mention by reference only."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Deskhand",
            version=__version__,
            description=ABOUT,
            routes=app.routes,
            tags=list(app.openapi_tags or ()),
        )
        schemas: dict[str, Any] = document["components"]["schemas"]
        for model in (Problem, NotReady, SupportMessage, SupportReply):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        _drop_the_frameworks_own_422(document)
        app.openapi_schema = document
    return app.openapi_schema


def _drop_the_frameworks_own_422(document: dict[str, Any]) -> None:
    """It stands on operations that list no 422 themselves, because no input of theirs is refused so."""
    for methods in document["paths"].values():
        for operation in methods.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)


@router.get("/openapi.json", include_in_schema=False)
async def openapi_document(request: Request, desk: DeskDep) -> JSONResponse:
    """Open in development; production wants a key with the scope read."""
    if desk.settings.is_production:
        await require("read")(desk, await api_key(request))
    return JSONResponse(describe(request.app))
