"""The release gate: this run against the last accepted one, ticket by ticket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from deskhand.errors import SetupInvalid
from deskhand.evals.figures import mcnemar_loss
from deskhand.evals.grading import Grading
from deskhand.evals.report import How, Report
from deskhand.evals.tickets import TicketSet

BASELINE = Path("evals/baseline.json")
SIGNIFICANT = 0.05


class AcceptedRun(BaseModel):
    """What one file scored when it was accepted. Tickets that neither list names were right in every respect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    sha256: str
    how: How
    n: int
    right: int
    accuracy: float
    owner_n: int
    owner_right: int
    wrong: tuple[str, ...]
    wrong_owner: tuple[str, ...]


class Baseline(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[AcceptedRun, ...] = ()

    def run_of(self, tickets: TicketSet, how: How) -> AcceptedRun:
        """What was accepted for this very file.

        Raises:
            SetupInvalid: nothing was, or the file has changed since.
        """
        mend = f"Look at its scores, then accept them: deskhand eval {tickets.name} --accept."
        found = next((run for run in self.runs if (run.file, run.how) == (tickets.name, how)), None)
        if found is None:
            raise SetupInvalid(f"{BASELINE} has no scores of {tickets.name} ({how}).", mend=mend)
        if found.sha256 != tickets.digest:
            raise SetupInvalid(f"{tickets.name} has changed since its scores were accepted.", mend=mend)
        return found

    def accepting(self, reports: Sequence[Report]) -> Baseline:
        """The same with the scores of these runs in the place of their predecessors'."""
        runs = {(run.file, run.how): run for run in self.runs}
        runs |= {(report.name, report.how): _accept(report) for report in reports}
        return Baseline(runs=tuple(runs[key] for key in sorted(runs)))


@dataclass(frozen=True, slots=True)
class Change:
    """One question asked of both runs: which tickets turned wrong and which right, and how likely that is by chance."""

    what: str
    lost: tuple[str, ...]
    won: tuple[str, ...]

    @property
    def p(self) -> float:
        return mcnemar_loss(len(self.lost), len(self.won))

    @property
    def is_significant_loss(self) -> bool:
        return self.p < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Comparison:
    """A file's run against the accepted one."""

    file: str
    changes: tuple[Change, ...]

    @property
    def is_loss(self) -> bool:
        return any(change.is_significant_loss for change in self.changes)

    def lines(self) -> list[str]:
        found: list[str] = []
        for change in self.changes:
            verdict = "SIGNIFICANT LOSS" if change.is_significant_loss else "no significant loss"
            found.append(
                f"{self.file}, {change.what}: {len(change.lost)} lost, {len(change.won)} won, "
                f"p = {change.p:.3f} (exact McNemar, one-sided): {verdict}"
            )
            found += [
                f"  {word}: {', '.join(ids)}" for word, ids in (("lost", change.lost), ("won", change.won)) if ids
            ]
        return found


def read_baseline(path: Path = BASELINE) -> Baseline:
    """The accepted scores; empty while nothing was accepted.

    Raises:
        SetupInvalid: the file is there and can't be read.
    """
    if not path.exists():
        return Baseline()
    try:
        return Baseline.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SetupInvalid(
            f"{path} is no file of accepted scores.", mend="Restore it from the history, or delete it and accept anew."
        ) from error


def write_baseline(baseline: Baseline, path: Path = BASELINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(baseline.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n", "utf-8")
    draft.replace(path)


def compare(accepted: AcceptedRun, report: Report) -> Comparison:
    """Decisions first; then decision and owner together, so that mail to the wrong desk is a loss too."""
    ids = [item.ticket.id for item in report.grading.graded]
    wrong, wrong_owner = _wrong(report.grading)
    before, before_owner = set(accepted.wrong), set(accepted.wrong_owner)
    return Comparison(
        report.name,
        (
            _change("decision", ids, before, set(wrong)),
            _change("decision and owner", ids, before | before_owner, {*wrong, *wrong_owner}),
        ),
    )


def _change(what: str, ids: Sequence[str], before: set[str], now: set[str]) -> Change:
    return Change(
        what,
        lost=tuple(key for key in ids if key in now and key not in before),
        won=tuple(key for key in ids if key in before and key not in now),
    )


def _wrong(grading: Grading) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (
        tuple(item.ticket.id for item in grading.failures),
        tuple(item.ticket.id for item in grading.wrong_owners),
    )


def _accept(report: Report) -> AcceptedRun:
    grading = report.grading
    wrong, wrong_owner = _wrong(grading)
    return AcceptedRun(
        file=report.name,
        sha256=report.tickets.digest,
        how=report.how,
        n=grading.accuracy.n,
        right=grading.accuracy.hits,
        accuracy=round(grading.accuracy.value or 0.0, 4),
        owner_n=grading.owner.n,
        owner_right=grading.owner.hits,
        wrong=wrong,
        wrong_owner=wrong_owner,
    )
