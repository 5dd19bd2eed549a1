"""`deskhand eval`, with triage alone so that no server is needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from deskhand.agent.triage import TriageEngine
from deskhand.cli.evaluate import evaluate
from deskhand.company_folder import Company
from deskhand.errors import InvalidInput, SetupInvalid
from deskhand.inference import Embedder
from tests.evals.sets import line, write_lines
from tests.fakes import ScriptedTriage, read_as

BILLING = {"decision": "escalate", "rules": ["billing"]}


def builds(engine: TriageEngine) -> Callable[[Company, Embedder], TriageEngine]:
    def build(_: Company, __: Embedder) -> TriageEngine:
        return engine

    return build


@pytest.fixture
def triage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ScriptedTriage:
    """What `--triage-only` builds, in a folder of the test's own."""
    engine = ScriptedTriage({"refund": read_as("billing")})
    monkeypatch.setattr("deskhand.cli.evaluate.build_triage", builds(engine))
    monkeypatch.chdir(tmp_path)
    return engine


def call(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(evaluate)
    return CliRunner().invoke(app, list(arguments))


def write(name: str, count: int) -> str:
    lines = [line(f"{number}", message="A refund, please", expect=BILLING) for number in range(count)]
    return str(write_lines(Path(name), *lines))


def test_one_file_gives_one_object_and_progress_goes_to_stderr(triage: ScriptedTriage) -> None:
    done = call(write("set.jsonl", 20), "--triage-only", "--json")

    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["mode"], found["n"], found["right"]) == ("triage-only", 20, 20)
    assert "tickets: 10 of 20" in done.stderr


def test_several_files_give_an_object_by_file_name(triage: ScriptedTriage) -> None:
    done = call(write("a.jsonl", 2), write("b.jsonl", 3), "--triage-only", "--json")

    assert {name: entry["n"] for name, entry in json.loads(done.stdout).items()} == {"a.jsonl": 2, "b.jsonl": 3}


def test_the_figures_are_printed_for_people(triage: ScriptedTriage) -> None:
    done = call(write("a.jsonl", 2), "--triage-only")

    assert "decision right" in done.stdout
    assert "2/2 100.0 %" in done.stdout


def test_accepted_scores_hold_until_a_significant_loss(triage: ScriptedTriage, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("set.jsonl", 6)

    assert call(path, "--triage-only", "--accept").exit_code == 0
    assert call(path, "--triage-only", "--baseline").exit_code == 0
    monkeypatch.setattr("deskhand.cli.evaluate.build_triage", builds(ScriptedTriage()))
    lost = call(path, "--triage-only", "--baseline")

    assert lost.exit_code == 1
    assert "6 lost, 0 won" in lost.stdout


def test_a_comparison_without_accepted_scores_is_refused_before_anything_runs(triage: ScriptedTriage) -> None:
    done = call(write("set.jsonl", 1), "--triage-only", "--baseline")

    assert isinstance(done.exception, SetupInvalid)
    assert "--accept" in str(done.exception)
    assert not triage.read_messages


def test_a_language_model_that_is_not_configured_is_one_clear_line(triage: ScriptedTriage) -> None:
    done = call(write("set.jsonl", 1), "--brain", "llm")

    assert isinstance(done.exception, SetupInvalid)
    assert "DESKHAND_LLM_MODEL" in str(done.exception)


def test_wrong_input_is_told_by_file_line_and_field(triage: ScriptedTriage) -> None:
    path = write_lines(Path("bad.jsonl"), line("a"), line("b", channel="fax"))

    done = call(str(path), "--triage-only")

    assert isinstance(done.exception, InvalidInput)
    assert str(done.exception).startswith("bad.jsonl, line 2: channel: ")


def test_what_contradicts_itself_is_refused(triage: ScriptedTriage) -> None:
    path = write("set.jsonl", 1)

    assert isinstance(call(path, path, "--triage-only").exception, InvalidInput)
    assert isinstance(call(path, "--baseline", "--accept").exception, InvalidInput)
