"""The fault harness's ledger: each accepted message has exactly one verdict, and no fault hides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bench.chaos.ledger import WITHHELD, Books, Delivery, Row, Verdict, reconcile, spoke_after_takeover
from bench.chaos.load import Sent
from deskhand.flows.delivery import TAKEN_OVER

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SENT = Sent(1, "email", "dana@example.org", "dana@example.org", "Hello", "calm", 0.0, accepted_at=1.0)


def row(**more: Any) -> Row:
    given: dict[str, Any] = {
        "channel": "email",
        "sender": "dana@example.org",
        "provider_id": "p1",
        "outcome": "filed",
        "action": "answered",
        "decided_at": NOON,
        "reply_id": "r1",
        "escalation_id": None,
        "notice": None,
        "decisions": 1,
    }
    return Row(**given | more)


def part(**more: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": "d1",
        "message_id": "r1",
        "channel": "email",
        "state": "sent",
        "detail": "",
        "attempted_at": NOON,
    }
    return Delivery(**given | more)


SILENT = row(reply_id=None, action="silent")
CASES: list[tuple[Verdict, list[Row], list[Delivery], dict[str, int]]] = [
    ("replied", [row()], [part()], {"d1": 1}),
    ("escalated", [row(escalation_id="e1", action="escalated")], [part()], {"d1": 1, "notice-e1": 1}),
    ("quiet", [SILENT], [], {}),
    ("lost", [], [], {}),
    ("lost", [row(decided_at=None, reply_id=None, action=None, decisions=0)], [], {}),
    ("lost", [row(outcome="failed", decided_at=None)], [], {}),
    ("lost", [row(reply_id=None)], [], {}),
    ("lost", [row()], [], {}),
    ("lost", [row()], [part(state="queued")], {}),
    ("lost", [row()], [part()], {}),
    ("lost", [row(escalation_id="e1")], [part()], {}),
    ("doubled", [row(), row(provider_id="p2")], [part()], {"d1": 1}),
    ("doubled", [row(decisions=2)], [part()], {"d1": 1}),
    ("doubled", [row()], [part()], {"d1": 2}),
    ("doubled", [row()], [part(), part(id="d2", state="unknown")], {"d1": 1, "d2": 2}),
    ("unknown", [row()], [part(state="unknown")], {"d1": 1}),
    ("failed", [row()], [part(state="failed", detail="refused")], {}),
    ("quiet", [row()], [part(state="failed", detail=WITHHELD)], {}),
    ("replied", [row(channel="web_form", sender="f@example.org")], [part(channel="web_form", state="delivered")], {}),
]


@pytest.mark.parametrize(("verdict", "rows", "parts", "taken"), CASES)
def test_each_state_of_the_books_has_its_verdict(
    verdict: Verdict, rows: list[Row], parts: list[Delivery], taken: dict[str, int]
) -> None:
    form = Sent(2, "web_form", "f@example.org", "f@example.org", "Hello", "calm", 0.0, accepted_at=1.0)
    sent = form if rows and rows[0].channel == "web_form" else SENT

    ledger = reconcile([sent], Books(rows, parts, taken))

    assert {name: getattr(ledger.total, name) for name in (verdict, "came_in")} == {verdict: 1, "came_in": 1}
    assert ledger.is_clean == (verdict not in ("lost", "doubled"))
    assert ledger.faults["calm"] == ledger.channels[sent.channel] == ledger.total


def test_a_message_at_a_provider_of_which_we_have_no_record_is_no_clean_run() -> None:
    ledger = reconcile([SENT], Books([row()], [part()], {"d1": 1, "d9": 1}))

    assert ledger.strangers == 1
    assert not ledger.is_clean


def test_a_message_that_was_never_accepted_is_counted_apart() -> None:
    refused = Sent(3, "web_form", "x@example.org", "x@example.org", "Hello", "calm", 0.0)

    ledger = reconcile([refused], Books([], [], {}))

    assert (ledger.refused, ledger.total.came_in) == (1, 0)
    assert not ledger.is_clean


def test_a_second_notice_to_an_owner_is_counted() -> None:
    books = Books([row(escalation_id="e1")], [part()], {"d1": 1, "notice-e1": 2})

    ledger = reconcile([SENT], books)

    assert (ledger.notices, ledger.notices_doubled, ledger.strangers) == (1, 1, 0)


def test_a_reply_that_began_to_leave_after_the_takeover_is_told() -> None:
    later, books = NOON.replace(hour=13), Books([row()], [part()], {"d1": 1})

    assert spoke_after_takeover(books, {"dana@example.org": later}) == []
    assert spoke_after_takeover(books, {"dana@example.org": NOON.replace(hour=11)}) == [
        "dana@example.org: delivery d1 left after the takeover"
    ]


def test_the_ledger_knows_a_withheld_reply_by_the_words_of_the_desk() -> None:
    assert WITHHELD == TAKEN_OVER
