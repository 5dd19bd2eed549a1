"""The form in a real browser: checks in place, sending once, and what it does when sending fails."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, Route, expect

from deskhand.desk import Desk
from tests.api.asking import QUESTION, count, unreachable

pytestmark = pytest.mark.browser

STATUS_ADDRESS = re.compile(r"/support/status/TF-\d{8}-[0-9A-Z]{4}$")


async def fill(page: Page, **fields: str) -> None:
    for name, value in (QUESTION | fields).items():
        await page.fill(f"#{name}", value)


async def test_a_message_is_sent_and_the_status_page_opens(page: Page, address: str, desk: Desk) -> None:
    await page.goto(f"{address}/support")
    await fill(page)
    await page.click("text=Send message")

    await expect(page).to_have_url(STATUS_ADDRESS)
    await expect(page.locator("#state-title")).to_have_text("Your message has arrived")
    await expect(page.locator(".message-customer")).to_contain_text(QUESTION["message"])
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_it_works_without_any_script(browser: Browser, address: str, desk: Desk) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{address}/support")
    await fill(page)
    await page.click("text=Send message")

    await expect(page).to_have_url(STATUS_ADDRESS)
    await expect(page.locator(".message-customer")).to_contain_text(QUESTION["message"])
    assert await count(desk.db, "select count(*) from inbound") == 1
    await context.close()


async def test_a_double_click_sends_one_message(page: Page, address: str, desk: Desk) -> None:
    await page.goto(f"{address}/support")
    await fill(page)
    await page.dblclick("button[type=submit]", no_wait_after=True)

    await expect(page).to_have_url(STATUS_ADDRESS)
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_mistakes_are_told_in_place_and_in_a_summary_with_focus(page: Page, address: str, desk: Desk) -> None:
    await page.goto(f"{address}/support")
    await page.fill("#email", "dana")
    await page.click("text=Send message")

    summary = page.locator("#summary")
    await expect(summary).to_be_focused()
    await expect(summary).to_have_attribute("role", "alert")
    await expect(summary.locator("a")).to_have_count(2)
    await expect(page.locator("#email")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#email")).to_have_attribute("aria-describedby", "email-error")
    await expect(page.locator("#message")).to_have_attribute("aria-describedby", "message-hint message-error")
    await expect(page.locator("#email-error")).to_contain_text("name@example.com")

    await summary.locator("a").first.click()
    await expect(page.locator("#email")).to_be_focused()
    await page.fill("#email", "dana@example.com")
    await expect(page.locator("#email-error")).to_have_count(0)
    assert await count(desk.db, "select count(*) from inbound") == 0


async def test_what_only_the_server_finds_is_told_in_place_too(page: Page, address: str) -> None:
    await page.goto(f"{address}/support")
    await fill(page, email="dana@example")
    await page.click("text=Send message")

    await expect(page.locator("#email-error")).to_contain_text("name@example.com")
    await expect(page.locator("#summary")).to_be_focused()
    await expect(page.locator("#message")).to_have_value(QUESTION["message"])


async def test_with_the_database_down_the_text_stays_and_a_second_try_counts_once(
    page: Page, address: str, desk: Desk
) -> None:
    await page.goto(f"{address}/support")
    await fill(page)
    async with unreachable(desk.db):
        await page.click("text=Send message")
        await expect(page.locator("#summary")).to_contain_text("We can't take your message just now")
    await expect(page.locator("#message")).to_have_value(QUESTION["message"])

    await page.click("text=Send message")
    await expect(page).to_have_url(STATUS_ADDRESS)
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_an_answer_lost_on_the_way_does_not_send_twice(page: Page, address: str, desk: Desk) -> None:
    lost = 0

    async def lose_the_first_answer(route: Route) -> None:
        nonlocal lost
        if lost == 0:
            lost += 1
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/support/submit", lose_the_first_answer)
    await page.goto(f"{address}/support")
    await fill(page)
    await page.click("text=Send message")
    await expect(page.locator("#summary")).to_contain_text("Your text is still here")
    await page.click("text=Send message")

    await expect(page).to_have_url(STATUS_ADDRESS)
    assert await count(desk.db, "select count(*) from inbound") == 1


async def test_offline_is_told_and_the_text_stays(page: Page, address: str) -> None:
    await page.goto(f"{address}/support")
    await fill(page)
    await page.context.set_offline(True)
    await page.click("text=Send message")

    await expect(page.locator("#summary")).to_contain_text("You seem to be offline")
    await expect(page.locator("#message")).to_have_value(QUESTION["message"])


async def test_a_changed_message_after_a_first_one_is_asked_about(page: Page, address: str, desk: Desk) -> None:
    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await page.goto(f"{address}/support")
    await fill(page)
    await page.route("**/support/submit", lose)
    await page.click("text=Send message")
    await expect(page.locator("#summary")).to_contain_text("still here")
    await page.unroute("**/support/submit")
    await page.fill("#message", "A wholly different question.")
    await page.click("text=Send message")
    await expect(page.locator("#summary")).to_contain_text("You sent another message from this form before")
    await page.click("text=Send message")

    await expect(page).to_have_url(STATUS_ADDRESS)
    assert await count(desk.db, "select count(*) from inbound") == 2


async def test_the_keyboard_alone_is_enough(page: Page, address: str) -> None:
    await page.goto(f"{address}/support")
    await page.focus("#name")
    for value in (QUESTION["name"], QUESTION["email"], QUESTION["subject"], QUESTION["message"]):
        await page.keyboard.type(value)
        await page.keyboard.press("Tab")
    await expect(page.locator("#files")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator("button[type=submit]")).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(page).to_have_url(STATUS_ADDRESS)
