"""Every error that Deskhand raises on purpose.

    DeskhandError
    ├── InvalidInput           422  the sender must change something
    ├── Unauthorized           401  no key, or one we don't know
    ├── Forbidden              403  known, but not allowed
    ├── NotFound               404
    ├── Conflict               409
    ├── TooManyRequests        429
    ├── ChannelNotConfigured   503
    ├── ChannelError           502  a provider refused or failed; `permanent` says whether to retry
    │   └── WindowClosed       502  free text is not allowed now: another way to the customer is
    ├── DatabaseUnavailable    503
    ├── BrokerUnavailable      503
    ├── ModelUnavailable       503
    ├── SetupInvalid           500  settings or the company folder: an engineer must mend it
    └── LeaseLost              409  another worker owns the work by now

A class's docstring is its default message. `retryable` is what the worker goes by.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class DeskhandError(Exception):
    """Something went wrong inside Deskhand."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, field: str | None = None, mend: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.field = field
        self.mend = mend
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message if self.mend is None else f"{self.message} {self.mend}"


class InvalidInput(DeskhandError):
    """The request can't be understood as it is."""

    status = 422
    code = "invalid_input"


class Unauthorized(DeskhandError):
    """An API key is needed: send it as 'Authorization: Bearer KEY'."""

    status = 401
    code = "unauthorized"


class Forbidden(DeskhandError):
    """This key may not do that."""

    status = 403
    code = "forbidden"


class NotFound(DeskhandError):
    """There is nothing here by that name."""

    status = 404
    code = "not_found"


class Conflict(DeskhandError):
    """That can't be done in the present state."""

    status = 409
    code = "conflict"


class TooManyRequests(DeskhandError):
    """Too many requests: wait a little and try again."""

    status = 429
    code = "too_many_requests"
    retryable = True


class ChannelNotConfigured(DeskhandError):
    """This channel is not configured."""

    status = 503
    code = "channel_not_configured"


class ChannelError(DeskhandError):
    """The channel's provider refused the message."""

    status = 502
    code = "channel_failed"

    def __init__(
        self,
        message: str | None = None,
        *,
        permanent: bool,
        pauses: bool = False,
        retry_after: timedelta | None = None,
        was_sent: bool | None = False,
    ) -> None:
        """`pauses`: the account is at fault, so that the channel rests until a person has mended it.

        `was_sent`: False when the provider certainly did not take the message, None when nobody can tell.
        """
        super().__init__(message)
        self.permanent = permanent
        self.pauses = pauses
        self.retry_after = retry_after
        self.was_sent = was_sent


class WindowClosed(ChannelError):
    """The customer wrote too long ago: this channel takes a template now, and none is configured."""

    code = "window_closed"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, permanent=True)


class DatabaseUnavailable(DeskhandError):
    """The database can't be reached."""

    status = 503
    code = "database_unavailable"
    retryable = True


class BrokerUnavailable(DeskhandError):
    """The message broker can't be reached."""

    status = 503
    code = "broker_unavailable"
    retryable = True


class ModelUnavailable(DeskhandError):
    """A model can't be loaded or reached."""

    status = 503
    code = "model_unavailable"
    retryable = True


class SetupInvalid(DeskhandError):
    """The settings or the company folder hold a mistake."""

    code = "setup_invalid"


class LeaseLost(DeskhandError):
    """Another worker has taken this work over; what was done here is rolled back."""

    status = 409
    code = "lease_lost"
