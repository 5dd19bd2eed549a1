"""The module `<deskhand-form>`: one file for any page, with this desk's limits written into it."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path

from starlette.responses import Response

from deskhand.settings import Settings

MODULE = Path(__file__).parent / "static" / "embed.js"
LIMITS = re.compile(r"^const LIMITS = .*$", re.M)


def form_limits(settings: Settings) -> dict[str, object]:
    """What a page may tell before anything is sent."""
    return {
        "files": settings.form_files_max,
        "file": settings.file_max_bytes,
        "sum": settings.message_files_max_bytes,
        "types": [f".{ending}" for ending in settings.form_file_types],
    }


def embed_module(settings: Settings, known: str) -> Response:
    """Any page may load it: it holds no secret, and posts only where CORS lets it."""
    limits = json.dumps(form_limits(settings), separators=(",", ":"))
    source = LIMITS.sub(lambda _: f"const LIMITS = {limits};", _read(), count=1)
    tag = f'"{hashlib.sha256(source.encode()).hexdigest()[:20]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "public, max-age=3600",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(source, media_type="text/javascript; charset=utf-8", headers=headers)


@cache
def _read() -> str:
    return MODULE.read_text("utf-8")
