"""The release gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from deskhand.errors import SetupInvalid
from deskhand.evals.baseline import Baseline, compare, read_baseline, write_baseline
from deskhand.evals.grading import Grading
from tests.evals.sets import graded, report, result, ticket


def run_with(*wrong: int, wrong_owner: tuple[int, ...] = ()) -> Grading:
    """Twenty tickets for the biller, some answered instead, some given to another person."""
    return graded(
        *(
            (
                ticket(str(number), "escalate", "billing"),
                result(str(number), "respond")
                if number in wrong
                else result(str(number), "escalate", "legal" if number in wrong_owner else "billing"),
            )
            for number in range(20)
        )
    )


def against(before: Grading, after: Grading) -> tuple[bool, str]:
    accepted = Baseline().accepting([report(before)]).runs[0]
    comparison = compare(accepted, report(after))
    return comparison.is_loss, "\n".join(comparison.lines())


def test_five_lost_and_none_won_is_a_significant_loss() -> None:
    is_loss, lines = against(run_with(19), run_with(19, 3, 4, 5, 6, 7))

    assert is_loss
    assert "decision: 5 lost, 0 won, p = 0.031" in lines
    assert "SIGNIFICANT LOSS" in lines
    assert "  lost: 3, 4, 5, 6, 7" in lines


def test_four_lost_may_be_chance() -> None:
    is_loss, lines = against(run_with(), run_with(1, 2, 3, 4))

    assert not is_loss
    assert "4 lost, 0 won, p = 0.062" in lines


def test_gains_weigh_against_losses_and_are_listed() -> None:
    is_loss, lines = against(run_with(10, 11, 12), run_with(1, 2, 3, 4, 5))

    assert not is_loss
    assert "  won: 10, 11, 12" in lines


def test_mail_to_the_wrong_desk_is_a_loss_too() -> None:
    is_loss, lines = against(run_with(), run_with(wrong_owner=(1, 2, 3, 4, 5)))

    assert is_loss
    assert "decision: 0 lost, 0 won" in lines
    assert "decision and owner: 5 lost, 0 won" in lines


def test_what_was_accepted_is_read_back_and_replaced_by_file_name(tmp_path: Path) -> None:
    path = tmp_path / "evals" / "baseline.json"
    first = read_baseline(path).accepting([report(run_with(1)), report(run_with(), name="other.jsonl")])
    write_baseline(first, path)
    write_baseline(read_baseline(path).accepting([report(run_with(2, 3))]), path)

    runs = read_baseline(path).runs

    assert [(run.file, run.n, run.right) for run in runs] == [("other.jsonl", 20, 20), ("some.jsonl", 20, 18)]
    assert runs[1].wrong == ("2", "3")


def test_a_file_without_accepted_scores_or_with_other_content_is_not_compared() -> None:
    baseline = Baseline().accepting([report(run_with())])
    known = report(run_with())

    with pytest.raises(SetupInvalid, match=r"no scores of new\.jsonl"):
        baseline.run_of(report(run_with(), name="new.jsonl").tickets, "offline")
    with pytest.raises(SetupInvalid, match="has changed since"):
        baseline.run_of(report(run_with(), digest="bb").tickets, "offline")
    with pytest.raises(SetupInvalid, match=r"no scores of some\.jsonl"):
        baseline.run_of(known.tickets, "triage-only")
    assert baseline.run_of(known.tickets, "offline").right == 20


def test_a_damaged_file_of_scores_is_named(tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_text("{")

    with pytest.raises(SetupInvalid, match=r"baseline\.json is no file of accepted scores"):
        read_baseline(tmp_path / "baseline.json")
