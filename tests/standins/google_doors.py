"""Doors that Google has not: a customer's mail comes into the stand-in's mailbox, and what was sent is shown."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid, parseaddr

from tests.standins.google_http import Answer, Request
from tests.standins.google_mailbox import Mailbox, utc_now


def obey(mailbox: Mailbox, request: Request) -> Answer:
    match request.method, request.path:
        case "POST", "/standin/deliver":
            stored = mailbox.deliver(letter(mailbox.address, request.form()))
            return Answer(body={"id": stored.id, "threadId": stored.thread})
        case "GET", "/standin/sent":
            sent = [
                {"id": one.id, "threadId": one.thread, "to": one.header("To"), "subject": one.header("Subject")}
                for one in mailbox.sent
            ]
            return Answer(body={"sent": sent})
        case _:
            return Answer(404, {"error": "POST /standin/deliver with From, Subject and Body, or GET /standin/sent"})


def letter(to: str, given: dict[str, str]) -> bytes:
    """A customer's plain mail, vouched for by Google as the receiving server."""
    name, address = parseaddr(given.get("From", "Dana Fox <dana@example.org>"))
    domain = address.rpartition("@")[2]
    mail = EmailMessage()
    mail["Authentication-Results"] = f"mx.google.com; dkim=pass header.i=@{domain}; dmarc=pass header.from={domain}"
    mail["From"] = formataddr((name, address))
    mail["To"] = to
    mail["Subject"] = given.get("Subject", "")
    mail["Message-ID"] = make_msgid(domain=domain)
    mail["Date"] = format_datetime(utc_now())
    mail.set_content(given.get("Body", ""))
    return mail.as_bytes()
