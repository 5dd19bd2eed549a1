"""Each channel's own form: how long, how formal, and what stands at the ends."""

from __future__ import annotations

import pytest

from deskhand.channels import build_channels
from deskhand.channels.base import Reply
from deskhand.channels.text import units
from deskhand.company_folder import Company
from deskhand.settings import Settings

STEPS = "\n".join(f"{number}. Open page {number}, look for the switch and press it." for number in range(1, 100))
LINKS = (("Invite members", "https://help.taskflow.io/invite"), ("Roles", "https://help.taskflow.io/roles"))
REFERENCE = "TF-20261122-7K3Q"


def _format(settings: Settings, company: Company, channel: str, text: str) -> tuple[str, ...]:
    reply = Reply(text, "Dana Fox", REFERENCE, "Board", "en", LINKS, "An AI wrote this.")
    return build_channels(settings, company)[channel].format(reply)


@pytest.mark.parametrize(("channel", "most"), [("email", 400), ("web_form", 300)])
def test_a_letter_keeps_its_words_whatever_is_said(
    settings: Settings, company: Company, channel: str, most: int
) -> None:
    (letter,) = _format(settings, company, channel, STEPS)

    assert most - 40 <= len(letter.split()) <= most
    assert REFERENCE in letter
    assert "An AI wrote this." in letter
    assert all(url in letter for _, url in LINKS)


def test_an_email_opens_with_a_greeting_and_closes_with_our_name(settings: Settings, company: Company) -> None:
    (letter,) = _format(settings, company, "email", "Open Settings.")

    assert letter.startswith("Dear Dana,\n\nOpen Settings.\n\n")
    assert f"Best regards,\n{company.profile.team}\n{company.profile.support_email}" in letter


def test_a_web_answer_is_less_formal_and_carries_the_reference(settings: Settings, company: Company) -> None:
    (letter,) = _format(settings, company, "web_form", "Open Settings.")

    assert letter.startswith("Hi Dana,")
    assert f"[{REFERENCE}]" in letter


def test_a_short_whatsapp_answer_is_one_message(settings: Settings, company: Company) -> None:
    reply = Reply("Open *Settings*.", "Dana", REFERENCE, "", "en")

    assert build_channels(settings, company)["whatsapp"].format(reply) == ("Hi Dana!\nOpen *Settings*.",)


def test_a_long_whatsapp_answer_comes_in_pieces_of_about_300(settings: Settings, company: Company) -> None:
    parts = _format(settings, company, "whatsapp", STEPS)

    assert max(map(len, parts)) <= 300
    assert sum(map(len, parts)) / len(parts) > 200
    assert all(part.rstrip().endswith((".", "!", "invite")) for part in parts)


@pytest.mark.parametrize("text", ["x" * 5000, "🎉" * 3000, "word " * 2000, "日本語" * 1000])
def test_no_whatsapp_message_passes_the_hard_limit(settings: Settings, company: Company, text: str) -> None:
    parts = _format(settings, company, "whatsapp", text)

    assert all(units(part) <= 1600 for part in parts)
    assert "".join(text.split()) in "".join("".join(parts).split())
