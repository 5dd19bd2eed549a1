"""The status page's reply box in a real browser: sent once, kept when sending fails, shown at once."""

from __future__ import annotations

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from deskhand.desk import Desk
from tests.api.asking import count, file_all, submit, unreachable
from tests.api.test_file_types import PNG

pytestmark = pytest.mark.browser

REPLY = "Thank you, but the switch is grey for me."
STORED = "select count(*) from inbound where payload ? 'answers'"


@pytest.fixture
async def status(page: Page, address: str, desk: Desk) -> Page:
    """The open page of a message that is filed."""
    async with httpx.AsyncClient(base_url=address) as client:
        answer = await submit(client)
    await file_all(desk)
    await page.goto(f"{address}{answer['status_url']}")
    return page


async def test_a_reply_appears_at_once_and_the_box_is_empty_again(status: Page, desk: Desk) -> None:
    await status.fill("#message", REPLY)
    await status.click("text=Send reply")

    await expect(status.locator(".message-customer")).to_have_count(2)
    await expect(status.locator(".message-customer").last).to_contain_text(REPLY)
    await expect(status.locator("#announce")).to_have_text("Your reply has arrived.")
    await expect(status.locator("#message")).to_have_value("")
    await expect(status.locator("#message")).to_be_focused()
    assert await count(desk.db, STORED) == 1


async def test_two_replies_are_two(status: Page, desk: Desk) -> None:
    for number in (1, 2):
        await status.fill("#message", f"{REPLY} {number}")
        await status.click("text=Send reply")
        await expect(status.locator(".message-customer")).to_have_count(number + 1)

    assert await count(desk.db, STORED) == 2


async def test_a_file_goes_along_and_can_be_saved(status: Page, desk: Desk) -> None:
    await status.fill("#message", REPLY)
    await status.set_input_files("#files", [{"name": "shot.png", "mimeType": "image/png", "buffer": PNG}])
    await status.click("text=Send reply")
    await expect(status.locator(".files")).to_contain_text("shot.png")
    await file_all(desk)

    link = status.locator(".files a")
    await expect(link).to_have_count(1)
    async with status.expect_download() as download:
        await link.click()
    assert (await (await download.value).path()).read_bytes() == PNG


async def test_a_file_that_can_not_be_taken_is_told_before_anything_is_sent(status: Page, desk: Desk) -> None:
    await status.set_input_files("#files", [{"name": "a.exe", "mimeType": "image/png", "buffer": b"MZ"}])
    await expect(status.locator("#files-error")).to_contain_text("“a.exe” can't be taken")
    await status.click("text=Send reply")

    await expect(status.locator("#summary a")).to_have_count(2)
    assert await count(desk.db, STORED) == 0


async def test_what_is_typed_stays_while_the_page_renews_itself(status: Page, desk: Desk) -> None:
    await status.fill("#message", "half a sentence")
    async with desk.db.transaction() as tx:
        await tx.execute("update tickets set handler = 'operator', status = 'open'")

    await expect(status.locator("#state-title")).to_have_text("A person takes over")
    await expect(status.locator("#message")).to_have_value("half a sentence")


async def test_an_answer_lost_on_the_way_does_not_send_twice(status: Page, desk: Desk) -> None:
    lost = 0

    async def lose_the_first_answer(route: Route) -> None:
        nonlocal lost
        lost += 1
        if lost == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await status.route("**/replies", lose_the_first_answer)
    await status.fill("#message", REPLY)
    await status.click("text=Send reply")
    await expect(status.locator("#summary")).to_contain_text("Your text is still here")
    await expect(status.locator("#message")).to_have_value(REPLY)
    await status.click("text=Send reply")

    await expect(status.locator("#message")).to_have_value("")
    assert await count(desk.db, STORED) == 1


async def test_with_the_database_down_the_text_stays(status: Page, desk: Desk) -> None:
    await status.fill("#message", REPLY)
    async with unreachable(desk.db):
        await status.click("text=Send reply")
        await expect(status.locator("#summary")).to_contain_text("We can't take your message just now")
    await expect(status.locator("#message")).to_have_value(REPLY)


async def test_the_keyboard_alone_is_enough(status: Page, desk: Desk) -> None:
    await status.focus("#message")
    await status.keyboard.type(REPLY)
    await status.keyboard.press("Tab")
    await expect(status.locator("#files")).to_be_focused()
    await status.keyboard.press("Tab")
    await status.keyboard.press("Enter")

    await expect(status.locator(".message-customer")).to_have_count(2)


async def test_it_works_without_any_script(browser: Browser, address: str, desk: Desk) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    async with httpx.AsyncClient(base_url=address) as client:
        answer = await submit(client)
    await page.goto(f"{address}{answer['status_url']}")
    await page.fill("#message", REPLY)
    await page.set_input_files("#files", [{"name": "shot.png", "mimeType": "image/png", "buffer": PNG}])
    await page.click("text=Send reply")

    await expect(page.locator(".message-customer").last).to_contain_text(REPLY)
    await expect(page.locator(".files")).to_contain_text("shot.png")
    assert await count(desk.db, STORED) == 1
    await context.close()
