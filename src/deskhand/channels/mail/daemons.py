"""Mail that a mail server wrote itself, by its sender, its return path and its words."""

from __future__ import annotations

import re
from typing import Final

from deskhand.channels.mail.message import Mail

_DAEMONS: Final = re.compile(
    r"(?:mailer[-_.]?daemon|mail[-_.]?daemon|mdaemon|daemon|mail[-_.]delivery[-_.](?:system|subsystem)|mailerdaemon"
    r"|mailsys|poo?stmaster)(?:[+=_-][^@]{0,100})?",
    re.I,
)
_DAEMON_NAMES: Final = re.compile(
    r"mail (?:delivery|deliver) (?:sub)?system|mailer[- ]daemon|postmaster|ndr administrator"
    r"|system administrator|interscan",
    re.I,
)
_BOUNCE_SUBJECTS: Final = re.compile(
    r"(?:undeliver(?:able|ed)|delivery (?:failure|failed|has failed|status notification|notification|report)"
    r"|failure notice"
    r"|failed delivery|failure delivery|returned mail|mail (?:delivery (?:failed|failure|status)|failed"
    r"|could not be delivered|failure)"
    r"|message delivery (?:has failed|failure)|could not (?:be )?deliver|mail system error|non[- ]?delivery"
    r"|unzustellbar"
    r"|message (?:\S{1,60} )?delayed|warning: (?:message|could not)|delivery status|email bounce"
    r"|error sending your mail"
    r"|nicht zugestellt|non remis|échec de la remise|no se (?:puede|ha podido) entregar|impossibile recapitare"
    r"|returned to sender"
    r"|配信エラー|配信不能|配送エラー|недоставленное|退信)",
    re.I,
)
_BOUNCE_WORDS: Final = re.compile(
    r"could not be delivered|couldn't be delivered|undeliverable|delivery (?:has )?failed"
    r"|permanent (?:fatal )?error|was not delivered"
    r"|not been delivered|user unknown|unknown user|mailbox (?:is )?full|no such user|returned to (?:you"
    r"|sender)|delivery to the following"
    r"|failed permanently|recipient address rejected|unable to deliver|not able to deliver|host unknown"
    r"|bounce[ds]?\b|5\.[0-7]\.\d",
    re.I,
)
_READ: Final = 20_000
_NULL_PATHS: Final = frozenset(("<>", "< >"))


def bounce_evidence(mail: Mail) -> str:
    """What shows that the mail reports on a delivery (RFC 3464, or a server's own words); empty when nothing does."""
    if mail.report is not None and mail.report.kind != "other":
        return "report-type=delivery-status" if mail.report.kind == "delivery-status" else ""
    if failed := mail.header("x-failed-recipients"):
        return f"X-Failed-Recipients: {failed[:100]}"
    evidence = daemon_evidence(mail)
    if evidence and (_BOUNCE_SUBJECTS.search(mail.subject) or _BOUNCE_WORDS.search(mail.body[:_READ])):
        return evidence
    return ""


def daemon_evidence(mail: Mail) -> str:
    """What shows that a mail server wrote it; empty when nothing does."""
    given = mail.header("from")
    local = mail.sender.key.partition("@")[0] if mail.sender is not None else given.strip("<> ").lower()
    name = mail.sender.name if mail.sender is not None else given
    if _DAEMONS.fullmatch(local) or _DAEMON_NAMES.search(name[:200]) or "mailer-daemon" in given.lower():
        return f"From: {given[:100]}"
    path = _return_path(mail)
    if path in _NULL_PATHS or _DAEMONS.fullmatch(path.strip("<>").partition("@")[0]):
        return f"Return-Path: {path[:100]}"
    return ""


def _return_path(mail: Mail) -> str:
    return mail.header("return-path").strip()
