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
from tests.api.asking import bearer, file_all, hand_over, speak, submit
from tests.api.browser.conftest import DESKTOP, PHONE
from tests.api.browser.test_status import ANSWER
from tests.api.test_file_types import PNG

pytestmark = pytest.mark.browser

Scheme = Literal["light", "dark"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# Buttons and fields of less than 24 pixels; links in text are exempt (WCAG 2.2, 2.5.8).
SMALL_TARGETS = """[...document.querySelectorAll("main button, main input:not([type=hidden]), main textarea")]
    .filter((node) => node.checkVisibility() && !node.closest(".trap"))
    .filter((node) => Math.min(node.offsetWidth, node.offsetHeight) < 24).map((node) => node.outerHTML)"""
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
        sent = await client.post(
            f"/support/ticket/{answered['reference']}/replies",
            data={"message": "Thank you. The switch is grey for me, as the picture shows."},
            files={"files": ("the switch, as I see it.png", PNG, "image/png")},
            headers=bearer(answered["access_token"]),
        )
        assert sent.status_code == 202
        aside = await submit(client, website="x")
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
    await page.click("text=Send reply")
    await expect(page.locator("#summary")).to_be_focused()
    await examine(page, picture(f"status-errors-{scheme}-{size}"))
    await page.goto(f"{address}{aside['status_url']}")
    await examine(page, picture(f"status-aside-{scheme}-{size}"))
    await page.goto(f"{address}/support/status/TF-20261122-0000")
    await examine(page, picture(f"missing-{scheme}-{size}"))
    await context.close()


@pytest.mark.parametrize("width", [320, 640])  # 640: what is left of 1280 at 200 %
async def test_nothing_runs_over_the_edge_of_a_narrow_page(
    browser: Browser, address: str, desk: Desk, width: int
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 700}, reduced_motion="reduce")
    page = await context.new_page()
    async with httpx.AsyncClient(base_url=address) as client:
        answer = await submit(client, subject="W" * 200, message="https://example.com/" + "w" * 400)
    await file_all(desk)
    await speak(desk, answer["reference"], ANSWER)
    for path in ("/support", answer["status_url"], "/support/status/TF-20261122-0000"):
        await page.goto(f"{address}{path}")
        assert not await page.evaluate(TOO_WIDE), path
        small = await page.evaluate(SMALL_TARGETS)
        assert small == [], path
    await context.close()
