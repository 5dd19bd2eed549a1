"""`deskhand simulate`: figures on stdout, progress on stderr, exit code 1 below the bar."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from deskhand.errors import InvalidInput
from deskhand.settings import COMPANY_THAT_SHIPS
from tests.cli.conftest import call

THANKS = "about: Thanks.\nsteps:\n  - says: [Thank you!, Thanks a lot!]\n    expect: {{action: {action}}}\n"


@pytest.fixture
def stories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for scenarios, beside a company without articles."""
    company = tmp_path / "company"
    shutil.copytree(COMPANY_THAT_SHIPS, company, ignore=shutil.ignore_patterns("knowledge"))
    (company / "knowledge").mkdir()
    monkeypatch.setenv("DESKHAND_COMPANY_DIR", str(company))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "stories"
    folder.mkdir()
    return folder


def test_a_failure_is_in_the_figures_and_in_the_exit_code(stories: Path) -> None:
    (stories / "right.yaml").write_text(THANKS.format(action="acknowledged"), "utf-8")
    (stories / "wrong.yaml").write_text(THANKS.format(action="escalated"), "utf-8")

    done = call("simulate", str(stories), "--k", "2", "--json")

    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["runs"], found["pass_hat"]) == (4, {"1": 0.5, "2": 0.5})
    assert found["failures"][0]["record"]["triage"]["intent"] == "thanks"
    assert "runs: 4 of 4" in done.stderr


def test_all_right_or_right_enough_is_exit_code_zero(stories: Path) -> None:
    (stories / "right.yaml").write_text(THANKS.format(action="acknowledged"), "utf-8")

    done = call("simulate", str(stories / "right.yaml"), "--k", "1", "--at-least", "0.9")

    assert done.exit_code == 0
    assert done.stdout.rstrip().endswith("1 scenarios, 1 runs: pass^1 1.000")


def test_fewer_runs_than_k_and_no_scenarios_are_refused_before_anything_starts(stories: Path) -> None:
    assert isinstance(call("simulate", str(stories), "--k", "3", "--runs", "2").exception, InvalidInput)
    assert isinstance(call("simulate", str(stories)).exception, InvalidInput)
