"""Trains triage from the written messages: `python -m training.train_triage`. Same machine, same weights."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more threads add up in another order

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deskhand.agent.triage.ngrams import BUCKETS, buckets_of
from deskhand.agent.triage.onnx_file import OnnxFile
from deskhand.inference import detect_language
from deskhand.inference.onnx import MODEL_SHA256, installed_model
from deskhand.inference.wordpiece import WordPiece
from training.data import EXTRAS, LABELS, RULES, Line, folds, label_matrix, read_lines
from training.encoder import Array, Encoder
from training.fit import Network, Recipe, fit
from training.joining import joined_lines
from training.judge import HEADINGS, by_rule, count, decided, truth_of
from training.ngram_head import NgramFeatures, calibrate, chances

OUT: Final = Path(__file__).parents[1] / "src/deskhand/agent/triage"
FOLDS: Final = 2
FOLD_SEED: Final = 7
THRESHOLD: Final = 0.5
DEFAULT: Final = Recipe()


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """The training messages as the networks take them."""

    lines: list[Line]
    labels: Array
    known: Array
    foreign: NDArray[np.bool_]
    ngrams: NgramFeatures
    lower: list[Array]
    fold: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What models that had not seen a message said of it."""

    rows: NDArray[np.int64]
    network: Array
    ngrams: Array


def prepare(lines: list[Line], recipe: Recipe, file: OnnxFile | None = None) -> Corpus:
    """Without a model's file, the corpus has no states to fit a network on."""
    labels, known = label_matrix(lines)
    texts = [line.text for line in lines]
    return Corpus(
        lines=lines,
        labels=labels,
        known=known,
        foreign=np.asarray([detect_language(text).code != "en" for text in texts]),
        ngrams=NgramFeatures(texts),
        lower=lower_states(file, recipe, texts) if file else [],
        fold=folds(lines, sketches(texts), FOLDS, FOLD_SEED),
    )


def lower_states(file: OnnxFile, recipe: Recipe, texts: Sequence[str]) -> list[Array]:
    encoder = Encoder(file, recipe.first, 1, np.random.default_rng(0))
    tokenizer = WordPiece.bundled()
    return [encoder.lower(np.asarray(tokenizer.encode(text, recipe.longest).ids, dtype=np.int64)) for text in texts]


def sketches(texts: Sequence[str]) -> Array:
    """Vectors that are near when two texts share most of their pieces."""
    found = np.zeros((len(texts), 2048), np.float32)
    for row, text in enumerate(texts):
        found[row, buckets_of(text) % 2048] = 1
    found -= found.mean(axis=0)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)


@dataclass(frozen=True, slots=True)
class Job:
    """One fit: without the messages of `fold`, or on all of them. Every fit has the same lines."""

    lines: list[Line]
    recipe: Recipe
    fold: int | None


def work(job: Job) -> tuple[Network | None, Held | None]:
    """Runs in a process of its own."""
    file = OnnxFile(installed_model().read_bytes())
    corpus = prepare(job.lines, job.recipe, file)
    name = "all messages" if job.fold is None else f"without fold {job.fold + 1} of {FOLDS}"
    seen = np.flatnonzero(corpus.fold != (FOLDS if job.fold is None else job.fold))
    lower, labels, known = lengthened(corpus, seen, job, file)
    fitted = fit(file, lower, labels, known, job.recipe, lambda line: say(f"{name}: {line}"))
    if job.fold is None:
        return fitted, None
    unseen = np.flatnonzero(corpus.fold == job.fold)
    ngrams = corpus.ngrams.logits(unseen, corpus.ngrams.fit(seen, corpus.labels, corpus.known))
    return None, Held(unseen, fitted.logits([corpus.lower[row] for row in unseen]), ngrams)


def lengthened(corpus: Corpus, seen: NDArray[np.int64], job: Job, file: OnnxFile) -> tuple[list[Array], Array, Array]:
    """The messages to fit on, and longer ones made of pairs of them."""
    made, fold = joined_lines(corpus.lines, corpus.fold, job.recipe.seed)
    made = [line for line, number in zip(made, fold, strict=True) if job.fold is None or number != job.fold]
    labels, known = label_matrix(made)
    known[:, len(RULES) + len(EXTRAS) :] = 0
    return (
        [*(corpus.lower[row] for row in seen), *lower_states(file, job.recipe, [line.text for line in made])],
        np.concatenate([corpus.labels[seen], labels]),
        np.concatenate([corpus.known[seen], known]),
    )


