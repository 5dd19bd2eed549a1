"""Each rule of the demo company fires for a wording of its own and not for its near miss."""

from __future__ import annotations

import pytest

from deskhand.agent.decision import Triage
from tests.agent.triage.conftest import Read

FIRES = [
    ("security", "My account was opened from Brazil tonight, and I have never been there."),
    ("security", "By typing another number into the address I get to see the invoices of a different firm."),
    ("legal", "Under the GDPR I ask you to erase everything that you hold about me."),
    ("legal", "Before we sign, our procurement needs your SOC 2 report."),
    ("billing", "You took the monthly fee twice in June, please send one back."),
    ("billing", "Is there a cheaper price for registered charities?"),
    ("account", "Please close our workspace for good at the end of the month."),
    ("account", "How do I delete my account?"),
    ("human", "I would like to speak with a real person, please."),
    ("data_loss", "All the comments that I wrote yesterday have disappeared from the board."),
    ("outage", "Nobody in our office can log in since nine o'clock, the whole team is stuck."),
    ("unresolved", "I did what your colleague wrote on Monday, and the problem is still there."),
    ("angry", "This is utterly unacceptable, you bunch of incompetent clowns!!!"),
    ("churn", "We have had enough of the crashes and are moving to a competitor next month."),
]

NEAR_MISSES = [
    ("security", "I forgot my password, where can I set a new one?"),
    ("security", "How do I switch on two-factor authentication for my team?"),
    ("legal", "Is my data encrypted on your servers?"),
    ("billing", "Where can I download my invoices?"),
    ("billing", "What does the Pro plan cost per month?"),
    ("account", "How do I remove a member from our workspace?"),
    ("account", "Can I rename the workspace?"),
    ("human", "How do I assign a task to another person?"),
    ("data_loss", "How do I delete a task that I no longer need?"),
    ("outage", "One of my reports loads rather slowly today."),
    ("unresolved", "I have another question about labels: can they be sorted?"),
    ("angry", "It's a bit frustrating that the filter resets every morning."),
    ("churn", "We're leaving the office early on Friday, how do I move the meeting?"),
]


def fired(triage: Triage) -> list[str]:
    return [rule.name for rule in triage.fired]


@pytest.mark.parametrize(("rule", "message"), FIRES)
async def test_a_rule_fires_for_a_wording_of_its_own(read: Read, rule: str, message: str) -> None:
    assert rule in fired(await read(message))


@pytest.mark.parametrize(("rule", "message"), NEAR_MISSES)
async def test_a_rule_does_not_fire_for_its_near_miss(read: Read, rule: str, message: str) -> None:
    triage = await read(message)

    assert fired(triage) == [], f"near miss of {rule}"
    assert triage.ignore is None


async def test_every_rule_of_the_folder_is_scored_in_its_order(read: Read) -> None:
    triage = await read("How do I add a label?")

    assert [rule.name for rule in triage.rules] == [
        *("security", "legal", "billing", "account"),
        *("human", "data_loss", "outage", "unresolved", "angry", "churn"),
    ]
    assert all(0 <= rule.score <= 1 for rule in triage.rules)


async def test_a_message_can_match_two_rules(read: Read) -> None:
    triage = await read("You charged me twice, you crooks! This is a disgrace, give me my money back NOW!!!")

    assert {"billing", "angry"} <= set(fired(triage))


async def test_refunds_in_the_customers_own_shop_are_a_question_to_answer(read: Read) -> None:
    triage = await read("How do I refund an order of one of our customers in my shop, and does the stock go up again?")

    assert fired(triage) == []
    assert triage.intent == "question"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("billing", "Sie haben mir den Betrag doppelt abgebucht, ich möchte mein Geld zurück."),
        ("billing", "Me han cobrado dos veces este mes, quiero que me devuelvan el dinero."),
        ("account", "Je voudrais supprimer mon compte, merci."),
        ("human", "Quero falar com um atendente, por favor."),
        ("legal", "Nach der DSGVO verlange ich die Löschung meiner Daten."),
    ],
)
async def test_rules_apply_in_other_languages(read: Read, rule: str, message: str) -> None:
    assert rule in fired(await read(message))


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("de", "Wie kann ich ein neues Mitglied in mein Team einladen?"),
        ("es", "¿Cómo puedo invitar a un nuevo miembro a mi equipo?"),
        ("fr", "Comment puis-je inviter un nouveau membre dans mon équipe ?"),
        ("pt", "Como posso convidar um novo membro para a minha equipe?"),
    ],
)
async def test_an_ordinary_question_in_another_language_is_answered(read: Read, language: str, message: str) -> None:
    triage = await read(message)

    assert triage.language == language
    assert fired(triage) == []
    assert triage.ignore is None
