"""A counterexample in the company folder keeps a trained rule from firing on the model's word alone."""

from __future__ import annotations

import pytest

from deskhand.agent.triage import TriageInput, build_triage
from deskhand.company_folder import Company
from deskhand.inference import LocalEmbedder

REQUEST = "We would like a quote for forty seats, paid by purchase order."


def with_counterexamples(company: Company, *texts: str) -> Company:
    rules = tuple(
        rule.model_copy(update={"counterexamples": texts}) if rule.name == "billing" else rule
        for rule in company.escalation.rules
    )
    return company.model_copy(update={"escalation": company.escalation.model_copy(update={"rules": rules})})


async def fired(company: Company, embedder: LocalEmbedder, message: str) -> list[str]:
    triage = await build_triage(company, embedder).read(TriageInput("", message, "email", "pro"))
    return [rule.name for rule in triage.fired]


async def test_a_message_like_a_counterexample_does_not_fire_the_rule_and_the_record_says_so(
    company: Company, embedder: LocalEmbedder
) -> None:
    edited = with_counterexamples(company, "Please send a quote for forty seats by purchase order.")

    triage = await build_triage(edited, embedder).read(TriageInput("", REQUEST, "email", "pro"))

    billing = next(rule for rule in triage.rules if rule.name == "billing")
    assert await fired(company, embedder, REQUEST) == ["billing"]
    assert not billing.fired
    assert [item.source for item in billing.evidence] == ["model", "counterexample"]


@pytest.mark.parametrize("message", ["We were charged twice for forty seats by purchase order."])
async def test_a_pattern_still_fires_beside_a_counterexample(
    company: Company, embedder: LocalEmbedder, message: str
) -> None:
    assert await fired(with_counterexamples(company, message), embedder, message) == ["billing"]


async def test_a_message_unlike_the_counterexamples_fires_as_before(company: Company, embedder: LocalEmbedder) -> None:
    edited = with_counterexamples(company, "How do I rename a board?")

    assert await fired(edited, embedder, REQUEST) == ["billing"]
