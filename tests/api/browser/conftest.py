"""A served desk and a real Chromium in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from deploy.find_chromium import find_chromium
from deskhand.app import run_web
from deskhand.desk import Desk
from deskhand.settings import Settings

# A sandbox of its own Chromium can't make as root; the others keep it from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A test fills in a form sooner than any person."""
    return settings.model_copy(update={"form_min_fill": timedelta(0)})


@pytest.fixture
async def address(desk: Desk) -> AsyncGenerator[str]:
    """Where the desk is served; a test may stop the web process and find it gone."""
    async with served(desk) as address:
        yield address


@asynccontextmanager
async def served(desk: Desk) -> AsyncGenerator[str]:
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run_web(desk, stop=stop, ready=address.set_result))
    try:
        yield await address
    finally:
        stop.set()
        await running


@pytest.fixture
async def browser() -> AsyncGenerator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.fail("there is no Chromium: python deploy/find_chromium.py")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncGenerator[BrowserContext]:
    context = await browser.new_context(viewport=DESKTOP, reduced_motion="reduce")  # pyright: ignore[reportArgumentType]  # a plain dict
    context.set_default_timeout(10_000)
    yield context
    await context.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncGenerator[Page]:
    """A page that fails the test when a script throws or the browser refuses something by the policy."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    assert complaints == []


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[str], Path]:
    """Where a screenshot of this name goes; `pytest --basetemp DIR` keeps them for people to look at."""
    return lambda name: tmp_path / f"{name}.png"
