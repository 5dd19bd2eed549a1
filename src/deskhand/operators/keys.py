"""API keys: `dh_<prefix>_<secret>`; only a SHA-256 of the 256-bit secret is kept, which needs no slow hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from deskhand.db import Tx
from deskhand.errors import Forbidden, InvalidInput, NotFound, Unauthorized
from deskhand.operators import queries
from deskhand.operators.models import ApiKey, Scope

SCOPES: tuple[Scope, ...] = ("read", "write", "admin")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def create_key(
    tx: Tx, *, name: str, scopes: Sequence[str], actor: str, expires_at: datetime | None = None
) -> str:
    """Make a key and return it; it is shown this once and never again.

    Raises:
        InvalidInput: no name, or a scope that does not exist.
    """
    if not name.strip():
        raise InvalidInput("A key needs a name.", field="name", mend="Say who uses it.")
    for scope in scopes:
        if scope not in SCOPES:
            raise InvalidInput(f"There is no scope '{scope}'.", field="scope", mend=f"Choose from {', '.join(SCOPES)}.")
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    await queries.insert_key(
        tx, name=name.strip(), prefix=prefix, digest=_digest(secret), scopes=scopes, expires_at=expires_at
    )
    await queries.insert_audit(
        tx, actor=actor, act="key_created", subject=prefix, detail={"name": name, "scopes": list(scopes)}
    )
    return f"dh_{prefix}_{secret}"


async def authorise(tx: Tx, key: str | None, *, scope: Scope, now: datetime) -> ApiKey:
    """The key's row, if it may do what `scope` names; `admin` includes the others.

    Raises:
        Unauthorized: missing, unknown, expired or revoked.
        Forbidden: known, without the scope.
    """
    parts = (key or "").split("_", 2)
    if len(parts) != 3 or parts[0] != "dh":
        raise Unauthorized
    found = await queries.find_key(tx, parts[1])
    if found is None or not hmac.compare_digest(found.hash, _digest(parts[2])):
        raise Unauthorized("This API key is not known.")
    if found.revoked_at is not None or (found.expires_at is not None and found.expires_at <= now):
        raise Unauthorized("This API key has ended.", mend="Make a new one: deskhand keys create NAME.")
    if scope not in found.scopes and "admin" not in found.scopes:
        raise Forbidden(f"This API key lacks the scope '{scope}'.")
    await queries.mark_used(tx, found.id)
    return found


async def revoke_key(tx: Tx, prefix: str, *, actor: str) -> None:
    """Raises NotFound when there is no such live key."""
    if not await queries.revoke_key(tx, prefix):
        raise NotFound(f"There is no live key '{prefix}'.")
    await queries.insert_audit(tx, actor=actor, act="key_revoked", subject=prefix, detail={})
