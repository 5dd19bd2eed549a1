"""The graph that takes rows before it scales them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import onnxruntime
import pytest

from deskhand.inference.onnx import installed_model
from deskhand.inference.onnx_graph import gather_before_scaling

RUNTIME = cast(Any, onnxruntime)


def states(model: bytes, ids: list[int]) -> Any:
    session = RUNTIME.InferenceSession(model, providers=["CPUExecutionProvider"])
    row = np.asarray([ids], dtype=np.int64)
    return session.run(None, {"input_ids": row, "attention_mask": row * 0 + 1, "token_type_ids": row * 0})[0]


def test_the_changed_graph_computes_the_same_to_the_bit() -> None:
    model = installed_model().read_bytes()
    ids = [101, 2054, 2003, 30521, 0, 1999, 102]

    changed = gather_before_scaling(model)

    assert changed != model
    assert np.array_equal(states(changed, ids), states(model, ids))


def test_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="no table"):
        gather_before_scaling(installed_model().read_bytes(), table="embeddings.of.another.model")
