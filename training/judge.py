"""Counts: what a set of chances decides, against what the policy says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data import LABELS, RULES

Array = NDArray[np.float32]
ALWAYS = RULES[:4]
IGNORE = LABELS.index("ignore")


@dataclass(frozen=True, slots=True)
class Truth:
    """What a message should lead to; any of `leading` may name the owner."""

    decision: str
    leading: tuple[str, ...]


@dataclass(slots=True)
class Counts:
    n: int = 0
    right: int = 0
    escalated: int = 0
    escalated_rightly: int = 0
    to_escalate: int = 0
    always: int = 0
    always_missed: int = 0
    owner_right: int = 0

    def row(self) -> tuple[str, ...]:
        return (
            f"{self.n}",
            _share(self.right, self.n),
            _share(self.escalated_rightly, self.escalated),
            _share(self.escalated_rightly, self.to_escalate),
            f"{self.always_missed} of {self.always}",
            _share(self.owner_right, self.escalated_rightly),
        )


HEADINGS = ("n", "decision", "escalation precision", "escalation recall", "ALWAYS missed", "owner")


def truth_of(rules: Sequence[str]) -> Truth:
    if tuple(rules) == ("ignore",):
        return Truth("ignore", ())
    ordered = [rule for rule in RULES if rule in rules]
    return Truth("escalate" if ordered else "respond", tuple(ordered[:1]))


def decided(row: Array, thresholds: Array) -> tuple[str, str | None]:
    """The decision, and the rule that names the owner, for one message's chances."""
    fired = [rule for place, rule in enumerate(RULES) if row[place] >= thresholds[place]]
    ignored = float(row[IGNORE])
    if ignored >= 0.5 and all(float(row[RULES.index(rule)]) < ignored for rule in fired):
        return "ignore", None
    return ("escalate", fired[0]) if fired else ("respond", None)


def count(decisions: Sequence[tuple[str, str | None]], truths: Sequence[Truth]) -> Counts:
    counts = Counts(n=len(truths))
    for (decision, rule), truth in zip(decisions, truths, strict=True):
        counts.right += decision == truth.decision
        counts.escalated += decision == "escalate"
        always = any(name in ALWAYS for name in truth.leading)
        counts.always += always
        if truth.decision == "escalate":
            counts.to_escalate += 1
            counts.escalated_rightly += decision == "escalate"
            counts.owner_right += decision == "escalate" and rule in truth.leading
            counts.always_missed += always and decision != "escalate"
    return counts


def by_rule(chances: Array, labels: Array, thresholds: Array) -> list[tuple[str, int, float, float, float]]:
    """Name, number, precision, recall and F1 of each rule and of `ignore`."""
    rows: list[tuple[str, int, float, float, float]] = []
    for place, name in [*enumerate(RULES), (IGNORE, "ignore")]:
        fired = chances[:, place] >= (thresholds[place] if place < len(RULES) else 0.5)
        wanted = labels[:, place] > 0
        hits = float((fired & wanted).sum())
        precision, recall = hits / max(1.0, float(fired.sum())), hits / max(1.0, float(wanted.sum()))
        rows.append(
            (name, int(wanted.sum()), precision, recall, 2 * hits / max(1.0, float(fired.sum() + wanted.sum())))
        )
    return rows


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
