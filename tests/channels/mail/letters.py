"""Mails for the tests: recorded ones by name, and small ones put together."""

from __future__ import annotations

from pathlib import Path

from deskhand.channels.mail import Mail, read_mail

PAYLOADS = Path(__file__).parents[1] / "payloads" / "email"
OURS = ("support@taskflow.io", "help@taskflow.io")


def raw_letter(name: str) -> bytes:
    return (PAYLOADS / f"{name}.eml").read_bytes()


def letter(name: str) -> Mail:
    return read_mail(raw_letter(name))


def write(
    body: str = "My board does not load.",
    *,
    sender: str = "Dana Fox <dana@fox.example.com>",
    subject: str = "Board",
    headers: dict[str, str] | None = None,
) -> bytes:
    fields = {"From": sender, "To": OURS[0], "Subject": subject, "MIME-Version": "1.0", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n{body}\r\n".encode()


def read(
    body: str = "My board does not load.",
    *,
    sender: str = "Dana Fox <dana@fox.example.com>",
    subject: str = "Board",
    headers: dict[str, str] | None = None,
) -> Mail:
    return read_mail(write(body, sender=sender, subject=subject, headers=headers))


def page(html: str) -> Mail:
    return read(html, headers={"Content-Type": "text/html; charset=utf-8"})
