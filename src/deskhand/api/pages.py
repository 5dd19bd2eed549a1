"""The customers' pages, rendered from the templates beside this file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from deskhand.api.problems import RETRY_AFTER_SECONDS, FieldError
from deskhand.api.rich_text import to_blocks
from deskhand.api.schemas import Sla, TicketView
from deskhand.company_folder import Company
from deskhand.settings import Settings

STATIC_DIR = Path(__file__).parent / "static"
THIRTY_DAYS = 30 * 24 * 3600


class Pages:
    """Every page that a customer sees, in the company's name."""

    def __init__(self, company: Company, sla: Sla) -> None:
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
        self._common: dict[str, Any] = {"profile": company.profile, "version": _version(), "sla": sla}

    def form(
        self,
        values: Mapping[str, str],
        key: str,
        *,
        errors: Sequence[FieldError] = (),
        notice: str = "",
        status: int = 200,
    ) -> Response:
        """The form with what was typed; `notice` is 'unavailable' or 'already_sent', `key` '' makes a new one."""
        known = ("name", "email", "subject", "message")
        return self._render(
            "form.html",
            status,
            values={field: values.get(field, "") for field in known},
            errors={error.field: error for error in errors if error.field in known},
            others=[error for error in errors if error.field not in known],
            notice=notice,
            key=key or str(uuid4()),
        )

    def status(self, view: TicketView, token: str) -> Response:
        link = f"/support/status/{view.reference}?token={token}"
        return self._render("status.html", 200, view=view, token=token, link=link)

    def missing(self) -> Response:
        """For an unknown reference and a wrong token alike."""
        return self._render("missing.html", 404)

    def unavailable(self) -> Response:
        return self._render("unavailable.html", 503)

    def _render(self, template: str, status: int, **values: Any) -> Response:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else None
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


def _version() -> str:
    """Changes with the static files, so that a browser takes new ones at once."""
    digest = hashlib.sha256()
    for file in sorted(STATIC_DIR.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
