"""What Gmail's refusals mean for us: told by the reason that it names, not by the status alone."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from deskhand.errors import ChannelError

BUSY: Final = frozenset(("ratelimitexceeded", "userratelimitexceeded", "quotaexceeded", "backenderror"))
LATER: Final = {"dailylimitexceeded": timedelta(hours=1)}
RETRY_AT: Final = re.compile(r"[Rr]etry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)")
LONGEST: Final = timedelta(seconds=32)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is no success. `reasons` are written without capitals and underscores."""

    status: int
    reasons: frozenset[str]
    message: str
    retry_after: timedelta | None

    @property
    def is_busy(self) -> bool:
        """The same call may succeed in a while."""
        if self.status >= 500:
            return True
        return bool(self.reasons & BUSY) or (self.status == 429 and not self.reasons & LATER.keys())

    @property
    def was_not_taken(self) -> bool:
        """5xx leaves open whether a mail has left; every other refusal means that it has not."""
        return self.status < 500


def read_refusal(status: int, retry_after: str | None, body: bytes, now: datetime) -> Refusal:
    """Never raises: a proxy's page of HTML has a status and no reasons."""
    error = _error(body)
    details = [*_dicts(error.get("errors")), *_dicts(error.get("details"))]
    named = {str(detail["reason"]) for detail in details if detail.get("reason")} | {str(error.get("status", ""))}
    message = str(error.get("message", ""))[:300]
    wait = (
        timedelta(seconds=int(retry_after)) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
    )
    if wait is None and (found := RETRY_AT.search(message)):
        wait = max(timedelta(seconds=1), datetime.fromisoformat(found[1]).replace(tzinfo=UTC) - now)
    return Refusal(status, frozenset(name.lower().replace("_", "") for name in named if name), message, wait)


def _error(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    error = cast("dict[str, Any]", answer).get("error") if isinstance(answer, dict) else None
    return cast("dict[str, Any]", error) if isinstance(error, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    entries = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]


def back_off(attempt: int) -> timedelta:
    """At least a second, doubled with each attempt, with jitter, at most 32 seconds."""
    return min(timedelta(seconds=2**attempt + random.random()), LONGEST)  # noqa: S311  # jitter is no secret


def as_channel_error(refusal: Refusal) -> ChannelError:
    """Busy: again in a while. A refused request (400, 404, 413): never again. Everything else: a person must look."""
    said = f"Gmail answered {refusal.status}" + (f": {refusal.message}" if refusal.message else "") + "."
    later = next((wait for reason, wait in LATER.items() if reason in refusal.reasons), None)
    if later is not None:
        return ChannelError(said, permanent=False, retry_after=refusal.retry_after or later)
    if refusal.is_busy:
        wait = max(refusal.retry_after or timedelta(0), back_off(0))
        return ChannelError(said, permanent=False, retry_after=wait, was_sent=False if refusal.was_not_taken else None)
    if refusal.status in (400, 404, 413) and "failedprecondition" not in refusal.reasons:
        return ChannelError(said, permanent=True)
    return ChannelError(said, permanent=False, pauses=True)
