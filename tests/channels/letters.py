"""Mails as the world sends them, for tests of the e-mail channels."""

from __future__ import annotations

import itertools

COUNT = itertools.count(1)
DMARC = (
    "mx.google.com; dkim=pass header.i=@example.org; spf=pass smtp.mailfrom=dana@example.org; dmarc=pass header.from="
)


def letter(
    text: str = "How do I invite a colleague?",
    *,
    sender: str = "Dana Fox <dana@example.org>",
    subject: str = "Board",
    message_id: str = "",
    extra: str = "",
    verdict: str = DMARC + "example.org",
) -> bytes:
    """A customer's plain mail; `extra` are further header lines, each with its line end."""
    message_id = message_id or f"<m{next(COUNT)}@mail.example.org>"
    head = f"Authentication-Results: {verdict}\r\n" if verdict else ""
    head += f"From: {sender}\r\nTo: support@example.com\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n"
    head += f"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n{extra}MIME-Version: 1.0\r\n"
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()


def bounce(original_id: str, outbound_id: str, *, recipient: str = "dana@example.org", status: str = "5.1.1") -> bytes:
    """A delivery report (RFC 3464) on a mail of ours."""
    action = "failed" if status.startswith("5") else "delayed"
    return (
        "Return-Path: <>\r\nFrom: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\r\nTo: support@example.com\r\n"
        f"Subject: Delivery Status Notification\r\nMessage-ID: <dsn{next(COUNT)}@mx.google.com>\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nAddress not found\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {original_id}\r\n"
        f"X-Deskhand-Outbound-Id: {outbound_id}\r\nTo: {recipient}\r\n\r\n--b--\r\n"
    ).encode()
