"""Fits the reading network: MiniLM with adapters, and one attending head for each label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deskhand.agent.triage.onnx_file import OnnxFile
from training.encoder import WIDTH, Array, Encoder, dropout

Ids = NDArray[np.int64]

SCALE = np.float32(4.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every choice of a training run. `first` is the lowest layer with adapters."""

    first: int = 2
    rank: int = 16
    epochs: int = 5
    rate: float = 1e-3
    head_rate: float = 2e-3
    decay: float = 0.01
    dropout: float = 0.1
    texts: int = 16
    tokens: int = 1536
    longest: int = 160
    seed: int = 1


@dataclass(slots=True)
class Heads:
    """For each label: what it looks for (`key`), what that says (`value`), and what the whole says (`mean`)."""

    key: Array
    value: Array
    mean: Array
    bias: Array

    @classmethod
    def fresh(cls, labels: int, rng: np.random.Generator) -> Heads:
        key, value, mean = (rng.standard_normal((labels, WIDTH)).astype(np.float32) * 0.02 for _ in range(3))
        return cls(key, value, mean, np.full(labels, -2.0, np.float32))

    def parameters(self) -> list[Array]:
        return [self.key, self.value, self.mean, self.bias]

    def forward(self, x: Array, mask: NDArray[np.bool_]) -> tuple[Array, Array, Array, Array]:
        """Logits, and the mean, attention and values that `backward` needs. `x` is (texts, tokens, width)."""
        share = mask.astype(np.float32)
        share /= share.sum(axis=1, keepdims=True)
        mean = (x * share[:, :, None]).sum(axis=1)
        scores = np.where(mask[:, :, None], x @ self.key.T * SCALE, np.float32(-1e9))
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        attention = scores / scores.sum(axis=1, keepdims=True)
        values = x @ self.value.T * SCALE
        logits = mean @ self.mean.T * SCALE + (attention * values).sum(axis=1) + self.bias
        return logits, mean, attention, values

    def backward(
        self, x: Array, mask: NDArray[np.bool_], grad: Array, kept: tuple[Array, Array, Array]
    ) -> tuple[Array, list[Array]]:
        mean, attention, values = kept
        share = mask.astype(np.float32)
        share /= share.sum(axis=1, keepdims=True)
        values_grad = attention * grad[:, None, :]
        drawn = values - (attention * values).sum(axis=1, keepdims=True)
        scores_grad = values_grad * drawn
        back = (grad @ self.mean * SCALE)[:, None, :] * share[:, :, None]
        back += (values_grad @ self.value + scores_grad @ self.key) * SCALE
        flat, labels = x.reshape(-1, WIDTH), grad.shape[1]
        key = scores_grad.reshape(-1, labels).T @ flat * SCALE
        value = values_grad.reshape(-1, labels).T @ flat * SCALE
        return back, [key, value, grad.T @ mean * SCALE, grad.sum(axis=0)]


@dataclass(slots=True)
class Adam:
    """AdamW over arrays that are changed in place."""

    parameters: list[Array]
    rates: list[float]
    decay: float
    steps: int = 0
    first: list[Array] = field(default_factory=list[Array])
    second: list[Array] = field(default_factory=list[Array])

    def __post_init__(self) -> None:
        self.first = [np.zeros_like(each) for each in self.parameters]
        self.second = [np.zeros_like(each) for each in self.parameters]

    def step(self, gradients: Sequence[Array], factor: float) -> None:
        length = float(np.sqrt(sum(float((grad * grad).sum()) for grad in gradients)))
        shrink = np.float32(min(1.0, 1.0 / (length + 1e-6)))
        self.steps += 1
        one, two = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for place, (parameter, gradient) in enumerate(zip(self.parameters, gradients, strict=True)):
            grad = gradient * shrink
            self.first[place] += np.float32(0.1) * (grad - self.first[place])
            self.second[place] += np.float32(0.001) * (grad * grad - self.second[place])
            move = (self.first[place] / np.float32(one)) / (np.sqrt(self.second[place] / np.float32(two)) + 1e-8)
            rate = np.float32(self.rates[place] * factor)
            parameter -= rate * (move + np.float32(self.decay) * parameter)


