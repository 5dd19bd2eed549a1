"""The company folder: what ships loads, and every kind of mistake is told by file and field in one line."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.channels import build_channels
from deskhand.company_folder import Company, load_company
from deskhand.errors import SetupInvalid
from deskhand.settings import COMPANY_THAT_SHIPS, Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the folder that ships, to be spoilt."""
    return shutil.copytree(COMPANY_THAT_SHIPS, tmp_path / "company", ignore=shutil.ignore_patterns("knowledge"))


NEW_RULE = """
[[rules]]
name = "press"
tier = "likely"
owner = "sarah_chen"
meaning = "is a journalist"
next_step = "Call back."
"""


def _edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the first hit of a regular expression; `END` is the end of the file."""
    path = folder / file
    text, hits = re.subn(old, new.replace("\\", "\\\\"), path.read_text("utf-8"), count=1, flags=re.M)
    assert hits == 1
    path.write_text(text, "utf-8")


def _refusal(folder: Path) -> str:
    with pytest.raises(SetupInvalid) as caught:
        load_company(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_ships_loads_with_ten_rules_in_the_policy_s_order(company: Company) -> None:
    assert [rule.name for rule in company.escalation.rules] == [
        *("security", "legal", "billing", "account"),
        *("human", "data_loss", "outage", "unresolved", "angry", "churn"),
    ]
    assert [rule.tier for rule in company.escalation.rules] == ["always"] * 4 + ["likely"] * 6


def test_response_times_by_plan_are_one_four_and_twenty_four_hours(company: Company) -> None:
    times = company.escalation.response_time

    assert times == {"enterprise": timedelta(hours=1), "pro": timedelta(hours=4), "free": timedelta(hours=24)}


def test_every_language_of_the_profile_has_its_phrases(company: Company) -> None:
    assert set(company.profile.languages) == set(company.voice.phrases)


def test_an_unknown_language_gets_the_english_phrases(company: Company) -> None:
    assert company.voice.for_language("fi") is company.voice.phrases["en"]
    assert company.voice.for_language("de") is company.voice.phrases["de"]


def test_every_rule_has_examples_counterexamples_and_a_next_step(company: Company) -> None:
    assert all(rule.examples and rule.counterexamples and rule.next_step for rule in company.escalation.rules)


def test_the_digest_changes_with_any_rule(folder: Path) -> None:
    before = load_company(folder).digest

    _edit(folder, "escalation.toml", r"^send = .*", "send = 0.99")

    assert load_company(folder).digest != before


def test_a_folder_that_is_not_there_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    assert re.search(r"DESKHAND_COMPANY_DIR: .*nowhere.*deskhand init", _refusal(tmp_path / "nowhere"))


@pytest.mark.parametrize("file", ["profile.toml", "voice.toml", "escalation.toml", "macros.toml"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()

    assert f"{file} is missing" in _refusal(folder)


END = r"\Z"
ESCALATION = "escalation.toml"
MISTAKES = [
    ("profile.toml", '^company = "', "company = T", r"profile\.toml: .*line 2"),
    ("profile.toml", "^company = .*", "", r"profile\.toml: company: Field required"),
    ("profile.toml", END, 'colour = "red"', r"profile\.toml: colour: Extra inputs"),
    ("voice.toml", "^more_help", "more_hlep", r"voice\.toml: phrases\.en\.more_help: Field required"),
    ("voice.toml", r"^\[phrases\.en\]", "[phrases.it]", r"voice\.toml: phrases\.en is missing"),
    (
        "voice.toml",
        "within {time}",
        "within {tiem}",
        r"voice\.toml: phrases\.en: escalated: {tiem} is never filled in, use {time}",
    ),
    ("voice.toml", "Dear {name},", "Dear {name,", r"voice\.toml: channels\.email: greeting: expected '}'"),
    ("voice.toml", '^hour = "1', 'hour = "{n}', r"voice\.toml: phrases\.en: hour: {n} is never filled in"),
    ("voice.toml", "^max_words = .*", "max_words = 'many'", r"voice\.toml: channels\.email\.max_words: .*integer"),
    (ESCALATION, '^owner = ".*"', 'owner = "nobody"', r"'security': there is no owner 'nobody'"),
    (ESCALATION, "^default_owner = .*", 'default_owner = "x"', r"default_owner: there is no owner 'x'"),
    (ESCALATION, '^name = "legal"', 'name = "security"', r"two rules have one name"),
    (ESCALATION, '^name = "legal"', 'name = "Legal team"', r"escalation\.toml: rules\.1\.name: .*pattern"),
    (ESCALATION, '^tier = "likely"', 'tier = "maybe"', r"escalation\.toml: rules\.4\.tier: .*'always' or 'likely'"),
    (ESCALATION, "^free = .*", "", r"response_time needs free, pro and enterprise"),
    (ESCALATION, "^free = .*", 'free = "a day"', r"escalation\.toml: response_time\.free: .*4h"),
    (ESCALATION, "^free = .*", "free = 24", r"escalation\.toml: response_time\.free: .*unit"),
    (ESCALATION, "^free = ", 'gold = "1h"\nfree = ', r"escalation\.toml: response_time\.gold"),
    (ESCALATION, "^flag = .*", "flag = 0.99", r"escalation\.toml: bands: .*must fall"),
    (ESCALATION, "^hold = .*", "hold = 3.5", r"escalation\.toml: bands\.hold: .*less than or equal to 1"),
    (ESCALATION, END, NEW_RULE + 'patterns = ["(open"]', r"rules\.10\.patterns\.0: '\(open' is no regular expression"),
    (ESCALATION, END, NEW_RULE + 'unless = ["*"]', r"rules\.10\.unless\.0: '\*' is no regular expression"),
    (ESCALATION, END, NEW_RULE + "threshold = 1.5", r"rules\.10\.threshold: .*less than 1"),
    (ESCALATION, END, NEW_RULE + 'plan = "pro"', r"rules\.10\.plan: Extra inputs"),
    (ESCALATION, r"^ignore_patterns = \[", 'ignore_patterns = ["[a", ', r"ignore_patterns\.0: '\[a' is no regular"),
    (ESCALATION, "^sentiment_below = .*", "sentiment_below = -50", r"rules\.8\.sentiment_below: "),
    ("macros.toml", "^title = ", "titel = ", r"macros\.toml: macros\.received\.title: Field required"),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), MISTAKES)
def test_a_mistake_is_told_by_file_and_field_in_one_line(
    folder: Path, file: str, old: str, new: str, told: str
) -> None:
    _edit(folder, file, old, new)

    refusal = _refusal(folder)

    assert str(folder / file) in refusal or refusal.startswith(file)
    assert re.search(told, refusal)


def test_a_new_rule_needs_no_code(folder: Path) -> None:
    _edit(folder, ESCALATION, END, NEW_RULE)

    assert load_company(folder).escalation.rule("press").owner == "sarah_chen"


def test_a_file_that_is_not_utf_8_is_named(folder: Path) -> None:
    (folder / "voice.toml").write_bytes(b'avoid = ["\xff"]')

    assert "voice.toml" in _refusal(folder)


def test_a_channel_without_a_voice_stops_the_start(folder: Path, settings: Settings) -> None:
    _edit(folder, "voice.toml", r"^\[channels\.whatsapp\]", "[channels.telegram]")

    with pytest.raises(SetupInvalid, match=r"voice\.toml: channels\.whatsapp is missing"):
        build_channels(settings, load_company(folder))
