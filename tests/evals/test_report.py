"""What is printed."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from deskhand.evals.report import Report, as_json, show
from tests.evals.sets import graded, report, result, ticket

GRADING = graded(
    (ticket("a", "respond"), result("a", "respond", ms=20)),
    (ticket("b", "escalate", "billing"), result("b", "escalate", "billing", ms=30)),
    (ticket("c", "escalate", "legal"), result("c", "respond", ms=40)),
    (ticket("d", "respond", borderline=True), result("d", "escalate", "angry", ms=50, evidence="pattern “[b]grr[/b]”")),
    (ticket("e", "escalate", "outage"), result("e", "escalate", "churn", ms=60)),
)


def printed(*reports: Report) -> str:
    console = Console(file=io.StringIO(), width=200)
    show(console, reports)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_json_has_exactly_the_promised_shape() -> None:
    found = as_json(report(GRADING))

    rules = found.pop("rules")
    confusion = found.pop("confusion")
    assert found == {
        "n": 5,
        "right": 3,
        "accuracy": 0.6,
        "interval": [0.2307, 0.8824],
        "escalation": {"n": 3, "recall": 0.6667, "precision": 0.6667, "rate": 0.6},
        "always": {"n": 2, "missed": 1},
        "owner": {"n": 2, "right": 1},
        "failures": [
            {"id": "c", "expected": "escalate", "decision": "respond", "rules": [], "confidence": 0.9},
            {"id": "d", "expected": "respond", "decision": "escalate", "rules": ["angry"], "confidence": 0.9},
        ],
        "ms": {"p50": 40, "p95": 60},
    }
    assert rules["billing"] == {"n": 1, "recall": 1.0, "precision": 1.0}
    assert rules["legal"] == {"n": 1, "recall": 0.0, "precision": None}
    assert confusion["escalate"] == {"respond": 1, "escalate": 2, "ignore": 0}


def test_triage_alone_is_marked_in_both_outputs() -> None:
    alone = replace(report(GRADING), how="triage-only")

    assert as_json(alone)["mode"] == "triage-only"
    assert printed(alone).startswith("Triage only: nothing was stored, searched or composed")
    assert "Triage only" not in printed(report(GRADING))


def test_every_failure_stands_there_with_its_evidence_and_its_words() -> None:
    text = printed(report(GRADING))

    assert "some.jsonl: 2 wrong decisions, 1 wrong owners" in text
    assert "c (email, free): expected escalate, but was respond" in text
    assert "d (email, free, borderline): expected respond, but was escalate" in text
    assert "fired angry        0.90  pattern “[b]grr[/b]”" in text
    assert "message of d" in text
    assert "e (email, free): expected another owner than churn's" in text


def test_files_stand_side_by_side() -> None:
    lines = printed(report(GRADING), report(GRADING, name="other.jsonl")).splitlines()

    heads = next(line for line in lines if "some.jsonl" in line)
    accuracy = next(line for line in lines if line.startswith("decision right"))
    billing = next(line for line in lines if line.startswith("billing"))
    assert "other.jsonl" in heads
    assert accuracy.count("3/5 60.0 % (23–88)") == 2
    assert billing.count("1/1 100.0 %") == 4


def test_figures_without_borderline_tickets_are_given_when_there_are_any() -> None:
    assert "without borderline" in printed(report(GRADING))
    assert "without borderline" not in printed(report(graded((ticket("a", "respond"), result("a", "respond")))))
