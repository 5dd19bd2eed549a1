"""Trains the gate's reading by meaning: `python -m training.train_gate`. Same machine, same weights."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more threads add up in another order

import argparse
import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from deskhand import knowledge
from deskhand.agent.gate_features import BUCKETS, cues_of, ngrams_of, pairs_of
from deskhand.agent.gate_meaning import HARMLESS, KINDS, SCALES, harm_in
from deskhand.agent.gate_patterns import SENTENCE
from deskhand.agent.gate_sentences import FEWEST_WORDS, MARKS, parts_of, spoken_phrases
from deskhand.agent.gate_stance import stance_of
from deskhand.agent.triage.ngrams import buckets_of
from deskhand.company_folder import Company, load_company
from deskhand.inference import LocalEmbedder
from deskhand.settings import COMPANY_THAT_SHIPS
from training.ngram_head import regression

Array = NDArray[np.float32]

FOLDER: Final = Path(__file__).parent / "gate"
OUT: Final = Path(__file__).parents[1] / "src/deskhand/agent"
STRENGTH: Final = 3.0
FOLDS: Final = 5
FOLD_SEED: Final = 0
BLOCK: Final = 3  # lines written one after another share habits, and so a fold
MOST_STOPPED: Final = 0.005
FEWEST_PAIRS: Final = 6
# What the help centre says of plans, prices and limits is harmless where it is quoted only.
FACT: Final = re.compile(r"\b(?:Pro|Enterprise|Free)\b|[$€£%]|\d")


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence, what harm it does, and whether it was written for training or is the company's."""

    text: str
    kind: str
    language: str
    is_written: bool = True


def read_lines(company: Company) -> list[Line]:
    """A sentence that stands twice counts once."""
    found: dict[str, Line] = {}
    for line in (*_written(), *_help_centre(company), *_voice(company)):
        found.setdefault(line.text.lower(), line)
    return list(found.values())


def _written() -> Iterator[Line]:
    for path in sorted(FOLDER.glob("*.jsonl")):
        for raw in path.read_text(encoding="utf-8").splitlines():
            entry = cast(dict[str, str], json.loads(raw))
            if entry["kind"] not in KINDS:
                raise ValueError(f"{path.name}: unknown kind {entry['kind']}")
            yield Line(entry["text"], entry["kind"], entry["language"])


def _help_centre(company: Company) -> Iterator[Line]:
    for file in sorted(company.knowledge_dir.rglob("*.md")):
        document = knowledge.parse(file.read_bytes(), PurePosixPath(file.name))
        if document is None:
            continue
        for sentence in (found for section in document.sections for found in SENTENCE.findall(section.body)):
            text = MARKS.sub("", sentence)
            if len(text.split()) > FEWEST_WORDS and not FACT.search(text):
                yield from (Line(part, HARMLESS, document.language, False) for part in parts_of(text))


def _voice(company: Company) -> Iterator[Line]:
    spoken = set(spoken_phrases(company))
    for language, entry in company.voice.phrases.items():
        phrases = (str(phrase) for _, phrase in entry if str(phrase) in spoken)
        for sentence in (part for phrase in phrases for part in SENTENCE.findall(phrase)):
            if len(sentence.split()) > FEWEST_WORDS:
                text = sentence.strip().format(
                    time="4 hours", n=4, product=company.profile.product, company=company.profile.company
                )
                yield Line(text, HARMLESS, language, False)


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """The sentences as the head takes them."""

    lines: list[Line]
    features: Array
    kinds: NDArray[np.int64]
    importance: Array
    pairs: NDArray[np.int64]
    model_id: str


async def prepare(lines: list[Line]) -> Corpus:
    embedder = LocalEmbedder()
    vectors = np.stack([(await embedder.embed([line.text]))[0] for line in lines])
    embedder.close()
    counts = np.zeros(BUCKETS)
    for line in lines:
        counts[np.unique(buckets_of(line.text) % BUCKETS)] += 1
    importance = np.where(counts > 1, np.log((1 + len(lines)) / (1 + counts)) + 1, 0)
    importance = importance.astype(np.float16).astype(np.float32)  # as it is stored
    ngrams = np.stack([ngrams_of(line.text, importance) for line in lines])
    cues = np.stack([cues_of(line.text, line.language) for line in lines])
    first, second = np.triu_indices(cues.shape[1], 1)
    often = (cues.T @ cues)[first, second] >= FEWEST_PAIRS
    pairs = np.stack([first[often], second[often]], axis=1).astype(np.int64)
    paired = np.stack([pairs_of(row, pairs) for row in cues])
    parts = (vectors, ngrams, cues, paired)
    features = np.concatenate([part * np.float32(scale) for part, scale in zip(parts, SCALES, strict=True)], axis=1)
    kinds = np.asarray([KINDS.index(line.kind) for line in lines])
    return Corpus(lines, features, kinds, importance, pairs, embedder.model_id)


