"""The figures for people, several files side by side, and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deskhand.evals.figures import Share
from deskhand.evals.grading import Graded, Grading
from deskhand.evals.tickets import TicketSet

NEAREST_SHOWN = 3
WORDS_SHOWN = 160
How = Literal["offline", "llm", "triage-only"]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one file, and how they came about: the brain, or "triage-only" when no flow ran."""

    tickets: TicketSet
    how: How
    grading: Grading

    @property
    def name(self) -> str:
        return self.tickets.name


def as_json(report: Report) -> dict[str, Any]:
    """Shares are 0..1, and null where there was nothing to count. Triage alone is marked by `mode`."""
    grading = report.grading
    mode: dict[str, Any] = {"mode": "triage-only"} if report.how == "triage-only" else {}
    return mode | {
        "n": grading.accuracy.n,
        "right": grading.accuracy.hits,
        "accuracy": _rounded(grading.accuracy.value),
        "interval": [_rounded(bound) for bound in grading.accuracy.interval],
        "escalation": {
            "n": grading.escalation_recall.n,
            "recall": _rounded(grading.escalation_recall.value),
            "precision": _rounded(grading.escalation_precision.value),
            "rate": _rounded(grading.escalation_rate.value),
        },
        "always": {"n": grading.always_missed.n, "missed": grading.always_missed.hits},
        "owner": {"n": grading.owner.n, "right": grading.owner.hits},
        "rules": {
            name: {
                "n": figures.due,
                "recall": _rounded(figures.recall.value),
                "precision": _rounded(figures.precision.value),
            }
            for name, figures in grading.rules.items()
        },
        "confusion": grading.confusion,
        "failures": [
            {
                "id": item.ticket.id,
                "expected": item.ticket.expect.decision,
                "decision": item.result.decision,
                "rules": list(item.result.rules),
                "confidence": _rounded(item.result.confidence),
            }
            for item in grading.failures
        ],
        "ms": {"p50": _rounded(grading.milliseconds(0.5), 1), "p95": _rounded(grading.milliseconds(0.95), 1)},
    }


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def show(console: Console, reports: Sequence[Report]) -> None:
    """Summary, rules and confusion of all files side by side, then each file's failures with their evidence."""
    if any(report.how == "triage-only" for report in reports):
        console.print(
            "Triage only: nothing was stored, searched or composed; the figures of the whole flow may differ.\n"
        )
    for table in (_summary(reports), _rules(reports), _confusion(reports)):
        console.print(table, "")
    for report in reports:
        _show_failures(console, report)


def _summary(reports: Sequence[Report]) -> Table:
    table = _table("", [report.name for report in reports])
    gradings = [report.grading for report in reports]
    brains = {"offline": "flow, offline brain", "llm": "flow, language model", "triage-only": "triage only"}
    table.add_row("run", *(brains[report.how] for report in reports))
    table.add_row("tickets", *(str(grading.accuracy.n) for grading in gradings))
    table.add_row("decision right", *(_share(grading.accuracy) for grading in gradings))
    if any(item.ticket.borderline for grading in gradings for item in grading.graded):
        table.add_row("  without borderline", *(_share(_clear_cut(grading)) for grading in gradings))
    table.add_row("escalation recall", *(_share(grading.escalation_recall) for grading in gradings))
    table.add_row("escalation precision", *(_share(grading.escalation_precision) for grading in gradings))
    table.add_row("escalation rate", *(_share(grading.escalation_rate, interval=False) for grading in gradings))
    table.add_row(
        "ALWAYS missed", *(f"{grading.always_missed.hits} of {grading.always_missed.n}" for grading in gradings)
    )
    table.add_row("owner right", *(_share(grading.owner) for grading in gradings))
    if any(report.how != "triage-only" for report in reports):
        table.add_row("ended as", *(_actions(grading) for grading in gradings))
    table.add_row("ms a ticket, median / p95", *(_times(grading) for grading in gradings))
    if any(report.how != "triage-only" for report in reports):
        table.add_row("  the agent's turn in it", *(_turn_times(grading) for grading in gradings))
    return table


