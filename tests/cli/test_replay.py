"""`deskhand replay`: exit code 0 and "no difference", or 1 and the difference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from deskhand.settings import COMPANY_THAT_SHIPS
from tests.cli.conftest import Talk, call

QUESTION = "How do I add a label to a task?"


def test_nothing_changed_is_no_difference(talk: Talk) -> None:
    outcome, _ = talk(QUESTION, "Thank you!")

    done = call("replay", outcome.ticket.reference)

    assert (done.exit_code, done.output) == (0, f"{outcome.ticket.reference}: no difference (2 turns replayed)\n")
    assert json.loads(call("replay", outcome.ticket.reference, "--json").stdout)["differs"] is False


def test_another_rule_is_shown_with_what_it_changes(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (outcome,) = talk(QUESTION)
    folder = tmp_path / "company"
    shutil.copytree(COMPANY_THAT_SHIPS, folder, ignore=shutil.ignore_patterns("knowledge"))
    (folder / "knowledge").mkdir()
    rules = folder / "escalation.toml"
    before, name, after = rules.read_text("utf-8").partition('name = "billing"')
    text = before + name + after.replace("\npatterns = [\n", "\npatterns = [\n  '''add a label''',\n", 1)
    rules.write_text(text, "utf-8")
    monkeypatch.setenv("DESKHAND_COMPANY_DIR", str(folder))

    done = call("replay", outcome.ticket.reference)

    assert done.exit_code == 1
    assert "decision: respond → escalate" in done.output
    assert "rules: none → billing" in done.output
    assert "since then the company's rules or words were changed" in done.output
    found = json.loads(call("replay", outcome.ticket.reference, "--json").stdout)
    assert found["turns"][0]["differences"]["owner"] == {"then": None, "now": "Lisa Tanaka"}
