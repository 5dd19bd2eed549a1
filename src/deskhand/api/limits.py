"""What a request may be: a body up to the limit, and HEAD wherever there is GET."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deskhand.api.problems import problem


class BodyLimit:
    """Refuses a body over the limit: by its declared length before reading any of it, else at the byte too many."""

    def __init__(self, app: ASGIApp, most: int, most_with_files: int) -> None:
        self._app = app
        self._most = most
        self._most_with_files = most_with_files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most_of(scope)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and (len(declared) > 18 or int(declared) > most):
            await _refusal(scope, most)(scope, receive, send)
            return
        seen = 0

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413, _detail(most), headers={"Connection": "close"})
            return message

        await self._app(scope, receive_counted, send)

    def _most_of(self, scope: Scope) -> int:
        """Only the form takes files."""
        media_type = Headers(scope=scope).get("content-type", "").lower()
        has_files = scope["path"].startswith("/support/") and media_type.startswith("multipart/form-data")
        return self._most_with_files if has_files else self._most


def _detail(most: int) -> str:
    return f"The request's body is larger than {most} bytes."


def _refusal(scope: Scope, most: int) -> Response:
    """A person who chose too large a file gets a page."""
    headers = Headers(scope=scope)
    if "text/html" in headers.get("accept", "") and scope["path"].startswith("/support/"):
        response = scope["app"].state.web.pages.too_large()
        response.headers["Connection"] = "close"
        return response
    return problem(413, _detail(most), headers={"Connection": "close"})


class HeadAsGet:
    """Answers HEAD as GET does, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)
