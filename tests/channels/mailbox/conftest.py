"""A mailbox channel on a mail server that runs on loopback."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from deskhand.company_folder import Company
from tests.channels.mailbox.desk import MailboxDesk
from tests.standins.mailbox import MailServer


@pytest.fixture
async def server() -> AsyncGenerator[MailServer]:
    async with MailServer().running() as server:
        yield server


@pytest.fixture
def mailbox(server: MailServer, company: Company) -> MailboxDesk:
    return MailboxDesk.connected(server, company)
