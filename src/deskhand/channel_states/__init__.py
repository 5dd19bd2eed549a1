"""Channel states: how far a mailbox has been read, and whether a channel rests until a person has mended it."""

from __future__ import annotations

from deskhand.channel_states import queries
from deskhand.channel_states.models import ChannelState

__all__ = [
    "ChannelState",
    "begin_fetch",
    "count_failure",
    "end_fetch",
    "find",
    "is_paused",
    "list_all",
    "pause",
    "resume",
]

begin_fetch = queries.begin_fetch
count_failure = queries.count_failure
end_fetch = queries.end_fetch
find = queries.find
is_paused = queries.is_paused
list_all = queries.list_all
pause = queries.pause
resume = queries.resume
