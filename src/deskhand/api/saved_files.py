"""A customer's file as an answer: to be saved and never to be shown, since it is a stranger's."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import Response

from deskhand.files import FileContent


def as_download(file: FileContent) -> Response:
    """Its type is nobody's business: no browser may come to think that it can open it."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in file.name)
    return Response(
        file.content,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name)}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )
