"""What is made of the bytes of a block: numbers of one type, scale factors, texts, and the doubts about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from connectors.modbus.wire import text_of
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.modbus.registers import ValueType
    from twin.frame import Values

Index = npt.NDArray[np.intp]
Bytes = npt.NDArray[np.uint8]

EXACT = 2**53
"""Integers up to here are kept exactly by a float64."""

# A SunSpec scale factor (sunssf) is an int16, 0x8000 where it is not implemented (pysunspec2, SUNS_UNIMPL_SUNSSF); one
# beyond 10 stands for no measure of a district, so what was read is taken for something else.
_MOST_TENS = 10
_NO_FACTOR = -0x8000
_TENS = 10.0 ** np.arange(-_MOST_TENS, _MOST_TENS + 1).clip(0)
_TENTHS = 10.0 ** (-np.arange(-_MOST_TENS, _MOST_TENS + 1)).clip(0)
_LONGEST_SHOWN = 40


class Doubt(NamedTuple):
    """Positions in the frame that have a reason against them; `words` is empty where the reason says enough."""

    at: Index
    reason: Reason
    words: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The points of one type, next to each other in the frame at `where`; `index` gathers their bytes.

    `is_plain` says that what was gathered is the value; `may_signal` that it may be a signalling NaN.
    """

    where: slice
    kind: ValueType
    dtype: np.dtype[Any]
    index: Index
    is_plain: bool
    may_signal: bool
    has_nulls: bool
    nan_at: Index
    null_at: Index
    null_patterns: npt.NDArray[Any]
    shifts: npt.NDArray[Any] | None
    masks: npt.NDArray[Any] | None

    def gather(self, raw: Bytes) -> npt.NDArray[Any]:
        """Return the raw values as numbers of `dtype`, before anything is made of them."""
        return raw.take(self.index).view(self.dtype)

    def numbers(self, found: npt.NDArray[Any], doubts: list[Doubt]) -> npt.NDArray[Any]:
        """Return what was gathered as the values that it stands for."""
        start = self.where.start
        if self.shifts is not None:
            field: npt.NDArray[Any] = (found >> self.shifts) & self.masks
            return field
        if self.kind.is_bcd:
            found, is_bad = decimals(found, self.kind.bits)
            doubts += some(np.flatnonzero(is_bad) + start, Reason.UNDECODABLE, "not a BCD number")
        elif self.kind.bits == 64 and not self.kind.is_float:
            large = (found > EXACT) | (found < -EXACT)
            doubts += some(np.flatnonzero(large) + start, Reason.IMPRECISE)
        return found

    def nulls(self, found: npt.NDArray[Any]) -> list[Doubt]:
        """Return positions in the frame whose raw pattern means `not available`."""
        hits = self.null_at[found.view(self.null_patterns.dtype).take(self.null_at) == self.null_patterns]
        if self.nan_at.size:
            hits = np.concatenate([hits, self.nan_at[np.isnan(found.take(self.nan_at))]])
        return some(hits + self.where.start, Reason.NOT_AVAILABLE)


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """The points with a scale factor: `at` are their positions, `index` gathers the registers of their factors."""

    at: Index
    index: Index

    def apply(self, raw: Bytes, values: Values) -> Iterator[Doubt]:
        """Scale in place, to the double nearest to the decimal; yields what could not be."""
        powers = raw.take(self.index).view("<i2").astype(np.intp)
        known = np.abs(powers) <= _MOST_TENS
        which = np.where(known, powers, 0) + _MOST_TENS
        values[self.at] = values[self.at] * _TENS[which] / _TENTHS[which]
        if not known.all():
            missing = powers == _NO_FACTOR
            yield from some(self.at[~known & ~missing], Reason.UNDECODABLE, "no scale factor of -10 to 10")
            yield from some(self.at[missing], Reason.NOT_AVAILABLE)


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A string point: its position, where its bytes are, and the state ids of its texts."""

    at: int
    index: Index
    table: Mapping[object, float]

    def read(self, raw: Bytes) -> tuple[float, Reason, str]:
        """Return the state id, or why there is none."""
        content = raw.take(self.index).tobytes()
        try:
            text = text_of(content)
        except UnicodeDecodeError:
            return math.nan, Reason.UNDECODABLE, f"not UTF-8 text: {content[:_LONGEST_SHOWN].hex()}"
        found = self.table.get(text)
        if found is not None:
            return found, Reason.GOOD, ""
        if not text:
            return math.nan, Reason.NOT_AVAILABLE, ""
        return math.nan, Reason.UNKNOWN_STATE, f"state {text[:_LONGEST_SHOWN]!r} is not in the profile"


def decimals(found: npt.NDArray[Any], bits: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return the decimal numbers of packed digits, and which of them have a digit beyond 9."""
    numbers = np.zeros(len(found), np.uint32)
    is_bad = np.zeros(len(found), np.bool_)
    for shift in range(bits - 4, -1, -4):
        digit = (found >> shift) & 0xF
        is_bad |= digit > 9
        numbers = numbers * np.uint32(10) + digit
    return numbers, is_bad


def some(at: Index, reason: Reason, words: str = "") -> list[Doubt]:
    """Return the doubt about positions, nothing where there are none."""
    return [Doubt(at, reason, words)] if at.size else []
