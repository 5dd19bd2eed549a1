"""Delivery reports (RFC 3464): which message of ours did not arrive, at whom, and whether for good."""

from __future__ import annotations

import re
from typing import Final

from deskhand.channels.mail.daemons import bounce_evidence
from deskhand.channels.mail.message import DeliveryReport, Mail
from deskhand.channels.mail.message_ids import message_id, message_ids

_ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE: Final = re.compile(r"(?<![\d.])([45])\d\d[ -](?!\d)")
_RETURNED_ID: Final = re.compile(
    r"^[> \t]{0,8}message-id[ \t]?:[ \t]{0,8}(<[^\s<>@]{1,400}@[^\s<>@]{1,250}>)", re.I | re.M
)
_RETURNED_OUTBOUND: Final = re.compile(
    r"^[> \t]{0,8}x-deskhand-outbound-id[ \t]?:[ \t]{0,8}([\w.:-]{1,128})", re.I | re.M
)
_RETURNED_TO: Final = re.compile(r"^[> \t]{0,8}to[ \t]?:[ \t]{0,8}([^\n]{1,400})", re.I | re.M)
_DELAYED: Final = re.compile(
    r"delayed|will be retried|warning: message|deferred|still trying|temporar|not yet been delivered", re.I
)
_READ: Final = 50_000
_MOST: Final = 100


def delivery_reports(mail: Mail) -> tuple[DeliveryReport, ...]:
    """One for each recipient reported on; empty when the mail is no delivery report.

    A report in its server's own words is read as well as it goes: what it does not say is empty.
    """
    if mail.report is not None and mail.report.kind == "delivery-status":
        found = _standard(mail)
        if found:
            return found
    return _in_own_words(mail) if bounce_evidence(mail) else ()


def _standard(mail: Mail) -> tuple[DeliveryReport, ...]:
    assert mail.report is not None
    message, outbound = _returned_ids(mail)
    reports: list[DeliveryReport] = []
    for group in mail.report.fields[:_MOST]:
        fields = dict(reversed(group))
        recipient = _address(fields.get("final-recipient", "")) or _address(fields.get("original-recipient", ""))
        action = fields.get("action", "").partition("(")[0].strip().lower()
        if not recipient and not action:
            continue
        diagnostic = fields.get("diagnostic-code", "")[:1_000]
        status = _status(fields.get("status", "")) or _status(diagnostic)
        reports.append(
            DeliveryReport(
                recipient=recipient or _address(fields.get("x-actual-recipient", "")),
                message_id=message,
                outbound_id=outbound,
                action=action,
                status=status,
                permanent=_is_permanent(action, status, diagnostic),
                diagnostic=diagnostic,
            )
        )
    return tuple(reports)


def _in_own_words(mail: Mail) -> tuple[DeliveryReport, ...]:
    text = mail.body[:_READ]
    message, outbound = _returned_ids(mail)
    status = _status(text)
    delayed = _DELAYED.search(f"{mail.subject}\n{text[:2_000]}") is not None and not status.startswith("5")
    action = "delayed" if delayed else "failed"
    failed = _ADDRESS.findall(mail.header("x-failed-recipients"))[:_MOST] or [_first_address(mail, text)]
    return tuple(
        DeliveryReport(recipient, message, outbound, action, status, _is_permanent(action, status, text[:5_000]), "")
        for recipient in dict.fromkeys(failed)
    )


def _first_address(mail: Mail, text: str) -> str:
    """The first address that is nobody's on the way: neither ours nor the daemon's."""
    passing = {address.lower() for address in mail.delivered_to}
    if mail.sender is not None:
        passing.add(mail.sender.key)
    for found in _ADDRESS.finditer(text):
        address = found[0].strip(".'")
        if address.lower() not in passing and "daemon" not in address.lower() and "postmaster" not in address.lower():
            return address
    original = dict(reversed(mail.report.original)) if mail.report else {}
    returned = _RETURNED_TO.search(text)
    return _address(original.get("to", "") or (returned[1] if returned else ""))


def _returned_ids(mail: Mail) -> tuple[str, str]:
    """Message-ID and outbound id of the message that came back, from its headers or from the text."""
    original = dict(reversed(mail.report.original)) if mail.report else {}
    message = message_id(original.get("message-id", ""))
    outbound = original.get("x-deskhand-outbound-id", "")[:128]
    if not message and (found := _RETURNED_ID.search(mail.body)):
        message = next(iter(message_ids(found[1])), "")
    if not outbound and (found := _RETURNED_OUTBOUND.search(mail.body)):
        outbound = found[1]
    return message, outbound


def _address(value: str) -> str:
    """The address in `rfc822; <someone@example.com>`."""
    found = _ADDRESS.search(value[:1_000])
    return found[0] if found else ""


def _status(text: str) -> str:
    found = _STATUS.search(text[:_READ])
    return found[1] if found else ""


def _is_permanent(action: str, status: str, diagnostic: str) -> bool | None:
    """`failed` with a 4.x.x status: they gave up, but the address may be good."""
    if action == "delayed":
        return False
    if action != "failed":
        return None
    if status and status[0] in "45":
        return status[0] == "5"
    code = _CODE.search(diagnostic)
    return code is None or code[1] == "5"
