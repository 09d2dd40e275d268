"""Intervals of one day as bytes, and back: their boundaries with them, so that nothing is ever aligned anew."""

from __future__ import annotations

import zlib

import numpy as np

from twin.clock import NS
from twin.intervals.line import Line

_LEVEL = 6


def packed(line: Line) -> bytes:
    """Return the bytes of a line; its versions are not in them, and its boundaries are whole seconds."""
    number = np.array([len(line)], np.int32)
    parts = (
        number,
        line.edges // NS,
        line.register,
        line.delta,
        line.edge,
        line.flag,
        line.why,
    )
    return zlib.compress(b"".join(part.tobytes() for part in parts), _LEVEL)


def unpacked(blob: bytes, version: int) -> Line:
    """Return the line of bytes that `packed` gave."""
    raw = zlib.decompress(blob)
    number = int(np.frombuffer(raw, np.int32, 1)[0])
    at = 4

    def take(kind: type[np.int64 | np.uint8], count: int) -> np.ndarray:
        nonlocal at
        found = np.frombuffer(raw, kind, count, at)
        at += found.nbytes
        return found

    edges = take(np.int64, number + 1) * NS
    register, delta = take(np.int64, number + 1), take(np.int64, number)
    edge, flag, why = take(np.uint8, number + 1), take(np.uint8, number), take(np.uint8, number)
    return Line(edges, register, edge, delta, flag, why, np.full(number, version, np.int64))
