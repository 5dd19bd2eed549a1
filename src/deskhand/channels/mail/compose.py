"""A reply to bytes: multipart/alternative (RFC 2046), threaded, marked as automatic (RFC 3834).

Fields are put together here, since `email.message` writes long Message-IDs in References as encoded words.
"""

from __future__ import annotations

import hashlib
import html
import re
from base64 import b64encode
from binascii import b2a_qp
from email.utils import format_datetime
from typing import Final

from deskhand.channels.mail.addresses import is_address
from deskhand.channels.mail.automatic import OUTBOUND_ID_HEADER
from deskhand.channels.mail.charset import clean_line, clean_text
from deskhand.channels.mail.message import Address, OutgoingMail
from deskhand.channels.mail.message_ids import message_id, message_ids
from deskhand.errors import InvalidInput

_ANSWERED: Final = re.compile(
    r"(?:(?:re|aw|sv|vs|antw|odp|ynt|rif|res|回复|答复)\s?(?:\[\d{1,3}\])?\s?[:：]\s*)+", re.I
)
_LINK: Final = re.compile(r"https?://[^\s<>\"'()]{1,1000}[^\s<>\"'().,;:!?]")
_OUTBOUND_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_LONGEST_SUBJECT: Final = 255
_MOST_REFERENCES: Final = 20
_FOLD_AT: Final = 76
_WORD_BYTES: Final = 42


def compose_reply(mail: OutgoingMail) -> bytes:
    """The same bytes for the same reply. Raises InvalidInput when a field can't stand in a mail."""
    boundary = "=_" + hashlib.sha256(f"{mail.message_id}{mail.outbound_id}".encode()).hexdigest()[:40]
    fields = [*_fields(mail), ("Content-Type", f'multipart/alternative; boundary="{boundary}"')]
    head = "".join(f"{_folded(name, value)}\r\n" for name, value in fields)
    text = clean_text(mail.text, set()).strip("\n") + "\n"
    parts = (_part("plain", text), _part("html", _html(text, mail.language)))
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return head.encode("ascii") + b"\r\n" + body + b"--" + boundary.encode() + b"--\r\n"


def reply_subject(subject: str) -> str:
    """One `Re: ` before what the customer called it; at most 255 characters, no control characters."""
    line = clean_line(subject[:10_000], set())
    rest = line[found.end() :] if (found := _ANSWERED.match(line)) else line
    return f"Re: {rest}"[:_LONGEST_SUBJECT].strip()


def _fields(mail: OutgoingMail) -> list[tuple[str, str]]:
    own = message_id(mail.message_id)
    if not own or own != mail.message_id or not own.isascii():
        raise InvalidInput("The Message-ID is none.", field="message_id")
    if not _OUTBOUND_ID.fullmatch(mail.outbound_id):
        raise InvalidInput("The outbound id can't stand in a header.", field="outbound_id")
    fields = [
        ("From", _mailbox(mail.sender, "sender")),
        ("To", _checked(mail.recipient, "recipient")),
        ("Subject", _encoded(reply_subject(mail.subject))),
        ("Date", format_datetime(mail.sent_at)),
        ("Message-ID", own),
        *_thread(mail),
    ]
    if mail.reply_to:
        fields.append(("Reply-To", _checked(mail.reply_to, "reply_to")))
    if mail.automatic is not None:
        fields += [("Auto-Submitted", mail.automatic), ("X-Auto-Response-Suppress", "All")]
    return [*fields, (OUTBOUND_ID_HEADER, mail.outbound_id), ("MIME-Version", "1.0")]


def _thread(mail: OutgoingMail) -> list[tuple[str, str]]:
    """RFC 5322, section 3.6.4; of a long thread the first id and the last ones."""
    parent = message_id(mail.in_reply_to)
    known = [found for given in mail.references for found in message_ids(given) if found.isascii()]
    chain = list(dict.fromkeys([one for one in known if one != parent]))
    if parent.isascii() and parent:
        chain.append(parent)
    if len(chain) > _MOST_REFERENCES:
        chain = [chain[0], *chain[1 - _MOST_REFERENCES :]]
    fields = [("In-Reply-To", parent)] if parent and parent.isascii() else []
    return [*fields, ("References", " ".join(chain))] if chain else fields


def _checked(address: str, field: str) -> str:
    if not is_address(address):
        raise InvalidInput("This is no e-mail address.", field=field)
    return address


def _mailbox(address: Address, field: str) -> str:
    given = _checked(address.address, field)
    name = clean_line(address.name, set())
    if not name:
        return given
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{given}>'
    return f"{_encoded(name)} <{given}>"


def _encoded(text: str) -> str:
    """As it is, or in encoded words (RFC 2047) that never cut a character."""
    if text.isascii() and "=?" not in text:
        return text
    words: list[bytes] = [b""]
    for char in text:
        data = char.encode("utf-8", "replace")
        if len(words[-1]) + len(data) > _WORD_BYTES:
            words.append(b"")
        words[-1] += data
    return " ".join(f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in words)


def _folded(name: str, value: str) -> str:
    """Folded at spaces only (RFC 5322, section 2.2.3)."""
    lines = [f"{name}:"]
    for word in value.split(" "):
        if len(lines[-1]) + 1 + len(word) > _FOLD_AT and lines[-1].strip() and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)


def _part(subtype: str, text: str) -> bytes:
    encoded = b2a_qp(text.encode("utf-8", "replace"), istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode("ascii") + encoded


def _html(text: str, language: str) -> str:
    tag = f' lang="{language}"' if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?", language) else ""
    paragraphs = "".join(
        "<p>" + "<br>\n".join(_line(line) for line in block.split("\n")) + "</p>\n"
        for block in re.split(r"\n{2,}", text.strip("\n"))
    )
    head = f'<!DOCTYPE html>\n<html{tag}><head><meta charset="utf-8"></head>'
    return f'{head}<body dir="auto">\n{paragraphs}</body></html>\n'


def _line(line: str) -> str:
    out: list[str] = []
    end = 0
    for found in _LINK.finditer(line):
        address = html.escape(found[0])
        out += [html.escape(line[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join([*out, html.escape(line[end:])])
