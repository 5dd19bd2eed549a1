"""`<deskhand-form>` on somebody else's page: under a strict policy, patched and moved by a framework, sent once."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from deskhand.desk import Desk
from deskhand.settings import Settings
from tests.api.asking import QUESTION, count, unreachable
from tests.api.browser.conftest import DESKTOP, PHONE
from tests.api.browser.host_page import host_page
from tests.api.browser.test_accessibility import TOO_WIDE, examine
from tests.api.test_file_types import PNG

pytestmark = pytest.mark.browser

STORED = "select count(*) from inbound"


@pytest.fixture
def shop_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def settings(settings: Settings, shop_port: int) -> Settings:
    return settings.model_copy(update={"cors_origins": (f"http://127.0.0.1:{shop_port}",)})


@pytest.fixture
async def shop_address(address: str, shop_port: int) -> AsyncGenerator[str]:
    async with host_page(address, shop_port) as where:
        yield where


@pytest.fixture
async def shop(page: Page, shop_address: str) -> Page:
    await page.goto(shop_address)
    await expect(form_of(page).locator("h2")).to_have_text("Contact support")
    return page


def form_of(page: Page) -> Locator:
    return page.locator("deskhand-form")


async def fill(page: Page, **fields: str) -> None:
    for name, value in (QUESTION | fields).items():
        await form_of(page).locator(f"#{name}").fill(value)


async def send(page: Page) -> None:
    await form_of(page).locator("button[type=submit]").click()


async def events(page: Page) -> list[Any]:
    return await page.evaluate("events")


async def test_a_message_is_sent_and_the_private_page_is_linked(shop: Page, desk: Desk, address: str) -> None:
    await fill(shop)
    await send(shop)

    title = form_of(shop).locator("h2")
    await expect(title).to_have_text("Your message has arrived")
    await expect(title).to_be_focused()
    link = form_of(shop).locator("a")
    await expect(link).to_have_attribute(
        "href", re.compile(rf"^{address}/support/status/TF-\d{{8}}-[0-9A-Z]{{4}}\?token=")
    )
    ((kind, detail),) = await events(shop)
    assert kind == "deskhand-submitted"
    assert detail["statusUrl"] == await link.get_attribute("href")
    await expect(form_of(shop)).to_contain_text(detail["reference"])
    assert await count(desk.db, STORED) == 1
    async with shop.context.expect_page() as opened:
        await link.click()
    await expect((await opened.value).locator(".message-customer")).to_contain_text(QUESTION["message"])


async def test_files_go_along(shop: Page, desk: Desk) -> None:
    await fill(shop)
    await (
        form_of(shop).locator("#files").set_input_files([{"name": "shot.png", "mimeType": "image/png", "buffer": PNG}])
    )
    await send(shop)

    await expect(form_of(shop).locator("h2")).to_have_text("Your message has arrived")
    assert await count(desk.db, "select count(*) from files where name = 'shot.png'") == 1


async def test_mistakes_are_told_in_place_and_in_a_summary_with_focus(shop: Page, desk: Desk) -> None:
    form = form_of(shop)
    await form.locator("#email").fill("dana")
    await form.locator("#files").set_input_files([{"name": "a.exe", "mimeType": "text/plain", "buffer": b"MZ"}])
    await send(shop)

    await expect(form.locator(".notice")).to_be_focused()
    await expect(form.locator(".notice a")).to_have_count(3)
    await expect(form.locator("#email")).to_have_attribute("aria-describedby", "email-error")
    await expect(form.locator("#files-error")).to_contain_text("“a.exe” can't be taken")
    await form.locator(".notice a").first.click()
    await expect(form.locator("#email")).to_be_focused()
    await form.locator("#email").fill("dana@example.com")
    await expect(form.locator("#email-error")).to_have_count(0)
    assert await count(desk.db, STORED) == 0


async def test_what_the_server_finds_is_told_by_name(shop: Page) -> None:
    form = form_of(shop)
    await fill(shop, email="dana@example")
    await form.locator("#files").set_input_files([{"name": "a.png", "mimeType": "image/png", "buffer": b"text"}])
    await send(shop)

    await expect(form.locator("#email-error")).to_contain_text("name@example.com")
    await expect(form.locator("#files-error")).to_contain_text("“a.png” can't be taken")
    assert (await events(shop))[0][1] == {"status": 422, "code": "invalid_input"}


async def test_a_failure_keeps_the_text_and_the_key_and_a_second_try_counts_once(shop: Page, desk: Desk) -> None:
    keys: list[str] = []

    async def lose_the_first_answer(route: Route) -> None:
        keys.append((await route.request.all_headers())["idempotency-key"])
        if len(keys) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await shop.route("**/support/submit", lose_the_first_answer)
    await fill(shop)
    await send(shop)
    await expect(form_of(shop).locator(".notice")).to_contain_text("We can't be reached just now")
    await expect(form_of(shop).locator("#message")).to_have_value(QUESTION["message"])
    await send(shop)

    await expect(form_of(shop).locator("h2")).to_have_text("Your message has arrived")
    assert len(set(keys)) == 1
    assert await count(desk.db, STORED) == 1
    assert [kind for kind, _ in await events(shop)] == ["deskhand-failed", "deskhand-submitted"]


async def test_with_the_database_down_it_says_so_and_offline_too(shop: Page, desk: Desk) -> None:
    await fill(shop)
    async with unreachable(desk.db):
        await send(shop)
        await expect(form_of(shop).locator(".notice")).to_contain_text("We can't be reached just now")
    await shop.context.set_offline(True)
    await send(shop)
    await expect(form_of(shop).locator(".notice")).to_contain_text("You seem to be offline")


async def test_a_double_click_sends_one_message_and_shows_that_it_is_under_way(shop: Page, desk: Desk) -> None:
    await fill(shop)
    await form_of(shop).locator("button[type=submit]").dblclick(no_wait_after=True)

    await expect(form_of(shop).locator("h2")).to_have_text("Your message has arrived")
    assert await count(desk.db, STORED) == 1


async def test_a_framework_may_patch_and_move_it_without_losing_a_word(shop: Page) -> None:
    form = form_of(shop)
    await form.locator("#message").fill("half a sentence")
    await expect(form.locator("#subject")).to_have_value("From the shop")
    await shop.evaluate("setState({ subject: 'Order 17', name: 'Dana' })")
    await expect(form.locator("#subject")).to_have_value("Order 17")
    await expect(form.locator("#name")).to_have_value("Dana")
    await form.locator("#subject").fill("My own words")
    await shop.evaluate("setState({ subject: 'Order 18' })")
    await shop.evaluate("moveAbout()")

    await expect(form.locator("#subject")).to_have_value("My own words")
    await expect(form.locator("#message")).to_have_value("half a sentence")
    await expect(form.locator("form")).to_have_count(1)


async def test_it_can_be_made_again_from_markup(shop: Page, desk: Desk, address: str) -> None:
    markup = f'<deskhand-form endpoint="{address}/support/submit" email="dana@example.com" category="billing">'
    for _ in range(3):
        await shop.evaluate("markup => mountAsMarkup(markup)", markup)
    await expect(form_of(shop).locator("#email")).to_have_value("dana@example.com")
    await form_of(shop).locator("#message").fill("I was charged twice.")
    await send(shop)

    await expect(form_of(shop).locator("h2")).to_have_text("Your message has arrived")
    noted = "select count(*) from inbound where payload -> 'notes' ->> 0 = 'The sender''s page says: billing'"
    assert await count(desk.db, noted) == 1


@pytest.mark.parametrize(
    ("lang", "label", "button"),
    [
        ("de", "Nachricht", "Nachricht senden"),
        ("es-MX", "Mensaje", "Enviar mensaje"),
        ("fr", "Message", "Envoyer le message"),
        ("pt-BR", "Mensagem", "Enviar mensagem"),
        ("ja", "Message", "Send message"),
    ],
)
async def test_its_words_follow_the_language(shop: Page, lang: str, label: str, button: str) -> None:
    await form_of(shop).locator("#message").fill("typed before")
    await shop.evaluate("lang => setState({ lang })", lang)

    await expect(form_of(shop).locator("label[for=message]")).to_have_text(label)
    await expect(form_of(shop).locator("button[type=submit]")).to_have_text(button)
    await expect(form_of(shop).locator("#message")).to_have_value("typed before")


async def test_another_message_is_another(shop: Page, desk: Desk) -> None:
    for text in (QUESTION["message"], "A second question."):
        await fill(shop, message=text)
        await send(shop)
        await expect(form_of(shop).locator("h2")).to_have_text("Your message has arrived")
        await form_of(shop).locator("button.plain").click()
        await expect(form_of(shop).locator("#message")).to_have_value("")
        await expect(form_of(shop).locator("#email")).to_have_value(QUESTION["email"])

    assert await count(desk.db, STORED) == 2


async def test_the_keyboard_alone_is_enough(shop: Page) -> None:
    await form_of(shop).locator("#name").focus()
    for value in (QUESTION["name"], QUESTION["email"]):
        await shop.keyboard.type(value)
        await shop.keyboard.press("Tab")
    await shop.keyboard.press("Tab")
    await shop.keyboard.type(QUESTION["message"])
    await shop.keyboard.press("Tab")
    await expect(form_of(shop).locator("#files")).to_be_focused()
    await shop.keyboard.press("Tab")
    await expect(form_of(shop).locator("button[type=submit]")).to_be_focused()
    await shop.keyboard.press("Enter")

    await expect(form_of(shop).locator("h2")).to_have_text("Your message has arrived")


async def test_a_page_that_the_settings_do_not_name_can_not_send(page: Page, address: str, desk: Desk) -> None:
    async with host_page(address, 0) as evil:
        await page.goto(evil)
        await fill(page)
        await send(page)
        await expect(form_of(page).locator(".notice")).to_contain_text("We can't be reached")

    assert await count(desk.db, STORED) == 0


@pytest.mark.parametrize("size", ["desktop", "phone", "narrow"])
async def test_it_is_accessible_and_fits(
    browser: Browser, shop_address: str, picture: Callable[[str], Path], size: str
) -> None:
    viewport = {"desktop": DESKTOP, "phone": PHONE, "narrow": {"width": 320, "height": 640}}[size]
    context = await browser.new_context(viewport=viewport, reduced_motion="reduce")  # pyright: ignore[reportArgumentType]  # a plain dict
    page = await context.new_page()
    await page.goto(shop_address)
    await expect(form_of(page).locator("h2")).to_have_text("Contact support")
    await examine(page, picture(f"embed-{size}"))
    await form_of(page).locator("#email").fill("dana")
    await send(page)
    await examine(page, picture(f"embed-errors-{size}"))
    await fill(page)
    await send(page)
    await expect(form_of(page).locator("h2")).to_have_text("Your message has arrived")
    await examine(page, picture(f"embed-sent-{size}"))
    assert not await page.evaluate(TOO_WIDE)
    await context.close()


async def test_it_takes_a_pages_own_look(shop: Page) -> None:
    await shop.evaluate(
        "document.querySelector('deskhand-form').style.setProperty('--deskhand-accent', 'rgb(80, 20, 120)')"
    )

    colour = "button => getComputedStyle(button).backgroundColor"
    assert await form_of(shop).locator("button").evaluate(colour) == "rgb(80, 20, 120)"
