"""Takes the pictures of the customers' pages in docs/images, from a real desk with the demo company.

.venv/bin/python -m docs.pictures
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

import httpx
from playwright.async_api import Page, async_playwright

from deploy.find_chromium import find_chromium
from deskhand.app import run_web
from deskhand.composition import open_desk
from deskhand.db import migrate
from deskhand.embedded import throwaway_server
from deskhand.flows.ingest import load_company_knowledge
from deskhand.settings import load_settings
from deskhand.worker import run_worker

IMAGES = Path(__file__).parent / "images"
QUESTION = {
    "name": "Dana Fox",
    "email": "dana@example.com",
    "subject": "Slack notifications",
    "message": "How do I connect our Slack channel to TaskFlow?",
}


async def main() -> None:
    with throwaway_server() as server, tempfile.TemporaryDirectory() as folder:
        await migrate(server.conninfo)
        settings = load_settings(data_dir=Path(folder), port=0, form_min_fill=timedelta(0))
        async with open_desk(settings, server.conninfo) as desk:
            await load_company_knowledge(desk)
            stop = asyncio.Event()
            address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            web = asyncio.create_task(run_web(desk, stop=stop, ready=address.set_result))
            worker = asyncio.create_task(run_worker(desk, stop))
            try:
                await take(await address)
            finally:
                stop.set()
                await asyncio.gather(web, worker)


async def take(address: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1120, "height": 800}, reduced_motion="reduce")
        await page.goto(f"{address}/support")
        await picture(page, "form")
        async with httpx.AsyncClient(base_url=address) as client:
            answer = (await client.post("/support/submit", json=QUESTION)).json()
        await page.goto(f"{address}{answer['status_url']}")
        await page.wait_for_selector(".message-agent", timeout=60_000)
        await picture(page, "status")
        await browser.close()


async def picture(page: Page, name: str) -> None:
    await page.screenshot(path=IMAGES / f"{name}.png", full_page=True)


if __name__ == "__main__":
    asyncio.run(main())
