"""The application on a real database, reached without a network."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI

from deskhand import operators
from deskhand.app import create_app
from deskhand.desk import Desk


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return create_app(desk)


@pytest.fixture
async def client(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.test") as client:
        yield client


@pytest.fixture
async def read_key(desk: Desk) -> dict[str, str]:
    return await key_with(desk, "read")


@pytest.fixture
async def write_key(desk: Desk) -> dict[str, str]:
    return await key_with(desk, "write")


async def key_with(desk: Desk, *scopes: str) -> dict[str, str]:
    """Headers that carry a new key with these scopes."""
    async with desk.db.transaction() as tx:
        key = await operators.create_key(tx, name="tests", scopes=scopes, actor="tests")
    return {"Authorization": f"Bearer {key}"}
