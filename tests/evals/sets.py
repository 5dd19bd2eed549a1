"""Labelled tickets and their results, made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deskhand.evals.grading import Grading, grade
from deskhand.evals.report import Report
from deskhand.evals.results import Decided, Found, Result
from deskhand.evals.tickets import Ticket, TicketSet
from tests.fakes import shipped_company

EVERY_RULE = tuple(rule.name for rule in shipped_company().escalation.rules)


def ticket(key: str, decision: str, *rules: str, **more: Any) -> Ticket:
    return Ticket.model_validate(
        {
            "id": key,
            "channel": "email",
            "message": f"message of {key}",
            "expect": {"decision": decision, "rules": rules},
        }
        | more
    )


def result(key: str, decision: Decided, *rules: str, ms: float = 10.0, evidence: str = "") -> Result:
    """As decided: the first of `rules` named the owner."""
    found = tuple(Found(rule, 0.9, True, (evidence,)) for rule in rules)
    return Result(key, decision, "answered", rules[0] if rules else None, rules, 0.9, found, ms, ms / 2)


def graded(*pairs: tuple[Ticket, Result]) -> Grading:
    return grade(shipped_company(), [ticket for ticket, _ in pairs], [result for _, result in pairs])


def report(grading: Grading, *, name: str = "some.jsonl", digest: str = "aa") -> Report:
    return Report(TicketSet(name, digest, tuple(item.ticket for item in grading.graded)), "offline", grading)


def write_lines(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return path


def line(key: str = "one", **changes: Any) -> dict[str, Any]:
    """A correct line of a file, with `changes`; a change to None drops the key."""
    found: dict[str, Any] = {"id": key, "channel": "email", "plan": "pro", "subject": "Labels"}
    found["message"] = "How do I add a label?"
    found["expect"] = {"decision": "respond"}
    return {name: value for name, value in (found | changes).items() if value is not None}
