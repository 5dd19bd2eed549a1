"""The statistics behind the figures: Wilson's interval, McNemar's exact test, percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many. `value` is None when there was nothing to count."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.n)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927, without continuity correction); (0, 1) for n = 0."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share")
    if n == 0:
        return 0.0, 1.0
    share, square = hits / n, Z_95**2
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    low = 0.0 if hits == 0 else centre - half
    high = 1.0 if hits == n else centre + half
    return low, high


def mcnemar_loss(lost: int, won: int) -> float:
    """One-sided exact McNemar: how likely are so many losses or more, if a change is as often for good as for ill."""
    changed = lost + won
    return sum(math.comb(changed, k) for k in range(lost, changed + 1)) / 2**changed


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that is not below `share` of all (nearest rank); None without values."""
    if not values:
        return None
    rank = max(1, math.ceil(share * len(values) - 1e-9))
    return sorted(values)[rank - 1]
