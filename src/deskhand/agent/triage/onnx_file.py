"""Reads and replaces the tensors inside an ONNX file, with nothing but the wire format of protocol buffers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deskhand.inference.onnx_wire import read_fields, read_integers

# Field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
_MODEL_GRAPH: Final = 7
_GRAPH_NODE: Final = 1
_GRAPH_INITIALIZER: Final = 5
_NODE_INPUT: Final = 1
_NODE_OPERATOR: Final = 4
_TENSOR_DIMS: Final = 1
_TENSOR_TYPE: Final = 2
_TENSOR_NAME: Final = 8
_TENSOR_RAW: Final = 9
_TYPES: Final[dict[int, type[np.generic]]] = {1: np.float32, 3: np.int8, 7: np.int64}

Weight = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor's bytes stand in the file."""

    start: int
    end: int
    shape: tuple[int, ...]
    kind: type[np.generic]


class OnnxFile:
    """The bytes of a model whose matrices are stored as 8-bit integers with one scale a column (`x_q`, `x_scale`)."""

    def __init__(self, content: bytes) -> None:
        self._content = bytearray(content)
        self._places: dict[str, _Place] = {}
        self.matrices: list[str] = []
        """The quantised matrices in the order in which the model multiplies by them."""
        self._scan()

    def tensor(self, name: str) -> Weight:
        """A tensor as floats; for a quantised matrix give its name without `_q`."""
        if name in self._places:
            return self._raw(name).astype(np.float32)
        return self._raw(f"{name}_q").astype(np.float32) * self._raw(f"{name}_scale").astype(np.float32)

    def replace(self, name: str, matrix: Weight) -> None:
        """Store another matrix in the place of a quantised one, rounded to 8 bits anew."""
        scale = np.maximum(np.abs(matrix).max(axis=0, keepdims=True), 1e-9) / 127.0
        self._write(f"{name}_scale", scale.astype(np.float32))
        self._write(f"{name}_q", np.clip(np.rint(matrix / scale), -127, 127).astype(np.int8))

    def content(self) -> bytes:
        return bytes(self._content)

    def _raw(self, name: str) -> NDArray[np.generic]:
        place = self._places[name]
        data = bytes(self._content[place.start : place.end])
        return np.frombuffer(data, dtype=place.kind).reshape(place.shape)

    def _write(self, name: str, values: NDArray[np.generic]) -> None:
        place = self._places[name]
        data = values.tobytes()
        if len(data) != place.end - place.start:
            raise ValueError(f"{name}: {len(data)} bytes do not fit")
        self._content[place.start : place.end] = data

    def _scan(self) -> None:
        operations: list[list[str]] = []
        for field, start, end in read_fields(self._content, 0, len(self._content)):
            if field != _MODEL_GRAPH:
                continue
            for inner, first, last in read_fields(self._content, start, end):
                if inner == _GRAPH_INITIALIZER:
                    self._note_tensor(first, last)
                elif inner == _GRAPH_NODE:
                    operations.append(self._factors(first, last))
        self.matrices = [name for names in operations for name in names if f"{name}_q" in self._places]

    def _factors(self, start: int, end: int) -> list[str]:
        """What a node multiplies; nothing for other operators."""
        names: list[str] = []
        operator = ""
        for field, first, last in read_fields(self._content, start, end):
            text = bytes(self._content[first:last]).decode("utf-8", "replace")
            if field == _NODE_INPUT:
                names.append(text)
            elif field == _NODE_OPERATOR:
                operator = text
        return names if operator == "MatMul" else []

    def _note_tensor(self, start: int, end: int) -> None:
        shape: list[int] = []
        kind, name, raw = 0, "", (0, 0)
        for field, first, last in read_fields(self._content, start, end):
            if field == _TENSOR_DIMS:
                shape += read_integers(self._content, first, last)
            elif field == _TENSOR_TYPE:
                kind = read_integers(self._content, first, last)[0]
            elif field == _TENSOR_NAME:
                name = bytes(self._content[first:last]).decode()
            elif field == _TENSOR_RAW:
                raw = (first, last)
        if kind in _TYPES and raw[1]:
            self._places[name] = _Place(raw[0], raw[1], tuple(shape), _TYPES[kind])
