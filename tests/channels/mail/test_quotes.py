"""Quotes, signatures and footers are folded; the customer's words never are (protocols.md 2.5; E8)."""

from __future__ import annotations

import time

import pytest

from deskhand.channels.mail.message import Fold
from deskhand.channels.mail.quotes import fold

WORDS = "It still fails.\nError 502 after the login."
QUOTE = "> Please clear the cache.\n> Taskflow Support"
NOTICE = (
    "This e-mail is confidential and intended solely for the addressee. If you have received this e-mail in error,\n"
    "please notify the sender and delete it. Unauthorised disclosure is prohibited."
)
NOTICE_DE = (
    "Diese E-Mail enthält vertrauliche Informationen und ist nur für den Adressaten bestimmt. Wenn Sie diese E-Mail\n"
    "irrtümlich erhalten haben, informieren Sie bitte den Absender und löschen Sie diese E-Mail."
)


def words_of(body: str, *, is_reply: bool = True) -> str:
    blocks = fold(body, is_reply=is_reply)
    assert "".join(block.text for block in blocks) == body
    return "".join(block.text for block in blocks if block.fold is None).strip()


def kinds_of(body: str) -> list[Fold]:
    return [block.fold for block in fold(body, is_reply=True) if block.fold is not None]


@pytest.mark.parametrize(
    "announcement",
    [
        "On Tue, Nov 3, 2026 at 5:01 PM Taskflow Support <support@taskflow.io> wrote:",
        "On Tue, Nov 3, 2026 at 5:01 PM Taskflow Support\n<support@taskflow.io>\nwrote:",
        "On Mon, Aug 26, 2019 at 4:37 PM The Team <\na-really-long-address+1234556@taskflow.io> wrote:",
        "Am Di., 3. Nov. 2026 um 17:01 Uhr schrieb Taskflow Support <support@taskflow.io>:",
        "Am 03.11.2026 um 17:01 schrieb Taskflow Support:",
        "On 3 Nov 2026, at 17:01, Taskflow Support wrote:",
        "Le mar. 3 nov. 2026 à 17:01, Taskflow Support <support@taskflow.io>\na écrit :",
        "El mar, 3 nov 2026 a las 17:01, Taskflow Support (<support@taskflow.io>) escribió:",
        "Em ter., 3 de nov. de 2026 às 17:01, Taskflow Support <support@taskflow.io> escreveu:",
        "Il giorno mar 3 nov 2026 alle ore 17:01 Taskflow Support <support@taskflow.io> ha scritto:",
        "Op di 3 nov. 2026 om 17:01 schreef Taskflow Support <support@taskflow.io>:",
        "2026年11月3日(火) 17:01 Taskflow Support <support@taskflow.io>:",
        "wt., 3 lis 2026 o 17:01 Taskflow Support <support@taskflow.io> napisał(a):",
        "вт, 3 нояб. 2026 г. в 17:01, Taskflow Support <support@taskflow.io>:",
        "tir. 3. nov. 2026 kl. 17:01 skrev Taskflow Support <support@taskflow.io\n>:",
    ],
)
@pytest.mark.parametrize("quote", [QUOTE, "Please clear the cache."])
def test_a_quote_is_folded_in_many_languages_with_and_without_marks(announcement: str, quote: str) -> None:
    assert words_of(f"{WORDS}\n\n{announcement}\n\n{quote}\n") == WORDS


@pytest.mark.parametrize(
    "block",
    [
        "From: Support <support@taskflow.io>\nSent: Tuesday, 3 November 2026 17:01\nTo: Dana\nSubject: RE: Board",
        f"{'_' * 32}\nFrom: Support <support@taskflow.io>\nSent: Tuesday\nTo: Dana\nSubject: Board",
        "Von: Support <support@taskflow.io>\nGesendet: Dienstag, 3. November 2026 17:01\nAn: Dana\nBetreff: Board",
        "De : Support <support@taskflow.io>\nEnvoyé : mardi 3 novembre 2026\nÀ : Dana\nObjet : Board",
        "De: Support <support@taskflow.io>\nEnviado: martes, 3 de noviembre\nPara: Dana\nAsunto: Board",
        "差出人: Support <support@taskflow.io>\n送信日時: 2026年11月3日\n宛先: Dana\n件名: Board",
        "*From:* Support [mailto:support@taskflow.io]\n*Sent:* Tuesday\n*To:* Dana\n*Subject:* Board",
        "-----Original Message-----\nFrom: Support\nSubject: Board",
        "-----Ursprüngliche Nachricht-----\nVon: Support\nBetreff: Board",
        "---------- Forwarded message ---------\nFrom: Support\nSubject: Board",
        "---- On Tue, 3 Nov 2026 17:01:50 +0100 support@taskflow.io wrote ----",
        "## Please type your reply above this line ##",
        "##- Please type your reply above this line -##",
        "--- Reply above this line ---",
        "## Bitte Antwort oberhalb dieser Linie eingeben ##",
    ],
)
def test_what_follows_a_header_block_or_a_separator_is_folded(block: str) -> None:
    assert words_of(f"{WORDS}\n\n{block}\n\nPlease clear the cache.\n") == WORDS