@dataclass(slots=True)
class Network:
    """What was learned."""

    encoder: Encoder
    heads: Heads
    longest: int

    def logits(self, lower: Sequence[Array]) -> Array:
        out = np.zeros((len(lower), len(self.heads.bias)), np.float32)
        for batch in batches([len(states) for states in lower], texts=32, tokens=2048):
            x, mask = _padded([lower[place] for place in batch])
            states = self.encoder.forward(x, mask).reshape(*mask.shape, WIDTH)
            out[batch] = self.heads.forward(states, mask)[0]
        return out


def fit(
    file: OnnxFile,
    lower: Sequence[Array],
    labels: Array,
    known: Array,
    recipe: Recipe,
    tell: Callable[[str], None] = print,
) -> Network:
    """`lower` are the frozen layers' states; `known` is 0 where a label is not known and must not count."""
    rng = np.random.default_rng(recipe.seed)
    encoder = Encoder(file, recipe.first, recipe.rank, rng)
    heads = Heads.fresh(labels.shape[1], rng)
    parameters = [*heads.parameters(), *encoder.parameters()]
    rates = [recipe.head_rate] * 4 + [recipe.rate] * (len(parameters) - 4)
    adam = Adam(parameters, rates, recipe.decay)
    drop = dropout(recipe.dropout, rng)
    lengths = [len(states) for states in lower]
    plan = [batches(lengths, recipe.texts, recipe.tokens, rng) for _ in range(recipe.epochs)]
    total = sum(map(len, plan))
    for epoch, epoch_batches in enumerate(plan):
        loss = 0.0
        for batch in epoch_batches:
            x, mask = _padded([lower[place] for place in batch])
            states = encoder.forward(x, mask, drop).reshape(*mask.shape, WIDTH)
            dropped = states * (keep := drop.mask(states.shape))
            logits, *kept = heads.forward(dropped, mask)
            chance = 1 / (1 + np.exp(-logits))
            target, counts = labels[batch], known[batch]
            loss += float(_cross_entropy(logits, target, counts))
            error = np.asarray((chance - target) * counts / len(batch), dtype=np.float32)
            back, head_grads = heads.backward(dropped, mask, error, (kept[0], kept[1], kept[2]))
            encoder.backward((back * keep).reshape(-1, WIDTH))
            adam.step([*head_grads, *encoder.gradients()], _warm_then_fall(adam.steps, total))
        tell(f"epoch {epoch + 1}/{recipe.epochs}: loss {loss / len(epoch_batches):.3f}")
    return Network(encoder, heads, recipe.longest)


def batches(lengths: Sequence[int], texts: int, tokens: int, rng: np.random.Generator | None = None) -> list[list[int]]:
    """Texts of similar length together; with `rng`, in an order that chance decides."""
    sizes = np.asarray(lengths, dtype=np.float64)
    order = np.argsort(sizes * (1 + 0.25 * rng.random(len(sizes))) if rng else sizes, kind="stable")
    found: list[list[int]] = []
    batch: list[int] = []
    widest = 0
    for place in map(int, order):
        widest = max(widest, lengths[place])
        if batch and (len(batch) == texts or (len(batch) + 1) * widest > tokens):
            found.append(batch)
            batch, widest = [], lengths[place]
        batch.append(place)
    found.append(batch)
    return [found[place] for place in rng.permutation(len(found))] if rng else found


def _padded(states: Sequence[Array]) -> tuple[Array, NDArray[np.bool_]]:
    """The texts' states as one matrix, and which of its rows are no padding."""
    width = max(map(len, states))
    x = np.zeros((len(states), width, WIDTH), np.float32)
    mask = np.zeros((len(states), width), np.bool_)
    for row, each in enumerate(states):
        x[row, : len(each)] = each
        mask[row, : len(each)] = True
    return x.reshape(-1, WIDTH), mask


def _cross_entropy(logits: Array, target: Array, counts: Array) -> float:
    each = np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-np.abs(logits)))
    return float((each * counts).sum() / len(logits))


def _warm_then_fall(step: int, total: int) -> float:
    return max(0.02, min(step / (0.1 * total), (total - step) / (0.9 * total)))
