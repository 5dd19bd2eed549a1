"""Every rule that fires says why, in words that a person can check."""

from __future__ import annotations

from tests.agent.triage.conftest import Read


async def test_the_evidence_of_a_pattern_is_the_matched_words(read: Read) -> None:
    triage = await read("Hello, I was charged twice for March. Regards, Ana")

    billing = next(rule for rule in triage.rules if rule.name == "billing")
    assert ("pattern", "charged twice") in [(item.source, item.text) for item in billing.evidence]


async def test_the_evidence_of_the_model_is_the_clause_that_gave_most(read: Read) -> None:
    triage = await read(
        "Hello, we like the new board very much. The training went well and everybody is on board. "
        "The bank statement shows two payments to you on the same day and we only owe one. "
        "The colours of the labels could be stronger. Kind regards, Ana"
    )

    billing = next(rule for rule in triage.rules if rule.name == "billing")
    assert billing.fired
    assert [item.text for item in billing.evidence if item.source == "model"] == [
        "The bank statement shows two payments to you on the same day and we only owe one."
    ]


async def test_the_same_defect_is_an_outage_for_a_blocked_enterprise_customer_only(read: Read) -> None:
    message = "The deploy button does nothing since this morning, so I can't release and my work has stopped."

    enterprise, pro = await read(message, plan="enterprise"), await read(message, plan="pro")

    outage = next(rule for rule in enterprise.rules if rule.name == "outage")
    assert outage.fired
    assert "plan" in [item.source for item in outage.evidence]
    assert not any(rule.fired for rule in pro.rules)


async def test_a_follow_up_after_two_unhelpful_answers_is_unresolved(read: Read) -> None:
    triage = await read("no, still the same", unhelpful_turns=2)

    unresolved = next(rule for rule in triage.rules if rule.name == "unresolved")
    assert unresolved.fired
    assert "conversation" in [item.source for item in unresolved.evidence]


async def test_thanks_after_two_answers_is_not_unresolved(read: Read) -> None:
    triage = await read("Great, that did it, thank you!", unhelpful_turns=2)

    assert not triage.fired


async def test_one_word_that_asks_for_a_person_is_enough_in_five_languages(read: Read) -> None:
    for word in ("human", "Agent!", "representative please", "Mitarbeiter bitte", "agente", "conseiller", "atendente"):
        triage = await read(word)
        assert "human" in [rule.name for rule in triage.fired], word


async def test_a_long_message_is_read_to_its_end(read: Read) -> None:
    filler = "The team likes the boards, and the calendar helps us to plan the week without any trouble. " * 25

    triage = await read(filler + "Please refund the second payment of May, which we never ordered.")

    assert "billing" in [rule.name for rule in triage.fired]
