"""The policy in code: what triage found becomes one decision. A model may add an escalation, never lift one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deskhand.agent.decision import Band, Triage, Verdict
from deskhand.company_folder import Company, Owner, PlanName, Urgency
from deskhand.customers import Plan

NO_RULE = "thin_evidence"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who takes over, how urgently, and until when they answer.

    `told_time` is what the sender reads: their plan's response time, or the longest one while the address is merely
    claimed, since the plan would tell a stranger who is a customer.
    """

    owner: Owner
    urgency: Urgency
    respond_by: datetime
    response_time: timedelta
    told_time: timedelta
    next_step: str


def decide(triage: Triage) -> Verdict:
    """The strictest tier wins; within it the first rule in the folder's order names the owner.

    A rule that fires beats `ignore`: an angry or foreign-looking customer is never dropped as spam.
    """
    fired = triage.fired
    if fired:
        always = [rule for rule in fired if rule.tier == "always"]
        leading = (always or list(fired))[0]
        return Verdict("escalate", leading.name, tuple(rule.name for rule in fired), leading.score)
    if triage.ignore is not None:
        return Verdict("ignore", None, ("ignore",), triage.ignore.score)
    nearest = max((rule.score for rule in triage.rules), default=0.0)
    return Verdict("respond", None, (), round(1.0 - nearest, 4))


def is_stricter(company: Company, rule: str, *, than: str) -> bool:
    """Whether a rule names the owner before another one would: by tier, then by the folder's order."""
    rules = company.escalation.rules
    ranks = {entry.name: (entry.tier != "always", place) for place, entry in enumerate(rules)}
    last = (True, len(rules))
    return ranks.get(rule, last) < ranks.get(than, last)


def assign(company: Company, rule_name: str, plan: Plan, at: datetime, *, verified: bool = True) -> Assignment:
    """Owner and deadline for a rule of the folder, or for `NO_RULE` the default owner."""
    escalation = company.escalation
    wait = response_time(company, plan)
    told = wait if verified else max(escalation.response_time.values())
    for rule in escalation.rules:
        if rule.name == rule_name:
            return Assignment(escalation.owners[rule.owner], rule.urgency, at + wait, wait, told, rule.next_step)
    return Assignment(
        escalation.owners[escalation.default_owner],
        "normal",
        at + wait,
        wait,
        told,
        "Answer the question; consider an article for the help centre.",
    )


def response_time(company: Company, plan: PlanName) -> timedelta:
    """First human response after an escalation, by plan."""
    return company.escalation.response_time[plan]


def band(company: Company, confidence: float) -> Band:
    """What to do with an answer of this confidence."""
    bands = company.escalation.bands
    if confidence >= bands.send:
        return "send"
    if confidence >= bands.flag:
        return "flag"
    return "hold" if confidence >= bands.hold else "hand_off"