def fit(features: Array, kinds: NDArray[np.int64]) -> tuple[Array, Array]:
    fitted = regression(STRENGTH).fit(features, kinds)
    return fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32)


def held_out(corpus: Corpus) -> NDArray[np.float64]:
    """How likely heads that had not seen a sentence, nor its neighbours, thought it harmful."""
    blocks = np.arange(len(corpus.lines)) // BLOCK
    folds = np.random.default_rng(FOLD_SEED).integers(0, FOLDS, int(blocks.max()) + 1)[blocks]
    scores = np.zeros(len(corpus.lines))
    for fold in range(FOLDS):
        weights, bias = fit(corpus.features[folds != fold], corpus.kinds[folds != fold])
        for row in np.flatnonzero(folds == fold):
            logits = weights @ corpus.features[row] + bias
            odds = np.exp(logits - logits.max())
            scores[row] = harm_in(odds / odds.sum(), stance_of(corpus.lines[row].text))[1]
    return scores


def threshold_of(corpus: Corpus, scores: NDArray[np.float64]) -> float:
    """The lowest one above which at most `MOST_STOPPED` of the harmless sentences written for training lie: they are
    near misses, and harder than what the company itself says."""
    chosen = [line.is_written and line.kind == HARMLESS for line in corpus.lines]
    harmless = np.sort(scores[np.asarray(chosen)])
    return float(np.ceil(harmless[len(harmless) - 1 - int(len(harmless) * MOST_STOPPED)] * 1000) / 1000)


def report(corpus: Corpus, scores: NDArray[np.float64], threshold: float) -> dict[str, Any]:
    stopped = scores > threshold
    groups: dict[str, NDArray[np.bool_]] = {}
    kinds = np.asarray([line.kind for line in corpus.lines])
    languages = np.asarray([line.language for line in corpus.lines])
    written = np.asarray([line.is_written for line in corpus.lines])
    for kind in KINDS[1:]:
        groups[kind] = kinds == kind
    for language in ("en", "de", "es", "fr", "pt"):
        groups[f"harmful, {language}"] = (kinds != HARMLESS) & (languages == language)
    groups["harmful"] = kinds != HARMLESS
    groups["harmless, written"] = (kinds == HARMLESS) & written
    groups["harmless, the company's"] = (kinds == HARMLESS) & ~written
    found: dict[str, Any] = {}
    for name, chosen in groups.items():
        found[name] = {"sentences": int(chosen.sum()), "stopped": round(float(stopped[chosen].mean()), 4)}
        sys.stdout.write(f"{name}: {found[name]['sentences']}, stopped {found[name]['stopped']:.1%}\n")
    return found


def write(folder: Path, corpus: Corpus, threshold: float, figures: dict[str, Any]) -> None:
    weights, bias = fit(corpus.features, corpus.kinds)
    scale = np.maximum(np.abs(weights).max(axis=1, keepdims=True), 1e-9) / 127
    parts: dict[str, Any] = {
        "kinds": np.asarray(KINDS),
        "model_id": np.asarray(corpus.model_id),
        "weights": np.rint(weights / scale).astype(np.int8),
        "scale": scale.astype(np.float32),
        "bias": bias,
        "importance": corpus.importance.astype(np.float16),
        "pairs": corpus.pairs.astype(np.uint8),
        "threshold": np.asarray(threshold),
    }
    path = folder / "gate_weights.npz"
    np.savez_compressed(path, **parts)
    about = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "embedding_model": corpus.model_id,
        "training_data_sha256": digest(corpus.lines),
        "sentences": len(corpus.lines),
        "threshold": threshold,
        "cross_validated": figures,
    }
    (folder / "gate_weights.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {path}: {path.stat().st_size} bytes, threshold {threshold}\n")


def digest(lines: Sequence[Line]) -> str:
    told = json.dumps([[line.text, line.kind, line.language] for line in lines])
    return hashlib.sha256(told.encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    corpus = asyncio.run(prepare(read_lines(load_company(COMPANY_THAT_SHIPS))))
    scores = held_out(corpus)
    threshold = threshold_of(corpus, scores)
    write(out, corpus, threshold, report(corpus, scores, threshold))


if __name__ == "__main__":
    main()
