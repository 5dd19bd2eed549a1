"""The layers of MiniLM in numpy, forwards and backwards, with low-rank adapters as the only weights that learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deskhand.agent.triage.onnx_file import OnnxFile

Array = NDArray[np.float32]

WIDTH: Final = 384
HEADS: Final = 12
LAYERS: Final = 6
MATRICES: Final = 6
_HEAD_WIDTH: Final = WIDTH // HEADS
_PREFIX: Final = "inner."
_EPSILON: Final = 1e-12
_BEND: Final = np.float32(np.sqrt(2 / np.pi))
_BELL: Final = np.float32(1 / np.sqrt(2 * np.pi))


@dataclass(slots=True)
class Adapter:
    """What is added to one matrix: `down @ up`."""

    down: Array
    up: Array

    @classmethod
    def fresh(cls, shape: tuple[int, ...], rank: int, rng: np.random.Generator) -> Adapter:
        down = rng.standard_normal((shape[0], rank)) / np.sqrt(shape[0])
        return cls(down.astype(np.float32), np.zeros((rank, shape[1]), np.float32))


@dataclass(slots=True)
class _Norm:
    weight: Array
    bias: Array

    def forward(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        centred = x - x.mean(axis=1, keepdims=True)
        inverse = (1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + _EPSILON)).astype(np.float32)
        normal = centred * inverse
        return normal * self.weight + self.bias, (normal, inverse)

    def backward(self, grad: Array, kept: tuple[Array, Array]) -> Array:
        normal, inverse = kept
        inner = grad * self.weight
        spread = (inner * normal).mean(axis=1, keepdims=True)
        return (inner - inner.mean(axis=1, keepdims=True) - normal * spread) * inverse


class _Linear:
    """A frozen matrix with an adapter beside it; gradients are those of the adapter alone."""

    def __init__(self, weight: Array, bias: Array, adapter: Adapter | None) -> None:
        self.weight = weight
        self.bias = bias
        self.adapter = adapter
        self.grads: tuple[Array, Array] | None = None
        self._kept: tuple[Array, Array] | None = None

    def forward(self, x: Array) -> Array:
        y = x @ self.weight + self.bias
        if self.adapter is not None:
            low = x @ self.adapter.down
            y += low @ self.adapter.up
            self._kept = (x, low)
        return y

    def backward(self, grad: Array) -> Array:
        back = grad @ self.weight.T
        if self.adapter is not None:
            assert self._kept is not None
            x, low = self._kept
            low_grad = grad @ self.adapter.up.T
            self.grads = (np.asarray(x.T @ low_grad, np.float32), np.asarray(low.T @ grad, np.float32))
            back += low_grad @ self.adapter.down.T
        return back


class Layer:
    """One transformer layer on a batch of `texts` rows of equal, padded length."""

    def __init__(self, file: OnnxFile, number: int, adapters: list[Adapter] | None) -> None:
        names = file.matrices[MATRICES * number : MATRICES * (number + 1)]
        stem = f"{_PREFIX}encoder.layer.{number}."
        biases = [f"attention.self.{part}.bias" for part in ("query", "key", "value")]
        biases += ["attention.output.dense.bias", "intermediate.dense.bias", "output.dense.bias"]
        self.linears = [
            _Linear(file.tensor(name), file.tensor(stem + bias), adapters[place] if adapters else None)
            for place, (name, bias) in enumerate(zip(names, biases, strict=True))
        ]
        self._norms = [
            _Norm(file.tensor(f"{stem}{part}.LayerNorm.weight"), file.tensor(f"{stem}{part}.LayerNorm.bias"))
            for part in ("attention.output", "output")
        ]
        self._kept: list[Array] = []
        self._norms_kept: list[tuple[Array, Array]] = []

    def forward(self, x: Array, texts: int, barred: Array, drop: _Dropout | None = None) -> Array:
        """`barred` is added to the attention scores: a large negative number at padding."""
        query, key, value = (_split(linear.forward(x), texts) for linear in self.linears[:3])
        weights = _softmax(query @ key.transpose(0, 1, 3, 2) * np.float32(_HEAD_WIDTH**-0.5) + barred)
        mixed = self.linears[3].forward(_join(weights @ value))
        masks = [drop.mask(mixed.shape), drop.mask(mixed.shape)] if drop else []
        middle, first = self._norms[0].forward(x + (mixed * masks[0] if drop else mixed))
        inner = self.linears[4].forward(middle)
        cumulative = _normal_share(inner)
        out = self.linears[5].forward(inner * cumulative)
        y, second = self._norms[1].forward(middle + (out * masks[1] if drop else out))
        self._kept = [query, key, value, weights, inner, cumulative, *masks]
        self._norms_kept = [first, second]
        return y

    def backward(self, grad: Array) -> Array:
        query, key, value, weights, inner, cumulative, *masks = self._kept
        texts = query.shape[0]
        grad = self._norms[1].backward(grad, self._norms_kept[1])
        slope = np.asarray(cumulative + inner * _BELL * np.exp(np.float32(-0.5) * inner * inner), dtype=np.float32)
        hidden = self.linears[5].backward(grad * masks[1] if masks else grad) * slope
        grad = self._norms[0].backward(grad + self.linears[4].backward(hidden), self._norms_kept[0])
        mixed = _split(self.linears[3].backward(grad * masks[0] if masks else grad), texts)
        scores = mixed @ value.transpose(0, 1, 3, 2)
        scores = weights * (scores - (scores * weights).sum(axis=3, keepdims=True)) * np.float32(_HEAD_WIDTH**-0.5)
        parts = (scores @ key, scores.transpose(0, 1, 3, 2) @ query, weights.transpose(0, 1, 3, 2) @ mixed)
        for linear, part in zip(self.linears[:3], parts, strict=True):
            grad = grad + linear.backward(np.asarray(_join(part), np.float32))
        return grad


class _Dropout:
    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        self._rate = np.float32(rate)
        self._rng = rng

    def mask(self, shape: tuple[int, ...]) -> Array:
        kept = self._rng.random(shape, dtype=np.float32) >= self._rate
        return kept.astype(np.float32) / (1 - self._rate)


class Encoder:
    """MiniLM whose layers from `first` on carry adapters; what lies below never changes and can be kept."""

    def __init__(self, file: OnnxFile, first: int, rank: int, rng: np.random.Generator) -> None:
        self.first = first
        stem = f"{_PREFIX}embeddings."
        self._words = file.tensor(f"{stem}word_embeddings.weight")
        self._places = file.tensor(f"{stem}position_embeddings.weight")
        self._kind = file.tensor(f"{stem}token_type_embeddings.weight")[0]
        self._norm = _Norm(file.tensor(f"{stem}LayerNorm.weight"), file.tensor(f"{stem}LayerNorm.bias"))
        shapes = [file.tensor(name).shape for name in file.matrices[:MATRICES]]
        self.adapters = [[Adapter.fresh(shape, rank, rng) for shape in shapes] for _ in range(LAYERS - first)]
        self._lower = [Layer(file, number, None) for number in range(first)]
        self._upper = [Layer(file, first + place, adapters) for place, adapters in enumerate(self.adapters)]

    def lower(self, ids: NDArray[np.int64]) -> Array:
        """States of one text below the adapters, `(tokens, width)`."""
        x, _ = self._norm.forward(self._words[ids] + self._places[: len(ids)] + self._kind)
        barred = np.zeros((1, 1, 1, len(ids)), np.float32)
        for layer in self._lower:
            x = layer.forward(x, 1, barred)
        return x

    def forward(self, x: Array, mask: NDArray[np.bool_], drop: _Dropout | None = None) -> Array:
        """`x` holds the texts' lower states one after the other, each padded to the width of `mask`."""
        barred = np.where(mask, np.float32(0), np.float32(-1e9))[:, None, None, :]
        for layer in self._upper:
            x = layer.forward(x, mask.shape[0], barred, drop)
        return x

    def backward(self, grad: Array) -> None:
        for layer in reversed(self._upper):
            grad = layer.backward(grad)

    def parameters(self) -> list[Array]:
        return [part for adapters in self.adapters for each in adapters for part in (each.down, each.up)]

    def gradients(self) -> list[Array]:
        found: list[Array] = []
        for layer in self._upper:
            for linear in layer.linears:
                assert linear.grads is not None
                found += linear.grads
        return found


def _normal_share(x: Array) -> Array:
    """The cumulative normal distribution by its usual tanh form: the error function costs more than the matrices do."""
    return np.float32(0.5) * (1 + np.tanh(_BEND * (x + np.float32(0.044715) * x * x * x)))


def dropout(rate: float, rng: np.random.Generator) -> _Dropout:
    return _Dropout(rate, rng)


def _softmax(scores: Array) -> Array:
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return scores / scores.sum(axis=-1, keepdims=True)


def _split(x: Array, texts: int) -> Array:
    """(texts * tokens, width) to (texts, heads, tokens, head width)."""
    return np.ascontiguousarray(x.reshape(texts, -1, HEADS, _HEAD_WIDTH).transpose(0, 2, 1, 3))


def _join(x: Array) -> Array:
    return np.ascontiguousarray(x.transpose(0, 2, 1, 3)).reshape(-1, WIDTH)
