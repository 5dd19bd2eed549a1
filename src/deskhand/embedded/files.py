"""Files that only their owner can read, and that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def open_private(path: Path, flags: int) -> int:
    """A descriptor of `path`, made with mode 0600 if it is missing; the caller closes it.

    In a folder that belongs to somebody else (we are root) the new file does too, so that they can go on alone.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    folder = path.parent.stat()
    if os.geteuid() == 0 and folder.st_uid != 0:
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def write_private(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace `path` with `text`; a reader sees the old or the new, if `durable` also after a power cut."""
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    with os.fdopen(open_private(draft, os.O_WRONLY | os.O_EXCL), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    draft.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
