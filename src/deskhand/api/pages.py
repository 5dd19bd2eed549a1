"""The customers' pages, rendered from the templates beside this file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from deskhand.api.embedding import form_limits
from deskhand.api.form_input import Posted
from deskhand.api.problems import RETRY_AFTER_SECONDS, FieldError, in_words
from deskhand.api.rich_text import to_blocks
from deskhand.api.schemas import Sla, TicketView
from deskhand.api.submission import now_in_milliseconds
from deskhand.company_folder import Company
from deskhand.settings import Settings

STATIC_DIR = Path(__file__).parent / "static"
THIRTY_DAYS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Notice:
    """Why a form stands there again: `kind` is '', 'unavailable', 'already_sent' or 'too_many'."""

    kind: str = ""
    status: int = 200
    seconds: int = 0
    errors: tuple[FieldError, ...] = ()


class Pages:
    """Every page that a customer sees, in the company's name."""

    def __init__(self, company: Company, sla: Sla, settings: Settings) -> None:
        self._company = company
        self._templates = Environment(
            loader=PackageLoader("deskhand.api"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["blocks"] = self._blocks
        self._templates.filters["when"] = _when
        self._templates.filters["size"] = _size
        self._templates.filters["in_words"] = in_words
        self._common: dict[str, Any] = {
            "profile": company.profile,
            "version": _version(),
            "sla": sla,
            "limits": form_limits(settings),
        }

    def form(self, posted: Posted, *, errors: Sequence[FieldError] = (), notice: Notice | None = None) -> Response:
        """The form with what was typed; without a key it gets a new one."""
        known = ("name", "email", "subject", "message", "files")
        notice = notice or Notice()
        return self._render(
            "form.html",
            notice.status,
            wait=notice.seconds,
            values={field: posted.values.get(field, "") for field in known},
            errors={error.field: error for error in errors if error.field in known},
            others=[error for error in errors if error.field not in known],
            notice=notice,
            key=posted.idempotency_key or str(uuid4()),
            opened_at=posted.opened_at or now_in_milliseconds(),
        )

    def status(self, view: TicketView, token: str, posted: Posted, notice: Notice, *, by_link: bool) -> Response:
        """`by_link`: there is no cookie, so that addresses on the page carry the secret."""
        address = f"/support/status/{view.reference}"
        return self._render(
            "status.html",
            notice.status,
            wait=notice.seconds,
            view=view,
            token=token,
            link=f"{address}?token={token}",
            here=f"{address}?token={token}" if by_link else address,
            suffix=f"?token={token}" if by_link else "",
            typed=posted.values.get("message", ""),
            notice=notice,
            errors=notice.errors,
            key=posted.idempotency_key or str(uuid4()),
        )

    def missing(self) -> Response:
        """For an unknown reference and a wrong token alike."""
        return self._render("missing.html", 404)

    def unavailable(self) -> Response:
        return self._render("unavailable.html", 503)

    def too_large(self) -> Response:
        return self._render("too_large.html", 413)

    def _render(self, template: str, status: int, *, wait: int = 0, **values: Any) -> Response:
        seconds = wait or RETRY_AFTER_SECONDS
        headers = {"Retry-After": str(seconds)} if status in (429, 503) else None
        return HTMLResponse(
            self._templates.get_template(template).render(**self._common, **values), status, headers=headers
        )

    def _blocks(self, text: str) -> Any:
        return to_blocks(text, self._company.profile.allowed_hosts)


def cookie_name(reference: str) -> str:
    return f"deskhand-{reference}"


def remember_token(response: Response, settings: Settings, reference: str, token: str) -> None:
    """Keep the secret in a cookie for this one status page, so that it need not stand in an address (decision 0008)."""
    response.set_cookie(
        cookie_name(reference),
        token,
        max_age=THIRTY_DAYS,
        path=f"/support/status/{reference}",
        secure=(settings.public_url or "").startswith("https://"),
        httponly=True,
        samesite="lax",
    )


def _when(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def _size(size: int) -> str:
    return f"{round(size / 1_000_000, 1):g} MB" if size >= 100_000 else f"{max(1, round(size / 1000))} kB"


def _version() -> str:
    """Changes with the static files, so that a browser takes new ones at once."""
    digest = hashlib.sha256()
    for file in sorted(STATIC_DIR.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
