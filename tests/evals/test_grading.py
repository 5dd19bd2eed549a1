"""What counts as right."""

from __future__ import annotations

import pytest

from deskhand.errors import InvalidInput
from deskhand.evals.figures import Share
from tests.evals.sets import graded, result, ticket


def test_the_same_decision_is_right_and_another_is_wrong() -> None:
    grading = graded(
        (ticket("a", "respond"), result("a", "respond")),
        (ticket("b", "escalate", "billing"), result("b", "respond")),
        (ticket("c", "respond"), result("c", "escalate", "angry")),
    )

    assert grading.accuracy == Share(1, 3)
    assert [item.ticket.id for item in grading.failures] == ["b", "c"]
    assert grading.escalation_recall == Share(0, 1)
    assert grading.escalation_precision == Share(0, 1)
    assert grading.escalation_rate == Share(1, 3)


def test_any_expected_rule_may_name_the_owner() -> None:
    grading = graded((ticket("a", "escalate", "billing", "legal", "angry"), result("a", "escalate", "legal")))

    assert grading.owner == Share(1, 1)


def test_another_rule_of_the_same_person_names_the_right_owner() -> None:
    same_desk = graded((ticket("a", "escalate", "outage"), result("a", "escalate", "data_loss")))
    other_desk = graded((ticket("a", "escalate", "outage"), result("a", "escalate", "billing", "outage")))

    assert same_desk.owner == Share(1, 1)
    assert other_desk.owner == Share(0, 1)
    assert [item.ticket.id for item in other_desk.wrong_owners] == ["a"]
    assert not other_desk.failures


def test_an_escalation_for_want_of_evidence_goes_to_the_default_owner() -> None:
    """Marcus Rivera takes what no rule covers, and `human` is his too."""
    grading = graded(
        (ticket("a", "escalate", "human"), result("a", "escalate", "thin_evidence")),
        (ticket("b", "escalate", "billing"), result("b", "escalate", "thin_evidence")),
    )

    assert grading.owner == Share(1, 2)
    assert grading.rules["thin_evidence"].precision == Share(0, 2)


def test_the_owner_is_judged_only_where_a_person_was_due_and_came() -> None:
    grading = graded(
        (ticket("a", "escalate", "billing"), result("a", "respond")),
        (ticket("b", "respond"), result("b", "escalate", "billing")),
        (ticket("c", "escalate"), result("c", "escalate", "billing")),
    )

    assert grading.owner == Share(0, 0)


def test_an_always_ticket_is_missed_when_no_person_gets_it() -> None:
    grading = graded(
        (ticket("a", "escalate", "security"), result("a", "respond")),
        (ticket("b", "escalate", "legal", "churn"), result("b", "ignore")),
        (ticket("c", "escalate", "account"), result("c", "escalate", "churn")),
        (ticket("d", "escalate", "angry"), result("d", "respond")),
    )

    assert grading.always_missed == Share(2, 3)


def test_a_rules_recall_and_precision_count_every_rule_of_a_decision() -> None:
    grading = graded(
        (ticket("a", "escalate", "billing", "angry"), result("a", "escalate", "billing")),
        (ticket("b", "escalate", "billing"), result("b", "escalate", "legal", "billing")),
        (ticket("c", "escalate", "billing"), result("c", "respond")),
    )

    assert grading.rules["billing"].recall == Share(2, 3)
    assert grading.rules["billing"].precision == Share(2, 2)
    assert grading.rules["angry"].recall == Share(0, 1)
    assert grading.rules["legal"].precision == Share(0, 1)
    assert grading.rules["churn"].recall == Share(0, 0)
    assert next(iter(grading.rules)) == "security"


def test_ignoring_a_customer_is_wrong_and_ignoring_spam_is_right_and_no_rule() -> None:
    grading = graded(
        (ticket("a", "ignore"), result("a", "ignore", "ignore")),
        (ticket("b", "respond"), result("b", "ignore", "ignore")),
        (ticket("c", "ignore"), result("c", "respond")),
    )

    assert grading.accuracy == Share(1, 3)
    assert "ignore" not in grading.rules
    assert grading.confusion == {
        "respond": {"respond": 0, "escalate": 0, "ignore": 1},
        "escalate": {"respond": 0, "escalate": 0, "ignore": 0},
        "ignore": {"respond": 1, "escalate": 0, "ignore": 1},
    }


def test_a_turn_that_broke_is_wrong_even_where_a_person_was_due() -> None:
    grading = graded((ticket("a", "escalate", "billing"), result("a", "failed")))

    assert grading.accuracy == Share(0, 1)
    assert grading.always_missed == Share(1, 1)
    assert grading.confusion["escalate"] == {"respond": 0, "escalate": 0, "ignore": 0, "failed": 1}


def test_results_of_other_tickets_are_refused() -> None:
    with pytest.raises(InvalidInput):
        graded((ticket("a", "respond"), result("b", "respond")))
