"""What request handlers find on the application: the desk, the pages, and whether the process is stopping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from deskhand.api.pages import Pages
from deskhand.desk import Desk


@dataclass(slots=True)
class Web:
    """`draining` turns true when the process has been told to stop: readiness says so from then on."""

    desk: Desk
    pages: Pages
    draining: bool = False


def get_web(request: Request) -> Web:
    return cast("Web", request.app.state.web)


def get_desk(request: Request) -> Desk:
    return get_web(request).desk


WebDep = Annotated[Web, Depends(get_web)]
DeskDep = Annotated[Desk, Depends(get_desk)]
