"""The module that other pages load: one small file, with this desk's limits, for any origin and without a secret."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from deskhand.api.embedding import MODULE
from deskhand.settings import Settings


async def test_it_is_one_small_module_that_any_page_may_load(client: httpx.AsyncClient) -> None:
    response = await client.get("/support/embed.js", headers={"Origin": "https://www.example.com"})

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert len(response.content) < 20_000
    assert not re.search(r"\bimport\b[^.]", re.sub(r"//.*", "", response.text)), "it loads nothing else"
    assert "innerHTML" not in response.text


async def test_it_is_sent_once(client: httpx.AsyncClient) -> None:
    first = await client.get("/support/embed.js")
    again = await client.get("/support/embed.js", headers={"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304
    assert again.content == b""


async def test_every_language_has_every_word() -> None:
    source = MODULE.read_text("utf-8")
    blocks = re.findall(r"^  (en|de|es|fr|pt): \{\n(.*?)^  \},\n", source, re.M | re.S)
    words = {lang: set(re.findall(r"\b([a-zA-Z]+): \"", block)) for lang, block in blocks}

    assert set(words) == {"en", "de", "es", "fr", "pt"}
    assert len(words["en"]) > 25
    assert all(found == words["en"] for found in words.values())


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"form_files_max": 2, "form_file_types": ("pdf",)})

    async def test_the_settings_limits_stand_in_it(self, client: httpx.AsyncClient) -> None:
        found = re.search(r"^const LIMITS = (\{.*\});$", (await client.get("/support/embed.js")).text, re.M)

        assert found is not None
        assert json.loads(found[1]) == {"files": 2, "file": 10_000_000, "sum": 25_000_000, "types": [".pdf"]}
