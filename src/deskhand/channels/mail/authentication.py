"""Whether a sender is verified, by what our receiving server wrote down (RFC 8601, 7489)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from deskhand.channels.mail.message import Authentication, Mail

_PROPERTY: Final = re.compile(r"([a-z]{1,20}(?:\.[a-z_-]{1,30})?)\s?=\s?([^\s;\"]{1,300})", re.I)
_QUOTED: Final = re.compile(r'"[^"]*"?')
_MOST_RESULTS: Final = 100


@dataclass(frozen=True, slots=True)
class _Result:
    method: str
    result: str
    properties: dict[str, str]


def authenticated(mail: Mail, trusted: str) -> Authentication:
    """`trusted` is the authserv-id of our own receiving server, such as `mx.google.com`.

    Only its topmost field counts: copies further down came with the mail and can be forged. A mail is verified when
    From is one plain address and DMARC passed for its domain, or, where the domain has no DMARC record, when an
    aligned DKIM signature or SPF did.
    """
    results = _results(mail, trusted)
    if results is None:
        return Authentication(verified=False, reason=f"no Authentication-Results of {trusted}")
    spf, dkim, dmarc = (_summary(results, method) for method in ("spf", "dkim", "dmarc"))
    reason = _reason(mail, results, dmarc)
    return Authentication(not reason, reason or "the sender's domain vouches for it", spf, dkim, dmarc)


def _results(mail: Mail, trusted: str) -> list[_Result] | None:
    for value in mail.header_values("authentication-results"):
        parts = _without_comments(value).split(";")
        server = parts[0].split()
        if server and server[0].lower() == trusted.lower():
            return [found for part in parts[1:_MOST_RESULTS] if (found := _result(part)) is not None]
    return None


def _without_comments(value: str) -> str:
    depth = 0
    out: list[str] = []
    for char in value:
        depth += (char == "(") - (char == ")" and depth > 0)
        if depth == 0 and char != ")":
            out.append(char)
    return _QUOTED.sub("", "".join(out))


def _result(part: str) -> _Result | None:
    pairs = [(found[1].lower(), found[2].lower()) for found in _PROPERTY.finditer(part)]
    if not pairs or "." in pairs[0][0]:
        return None
    return _Result(pairs[0][0], pairs[0][1], dict(reversed(pairs[1:])))


def _summary(results: list[_Result], method: str) -> str:
    found = [result.result for result in results if result.method == method]
    if method == "dkim" and "pass" in found:
        return "pass"
    return next((result for result in found if result != "pass"), found[0] if found else "none")


def _reason(mail: Mail, results: list[_Result], dmarc: str) -> str:
    """Why the sender is not verified; empty when they are."""
    if mail.sender is None or "unclear_sender" in mail.flags:
        return "From is not one plain address"
    domain = mail.sender.key.rpartition("@")[2]
    if dmarc == "pass":
        named = {result.properties.get("header.from", "") for result in results if result.method == "dmarc"}
        return "" if named == {domain} else "DMARC passed for another domain than From's"
    if dmarc != "none":
        return f"DMARC: {dmarc}"
    signed = any(_is_aligned(_domain(result, "header.d", "header.i"), domain) for result in _passed(results, "dkim"))
    sent = any(_is_aligned(_domain(result, "smtp.mailfrom"), domain) for result in _passed(results, "spf"))
    return "" if signed or sent else "no aligned DKIM or SPF pass"


def _passed(results: list[_Result], method: str) -> list[_Result]:
    return [result for result in results if result.method == method and result.result == "pass"]


def _domain(result: _Result, *names: str) -> str:
    value = next((result.properties[name] for name in names if name in result.properties), "")
    return value.rpartition("@")[2].strip("<>").rstrip(".")


def _is_aligned(authenticated_domain: str, sender_domain: str) -> bool:
    """The same domain, or the sender's is below it (RFC 7489, section 3.1, relaxed, without the other direction)."""
    if "." not in authenticated_domain:
        return False
    return sender_domain == authenticated_domain or sender_domain.endswith(f".{authenticated_domain}")
