"""Ends of a mail that say nothing new: signatures (RFC 3676, section 4.3), "Sent from my ...", legal footers."""

from __future__ import annotations

import re
from typing import Final

_SENT_FROM: Final = re.compile(
    r"\s{0,4}\W{0,3}(?:sent (?:from|via|with)|get outlook for|download outlook|gesendet (?:von|mit|aus)"
    r"|von meinem .{1,40} gesendet"
    r"|diese nachricht wurde von .{1,40} gesendet|envoyé (?:de|depuis|à partir)|téléchargez outlook"
    r"|enviado (?:desde|de|do|a partir)"
    r"|obtener outlook|inviato da|ottieni outlook|verzonden (?:vanaf|met|van)|verstuurd vanaf|wysłan[eo] z"
    r"|skickat från"
    r"|sendt fra|lähetetty"
    r"|отправлено (?:с|из)|iphoneから送信|.{1,20}から送信|从我的.{1,20}发送|发自我的|발신|내 .{1,20}에서 보냄)\b"
    r"[^.!?]{0,80}(?:<[^<>]{0,200}>|\([^()]{0,200}\)|https?://\S{1,200})?\W{0,4}",
    re.I,
)
_DEVICE: Final = re.compile(
    r"\b(?:my|mein\w{0,2}|mon|mi|meu|il mio|mijn|min|iphone|ipad|android|samsung|galaxy|huawei|xiaomi"
    r"|blackberry|mobile|phone"
    r"|handy|smartphone|outlook|yahoo|gmail|gmx|web\.de|proton ?mail|mail|mailbox|typeapp|device|tablet|nokia"
    r"|sony|lg|htc"
    r"|windows|zoho|spark|superhuman|airmail|aquamail|bluemail|wiko|téléphone|teléfono|móvil|celular|telefon)\b"
    r"|iphone|ipad|android|の|我的|내",
    re.I,
)
_DELIMITER: Final = re.compile(r"--[ \t\xa0]?|_{2,4}[ \t]?")
_LIST_FOOTER: Final = re.compile(r"\S{1,80} mailing list|https?://\S{1,80}/(?:mailman|listinfo)\S{0,80}", re.I)
_LEGAL: Final = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"confidential|privileged|vertraulich|confidentiel|confidencial|riservat|vertrouwelijk|poufn"
        r"|конфиденциальн|機密|保密",
        r"intended (?:solely|only|for)|intended recipient|addressee|named (?:above|recipient)|bestimmt(?:en"
        r"|er)? (?:für|empfänger)"
        r"|adressat|destinataire|destinatari|geadresseerde|ontvanger|adresat|получател|宛|收件人",
        r"received this (?:e-?mail|message|communication)|in error|by mistake|irrtümlich|fehlerhaft|par erreur"
        r"|por error|per errore|por engano"
        r"|abusievelijk|omyłkowo|по ошибке|誤って|误",
        r"unauthori[sz]ed|prohibited|disclos|dissemination|distribution|unbefugt|nicht gestattet|interdit"
        r"|prohibid|vietat|verboden"
        r"|zabronion|запрещ|禁止",
        r"notify the sender|delete (?:it|this|the)|destroy|informieren sie|vernichten|löschen sie|supprim"
        r"|détrui|elimin|notifi|distrugg"
        r"|verwijder|удалите|削除|删除",
        r"disclaimer|legal notice|haftungsausschluss|avis (?:légal|de confidentialité)|aviso (?:legal"
        r"|de confidencialidad)|免責",
    )
)
_MOST_SIGNATURE_LINES: Final = 15
_LONGEST: Final = 200


def is_sent_from(line: str) -> bool:
    """`Sent from my iPhone` and its kin as a line of its own; a sentence that goes on is none."""
    text = line.strip()
    if not 5 <= len(text) <= _LONGEST or ", " in text:
        return False
    return _SENT_FROM.fullmatch(text) is not None and _DEVICE.search(text) is not None and len(text.split()) <= 12


def signature_start(lines: list[str]) -> int:
    """The line at which the signature of these new words begins; `len(lines)` when they have none.

    A delimiter far from the end, or one with a question under it, is the customer's own.
    """
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    lowest = max(0, end - _MOST_SIGNATURE_LINES - 1)
    for at in range(lowest, end):
        line = lines[at].rstrip("\r")
        if len(line) <= 6 and _DELIMITER.fullmatch(line) and _may_sign(lines[at + 1 : end], certain=line == "-- "):
            return at
    return len(lines)


def _may_sign(lines: list[str], *, certain: bool) -> bool:
    if not lines or any(line.lstrip().startswith(("-- ", "- ", "* ")) for line in lines):
        return certain and bool(lines)
    if any(line.rstrip().endswith(("?", "？")) for line in lines):
        return False
    return certain or not any(_is_prose(line) for line in lines)


def _is_prose(line: str) -> bool:
    words = line.split()
    small = sum(word.islower() for word in words)
    return "mailing list" not in line and len(words) >= 6 and small * 2 >= len(words)


def is_list_footer(lines: list[str]) -> bool:
    return any(_LIST_FOOTER.search(line[:_LONGEST]) for line in lines[:3])


def is_legal(paragraph: str) -> bool:
    """A confidentiality notice: long enough, and with three of its set phrases."""
    text = paragraph[:4_000]
    if len(text) < 60 or "?" in text[-3:]:
        return False
    return sum(pattern.search(text) is not None for pattern in _LEGAL) >= 3