def fit_all(lines: list[Line], recipe: Recipe, processes: int) -> tuple[Network, Held]:
    """The network on all messages, and what networks that had not seen a message said of it."""
    jobs = [Job(lines, recipe, None), *(Job(lines, recipe, fold) for fold in range(FOLDS))]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(work, jobs))
    network = next(fitted for fitted, _ in results if fitted is not None)
    parts = [held for _, held in results if held is not None]
    order = np.argsort(np.concatenate([part.rows for part in parts]))
    return network, Held(
        np.concatenate([part.rows for part in parts])[order],
        np.concatenate([part.network for part in parts])[order],
        np.concatenate([part.ngrams for part in parts])[order],
    )


def report(corpus: Corpus, found: Array) -> dict[str, object]:
    """Prints the cross-validated figures and returns them."""
    thresholds = np.full(len(RULES), THRESHOLD, np.float32)
    truths = [truth_of(line.rules) for line in corpus.lines]
    summary: dict[str, object] = {}
    for name, chosen in (("English", ~corpus.foreign), ("other languages", corpus.foreign)):
        rows = np.flatnonzero(chosen)
        counts = count([decided(found[row], thresholds) for row in rows], [truths[row] for row in rows])
        summary[name] = dict(zip(HEADINGS, counts.row(), strict=True))
        sys.stdout.write(
            f"{name}: " + ", ".join(f"{k} {v}" for k, v in zip(HEADINGS, counts.row(), strict=True)) + "\n"
        )
    sys.stdout.write("| rule | n | precision | recall | F1 |\n| --- | --- | --- | --- | --- |\n")
    per_rule = by_rule(found, corpus.labels, thresholds)
    for name, n, precision, recall, both in per_rule:
        sys.stdout.write(f"| {name} | {n} | {precision:.3f} | {recall:.3f} | {both:.3f} |\n")
    summary["rules"] = {name: [n, *(round(value, 4) for value in rest)] for name, n, *rest in per_rule}
    return summary


def pack(network: Network, ngrams: Array, importance: Array, calibration: Array, recipe: Recipe) -> dict[str, object]:
    scale = np.maximum(np.abs(ngrams).max(axis=1, keepdims=True), 1e-9) / 127
    parts: dict[str, object] = {
        "labels": np.asarray(LABELS),
        "longest": np.asarray(recipe.longest),
        "key": network.heads.key.astype(np.float16),
        "value": network.heads.value.astype(np.float16),
        "mean": network.heads.mean.astype(np.float16),
        "bias": network.heads.bias,
        "ngrams": np.rint(ngrams / scale).astype(np.int8),
        "ngram_scale": scale.astype(np.float32),
        "importance": importance.astype(np.float16),
        "calibration": calibration,
    }
    for place, layer in enumerate(network.encoder.adapters):
        for matrix, adapter in enumerate(layer):
            parts[f"down_{recipe.first + place}_{matrix}"] = adapter.down.astype(np.float16)
            parts[f"up_{recipe.first + place}_{matrix}"] = adapter.up.astype(np.float16)
    return parts


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=DEFAULT.epochs)
    parser.add_argument("--first", type=int, default=DEFAULT.first, help="lowest layer that learns")
    parser.add_argument("--rank", type=int, default=DEFAULT.rank)
    parser.add_argument("--seed", type=int, default=DEFAULT.seed)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    recipe = Recipe(epochs=given.epochs, first=given.first, rank=given.rank, seed=given.seed)
    lines = read_lines()
    corpus = prepare(lines, recipe)
    say(f"{len(lines)} messages, {int(corpus.foreign.sum())} not in English")
    network, held = fit_all(lines, recipe, given.processes)
    calibration = calibrate(held.network, held.ngrams, corpus.labels, corpus.known, corpus.foreign)
    figures = report(corpus, chances(held.network, held.ngrams, calibration, corpus.foreign))
    ngrams = corpus.ngrams.fit(held.rows, corpus.labels, corpus.known)
    parts = pack(network, ngrams, corpus.ngrams.importance, calibration, recipe)
    write(given.out, parts, recipe, corpus, figures)


def digest(lines: Sequence[Line]) -> str:
    """A hash of everything that the lines say."""
    return hashlib.sha256(json.dumps([asdict(line) for line in lines]).encode()).hexdigest()


def write(folder: Path, parts: dict[str, object], recipe: Recipe, corpus: Corpus, figures: dict[str, object]) -> None:
    path = folder / "weights.npz"
    np.savez_compressed(path, **parts)  # pyright: ignore[reportArgumentType] - the stub takes only allow_pickle by name
    about = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "embedding_model_sha256": MODEL_SHA256,
        "training_data_sha256": digest(corpus.lines),
        "messages": len(corpus.lines),
        "recipe": asdict(recipe),
        "folds": FOLDS,
        "cross_validated": figures,
        "buckets": BUCKETS,
    }
    (folder / "weights.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    say(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")


if __name__ == "__main__":
    main()
