"""Which brain a desk gets, and what it says when its settings are incomplete."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from deskhand.agent.brain import OFFLINE, open_brain
from deskhand.clock import SystemClock
from deskhand.company_folder import Company
from deskhand.errors import SetupInvalid
from deskhand.settings import Settings

COMPLETE = {"brain": "llm", "llm_model": "some-model", "llm_api_key": "sk-some"}
WITHOUT_THE_EXTRA = """
import sys
for name in ("pydantic_ai", "openai", "anthropic", "google.genai", "httpx2"):
    sys.modules[name] = None
import asyncio
from deskhand import app, cli, composition, worker
from deskhand.agent.brain import open_brain
from deskhand.clock import SystemClock
from deskhand.company_folder import load_company
from deskhand.errors import SetupInvalid
from deskhand.settings import COMPANY_THAT_SHIPS, Settings

async def main():
    settings = Settings(_env_file=None, brain="llm", llm_model="m", llm_api_key="k")
    async with open_brain(settings, load_company(COMPANY_THAT_SHIPS), SystemClock()):
        pass

try:
    asyncio.run(main())
except SetupInvalid as error:
    print(error)
"""


def with_changes(settings: Settings, **changes: Any) -> Settings:
    return Settings.model_validate(settings.model_dump() | changes)


async def test_the_offline_brain_is_the_default(settings: Settings, company: Company) -> None:
    async with open_brain(settings, company, SystemClock()) as brain:
        assert brain is OFFLINE


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
async def test_a_complete_set_up_gives_the_language_model(settings: Settings, company: Company, provider: str) -> None:
    changed = with_changes(settings, **COMPLETE, llm_provider=provider)
    async with open_brain(changed, company, SystemClock()) as brain:
        assert brain.name == "llm"


@pytest.mark.parametrize(
    ("missing", "variable"),
    [
        ({"llm_api_key": None}, "DESKHAND_LLM_API_KEY"),
        ({"llm_api_key": ""}, "DESKHAND_LLM_API_KEY"),
        ({"llm_model": None}, "DESKHAND_LLM_MODEL"),
        ({"llm_provider": "openai-compatible"}, "DESKHAND_LLM_BASE_URL"),
    ],
)
async def test_a_missing_setting_is_one_line_that_names_it(
    settings: Settings, company: Company, missing: dict[str, Any], variable: str
) -> None:
    changed = with_changes(settings, **(COMPLETE | missing))

    with pytest.raises(SetupInvalid) as raised:
        async with open_brain(changed, company, SystemClock()):
            pass

    assert raised.value.field == variable
    assert variable in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_an_endpoint_of_ones_own_needs_no_key(settings: Settings, company: Company) -> None:
    own = {"llm_provider": "openai-compatible", "llm_base_url": "http://127.0.0.1:11434/v1", "llm_api_key": None}
    async with open_brain(with_changes(settings, **(COMPLETE | own)), company, SystemClock()) as brain:
        assert brain.name == "llm"


def test_everything_else_imports_without_the_extra_and_the_brain_says_what_is_missing() -> None:
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA], capture_output=True, text=True, check=True, timeout=60
    )

    assert run.stdout.strip() == (
        "DESKHAND_BRAIN: 'llm' needs packages that are not installed (pydantic_ai). "
        "Install them: pip install 'deskhand[llm]'."
    )
