"""Sealing: what is stored opens only with a key from the environment; the keys can be rotated."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from deskhand.errors import SetupInvalid


def derive(key: str, purpose: str) -> bytes:
    """32 bytes for one purpose, so that no two uses of a key share their bytes."""
    return HKDF(SHA256(), 32, salt=None, info=f"deskhand {purpose}".encode()).derive(key.encode())


class Seal:
    """The first key seals; each of them opens, so that a new one can be put before the old."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise SetupInvalid("DESKHAND_SECRET_KEY is missing: it seals stored credentials.")
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(derive(key, "sealing"))) for key in keys])

    def close(self, secret: str) -> bytes:
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """Raises SetupInvalid when none of the keys sealed it."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise SetupInvalid(
                "A stored credential was sealed with another DESKHAND_SECRET_KEY.",
                mend="Add the old key behind the new one, or connect again.",
            ) from error
