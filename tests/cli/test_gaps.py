"""`deskhand kb gaps`: counts, first and last time, an example; closing a group takes it off the list."""

from __future__ import annotations

import json

from deskhand.errors import InvalidInput
from tests.cli.conftest import Talk, call

OFF_TOPIC = "Hello,\nwhat is the weather like on Mars in spring?\nKind regards\nDana"


def test_gaps_are_listed_and_closed(talk: Talk) -> None:
    talk(OFF_TOPIC)

    listed = call("kb", "gaps", "--since", "1d")
    (group,) = json.loads(call("kb", "gaps", "--json").stdout)
    closed = call("kb", "gaps", "--close", group["id"])

    assert listed.exit_code == 0
    assert "what is the weather like on Mars in spring?" in listed.output
    assert "Dana" not in listed.output
    assert (group["count"], group["first_seen"]) == (1, group["last_seen"])
    assert closed.output == "no open gaps\n"
    assert call("kb", "gaps").output == "no open gaps\n"


def test_a_wrong_time_and_an_unknown_group_are_told(talk: Talk) -> None:
    talk("Thank you!")

    assert isinstance(call("kb", "gaps", "--since", "soon").exception, InvalidInput)
    assert isinstance(call("kb", "gaps", "--close", "abcd").exception, InvalidInput)
