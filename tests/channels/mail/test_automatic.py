"""Mail that gets no automatic answer, each with its cause (protocols.md 2.1; E1, E4, E5, E6)."""

from __future__ import annotations

import pytest

from deskhand.channels.mail import classify, wants_silence
from deskhand.channels.mail.message import Cause
from tests.channels.mail.letters import OURS, letter, read

OUT_OF_OFFICE = {
    "en": "Automatic reply: Board",
    "en office": "Out of Office: Board",
    "de": "Abwesenheitsnotiz: Board",
    "de auto": "Automatische Antwort: Board",
    "fr": "Réponse automatique : Board",
    "es": "Respuesta automática: Board",
    "it": "Risposta automatica: Board",
    "pt": "Resposta automática: Board",
    "nl": "Automatisch antwoord: Board",
    "ja": "自動応答: Board",
    "pl": "Automatyczna odpowiedź: Board",
}


def cause_of(subject: str = "Board", sender: str = "Dana <dana@fox.example.com>", **headers: str) -> Cause | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = classify(read(sender=sender, subject=subject, headers=named), OURS)
    return found.cause if found else None


@pytest.mark.parametrize("language", OUT_OF_OFFICE)
def test_an_absence_is_sure_with_headers_and_probable_without(language: str) -> None:
    subject = OUT_OF_OFFICE[language]

    assert cause_of(subject, Auto_Submitted="auto-replied") == "auto_reply"
    assert cause_of(subject) == "probable_auto_reply"


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ({"Auto-Submitted": "no"}, None),
        ({"Auto-Submitted": "No (a person wrote it)"}, None),
        ({"Auto-Submitted": ""}, None),
        ({"Auto-Submitted": "auto-replied"}, "auto_reply"),
        ({"Auto-Submitted": "AUTO-Replied (vacation); owner-email=x"}, "auto_reply"),
        ({"Auto-Submitted": "auto-generated"}, "auto_generated"),
        ({"Auto-Submitted": "auto-notified; x=y"}, "auto_generated"),
        ({"Auto-Submitted": "anything"}, "auto_generated"),
        ({"Return-Path": "<>"}, "null_sender"),
        ({"Return-Path": "<bounces+123@mail.shop.example>"}, None),
        ({"X-Failed-Recipients": "gone@fox.example.com"}, "delivery_report"),
        ({"Precedence": "auto_reply"}, "auto_reply"),
        ({"Precedence": "bulk"}, "bulk"),
        ({"Precedence": "Junk"}, "bulk"),
        ({"Precedence": "list"}, "mailing_list"),
        ({"Precedence": "first-class"}, None),
        ({"X-Precedence": "bulk"}, "bulk"),
        ({"List-Id": "<users.example.org>"}, "mailing_list"),
        ({"List-Unsubscribe": "<mailto:off@x.example>"}, "bulk"),
        ({"X-Auto-Response-Suppress": "All"}, None),
        ({"X-Autoreply": "yes"}, "auto_reply"),
        ({"X-Autoreply": "no"}, None),
        ({"X-Autorespond": "Board"}, "auto_reply"),
        ({"X-Autoresponder": "v1"}, "auto_reply"),
        ({"X-AutoReply-From": "dana@fox.example.com"}, "auto_reply"),
        ({"X-Vacation": "yes"}, "auto_reply"),
        ({"X-Deskhand-Outbound-Id": "0197-aa"}, "own_mail"),
    ],
)
def test_a_header_gives_the_cause(headers: dict[str, str], cause: Cause | None) -> None:
    found = classify(read(headers=headers), OURS)

    assert (found.cause if found else None) == cause


@pytest.mark.parametrize(
    ("sender", "cause"),
    [
        ("Support <support@taskflow.io>", "own_mail"),
        ("Help <HELP@taskflow.io>", "own_mail"),
        ("mailer-daemon@fox.example.com", "system_sender"),
        ("Postmaster <postmaster@fox.example.com>", "system_sender"),
        ("no-reply@shop.example", "system_sender"),
        ("donotreply@shop.example", "system_sender"),
        ("noreply-42@shop.example", "system_sender"),
        ("norene@shop.example", None),
        ("daemon.jones@shop.example", None),
        ("Dana <dana@fox.example.com>", None),
    ],
)
def test_a_sender_gives_the_cause(sender: str, cause: Cause | None) -> None:
    assert cause_of(sender=sender) == cause


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("human_reply", None),
        ("outlook_html_only", None),
        ("attachments", None),
        ("dsn_failed", "delivery_report"),
        ("dsn_delayed", "delivery_report"),
        ("bounce_qmail", "delivery_report"),
        ("read_receipt", "read_receipt"),
        ("abuse_report", "abuse_report"),
    ],
)
def test_a_recorded_mail_has_its_cause(name: str, cause: Cause | None) -> None:
    found = classify(letter(name), OURS)

    assert (found.cause if found else None) == cause


def test_asking_for_silence_is_no_proof_of_a_machine() -> None:
    mail = letter("outlook_html_only")

    assert wants_silence(mail)
    assert classify(mail, OURS) is None
    assert not wants_silence(read())


def test_a_subject_that_only_mentions_an_absence_is_a_persons() -> None:
    assert cause_of("I can't set an automatic reply") is None
    assert cause_of("Undeliverable parcel") is None


def test_a_person_forwarding_a_bounce_is_a_person() -> None:
    assert cause_of("Fwd: Returned mail: see transcript for details") is None
