"""Every page in light and dark, on a desktop and a phone: axe finds nothing, nothing runs over the edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from deskhand.desk import Desk
from tests.api.asking import file_all, hand_over, speak, submit
from tests.api.browser.conftest import DESKTOP, PHONE
from tests.api.browser.test_status import ANSWER

pytestmark = pytest.mark.browser

Scheme = Literal["light", "dark"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


async def examine(page: Page, picture: Path) -> None:
    results = cast("dict[str, Any]", (await Axe().run(page, options=RULES)).response)  # pyright: ignore[reportUnknownMemberType]  # untyped
    await page.screenshot(path=picture, full_page=True)
    assert len(results["passes"]) > 15, "axe looked at the page"
    assert [
        (rule["id"], rule["impact"], [node["html"] for node in rule["nodes"]]) for rule in results["violations"]
    ] == []
    assert not await page.evaluate(TOO_WIDE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_every_page_is_accessible(
    browser: Browser, address: str, desk: Desk, picture: Callable[[str], Path], scheme: Scheme, size: str
) -> None:
    context = await browser.new_context(
        viewport=DESKTOP if size == "desktop" else PHONE,  # pyright: ignore[reportArgumentType]  # a plain dict
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    async with httpx.AsyncClient(base_url=address) as client:
        waiting, answered, handed = [await submit(client) for _ in range(3)]
    await file_all(desk)
    await speak(desk, answered["reference"], ANSWER)
    await hand_over(desk, handed["reference"], "Thank you for telling us. A colleague takes over.")

    await page.goto(f"{address}/support")
    await examine(page, picture(f"form-{scheme}-{size}"))
    await page.fill("#email", "dana")
    await page.click("text=Send message")
    await expect(page.locator("#summary")).to_be_focused()
    await examine(page, picture(f"form-errors-{scheme}-{size}"))
    for name, answer in (("waiting", waiting), ("answered", answered), ("handed", handed)):
        await page.goto(f"{address}{answer['status_url']}")
        await examine(page, picture(f"status-{name}-{scheme}-{size}"))
    await page.goto(f"{address}/support/status/TF-20261122-0000")
    await examine(page, picture(f"missing-{scheme}-{size}"))
    await context.close()
