"""Google's token address: codes with PKCE, refresh tokens, signed assertions of service accounts, and withdrawal."""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from google.auth import exceptions, jwt

from tests.standins.google_http import Answer, Request

CLIENT_ID = "1234567890-standin.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-standin-0123456789"
ACCOUNT = "deskhand@standin.iam.gserviceaccount.com"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLES_OWN = "https://oauth2.googleapis.com/token"  # google-auth signs for it, whatever address it then asks
Form = dict[str, str]


@dataclass(frozen=True, slots=True)
class Consent:
    redirect: str
    challenge: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    scopes: tuple[str, ...]
    ends_at: float


class Refused(Exception):
    """An error in the words of RFC 6749."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.answer = Answer(status, {"error": error, "error_description": description})
        super().__init__(error)


class OAuth:
    """`lifetime` is that of an access token in seconds; `public_keys` are those of the service account."""

    def __init__(self, mailbox: str, *, lifetime: float = 3600, public_keys: dict[str, str] | None = None) -> None:
        self.mailbox = mailbox
        self.lifetime = lifetime
        self.public_keys = public_keys or {}
        self.token_url = ""
        self.refresh_tokens: dict[str, tuple[str, ...]] = {}
        self.access_tokens: dict[str, Grant] = {}
        self.granted = 0
        self.unticked: set[str] = set()  # scopes that the person does not consent to
        self._consents: dict[str, Consent] = {}

    def refresh_token(self, scopes: tuple[str, ...]) -> str:
        token = "1//0" + secrets.token_urlsafe(32)
        self.refresh_tokens[token] = scopes
        return token

    def scopes_of(self, authorization: str) -> tuple[str, ...] | None:
        grant = self.access_tokens.get(authorization.removeprefix("Bearer "))
        return grant.scopes if grant and grant.ends_at > time.time() else None

    def withdraw(self) -> None:
        """The person takes their consent back."""
        self.refresh_tokens.clear()
        self.access_tokens.clear()

    def end_access(self) -> None:
        """Access tokens end before their time."""
        self.access_tokens.clear()

    async def consent(self, request: Request) -> Answer:
        """The page on which a person consents: this one always does, and goes back with a code."""
        asked = {name: values[0] for name, values in request.query.items()}
        right = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "code_challenge_method": "S256",
            "access_type": "offline",
        }
        wrong = [name for name, value in right.items() if asked.get(name) != value]
        missing = [name for name in ("state", "code_challenge", "scope", "redirect_uri") if not asked.get(name)]
        if wrong or missing or not asked["redirect_uri"].startswith("http://127.0.0.1"):
            return Answer(400, {"error": "invalid_request", "error_description": f"{wrong + missing}"})
        code = "4/0" + secrets.token_urlsafe(24)
        scopes = tuple(scope for scope in asked["scope"].split() if scope not in self.unticked)
        self._consents[code] = Consent(asked["redirect_uri"], asked["code_challenge"], scopes)
        return Answer(302, headers={"Location": f"{asked['redirect_uri']}?state={asked['state']}&code={code}"})

    async def token(self, request: Request) -> Answer:
        if request.method != "POST":
            return Answer(404)
        form = request.form()
        kinds: dict[str, Callable[[Form], dict[str, Any]]] = {
            "authorization_code": self._exchange,
            "refresh_token": self._refresh,
            JWT_GRANT: self._assert,
        }
        try:
            grant = kinds.get(form.get("grant_type", ""))
            if grant is None:
                raise Refused("unsupported_grant_type", "Invalid grant_type.")
            return Answer(200, grant(form))
        except Refused as refused:
            return refused.answer

    async def revoke(self, request: Request) -> Answer:
        token = request.form().get("token") or request.query.get("token", [""])[0]
        if self.refresh_tokens.pop(token, None) is None and self.access_tokens.pop(token, None) is None:
            return Answer(400, {"error": "invalid_token", "error_description": "Token expired or revoked"})
        self.access_tokens.clear()
        return Answer(200, {})

    def _exchange(self, form: Form) -> dict[str, Any]:
        self._check_client(form)
        consent = self._consents.pop(form.get("code", ""), None)  # a code is good once
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if consent is None or consent.redirect != form.get("redirect_uri"):
            raise Refused("invalid_grant", "Bad Request")
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != consent.challenge:
            raise Refused("invalid_grant", "Invalid code verifier.")
        return self._grant(consent.scopes) | {"refresh_token": self.refresh_token(consent.scopes)}

    def _refresh(self, form: Form) -> dict[str, Any]:
        self._check_client(form)
        scopes = self.refresh_tokens.get(form.get("refresh_token", ""))
        if scopes is None:
            raise Refused("invalid_grant", "Token has been expired or revoked.")
        asked = form.get("scope", "").split()
        if not set(asked) <= set(scopes):
            raise Refused("invalid_scope", "Bad Request")
        return self._grant(tuple(asked) or scopes)

    def _assert(self, form: Form) -> dict[str, Any]:
        decode = cast("Callable[..., dict[str, Any]]", jwt.decode)
        try:
            claims = decode(form.get("assertion", ""), certs=self.public_keys, audience=[self.token_url, GOOGLES_OWN])
        except (exceptions.GoogleAuthError, ValueError) as error:
            raise Refused("invalid_grant", f"Invalid JWT: {error}") from error
        if claims.get("iss") != ACCOUNT or claims.get("sub") != self.mailbox:
            raise Refused("unauthorized_client", "Client is unauthorized to retrieve access tokens.", 401)
        return self._grant(tuple(str(claims["scope"]).split()))

    @staticmethod
    def _check_client(form: Form) -> None:
        if form.get("client_id") != CLIENT_ID:
            raise Refused("invalid_client", "The OAuth client was not found.", 401)
        if form.get("client_secret") != CLIENT_SECRET:
            raise Refused("invalid_client", "Unauthorized", 401)

    def _grant(self, scopes: tuple[str, ...]) -> dict[str, Any]:
        self.granted += 1
        token = "ya29." + secrets.token_urlsafe(32)
        self.access_tokens[token] = Grant(scopes, time.time() + self.lifetime)
        return {
            "access_token": token,
            "expires_in": int(self.lifetime),
            "scope": " ".join(scopes),
            "token_type": "Bearer",
        }
