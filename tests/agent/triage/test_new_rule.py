"""A rule that no model was trained for works from its examples alone."""

from __future__ import annotations

import pytest

from deskhand.agent.triage import TriageInput, build_triage
from deskhand.company_folder import Company, Rule
from deskhand.inference import LocalEmbedder

PRESS = Rule(  # pyright: ignore[reportCallIssue] - pydantic's positional defaults
    name="press",
    tier="likely",
    owner="sarah_chen",
    meaning="comes from a journalist or asks for an interview, a quote or pictures for publication",
    next_step="Forward to the press officer.",
    examples=(
        "I'm a journalist and would like to interview your founder.",
        "We are writing an article about your company, could you give us a quote?",
        "For a story in our magazine I need high-resolution photos of your team.",
        "Our podcast would like to have your CEO as a guest.",
        "Who is your press contact?",
        "I'm a reporter at the Daily News with a deadline tonight, please comment.",
        "Could you send me your press kit with logos for publication?",
        "We'd like to film in your office for a TV report.",
        "Please send your official statement for our newspaper.",
        "I'm writing a piece on start-ups and would love to talk to your head of product.",
    ),
    counterexamples=(
        "How do I upload a logo?",
        "Can I embed a video in an article?",
        "How do I publish a page?",
        "Your blog article about boards was helpful.",
        "Where can I change the photo of my team?",
    ),
)


@pytest.fixture(scope="module")
def company_with_press(company: Company) -> Company:
    escalation = company.escalation.model_copy(update={"rules": (*company.escalation.rules, PRESS)})
    return company.model_copy(update={"escalation": escalation})


@pytest.mark.parametrize(
    "message",
    [
        "Hi, I work for a radio station and we're preparing a programme on work. May I interview someone of yours?",
        "I'm an editor at a technology magazine and want to quote your company in our next issue.",
        "Our newspaper is doing a report about planning tools. Could your founder comment on it?",
    ],
)
async def test_a_new_rule_fires_from_ten_examples(
    company_with_press: Company, embedder: LocalEmbedder, message: str
) -> None:
    triage = await build_triage(company_with_press, embedder).read(TriageInput("", message, "email", "pro"))

    press = next(rule for rule in triage.rules if rule.name == "press")
    assert press.fired
    assert press.evidence[0].source == "examples"
    assert triage.rules[-1].name == "press"


@pytest.mark.parametrize(
    "message",
    [
        "How do I change the logo on our page?",
        "Where do I find my invoices?",
        "The photo that I uploaded is shown upside down.",
        "Can I invite a guest to a single board?",
        "Thanks, that worked!",
    ],
)
async def test_a_new_rule_leaves_ordinary_questions_alone(
    company_with_press: Company, embedder: LocalEmbedder, message: str
) -> None:
    triage = await build_triage(company_with_press, embedder).read(TriageInput("", message, "email", "pro"))

    assert not triage.fired
