"""The reading network: the embedding model with its adapters put in, and one attending head for each label."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deskhand.agent.triage.onnx_file import OnnxFile
from deskhand.agent.triage.text import clauses
from deskhand.agent.triage.weights import MATRICES, SCALE, Array, Weights
from deskhand.inference.onnx import Session, check_model, installed_model, open_session
from deskhand.inference.wordpiece import WordPiece


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Logits by label, and how much each clause of the message gave to each."""

    logits: Array
    pieces: tuple[str, ...]
    shares: Array


class Network:
    """Reads messages with the trained weights. The model is loaded with the first one, in the thread that runs it."""

    def __init__(self, weights: Weights, *, threads: int = 1, model_file: Path | None = None) -> None:
        self._weights = weights
        self._heads = np.concatenate([weights.key, weights.value, weights.mean]) * SCALE
        self._threads = threads
        self._model_file = model_file
        self._session: Session | None = None
        self._tokenizer = WordPiece.bundled()
        self._loading = threading.Lock()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="triage")

    async def read(self, text: str) -> Reading:
        return await asyncio.wrap_future(self._executor.submit(self.read_now, text))

    def read_now(self, text: str) -> Reading:
        """A text longer than the model reads at once is read in parts, and each label keeps its highest logit."""
        parts = self._parts(text)
        readings = [self._read_part(part) for part in parts]
        if len(readings) == 1:
            return readings[0]
        logits = np.stack([reading.logits for reading in readings]).max(axis=0)
        pieces = tuple(piece for reading in readings for piece in reading.pieces)
        return Reading(logits, pieces, np.concatenate([reading.shares for reading in readings]))

    def _read_part(self, pieces: Sequence[str]) -> Reading:
        text = " ".join(pieces)
        encoding = self._tokenizer.encode(text, self._weights.longest)
        ids = np.asarray([encoding.ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        states = self._loaded().run(["last_hidden_state"], feed)[0][0]
        key, value, mean = np.split(_products(states, self._heads), 3, axis=1)
        scores = np.exp(key - key.max(axis=0))
        by_token = scores / scores.sum(axis=0) * value + mean / len(states)
        return Reading(by_token.sum(axis=0) + self._weights.bias, tuple(pieces), self._by_piece(pieces, by_token))

    def _by_piece(self, pieces: Sequence[str], by_token: Array) -> Array:
        shares = np.zeros((len(pieces), by_token.shape[1]), np.float32)
        start = 1
        for row, piece in enumerate(pieces):
            length = len(self._tokenizer.encode(piece, self._weights.longest).ids) - 2
            shares[row] = by_token[start : start + length].sum(axis=0)
            start += length
        return shares

    def _parts(self, text: str) -> list[list[str]]:
        """The clauses in groups that the model can read at once."""
        room = self._weights.longest - 2
        parts: list[list[str]] = []
        used = room + 1
        for clause in clauses(text) or clauses("?"):
            length = len(self._tokenizer.encode(clause.text, self._weights.longest).ids) - 2
            if used + length > room:
                parts.append([])
                used = 0
            parts[-1].append(clause.text)
            used += length
        return parts

    def _loaded(self) -> Session:
        with self._loading:
            if self._session is None:
                content = adapted_model(self._model_file or installed_model(), self._weights)
                self._session = open_session(content, self._threads)
            return self._session

    def close(self) -> None:
        """Frees the thread and the weights."""
        self._executor.shutdown(cancel_futures=True)
        self._session = None


def _products(states: Array, rows: Array) -> Array:
    """`states @ rows.T`, but not by BLAS: its threads wait for each other for longer than this takes."""
    return np.einsum("td,hd->th", states, rows)


def adapted_model(model_file: Path, weights: Weights) -> bytes:
    """The embedding model's file with the adapters added to its matrices."""
    check_model(model_file)
    file = OnnxFile(model_file.read_bytes())
    for (layer, matrix), (down, up) in weights.adapters.items():
        name = file.matrices[MATRICES * layer + matrix]
        file.replace(name, np.asarray(file.tensor(name) + down @ up, dtype=np.float32))
    return file.content()
