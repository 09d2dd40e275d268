"""Smooth noise that is a pure function of seed, name and time: the same question has the same answer, always."""

from __future__ import annotations

import math
import zlib

_MASK = (1 << 64) - 1
_UNIT = 2.0 / _MASK


def mix(number: int) -> int:
    """Return 64 well-mixed bits of an integer (the finaliser of splitmix64, Steele et al., OOPSLA 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


def key_of(seed: int, name: str) -> int:
    """Return the key under which a name draws its noise."""
    return mix(seed * 0x100000001 + zlib.crc32(name.encode()))


def share(seed: int, name: str) -> float:
    """Return a fixed number from 0 to 1 for a name: how one device differs from its neighbour."""
    return key_of(seed, name) / _MASK


class Noise:
    """A slow random curve from -1 to 1, with a new random height every `period_s` and a smooth way between."""

    __slots__ = ("_cell", "_key", "_left", "_right", "period_s")

    def __init__(self, seed: int, name: str, period_s: float) -> None:
        self.period_s = period_s
        self._key = key_of(seed, name)
        self._cell: int | None = None
        self._left = self._right = 0.0

    def __call__(self, time_s: float) -> float:
        """Return the height of the curve at a time."""
        position = time_s / self.period_s
        cell = math.floor(position)
        if cell != self._cell:
            self._cell, self._left, self._right = cell, self._height(cell), self._height(cell + 1)
        part = position - cell
        return self._left + (self._right - self._left) * part * part * (3.0 - 2.0 * part)

    def _height(self, cell: int) -> float:
        return mix(self._key ^ (cell & _MASK)) * _UNIT - 1.0
