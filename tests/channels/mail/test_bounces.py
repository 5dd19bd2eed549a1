"""Delivery reports: which message, which recipient, for good or not (protocols.md 2.4; E3)."""

from __future__ import annotations

import pytest

from deskhand.channels.mail import DeliveryReport, delivery_reports
from tests.channels.mail.letters import letter

OURS = "<0197-aa.0123456789abcdef0123456789abcdef@taskflow.io>"


def report_in(name: str) -> DeliveryReport:
    (report,) = delivery_reports(letter(name))
    return report


def test_a_failure_names_message_recipient_and_reason() -> None:
    assert report_in("dsn_failed") == DeliveryReport(
        recipient="gone@fox.example.com",
        message_id=OURS,
        outbound_id="0197-aa",
        action="failed",
        status="5.1.1",
        permanent=True,
        diagnostic="smtp; 550-5.1.1 The email account that you tried to reach does not exist",
    )


def test_a_delay_is_not_permanent() -> None:
    report = report_in("dsn_delayed")

    assert (report.action, report.status, report.permanent) == ("delayed", "4.4.1", False)


def test_backscatter_names_a_message_that_we_never_sent() -> None:
    report = report_in("dsn_backscatter")

    assert report.message_id == "<forged@elsewhere.example>"
    assert report.outbound_id == ""


def test_a_bounce_in_its_servers_own_words_is_read() -> None:
    report = report_in("bounce_qmail")

    assert (report.recipient, report.message_id) == ("gone@fox.example.com", OURS)
    assert (report.status, report.permanent) == ("5.1.1", True)


@pytest.mark.parametrize("name", ["human_reply", "read_receipt", "abuse_report", "attachments"])
def test_what_is_no_delivery_report_reports_nothing(name: str) -> None:
    assert delivery_reports(letter(name)) == ()
