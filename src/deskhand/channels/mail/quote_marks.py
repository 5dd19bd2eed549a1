"""How mailers announce the mail that they quote, in the languages that we meet; each test looks at one short line."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 400


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split("|"))


# "wrote" as it ends the line above a quote.
_WROTE: Final = (
    "wrote|writes|schrieb|schreef|a écrit|écrit|escribió|escribio|escreveu|ha scritto|scrisse|skrev|kirjoitti|napisał"
    "|napisała|napisał(a)|napisal|napsal|napsal(a)|napsala|написал|написала|написал(а)|пишет|писал|написав|írta"
    "|ezt írta"
    "|a scris|yazdı|şunu yazdı|tarihinde şunu yazdı|στις|έγραψε|のメール|さんは書きました|書きました|さんのメッセージ"
    "|写道|寫道|作成|님이 작성"
    "|כתב|كتب|đã viết|va escriure|idatzi du|schrieb am|geschreven|menulis|sent the following"
)
WROTE: Final = re.compile(rf"(?<![a-zA-Z])(?:{'|'.join(re.escape(word) for word in _WROTE.split('|'))})(?!\w)", re.I)
_ENDINGS: Final = (":", "：", ">", *_WROTE.split("|"))
_LAST: Final = frozenset((*(word[-1] for word in _ENDINGS), *(word[-1].upper() for word in _ENDINGS), *" \t\xa0-"))
# The end of an announcement that was wrapped before the bracket of its address.
WRAPPED: Final = 24
WRAPPED_END: Final = re.compile(rf"> ?(?:{'|'.join(re.escape(word) for word in _WROTE.split('|'))})? ?[:：]", re.I)
# Words that begin such a line; the verb may stand on a later one.
OPENS: Final = re.compile(
    r"(?:on|am|le|el|em|il|in data|op|den|dne|dnia|w dniu|pe|ti|ma|ke|to|la|su|ср|пн|вт|чт|пт|сб|вс|vào|pada|"
    r"mon|tue|wed|thu|fri|sat|sun|man|tir|ons|tor|fre|lør|søn|\d{1,4})\b",
    re.I,
)
ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190}")
BRACKETED_ADDRESS: Final = re.compile(r"[<\[(]\s?(?:mailto:)?[^\s<>\[\]()@]{1,200}@[^\s<>\[\]()]{1,200}\s?[>\])]")
TIME: Final = re.compile(r"\b\d{1,2}[:.h時]\d{2}|\d{1,2}\s?(?:am|pm|Uhr)\b", re.I)
DATE: Final = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"[a-z]{0,6}\.?\s\d{1,2}\b|\d{1,2}月",
    re.I,
)
# Names of the fields in the header block that Outlook and others put above the quote.
_FROM: Final = _names(
    "from|von|de|van|da|od|från|fra|lähettäjä|от|от кого|від|feladó|de la|kimden|gönderen|差出人|送信者|发件人|寄件者"
    "|보낸 사람|מאת"
    "|من|expéditeur|remitente|mittente|expeditor|odesílatel|nadawca|avsender|afsender|từ|message du|de|dari"
)
_SENT: Final = _names(
    "sent|date|gesendet|datum|envoyé|envoyé le|enviado|enviado el|enviada|enviada em|fecha|data|inviato|verzonden"
    "|wysłano|skickat|sendt|dato|lähetetty|päiväys|отправлено|дата|elküldve|dátum|trimis|gönderildi|tarih|送信日時|日時"
    "|发送时间|日期|寄件日期|보낸 날짜|נשלח|تاريخ|odesláno|sendt|skickades|dikirim|message du|gửi|dnia|date d'envoi"
)
_TO: Final = _names(
    "to|an|à|a|para|aan|do|till|til|vastaanottaja|кому|címzett|către|kime|alıcı|宛先|收件人|收件者"
    "|받는 사람|אל|إلى|komu"
    "|đến|kepada"
)
_SUBJECT: Final = _names(
    "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|temat|ämne|emne|aihe|тема|tárgy|subiect|konu|件名|主题|主旨"
    "|제목|נושא|الموضوع|předmět|chủ đề|subjek"
)
_OTHERS: Final = _names(
    "cc|kopie|copie à|copie|con copia|kopia|kopi|kopio|копия|másolat|抄送|reply-to|reply to|importance|bcc"
)
FIELDS: Final = {
    **dict.fromkeys(_OTHERS, "other"),
    **dict.fromkeys(_SUBJECT, "subject"),
    **dict.fromkeys(_TO, "to"),
    **dict.fromkeys(_SENT, "sent"),
    **dict.fromkeys(_FROM, "from"),
}
_FIELD: Final = re.compile(r"[ \t]{0,8}\*{0,2}([^:：*<>@]{1,20}?)[ \t\xa0]?\*{0,2}[ \t]?[:：]\*{0,2}(?=.)")
_ORIGINAL: Final = (
    "original message|originalnachricht|ursprüngliche nachricht|message d'origine|message d’origine|message original"
    "|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|oprindelig besked"
    "|original melding"
    "|ursprungligt meddelande|ursprungligt meddelande|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość"
    "|исходное сообщение|пересланное сообщение|eredeti üzenet|orijinal mesaj|původní zpráva|元のメッセージ|原始邮件"
    "|forwarded message|begin forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado"
    "|messaggio inoltrato|doorgestuurd bericht|opprinnelig melding|reply message|original appointment|転送メッセージ"
)
ORIGINAL: Final = re.compile(rf"[\s>*]{{0,4}}[-_–—]{{2,60}}\s?(?:{_ORIGINAL})\s?[-_–—:]{{0,60}}\*?\s{{0,9}}", re.I)
FORWARDED: Final = re.compile(
    r"(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message)\s?:", re.I
)
RULE: Final = re.compile(r"[\s>]{0,4}(?:_{10,200}|-{10,200}|={3,200}|\*{10,200}|—{3,200})\s{0,9}")
REPLY_ABOVE: Final = re.compile(
    r"[\s#=*_>–—-]{0,60}(?:please\s)?(?:type|write|add|enter|reply)?\s?(?:your\s)?(?:reply|response|answer"
    r"|responses|replies)?"
    r"\s?(?:above|over) this line(?:\sto\s[^#]{0,60})?[\s#=*_.–—-]{0,60}"
    r"|[\s#=*_-]{0,60}(?:bitte )?(?:ihre )?antwort(?:en)? (?:bitte )?oberhalb dieser (?:linie|zeile)[^\n]{0,60}"
    r"|[\s#=*_-]{0,60}(?:veuillez )?répond(?:re|ez) au-dessus de cette ligne[\s#=*_.-]{0,60}",
    re.I,
)
ZOHO: Final = re.compile(r"\s{0,3}-{2,5}\s?on\s[^\n]{10,200}\swrote\s?-{2,5}\s{0,3}", re.I)


def may_end(line: str) -> bool:
    """Whether an announcement could end with this line: a cheap test that nearly all lines fail."""
    return line[-1:] in _LAST and line.rstrip(" \t\xa0-").lower().endswith(_ENDINGS)


def is_marker(line: str) -> bool:
    """`## Please type your reply above this line ##`"""
    return REPLY_ABOVE.fullmatch(line.strip()) is not None


def may_hold_marker(lines: list[str]) -> bool:
    text = "\n".join(lines).lower()
    return any(word in text for word in ("this line", "dieser", "cette ligne"))


def is_separator(line: str) -> bool:
    """`-----Original Message-----`"""
    if len(line) < 12:
        return False
    start = line.lstrip(" \t*")[:2]
    if start in ("--", "__", "––", "——"):
        return ORIGINAL.fullmatch(line) is not None
    return line.rstrip().endswith(":") and FORWARDED.fullmatch(line.strip()) is not None


def field_of(line: str) -> str:
    """`from`, `sent`, `to`, `subject` or `other` when the line is a field of a quoted header block."""
    if ":" not in line[:40] and "：" not in line[:40]:
        return ""
    found = _FIELD.match(line[:LONGEST])
    return FIELDS.get(" ".join(found[1].lower().split()), "") if found else ""


def announces(text: str) -> bool:
    """Whether the (joined) line surely announces a quote, so that the quote itself needs no `>`."""
    text = text.strip().lstrip("> -")
    if not 8 <= len(text) <= LONGEST:
        return False
    if ZOHO.fullmatch(text):
        return True
    ends = text.endswith((":", "：", ">")) or WROTE.search(text[-20:]) is not None
    dated = TIME.search(text) is not None or DATE.search(text) is not None
    if not ends or not dated:
        return False
    if BRACKETED_ADDRESS.search(text):
        return text.endswith((":", "：")) or WROTE.search(text) is not None
    exact = TIME.search(text) is not None and DATE.search(text) is not None
    return (
        WROTE.search(text) is not None
        and OPENS.match(text) is not None
        and (ADDRESS.search(text) is not None or (exact and len(text) <= 120))
    )


def may_announce(text: str) -> bool:
    """Whether the (joined) line announces a quote provided that quoted lines follow."""
    text = text.strip().lstrip("> -")
    if not 5 <= len(text) <= LONGEST or not text.endswith((":", "：", ">", "写道", "ました")):
        return announces(text)
    return WROTE.search(text) is not None or (
        ADDRESS.search(text) is not None and (TIME.search(text) is not None or DATE.search(text) is not None)
    )
