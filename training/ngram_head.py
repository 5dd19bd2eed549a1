"""Fits the n-grams' weights, and the calibration that joins them with the network: both are logistic regressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse as scipy_sparse
from sklearn import linear_model as sklearn_linear_model

from deskhand.agent.triage.ngrams import BUCKETS, buckets_of

Array = NDArray[np.float32]

STRENGTH: Final = 6.0
_STACKING: Final = 1.0


class Regression(Protocol):
    """scikit-learn's logistic regression, which has no types, as far as we use it."""

    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]

    def fit(self, features: Any, target: Any, weights: Any = None) -> Regression: ...


def regression(strength: float) -> Regression:
    """A deterministic one; `strength` is the inverse of the regularisation."""
    kind = cast(Any, sklearn_linear_model).LogisticRegression
    return cast(Regression, kind(C=strength, solver="lbfgs", max_iter=400))


class NgramFeatures:
    """The training texts as sparse rows of length 1."""

    def __init__(self, texts: Sequence[str]) -> None:
        found = [buckets_of(text) for text in texts]
        counts = np.zeros(BUCKETS, np.float32)
        for buckets in found:
            counts[buckets] += 1
        self.importance = np.where(counts > 1, np.log((1 + len(texts)) / (1 + counts)) + 1, 0).astype(np.float32)
        values: list[Array] = []
        for buckets in found:
            row = self.importance[buckets]
            values.append(row / max(float(np.sqrt((row * row).sum())), 1e-6))
        ends = np.cumsum([0, *(len(buckets) for buckets in found)])
        triple = (np.concatenate(values), np.concatenate(found), ends)
        self._rows: Any = cast(Any, scipy_sparse).csr_matrix(triple, shape=(len(texts), BUCKETS))

    def take(self, rows: NDArray[np.int64]) -> Any:
        return self._rows[rows]

    def fit(self, rows: NDArray[np.int64], labels: Array, known: Array) -> Array:
        """One row of weights for each label; the bias is left to the calibration."""
        weights = np.zeros((labels.shape[1], BUCKETS), np.float32)
        for column in range(labels.shape[1]):
            chosen = rows[known[rows, column] > 0]
            target = labels[chosen, column]
            if 0 < target.sum() < len(target):
                weights[column] = regression(STRENGTH).fit(self._rows[chosen], target).coef_[0]
        return weights

    def logits(self, rows: NDArray[np.int64], weights: Array) -> Array:
        return np.asarray(self._rows[rows] @ weights.T, dtype=np.float32)


def calibrate(network: Array, ngrams: Array, labels: Array, known: Array, foreign: NDArray[np.bool_]) -> Array:
    """How much network and n-grams count for each label, in English and in other languages: (2, labels, 3)."""
    found = np.zeros((2, labels.shape[1], 3), np.float32)
    for language, chosen in enumerate((~foreign, foreign)):
        for column in range(labels.shape[1]):
            rows = chosen & (known[:, column] > 0)
            target = labels[rows, column]
            if target.sum() < 8:
                found[language, column] = found[0, column] if language else (1, 0, 0)
                continue
            features = np.stack([network[rows, column], ngrams[rows, column]], axis=1)
            fitted = regression(_STACKING).fit(features, target)
            found[language, column] = (*fitted.coef_[0], fitted.intercept_[0])
    return found


def chances(network: Array, ngrams: Array, calibration: Array, foreign: NDArray[np.bool_]) -> Array:
    by_network, by_ngrams, bias = np.moveaxis(calibration[foreign.astype(np.int64)], 2, 0)
    return 1 / (1 + np.exp(-(by_network * network + by_ngrams * ngrams + bias)))
