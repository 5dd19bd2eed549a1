"""The policy: one decision from what triage found, in the order that the folder is written in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deskhand.agent import policy
from deskhand.agent.decision import Band
from deskhand.company_folder import Company
from deskhand.customers import Plan
from tests.fakes import read_as

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_nothing_fired_is_answered() -> None:
    verdict = policy.decide(read_as())

    assert (verdict.decision, verdict.rule, verdict.rules) == ("respond", None, ())
    assert verdict.confidence == pytest.approx(0.98)


def test_a_rule_that_fires_is_escalated_under_its_name() -> None:
    verdict = policy.decide(read_as("churn"))

    assert (verdict.decision, verdict.rule, verdict.rules) == ("escalate", "churn", ("churn",))


def test_the_strictest_tier_wins_over_the_order() -> None:
    """Also in a folder that lists a likely rule first."""
    triage = read_as("human", "angry", "account")
    upside_down = replace(triage, rules=triage.rules[::-1])

    assert policy.decide(triage).rule == policy.decide(upside_down).rule == "account"


def test_within_a_tier_the_first_of_the_folder_names_the_owner() -> None:
    assert policy.decide(read_as("account", "billing")).rule == "billing"
    assert policy.decide(read_as("churn", "data_loss")).rule == "data_loss"


def test_every_rule_that_fired_is_recorded() -> None:
    assert policy.decide(read_as("churn", "angry", "billing")).rules == ("billing", "angry", "churn")


def test_spam_is_ignored() -> None:
    verdict = policy.decide(read_as(ignore="unsubscribe"))

    assert (verdict.decision, verdict.rule, verdict.rules) == ("ignore", None, ("ignore",))


def test_a_rule_beats_ignore() -> None:
    verdict = policy.decide(read_as("angry", ignore="looks machine-sent"))

    assert (verdict.decision, verdict.rule) == ("escalate", "angry")


@pytest.mark.parametrize(
    ("rule", "owner"),
    [
        ("security", "James Okafor"),
        ("legal", "Rachel Foster"),
        ("billing", "Lisa Tanaka"),
        ("account", "Sarah Chen"),
        ("human", "Marcus Rivera"),
        ("data_loss", "Priya Patel"),
        ("outage", "Priya Patel"),
        ("unresolved", "Priya Patel"),
        ("angry", "Marcus Rivera"),
        ("churn", "Sarah Chen"),
        (policy.NO_RULE, "Marcus Rivera"),
    ],
)
def test_each_rule_has_the_owner_of_the_written_policy(company: Company, rule: str, owner: str) -> None:
    assert policy.assign(company, rule, "free", NOW).owner.name == owner


@pytest.mark.parametrize(("plan", "hours"), [("enterprise", 1), ("pro", 4), ("free", 24)])
def test_the_deadline_follows_the_plan(company: Company, plan: Plan, hours: int) -> None:
    assignment = policy.assign(company, "billing", plan, NOW)

    assert assignment.respond_by == NOW + timedelta(hours=hours)
    assert assignment.response_time == timedelta(hours=hours)


def test_an_assignment_says_what_to_do_first(company: Company) -> None:
    assert "Nothing".lower() in policy.assign(company, "billing", "pro", NOW).next_step.lower()
    assert policy.assign(company, policy.NO_RULE, "pro", NOW).next_step


def test_the_bands_fall_at_the_folder_s_thresholds(company: Company) -> None:
    bands = company.escalation.bands
    expected: list[tuple[float, Band]] = [
        (1.0, "send"),
        (bands.send, "send"),
        (bands.send - 0.001, "flag"),
        (bands.flag, "flag"),
        (bands.flag - 0.001, "hold"),
        (bands.hold, "hold"),
        (bands.hold - 0.001, "hand_off"),
        (0.0, "hand_off"),
    ]

    assert [policy.band(company, confidence) for confidence, _ in expected] == [band for _, band in expected]
