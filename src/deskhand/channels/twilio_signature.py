"""Twilio's request signature: base64(HMAC-SHA1(auth token, URL and all fields)), and every form the URL may take."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

Pairs = Iterable[tuple[str, str]]

SIGNATURE = re.compile(r"[A-Za-z0-9+/]{27}=")  # base64 of 20 bytes
BODY_HASH = "bodySHA256"
ADDRESS = re.compile(r"(?P<scheme>https?)://(?P<user>[^/?#]*@)?(?P<host>\[[^\]/?#]*\]|[^:/?#]*)(?::(?P<port>\d*))?")
STANDARD_PORT = {"https": "443", "http": "80"}


def find_signed(url: str, pairs: Pairs, signature: str, tokens: Iterable[str]) -> str | None:
    """The hash of the exact text that was signed; None when no form of it carries this signature.

    One signature stands for one text, so the hash finds another request that was cut differently out of the same one.
    """
    if not SIGNATURE.fullmatch(signature):
        return None
    given = signature.encode("ascii")
    fields = fields_text(pairs)
    keys = [token.encode() for token in tokens]
    found: str | None = None
    for form in url_forms(url):
        text = (form + fields).encode("utf-8", "surrogateescape")
        for key in keys:
            if hmac.compare_digest(_sign(key, text), given):
                found = hashlib.sha256(text).hexdigest()
    return found


def sign(url: str, pairs: Pairs, token: str) -> str:
    """The signature that Twilio puts on a call of this URL."""
    text = (url + fields_text(pairs)).encode("utf-8", "surrogateescape")
    return _sign(token.encode(), text).decode("ascii")


def _sign(key: bytes, text: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, text, "sha1"))


def fields_text(pairs: Pairs) -> str:
    """Names in byte order, each of a name's different values, nothing between them."""
    return "".join(f"{name}{value}" for name, value in sorted(set(pairs)))


def url_forms(url: str) -> tuple[str, ...]:
    """The URL with and without its port, and with the apostrophe escaped as older parts of Twilio do."""
    match = ADDRESS.match(url)
    if match is None:
        return (url,)
    scheme, user, host = match["scheme"], match["user"] or "", match["host"]
    port = match["port"] or STANDARD_PORT[scheme]
    rest = url[match.end() :]
    path, mark, query = rest.partition("?")
    tails = dict.fromkeys((rest, f"{path}{mark}{query.replace(chr(39), '%27')}"))
    return tuple(f"{scheme}://{user}{place}{tail}" for tail in tails for place in (host, f"{host}:{port}"))


def has_body_hash(query: str, body: bytes) -> bool:
    """Whether the query carries, exactly once, the SHA-256 of these bytes: how Twilio signs a body that is no form."""
    hashes = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == BODY_HASH]
    if len(hashes) != 1:
        return False
    return hmac.compare_digest(hashes[0].encode("utf-8", "replace"), hashlib.sha256(body).hexdigest().encode())
