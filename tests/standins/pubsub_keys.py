"""Pub/Sub's side of a push: signs as Google does, and serves the certificates that prove it."""

from __future__ import annotations

import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt

from tests.standins.google_http import Answer, Request

AUDIENCE = "https://desk.example.com/webhooks/gmail"
ACCOUNT = "pubsub-push@standin.iam.gserviceaccount.com"


@cache
def key_pair(name: str) -> tuple[str, str]:
    """(private key, certificate) in PEM; made once a run, since that takes a while."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


class PushKeys:
    """`published` are the certificates that Google shows; `is_down` shows none."""

    def __init__(self, *, max_age: int = 3600) -> None:
        self.max_age = max_age
        self.published = ["google-1"]
        self.is_down = False
        self.served = 0

    async def serve(self, _request: Request) -> Answer:
        self.served += 1
        if self.is_down:
            return Answer(503, b"down")
        certificates = {name: key_pair(name)[1] for name in self.published}
        return Answer(200, certificates, {"Cache-Control": f"public, max-age={self.max_age}, must-revalidate"})

    def token(self, *, key: str = "google-1", key_id: str | None = None, header: Any = None, **claims: Any) -> str:
        """A token as Pub/Sub makes it, with these claims instead; None leaves one out."""
        now = int(time.time())
        given: dict[str, Any] = {
            "aud": AUDIENCE,
            "azp": "112233445566778899",
            "email": ACCOUNT,
            "email_verified": True,
            "exp": now + 3600,
            "iat": now,
            "iss": "https://accounts.google.com",
            "sub": "112233445566778899",
        }
        payload = {name: value for name, value in (given | claims).items() if value is not None}
        signer = cast("Callable[..., crypt.RSASigner]", crypt.RSASigner.from_string)(key_pair(key)[0], key_id or key)
        return cast("Callable[..., bytes]", jwt.encode)(signer, payload, header=header).decode()


def notice(mailbox: str, history_id: object = 1_001, *, message_id: str = "1") -> bytes:
    """The body of a push."""
    data = json.dumps({"emailAddress": mailbox, "historyId": history_id}).encode()
    message = {
        "data": b64encode(data).decode(),
        "messageId": message_id,
        "message_id": message_id,
        "publishTime": "2026-11-22T12:00:00Z",
    }
    return json.dumps({"message": message, "subscription": "projects/standin/subscriptions/desk"}).encode()


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token that no key of Google's has signed."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
