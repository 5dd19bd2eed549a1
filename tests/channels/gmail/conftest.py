"""A Gmail channel on a stand-in of Google: real tokens, real HTTP, a clock that stands still unless moved."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from deskhand.clock import TravelClock
from deskhand.company_folder import Company
from tests.channels.gmail.desk import GmailDesk
from tests.standins.google import GoogleServer


@pytest.fixture
async def google() -> AsyncGenerator[GoogleServer]:
    async with GoogleServer().running() as server:
        yield server


@pytest.fixture
def gmail(google: GoogleServer, company: Company) -> GmailDesk:
    return GmailDesk.connected(google, company, TravelClock())
