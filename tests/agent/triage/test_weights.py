"""The trained weights fit their description, and are put into the model as meant."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files

import numpy as np

from deskhand.agent.triage.network import adapted_model
from deskhand.agent.triage.onnx_file import OnnxFile
from deskhand.agent.triage.weights import MATRICES, load_weights
from deskhand.inference.onnx import MODEL_SHA256, installed_model


def test_the_weights_are_those_that_were_described_and_small() -> None:
    folder = files("deskhand.agent.triage")
    content = folder.joinpath("weights.npz").read_bytes()
    about = json.loads(folder.joinpath("weights.json").read_text(encoding="utf-8"))

    assert hashlib.sha256(content).hexdigest() == about["sha256"]
    assert about["embedding_model_sha256"] == MODEL_SHA256
    assert len(content) < 2_500_000


def test_a_replaced_matrix_is_read_back_within_half_a_step() -> None:
    file = OnnxFile(installed_model().read_bytes())
    wanted = file.tensor(file.matrices[0]) + np.float32(0.01)

    file.replace(file.matrices[0], wanted)

    step = np.abs(wanted).max(axis=0) / 127
    assert (np.abs(file.tensor(file.matrices[0]) - wanted) <= step * 0.51).all()


def test_adapters_change_their_matrices_and_no_other() -> None:
    weights = load_weights()
    before = OnnxFile(installed_model().read_bytes())
    after = OnnxFile(adapted_model(installed_model(), weights))

    changed = {
        divmod(place, MATRICES)
        for place, name in enumerate(before.matrices)
        if np.abs(before.tensor(name) - after.tensor(name)).max() > 1e-4
    }
    assert changed == set(weights.adapters)
