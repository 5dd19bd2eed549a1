"""The wire format of protocol buffers, as far as an ONNX file needs it.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

Bytes = bytes | bytearray


def read_integer(data: Bytes, at: int) -> tuple[int, int]:
    """A base-128 varint and where it ends."""
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def read_integers(data: Bytes, start: int, end: int) -> list[int]:
    values: list[int] = []
    while start < end:
        value, start = read_integer(data, start)
        values.append(value)
    return values


def read_fields(data: Bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field of a message; a plain integer is given by the bytes it stands in.

    Raises:
        ValueError: these bytes are no such message.
    """
    while at < end:
        key, at = read_integer(data, at)
        match key & 7:
            case 0:
                start = at
                _, at = read_integer(data, at)
                yield key >> 3, start, at
            case 1:
                yield key >> 3, at, at + 8
                at += 8
            case 2:
                length, at = read_integer(data, at)
                yield key >> 3, at, at + length
                at += length
            case 5:
                yield key >> 3, at, at + 4
                at += 4
            case kind:
                raise ValueError(f"not an ONNX file: wire type {kind}")


def write_integer(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_field(number: int, content: Bytes) -> bytes:
    """A field that has a length: text, bytes or a message."""
    return write_integer(number << 3 | 2) + write_integer(len(content)) + content
