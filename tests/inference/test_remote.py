"""Embeddings from an endpoint: the wire format as providers read it, and what goes wrong on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from deskhand.errors import ModelUnavailable, SetupInvalid
from deskhand.inference import ConfiguredEmbedder, LocalEmbedder, embedder_of, open_embedder
from deskhand.settings import Settings
from tests.standins.embeddings import KEY, EmbeddingServer, Fault

LOCAL = LocalEmbedder()


@pytest.fixture
async def server() -> AsyncGenerator[EmbeddingServer]:
    async with EmbeddingServer().running() as server:
        yield server


def settings_for(server: EmbeddingServer, **changes: object) -> Settings:
    given: dict[str, object] = {
        "embedding_provider": "openai-compatible",
        "embedding_base_url": server.address,
        "embedding_api_key": KEY,
        "embedding_model": "words-64",
        "embedding_dimensions": 64,
        "embedding_timeout": "2s",
    }
    return Settings(**{**given, **changes}, _env_file=None)  # pyright: ignore[reportCallIssue]


@asynccontextmanager
async def opened(server: EmbeddingServer, **changes: object) -> AsyncGenerator[ConfiguredEmbedder]:
    async with open_embedder(settings_for(server, **changes), LOCAL) as embedder:
        yield embedder


async def test_vectors_come_in_the_order_of_their_texts_and_have_length_one(server: EmbeddingServer) -> None:
    async with opened(server) as embedder:
        both = await embedder.embed(["a red boat", "invoices"])
        alone = await embedder.embed(["invoices"])

    assert both.shape == (2, 64)
    assert np.allclose(np.linalg.norm(both, axis=1), 1, atol=1e-5)
    assert np.allclose(both[1], alone[0], atol=1e-6)
    assert not server.refused


async def test_many_texts_go_in_batches_and_none_in_no_request(server: EmbeddingServer) -> None:
    async with opened(server) as embedder:
        vectors = await embedder.embed([f"text {number}" for number in range(150)])
        none = await embedder.embed([])

    assert (vectors.shape, none.shape) == ((150, 64), (0, 64))
    assert server.sizes == [64, 64, 22]


async def test_a_text_just_asked_for_is_not_asked_for_again(server: EmbeddingServer) -> None:
    async with opened(server) as embedder:
        for _ in range(3):
            await embedder.embed(["ready"])

    assert server.seen == ["ready"]


async def test_texts_that_endpoints_refuse_are_mended(server: EmbeddingServer) -> None:
    async with opened(server) as embedder:
        vectors = await embedder.embed(["", " \n", "half \ud83d", "x" * 100_000])

    assert vectors.shape == (4, 64)
    assert not server.refused


@pytest.mark.parametrize("fault", [Fault(429, retry_after="0"), Fault(503), Fault(0)], ids=["429", "503", "cut"])
async def test_what_passes_is_tried_again(server: EmbeddingServer, fault: Fault) -> None:
    server.plan = [fault]

    async with opened(server) as embedder:
        vectors = await embedder.embed(["one"])

    assert vectors.shape == (1, 64)


async def test_an_outage_is_told_as_one_that_a_retry_may_end(server: EmbeddingServer) -> None:
    server.plan = [Fault(503, retry_after="0")] * 3

    async with opened(server) as embedder:
        with pytest.raises(ModelUnavailable, match="503") as raised:
            await embedder.embed(["one"])

    assert raised.value.retryable


async def test_an_endpoint_that_never_answers_runs_into_the_timeout() -> None:
    server = EmbeddingServer(hangs=True)
    async with server.running(), opened(server, embedding_timeout="50ms") as embedder:
        with pytest.raises(ModelUnavailable, match="Timeout"):
            await embedder.embed(["one"])


async def test_a_refused_key_is_named_and_never_shown(server: EmbeddingServer) -> None:
    async with opened(server, embedding_api_key="sk-wrong-secret") as embedder:
        with pytest.raises(ModelUnavailable, match="DESKHAND_EMBEDDING_API_KEY") as raised:
            await embedder.embed(["one"])

    assert len(server.refused) == 1
    assert "sk-wrong" not in str(raised.value)
    assert "sk-wrong" not in repr(settings_for(server, embedding_api_key="sk-wrong-secret"))


async def test_an_unknown_model_names_the_settings_to_check(server: EmbeddingServer) -> None:
    async with opened(server, embedding_model="nothing") as embedder:
        with pytest.raises(ModelUnavailable, match="DESKHAND_EMBEDDING_MODEL"):
            await embedder.embed(["one"])


async def test_a_model_whose_vectors_cannot_be_shortened_is_not_told_a_length(server: EmbeddingServer) -> None:
    async with opened(server, embedding_model="fixed-48", embedding_dimensions=48) as embedder:
        vectors = await embedder.embed(["one", "two"])
        await embedder.embed(["three", "four"])

    assert vectors.shape == (2, 48)
    assert len(server.refused) == 1


async def test_a_wrong_length_in_the_settings_is_named(server: EmbeddingServer) -> None:
    async with opened(server, embedding_model="fixed-48", embedding_dimensions=40) as embedder:
        with pytest.raises(ModelUnavailable, match=r"length 48, not 40.*DESKHAND_EMBEDDING_DIMENSIONS"):
            await embedder.embed(["one"])


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": [{"index": 1, "embedding": [1.0] * 64}]},
        {"data": [{"index": 0, "embedding": [0.0] * 64}]},
        {"data": [{"index": 0, "embedding": "abc"}]},
        {"other": 1},
    ],
    ids=["none", "other-index", "no-direction", "base64", "no-data"],
)
async def test_an_answer_that_is_none_is_refused(server: EmbeddingServer, body: dict[str, object]) -> None:
    server.plan = [Fault(200, body=body)]

    async with opened(server) as embedder:
        with pytest.raises(ModelUnavailable):
            await embedder.embed(["one"])


@pytest.mark.parametrize("name", ["embedding_base_url", "embedding_model", "embedding_dimensions"])
async def test_a_missing_setting_is_named(server: EmbeddingServer, name: str) -> None:
    with pytest.raises(SetupInvalid, match=f"DESKHAND_{name.upper()}"):
        async with opened(server, **{name: None}):
            pass


async def test_vectors_of_another_model_or_address_have_another_id(server: EmbeddingServer) -> None:
    shorter = opened(server, embedding_dimensions=32)
    async with (
        EmbeddingServer().running() as elsewhere,
        opened(server) as one,
        opened(elsewhere) as two,
        shorter as cut,
    ):
        ids = {one.model_id, two.model_id, cut.model_id, LOCAL.model_id}

    assert len(ids) == 4


async def test_the_model_before_is_still_within_reach(server: EmbeddingServer) -> None:
    async with opened(server, embedding_model="fixed-48", embedding_dimensions=48) as before:
        old = before.model_id
    async with opened(server) as now:
        other = embedder_of(now, old)
        assert other is not None
        assert (other.model_id, (await other.embed(["one"])).shape) == (old, (1, 48))
        assert embedder_of(now, LOCAL.model_id) is LOCAL
        assert embedder_of(now, "openai-compatible:words-64:64:000000000000") is None
    async with opened(server, embedding_provider="local") as now:
        assert now.model_id == LOCAL.model_id
        assert embedder_of(now, old) is not None
