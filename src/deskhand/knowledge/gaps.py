"""Questions that found no answer, grouped by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deskhand.knowledge.models import Gap

ALIKE: Final = 0.46  # cosine from which two questions are one; tests/knowledge/test_gaps.py has what it was chosen on


@dataclass(frozen=True, slots=True)
class GapGroup:
    """Questions of one meaning, oldest first; `example` is the one nearest to all others."""

    gaps: tuple[Gap, ...]
    example: Gap

    @property
    def count(self) -> int:
        return len(self.gaps)


@dataclass(slots=True)
class _Cluster:
    rows: list[int] = field(default_factory=list[int])
    total: NDArray[np.float32] | None = None

    def add(self, row: int, vector: NDArray[np.float32]) -> None:
        self.rows.append(row)
        self.total = vector if self.total is None else self.total + vector

    @property
    def centre(self) -> NDArray[np.float32]:
        assert self.total is not None
        return self.total / max(float(np.linalg.norm(self.total)), 1e-9)


def group_gaps(gaps: Sequence[Gap], vectors: NDArray[np.float32]) -> list[GapGroup]:
    """Most asked first. Greedy in the order of asking: the nearest group's centre within `ALIKE`, or a new group.

    `vectors` are of one model and of length 1, a row for each gap. The same gaps always make the same groups.
    """
    clusters: list[_Cluster] = []
    for row, vector in enumerate(vectors):
        likeness = [float(cluster.centre @ vector) for cluster in clusters]
        best = int(np.argmax(likeness)) if likeness else -1
        if best < 0 or likeness[best] < ALIKE:
            clusters.append(_Cluster())
            best = len(clusters) - 1
        clusters[best].add(row, vector)
    groups = [_group(cluster, gaps, vectors) for cluster in clusters]
    return sorted(groups, key=lambda group: (-group.count, -group.gaps[-1].created_at.timestamp(), group.gaps[0].id))


def _group(cluster: _Cluster, gaps: Sequence[Gap], vectors: NDArray[np.float32]) -> GapGroup:
    nearest = max(cluster.rows, key=lambda row: float(cluster.centre @ vectors[row]))
    return GapGroup(tuple(gaps[row] for row in cluster.rows), gaps[nearest])
