"""What Twilio's error codes mean for a message of ours: try later, never, another way, or call a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from deskhand.errors import ChannelError, WindowClosed

Kind = Literal["transient", "permanent", "account"]

TOO_LONG: Final = 21617
WINDOW_CLOSED: Final = 63016


class TwilioRefusal(ChannelError):
    """Twilio refused the message; `number` is its code."""

    def __init__(
        self,
        number: int,
        words: str,
        *,
        permanent: bool,
        pauses: bool = False,
        retry_after: timedelta | None = None,
        was_sent: bool | None = False,
    ) -> None:
        super().__init__(words, permanent=permanent, pauses=pauses, retry_after=retry_after, was_sent=was_sent)
        self.number = number


@dataclass(frozen=True, slots=True)
class Meaning:
    """`wait` is how long to leave it alone when the answer does not say."""

    kind: Kind
    words: str
    wait: timedelta | None = None


MEANINGS: Final[dict[int, Meaning]] = {
    20429: Meaning("transient", "too many calls at once", timedelta(seconds=2)),
    63012: Meaning("transient", "WhatsApp has an internal fault", timedelta(seconds=30)),
    63017: Meaning("transient", "too many messages a second", timedelta(seconds=10)),
    63018: Meaning("transient", "WhatsApp's rate limit is reached", timedelta(seconds=30)),
    21211: Meaning("permanent", "this is no number that can be written to"),
    21408: Meaning("permanent", "sending to this country is not switched on in the account"),
    21610: Meaning("permanent", "the recipient has opted out"),
    21614: Meaning("permanent", "this number takes no messages"),
    21617: Meaning("permanent", "the message is too long"),
    21656: Meaning("permanent", "the template's variables are not those that it was approved with"),
    63003: Meaning("permanent", "there is no such recipient on the channel"),
    63013: Meaning("permanent", "the content breaks the channel's policy"),
    63015: Meaning("permanent", "the recipient has not joined the sandbox"),
    63016: Meaning("permanent", "the customer wrote more than 24 hours ago"),
    63021: Meaning("permanent", "the content was rejected"),
    63024: Meaning("permanent", "the recipient is not valid"),
    20003: Meaning("account", "the account's SID, token or key is wrong, or the account is suspended"),
    20404: Meaning("account", "Twilio knows no such account"),
    21606: Meaning("account", "our sender can't send messages"),
    21609: Meaning("account", "the status URL is not valid"),
    21659: Meaning("account", "our sender is not a number of this account"),
    60728: Meaning("account", "the account's hourly limit is reached"),
    63007: Meaning("account", "our sender is not on this channel"),
    63038: Meaning("account", "the account's daily limit is reached"),
}


def words_of(code: int) -> str:
    """`63016: the customer wrote more than 24 hours ago`; the bare code when we don't know it."""
    meaning = MEANINGS.get(code)
    return f"{code}: {meaning.words}" if meaning else str(code)


def read_refusal(status: int, code: int, retry_after: timedelta | None) -> ChannelError:
    """The error for an answer of Twilio's that is none of the 2xx.

    A 4xx is a refusal: the message was not taken. After a 5xx nobody knows.
    """
    words = f"Twilio refused the message: {words_of(code)}."
    if code == WINDOW_CLOSED:
        return WindowClosed(words)
    meaning = MEANINGS.get(code)
    kind = meaning.kind if meaning is not None else _kind_of(status)
    if kind == "account":
        return TwilioRefusal(code, words, permanent=False, pauses=True, retry_after=retry_after)
    if kind == "permanent":
        return TwilioRefusal(code, words, permanent=True)
    wait = retry_after or (meaning.wait if meaning is not None else None)
    if status >= 500:
        words = f"Twilio failed with status {status}."
        return TwilioRefusal(code, words, permanent=False, retry_after=wait, was_sent=None)
    return TwilioRefusal(code, words, permanent=False, retry_after=wait)


def _kind_of(status: int) -> Kind:
    if status in (401, 403, 404):
        return "account"
    return "transient" if status in (408, 425, 429) or status >= 500 else "permanent"