@pytest.mark.parametrize(
    "body",
    [
        "Hi,\nFrom: the settings page I clicked Save.\nIt crashed.",
        "Hi,\nOn Monday my colleague wrote:\nthe app is slow.",
        "Hi,\nOn 3 May 2026 my colleague wrote:\nthe app is slow.",
        "On the one hand it works.\nOn the other it does not:\nsee below.",
        "To: do\nthe list is empty.",
        "I got a mail from: sales@taskflow.io and from: help@taskflow.io\nWhich is right?",
        "My notes:\n-- first point\n-- second point\nCan you check?",
        "It was sent from my iPhone app to all users.\nThat is the bug.",
        "Sent from my desk, which is easier than my phone.",
        "```\nsignature: '--\\nJohn'\n```\nThis code fails.",
        "I wrote:\nhello",
        "Is my data confidential? I received this by mistake, please delete it.",
        "--\nHow do I cancel my plan?",
        "Point one.\n\n--\n\nThis is a longer paragraph that goes on below a rule of two dashes.",
        "Name: Dana\nDate: today\nSubject: board\nWhat is wrong?",
    ],
)
def test_words_that_look_like_a_quote_are_kept(body: str) -> None:
    assert words_of(body) == body.strip()


def test_a_pasted_log_with_marks_is_kept_in_a_new_mail() -> None:
    body = "The log says:\n> ERROR 502\nWhat now?"

    assert words_of(body, is_reply=False) == body


def test_marked_lines_of_a_reply_are_folded_and_the_answers_between_them_kept() -> None:
    body = "> Which browser?\nFirefox 140\n\n> Which plan?\nPro\n"

    assert words_of(body) == "Firefox 140\n\nPro"


def test_an_answer_below_the_quote_is_kept() -> None:
    body = f"On Tue, Nov 3, 2026 at 5:01 PM Support <support@taskflow.io> wrote:\n{QUOTE}\n\n{WORDS}\n"

    assert words_of(body, is_reply=False) == WORDS


def test_a_long_quote_at_the_end_is_folded_though_nothing_announces_it() -> None:
    assert words_of(f"{WORDS}\n\n> a\n> b\n> c\n", is_reply=False) == WORDS


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("-- \nDana Fox\nFox Ltd", "signature"),
        ("--\nDana Fox\nFox Ltd", "signature"),
        ("Sent from my iPhone", "signature"),
        ("Von meinem iPhone gesendet", "signature"),
        ("Envoyé de mon iPhone", "signature"),
        ("Enviado desde mi iPhone", "signature"),
        ("Gesendet von Outlook für Android<https://aka.ms/AAb9ysg>", "signature"),
        ("iPhoneから送信", "signature"),
        (NOTICE, "footer"),
        (NOTICE_DE, "footer"),
        (f"-- \nDana Fox\n\n{NOTICE}", "footer"),
        (
            "_______________________________________________\nusers mailing list\nhttps://lists.example/listinfo/users",
            "footer",
        ),
    ],
)
def test_the_end_that_says_nothing_new_is_folded(end: str, kind: Fold) -> None:
    assert words_of(f"{WORDS}\n\n{end}\n") == WORDS
    assert kind in kinds_of(f"{WORDS}\n\n{end}\n")
    assert words_of(f"{WORDS}\n\n{end}\n\nOn 3 Nov 2026, at 17:01, S <s@t.io> wrote:\n\n{QUOTE}") == WORDS


@pytest.mark.parametrize(
    "body",
    [
        "---------- Forwarded message ---------\nFrom: Bank <b@bank.example>\nDate: today\nSubject: Bill\n\nPay now.",
        "-- \nDana Fox",
        "Sent from my iPhone",
        QUOTE,
        "On Tue, Nov 3, 2026 at 5:01 PM S <s@t.io> wrote:\n\nPlease clear the cache.",
    ],
)
def test_the_result_is_never_empty(body: str) -> None:
    assert words_of(body)


HOSTILE = {
    "On On On": "On " * 33_000,
    "lines of On a": "On a\n" * 20_000,
    "empty lines": "\n" * 20_000,
    "marks and answers": "> a\nb\n" * 16_000,
    "fields": "From: x\n" * 12_000,
    "near-announcements": "On Monday 10:00 2026 <a@b.c> x wrote\n" * 2_700,
    "one long line": "a" * 100_000,
    "legal words": "confidential intended for in error " * 2_800,
    "dashes": "--\n" * 30_000,
    "devices": "Sent from my iPhone\n" * 5_000,
    "spaces": " " * 100_000,
    "markers": ("#" * 59 + " please type your reply\n") * 1_200,
    "at signs": "a@" * 50_000,
    "addresses": ("a@b.c " * 60 + "wrote:\n") * 270,
    "dates": ("Mon 1.1.2020 10:00 " * 20 + ":\n") * 260,
    "underscores": "_" * 100_000,
}


@pytest.mark.parametrize("is_reply", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hundred_kilobytes_of_anything_take_at_most_a_tenth_of_a_second(name: str, is_reply: bool) -> None:
    body = HOSTILE[name]
    times: list[float] = []
    for _ in range(5):
        start = time.process_time()
        blocks = fold(body, is_reply=is_reply)
        times.append(time.process_time() - start)

        assert "".join(block.text for block in blocks) == body
    # The slowest takes 50 ms on two busy cores.
    assert min(times) < 0.1
