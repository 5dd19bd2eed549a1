"""Sentiment, intent, urgency, and what is ignored."""

from __future__ import annotations

import pytest

from tests.agent.triage.conftest import Read


@pytest.mark.parametrize(
    "message",
    [
        "You are a bunch of liars and your software is garbage. I am furious!",
        "WHAT IS WRONG WITH YOU PEOPLE!!! THIS IS A DISGRACE!!!",
    ],
)
async def test_fury_is_below_minus_a_half_and_fires_angry(read: Read, message: str) -> None:
    triage = await read(message)

    assert triage.sentiment < -0.5
    assert "angry" in [rule.name for rule in triage.fired]


async def test_frustration_is_negative_but_not_angry(read: Read) -> None:
    triage = await read("It's frustrating that the list jumps to the top each time I tick a box.")

    assert -0.5 <= triage.sentiment < -0.1


@pytest.mark.parametrize(
    "message", ["Thank you so much, that worked perfectly!", "I love the new calendar, great work by your team!"]
)
async def test_praise_is_positive(read: Read, message: str) -> None:
    assert (await read(message)).sentiment > 0.3


async def test_a_plain_question_is_neutral(read: Read) -> None:
    assert abs((await read("How do I add a label to a task?")).sentiment) < 0.2


@pytest.mark.parametrize("message", ["The new board is not bad at all.", "I'm not angry, I only wonder where it is."])
async def test_negated_anger_is_none(read: Read, message: str) -> None:
    triage = await read(message)

    assert triage.sentiment > -0.25
    assert not triage.fired


@pytest.mark.parametrize(
    ("intent", "message"),
    [
        ("thanks", "Perfect, thanks a lot!"),
        ("greeting", "Hello there"),
        ("vague", "it doesn't work"),
        ("feature_request", "It would be great if you could add a dark mode to the app."),
        ("question", "Thanks for the tip! And how do I change the colour of a label?"),
        ("question", "Where can I see who changed a task?"),
        ("problem", "The export button does nothing in Safari since the update."),
    ],
)
async def test_intent(read: Read, intent: str, message: str) -> None:
    assert (await read(message)).intent == intent


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("", ""),
        ("", "   \n  "),
        ("test", "test"),
        ("Automatic reply: Your request", "I am out of the office until Monday."),
        ("Undeliverable: Your ticket", "Delivery has failed to these recipients."),
    ],
)
async def test_empty_tests_and_machine_mail_are_ignored(read: Read, subject: str, message: str) -> None:
    triage = await read(message, subject=subject)

    assert triage.ignore is not None
    assert not triage.fired


@pytest.mark.parametrize("message", ["???", "👍", "k", "hi", "your app sucks", "ça ne marche pas", "404", "¿precio?"])
async def test_a_short_rude_or_foreign_message_is_never_ignored(read: Read, message: str) -> None:
    assert (await read(message)).ignore is None


async def test_a_rule_that_fires_lends_its_urgency(read: Read) -> None:
    assert (await read("Somebody broke into my account and changed the password.")).urgency == "urgent"
    assert (await read("How do I add a label?")).urgency == "normal"
