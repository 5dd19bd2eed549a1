"""The trained weights: `weights.npz`, written by `python -m training.train_triage`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SCALE: Final = np.float32(4.0)
MATRICES: Final = 6
LANGUAGES: Final = ("en", "other")


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What was learned, by label: the network's adapters and heads, the n-grams' weights, and the calibration.

    `calibration` is (languages, labels, 3): how much the network's logit counts, how much the n-grams', and the bias.
    """

    labels: tuple[str, ...]
    adapters: dict[tuple[int, int], tuple[Array, Array]]
    key: Array
    value: Array
    mean: Array
    bias: Array
    ngrams: Array
    importance: Array
    calibration: Array
    longest: int
    digest: str

    def column(self, label: str) -> int | None:
        return self.labels.index(label) if label in self.labels else None


def load_weights(content: bytes | None = None) -> Weights:
    """The weights that ship with the package, or those in `content`."""
    raw = content if content is not None else files("deskhand.agent.triage").joinpath("weights.npz").read_bytes()
    with np.load(BytesIO(raw), allow_pickle=False) as stored:
        parts: dict[str, NDArray[np.generic]] = {name: stored[name] for name in stored.files}
    adapters: dict[tuple[int, int], tuple[Array, Array]] = {}
    for name in parts:
        if name.startswith("down_"):
            _, layer, matrix = name.split("_")
            adapters[int(layer), int(matrix)] = (_float(parts[name]), _float(parts[f"up_{layer}_{matrix}"]))
    return Weights(
        labels=tuple(str(label) for label in parts["labels"]),
        adapters=adapters,
        key=_float(parts["key"]),
        value=_float(parts["value"]),
        mean=_float(parts["mean"]),
        bias=_float(parts["bias"]),
        ngrams=_float(parts["ngrams"]) * _float(parts["ngram_scale"]),
        importance=_float(parts["importance"]),
        calibration=_float(parts["calibration"]),
        longest=int(parts["longest"].item()),
        digest=hashlib.sha256(raw).hexdigest(),
    )


def _float(values: NDArray[np.generic]) -> Array:
    return values.astype(np.float32)
