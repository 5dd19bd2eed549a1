"""Fits src/deskhand/inference/token_basis.npy: the main directions of the local model's token vectors.

    python -m training.fit_token_basis [--check]

Data: every fifth message of training/triage, so nothing of the help centre or of the questions that scores are judged
by. Nothing is random. With --check nothing is written; the stored basis is compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from deskhand.inference import LocalEmbedder
from deskhand.inference.compact import LENGTH, token_basis

ROOT = Path(__file__).parents[1]
EVERY = 5
Matrix = NDArray[np.float64]


def messages() -> list[str]:
    files = sorted((ROOT / "training" / "triage").glob("*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return [str(row["message"]) for row in rows if str(row.get("message", "")).strip()][::EVERY]


async def fit() -> Matrix:
    embedder = LocalEmbedder()
    total = np.zeros((embedder.dimensions, embedder.dimensions), dtype=np.float64)
    for text in messages():
        states = (await embedder.tokens(text)).states[1:-1].astype(np.float64)
        states /= np.linalg.norm(states, axis=1, keepdims=True)
        total += np.matmul(states.T, states)
    directions = cast("Matrix", np.linalg.eigh(total)[1])[:, ::-1][:, :LENGTH]
    signs = np.sign(directions[np.argmax(np.abs(directions), axis=0), np.arange(LENGTH)])
    return directions * signs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    basis = asyncio.run(fit())
    if given.check:
        kept = float((np.matmul(token_basis().astype(np.float64).T, basis) ** 2).sum() / LENGTH)
        sys.stdout.write(f"share of the fitted directions that the stored basis holds: {kept:.4f}\n")
        return
    np.save(ROOT / "src" / "deskhand" / "inference" / "token_basis.npy", basis.astype(np.float16))


if __name__ == "__main__":
    main()
