"""`deskhand explain`: readable, complete, and one line for a reference that nobody has."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.cli.conftest import Talk, call

QUESTION = "How do I add a label to a task?"
MONEY = "You charged our card twice in May, we want our money back."


def test_it_tells_each_turn_in_words(talk: Talk) -> None:
    answer, handover = talk(QUESTION, MONEY)

    done = call("explain", answer.ticket.reference)

    assert done.exit_code == 0, done.output
    first, second = done.output.split("── Turn 2")
    assert f"│ {QUESTION}" in first
    assert "Decision: respond. The agent answered from the help centre." in first
    assert "Rules: none fired." in first
    assert "so: send (send from 0.60, flag from 0.45, hold from 0.35" in first
    assert "✓" in first
    assert "Labels › Add a label, version 1" in first
    assert "Gate: the reply passed every check." in first
    assert "Sent to the customer: sent at" in first
    assert "Brain: offline, no language model, no cost." in first
    assert handover.escalation is not None
    assert "Rule billing (ALWAYS) fired, score" in second
    assert "charged our card twice" in second
    assert (
        f"Owner: Lisa Tanaka, by the rule billing; answers by {handover.escalation.respond_by:%Y-%m-%d %H:%M}" in second
    )
    assert "Stood on: policy" in second
    assert "quiet:" not in done.output
    assert "Tool calls:" not in done.output


def test_all_shows_the_quiet_rules_the_tool_calls_and_whole_hashes(talk: Talk) -> None:
    (outcome,) = talk(QUESTION)

    done = call("explain", outcome.ticket.reference, "--all")

    assert "quiet: security 0." in done.output
    assert "send_response {" in done.output
    assert outcome.decision.record["hashes"]["knowledge"] in done.output


def test_json_holds_the_whole_record(talk: Talk) -> None:
    (outcome,) = talk(QUESTION)

    found = json.loads(call("explain", outcome.ticket.reference, "--json").stdout)

    (turn,) = found["turns"]
    assert (found["reference"], found["handler"]) == (outcome.ticket.reference, "agent")
    assert turn["message"]["text"] == QUESTION
    assert turn["passages"][0]["changed"] is None
    assert (turn["sent"]["state"], turn["brain"]) == ("sent", "offline")
    assert set(outcome.decision.record) - set(turn) == set()


def test_an_unknown_reference_is_one_line_and_exit_code_two(talk: Talk) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deskhand", "explain", "TF-20200101-0000"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "deskhand: There is no ticket TF-20200101-0000. Check the spelling.\n"