def _rules(reports: Sequence[Report]) -> Table:
    """Recall with its interval and precision; one line for each rule that any file knows of."""
    several = len(reports) > 1
    heads = [
        f"{report.name}\n{what}" if several else what for report in reports for what in ("n", "recall", "precision")
    ]
    table = _table("rule", heads)
    found = [report.grading.rules for report in reports]
    for name in dict.fromkeys(name for rules in found for name in rules):
        cells: list[str] = []
        for rules in found:
            figures = rules.get(name)
            if figures is None:
                cells += ["", "", ""]
            else:
                cells += [str(figures.due), _share(figures.recall), _share(figures.precision)]
        table.add_row(name, *cells)
    return table


def _confusion(reports: Sequence[Report]) -> Table:
    """Rows are what was expected, columns what was decided."""
    several = len(reports) > 1
    tables = [report.grading.confusion for report in reports]
    heads = [
        f"{report.name}\n{decided}" if several else decided
        for report, counts in zip(reports, tables, strict=True)
        for decided in counts["respond"]
    ]
    table = _table("expected / decided", heads)
    for due in tables[0]:
        table.add_row(due, *(str(count) for counts in tables for count in counts[due].values()))
    return table


def _table(first: str, heads: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(Text(head), overflow="fold")
    return table


def _show_failures(console: Console, report: Report) -> None:
    failures, others = report.grading.failures, report.grading.wrong_owners
    console.print(Text(f"{report.name}: {len(failures)} wrong decisions, {len(others)} wrong owners", style="bold"))
    for item in failures:
        _show_ticket(console, item, f"{item.ticket.expect.decision}, but was {item.result.decision}")
    for item in others:
        _show_ticket(console, item, f"another owner than {_names(item.result.rule)}'s")
    console.print()


def _show_ticket(console: Console, item: Graded, verdict: str) -> None:
    ticket, result = item.ticket, item.result
    facts = f"{ticket.channel}, {ticket.plan}{', borderline' if ticket.borderline else ''}"
    words = " ".join(f"{ticket.subject} | {ticket.message}".strip(" |").split())
    lines = [
        f"{ticket.id} ({facts}): expected {verdict}",
        f"  expected rules: {_names(*ticket.expect.rules)}; decided by: {_names(*result.rules)}; "
        f"confidence {result.confidence:.2f}",
        f"  {words[:WORDS_SHOWN]}{'…' if len(words) > WORDS_SHOWN else ''}" if words else "  (no words)",
    ]
    if result.error:
        lines.append(f"  error: {result.error}")
    lines += [
        f"  {'fired' if found.fired else 'quiet'} {found.rule:<12} {found.score:.2f}  {'; '.join(found.evidence)}"
        for number, found in enumerate(result.found)
        if found.fired or found.rule in ticket.expect.rules or number < NEAREST_SHOWN
    ]
    console.print(Text("\n".join(line.rstrip() for line in lines)), soft_wrap=True)


def _names(*rules: str | None) -> str:
    return ", ".join(rule for rule in rules if rule) or "none"


def _share(share: Share, *, interval: bool = True) -> str:
    if share.value is None:
        return "–"
    low, high = share.interval
    bounds = f" ({100 * low:.0f}–{100 * high:.0f})" if interval else ""
    return f"{share.hits}/{share.n} {100 * share.value:.1f} %{bounds}"


def _clear_cut(grading: Grading) -> Share:
    judged = [item.right for item in grading.graded if not item.ticket.borderline]
    return Share(sum(judged), len(judged))


def _actions(grading: Grading) -> str:
    counts = Counter(item.result.action.replace("_", " ") for item in grading.graded)
    return ", ".join(f"{count} {action}" for action, count in counts.most_common())


def _times(grading: Grading) -> str:
    return f"{grading.milliseconds(0.5) or 0:.0f} / {grading.milliseconds(0.95) or 0:.0f}"


def _turn_times(grading: Grading) -> str:
    return f"{grading.turn_milliseconds(0.5) or 0:.0f} / {grading.turn_milliseconds(0.95) or 0:.0f}"
