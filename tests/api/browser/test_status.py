"""The status page in a real browser: it renews itself, holds every text inert, and opens by link or cookie only."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from deskhand.desk import Desk
from tests.api.asking import QUESTION, file_all, hand_over, speak, submit, unreachable
from tests.driving import working
from tests.fakes import ScriptedTriage, read_as

pytestmark = pytest.mark.browser

ANSWER = """Hi Dana,

Two-factor authentication is switched on by each member.

1. Open Settings > Security.
2. Choose Two-factor authentication.
3. Scan the code with your authenticator app.

More on this:
- Two-factor authentication: https://help.taskflow.io/account/two-factor-authentication

— TaskFlow Support Team
You can also reach us at support@techcorp.io."""

ATTACKS = """<script>window.hacked = 1</script>
<img src=x onerror="window.hacked = 2">
<svg onload="window.hacked = 3"></svg>
"><iframe srcdoc="<script>parent.hacked = 4</script>"></iframe>
<a href="javascript:window.hacked = 5">click</a> javascript:window.hacked=5
https://help.taskflow.io/"onmouseover="window.hacked=6
https://help.taskflow.io@evil.example/ https://evil.example/
</textarea></title></style><base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example">
{{ 7 * 7 }} ${7 * 7} {% raw %}"""


async def ask(address: str, **fields: str) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=address) as client:
        return await submit(client, **fields)


async def test_the_answer_appears_by_itself(page: Page, address: str, desk: Desk) -> None:
    answer = await ask(address)
    await page.goto(f"{address}{answer['status_url']}")
    await expect(page.locator("#state-title")).to_have_text("Your message has arrived")
    await file_all(desk)
    await expect(page.locator("#state-title")).to_have_text("We are working on your answer")
    await speak(desk, answer["reference"], ANSWER)

    await expect(page.locator("#state-title")).to_have_text("Answered")
    await expect(page.locator("#announce")).to_contain_text("Answered")
    await expect(page.locator("ol.steps li")).to_have_count(3)
    link = page.locator(".message-agent a")
    await expect(link).to_have_count(1)
    await expect(link).to_have_attribute("href", "https://help.taskflow.io/account/two-factor-authentication")
    assert await page.title() == f"Answered: {answer['reference']} – TechCorp"


async def test_a_handover_appears_with_its_time(page: Page, address: str, desk: Desk) -> None:
    answer = await ask(address)
    await page.goto(f"{address}{answer['status_url']}")
    await file_all(desk)
    await hand_over(desk, answer["reference"], "This needs a person.")

    await expect(page.locator("#state-title")).to_have_text("A person takes over")
    await expect(page.locator("#state-text")).to_contain_text("within 24 hours")


async def test_a_message_travels_from_the_form_through_the_agent_to_the_page(
    page: Page, address: str, desk: Desk
) -> None:
    triage = ScriptedTriage({"charged my card twice": read_as("billing")})
    async with working(replace(desk, triage=triage)):
        await page.goto(f"{address}/support")
        await page.fill("#email", "dana@example.com")
        await page.fill("#message", "You charged my card twice this month and I want my money back.")
        await page.click("text=Send message")

        await expect(page.locator("#state-title")).to_have_text("A person takes over", timeout=20_000)
        await expect(page.locator(".message-agent")).to_have_count(1)


async def test_the_secret_leaves_the_address_and_the_page_still_opens(page: Page, address: str) -> None:
    answer = await ask(address)
    await page.goto(f"{address}{answer['status_url']}")

    await expect(page).to_have_url(f"{address}/support/status/{answer['reference']}")
    await page.reload()
    await expect(page.locator(".message-customer")).to_contain_text(QUESTION["message"])


async def test_another_browser_needs_the_whole_link(browser: Browser, page: Page, address: str) -> None:
    answer = await ask(address)
    await page.goto(f"{address}{answer['status_url']}")
    elsewhere = await browser.new_page()

    await elsewhere.goto(f"{address}/support/status/{answer['reference']}")
    await expect(elsewhere.locator("h1")).to_have_text("We can't show this page")
    link = await page.locator("#private-link").get_attribute("href")
    await elsewhere.goto(f"{address}{link}")
    await expect(elsewhere.locator(".message-customer")).to_contain_text(QUESTION["message"])
    await elsewhere.close()


async def test_hostile_text_is_inert(page: Page, address: str, desk: Desk) -> None:
    foreign: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(address) else foreign.append(request.url))
    answer = await ask(
        address, name=ATTACKS[:60].replace("\n", " "), subject=ATTACKS[:150].replace("\n", " "), message=ATTACKS
    )
    await page.goto(f"{address}{answer['status_url']}")
    await file_all(desk)
    await speak(desk, answer["reference"], ATTACKS)
    await expect(page.locator("#state-title")).to_have_text("Answered")

    assert await page.evaluate("window.hacked") is None
    assert foreign == []
    await expect(page.locator("main img, main iframe, main svg, main script, main base, main meta")).to_have_count(0)
    links = await page.locator("#live a").evaluate_all("links => links.map(link => link.href)")
    assert links == ["https://help.taskflow.io/"]
    await expect(page.locator(".message-agent")).to_contain_text("<script>window.hacked = 1</script>")
    await page.hover(".message-agent a")
    assert await page.evaluate("window.hacked") is None


async def test_hostile_text_in_a_refused_form_is_inert(page: Page, address: str) -> None:
    await page.goto(f"{address}/support")
    await page.evaluate(
        "document.querySelector('#support-form').replaceWith(document.querySelector('#support-form').cloneNode(true))"
    )
    await page.fill("#message", ATTACKS)
    await page.fill("#email", '"><img src=x onerror=window.hacked=1>@example.com')
    await page.evaluate("document.querySelector('#support-form').submit()")

    await expect(page.locator("#email-error")).to_be_visible()
    await expect(page.locator("#message")).to_have_value(ATTACKS)
    assert await page.evaluate("window.hacked") is None
    await expect(page.locator("main img")).to_have_count(0)


async def test_a_lost_connection_is_told_and_taken_back(page: Page, address: str, desk: Desk) -> None:
    answer = await ask(address)
    await page.goto(f"{address}{answer['status_url']}")
    async with unreachable(desk.db):
        await expect(page.locator("#connection")).to_be_visible()
    await expect(page.locator("#connection")).to_be_hidden()


async def test_the_reference_can_be_copied(page: Page, address: str) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    answer = await ask(address)
    await page.goto(f"{address}{answer['status_url']}")
    await page.click(f"[data-copy='{answer['reference']}']")

    await expect(page.locator("#announce")).to_have_text("Reference copied")
    assert await page.evaluate("navigator.clipboard.readText()") == answer["reference"]
    await page.click("text=Copy link")
    await expect(page.locator("#announce")).to_have_text("Link copied")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{address}{answer['status_url']}"
