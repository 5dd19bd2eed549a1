"""How the free slots of a worker are divided between topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def topic_cap(slots: int, topics: int) -> int:
    """The most slots one topic may have: an eighth is left to the others, so that a flood can't shut them out."""
    return slots if topics < 2 or slots < 2 else slots - max(1, slots // 8)


def divide(free: int, topics: Sequence[str], busy: Mapping[str, int], cap: int) -> dict[str, int]:
    """Give each free slot to the topic that has the fewest by then; among equals the first in `topics` wins."""
    shares: dict[str, int] = {}
    for _ in range(free):
        able = [topic for topic in topics if busy.get(topic, 0) + shares.get(topic, 0) < cap]
        if not able:
            break
        neediest = min(able, key=lambda topic: busy.get(topic, 0) + shares.get(topic, 0))
        shares[neediest] = shares.get(neediest, 0) + 1
    return shares
