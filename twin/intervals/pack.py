"""Intervals of one day as bytes, and back: their boundaries with them, so that nothing is ever aligned anew.

What repeats is written as differences, of which most are zero: a day of a register takes some hundred bytes.
"""

from __future__ import annotations

import zlib

import numpy as np

from twin.clock import NS
from twin.intervals.line import Line

_LEVEL = 6
_HEAD = 3


def packed(line: Line) -> bytes:
    """Return the bytes of a line; its versions are not in them, and its boundaries are whole seconds."""
    head = np.array([len(line), line.edges[0] // NS, line.register[0]], np.int64)
    parts = (
        head,
        np.diff(line.edges) // NS,
        np.diff(line.register) - line.delta,
        line.delta,
        line.edge,
        line.flag,
        line.why,
    )
    return zlib.compress(b"".join(part.tobytes() for part in parts), _LEVEL)


def unpacked(blob: bytes, version: int) -> Line:
    """Return the line of bytes that `packed` gave."""
    raw = zlib.decompress(blob)
    number, start, first = np.frombuffer(raw, np.int64, _HEAD).tolist()
    steps = np.frombuffer(raw, np.int64, 3 * number, 8 * _HEAD).reshape(3, number)
    codes = np.frombuffer(raw, np.uint8, 3 * number + 1, 8 * (_HEAD + 3 * number))
    delta = steps[2]
    return Line(
        _added(start, steps[0]) * NS,
        _added(first, steps[1] + delta),
        codes[: number + 1],
        delta,
        codes[number + 1 : 2 * number + 1],
        codes[2 * number + 1 :],
        np.full(number, version, np.int64),
    )


def _added(first: int, steps: np.ndarray) -> np.ndarray:
    found = np.empty(len(steps) + 1, np.int64)
    found[0], found[1:] = first, steps
    return np.cumsum(found)
