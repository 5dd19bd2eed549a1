"""The embedding model that runs inside the process: all-MiniLM-L6-v2 with int8 weights, on the CPU."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from deskhand.inference.base import TokenStates
from deskhand.inference.onnx import MODEL_SHA256, Session, check_model, installed_model, open_session
from deskhand.inference.wordpiece import Encoding, WordPiece

P = ParamSpec("P")
T = TypeVar("T")

DIMENSIONS: Final = 384
_BATCH_TEXTS: Final = 32
# Padding included. Beyond this a batch is no faster per text, and a customer's message has to wait for it.
_BATCH_TOKENS: Final = 512


class LocalEmbedder:
    """Embeds English text with nothing but the installed weights; it satisfies `TokenEmbedder`.

    A text is read up to its 256th token, about 190 words of English; longer ones are for the caller to split. The model
    is loaded with the first text (or by `load`), in the one thread that also runs it, so an instance costs nothing
    until it is used.
    """

    def __init__(self, *, threads: int = 1, model_file: Path | None = None, cache_size: int = 256) -> None:
        self._threads = threads
        self._model_file = model_file
        self._model: _Model | None = None
        self._loading = threading.Lock()
        self._recent = _RecentVectors(cache_size)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedding")

    @property
    def model_id(self) -> str:
        return f"all-MiniLM-L6-v2-int8:{MODEL_SHA256[:12]}"

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    async def load(self) -> None:
        """Makes the model ready, or raises `ModelUnavailable` with what to do about it."""
        await self._in_thread(self._loaded)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(texts) == 1:
            return (await self._embed_one(texts[0]))[np.newaxis].copy()
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        if texts:
            encodings = await self._in_thread(self._encode, texts)
            for batch in _batches([len(encoding.ids) for encoding in encodings]):
                vectors[batch] = await self._in_thread(self._pool, [encodings[index] for index in batch])
        return vectors

    async def tokens(self, text: str) -> TokenStates:
        states = await self._in_thread(self._read, text)
        self._recent.keep(text, states.pooled)
        return states

    def close(self) -> None:
        """Frees the thread and the weights; a text that is being read is finished first."""
        self._executor.shutdown(cancel_futures=True)
        self._model = None

    async def _embed_one(self, text: str) -> NDArray[np.float32]:
        known = self._recent.find(text)
        return (await self.tokens(text)).pooled if known is None else known

    async def _in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        future = self._executor.submit(call, *args, **kwargs)
        return await asyncio.wrap_future(future)

    def _loaded(self) -> _Model:
        with self._loading:
            if self._model is None:
                self._model = _Model.load(self._model_file or installed_model(), self._threads)
            return self._model

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        tokenizer = self._loaded().tokenizer
        return [tokenizer.encode(text) for text in texts]

    def _pool(self, batch: Sequence[Encoding]) -> NDArray[np.float32]:
        return _pooled(*self._loaded().hidden_states(batch))

    def _read(self, text: str) -> TokenStates:
        model = self._loaded()
        encoding = model.tokenizer.encode(text)
        hidden, mask = model.hidden_states([encoding])
        states, pooled = hidden[0], _pooled(hidden, mask)[0]
        states.setflags(write=False)
        pooled.setflags(write=False)
        return TokenStates(encoding.ids, encoding.tokens, states, pooled)


class _Model:
    def __init__(self, tokenizer: WordPiece, session: Session) -> None:
        self.tokenizer = tokenizer
        self._session = session

    @classmethod
    def load(cls, file: Path, threads: int) -> _Model:
        check_model(file)
        return cls(WordPiece.bundled(), open_session(file.read_bytes(), threads))

    def hidden_states(self, batch: Sequence[Encoding]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        ids = np.zeros((len(batch), max(len(encoding.ids) for encoding in batch)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(batch):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self._session.run(["last_hidden_state"], feed)[0], mask


class _RecentVectors:
    """Vectors of the latest single texts, known by a hash: what customers wrote must not linger in memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._vectors)

    def find(self, text: str) -> NDArray[np.float32] | None:
        key = _digest(text)
        vector = self._vectors.get(key)
        if vector is not None:
            self._vectors.move_to_end(key)
        return vector

    def keep(self, text: str, vector: NDArray[np.float32]) -> None:
        key = _digest(text)
        self._vectors[key] = vector
        self._vectors.move_to_end(key)
        while len(self._vectors) > self._size:
            self._vectors.popitem(last=False)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices in groups of similar length, so that little of a batch is padding."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == _BATCH_TEXTS or (len(batch) + 1) * lengths[index] > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _pooled(hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    weights = mask[:, :, np.newaxis].astype(np.float32)
    mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)
