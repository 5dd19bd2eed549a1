"""Attachments: what is over a limit is left out with a note, and the message comes all the same."""

from __future__ import annotations

from deskhand.channels.base import NewFile
from deskhand.flows.attachments import fit
from deskhand.settings import Settings


def limits(settings: Settings, **changes: int) -> Settings:
    return settings.model_copy(
        update={"file_max_bytes": 100, "message_files_max": 3, "message_files_max_bytes": 250} | changes
    )


def file(name: str, size: int) -> NewFile:
    return NewFile(name, "text/plain", b"x" * size)


def test_each_limit_leaves_out_what_is_over_it_and_says_which(settings: Settings) -> None:
    given = [file("a", 100), file("b", 101), file("c", 100), file("d", 100), file("e", 50), file("f", 1)]

    kept, notes = fit(given, limits(settings))

    assert [one.name for one in kept] == ["a", "c", "e"]
    assert ["larger than 0.0 MB" in note for note in notes] == [True, True, False]
    assert "the message's files" in notes[1]
    assert "more than 3 files" in notes[2]
    assert "“b”" in notes[0]


def test_what_is_within_the_limits_is_kept_whole(settings: Settings) -> None:
    given = [file("a", 100), file("b", 100), file("c", 50)]

    assert fit(given, limits(settings)) == (given, [])
