"""Keys: UUID v7, in the order of their making."""

from __future__ import annotations

import time

from deskhand.ids import uuid7


def test_a_key_is_a_uuid_of_version_7_and_holds_its_time() -> None:
    before = time.time_ns() // 1_000_000
    key = uuid7()
    after = time.time_ns() // 1_000_000

    assert key.version == 7
    assert key.variant == "specified in RFC 4122"
    assert before <= key.int >> 80 <= after


def test_keys_sort_by_the_time_of_their_making() -> None:
    keys: list[object] = []
    for _ in range(5):
        keys.append(uuid7())
        time.sleep(0.002)

    assert keys == sorted(keys, key=str)


def test_ten_thousand_keys_are_ten_thousand() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000
