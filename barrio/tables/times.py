"""Columns of times as JSON: RFC 3339 in UTC, as exact as they are, in cells that are all of one length.

A cell is put together from words of four and eight bytes that stand in small tables, a whole column at once: that takes
a third of the time that a formatter takes that looks at each moment. A column has no fraction, six digits or nine; one
in which only some moments have six is written by orjson, which leaves a fraction out where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from twin.clock import NS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from twin.frame import Times

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
NEVER = np.iinfo(np.int64).min
"""Where a column of times has none."""

_FEW = 2_000
"""Cells; below that orjson is as quick, the more so where other work was done since the last column."""
_DAY_S = 86_400
_WHOLE, _MICROS, _NANOS = 0, 6, 9


def _words(texts: Iterable[bytes], kind: str) -> npt.NDArray[Any]:
    """Return texts of equal length, as numbers that have their bytes."""
    return np.frombuffer(b"".join(texts), kind)


_MINUTES = _words((b"%02d:%02d:\0\0" % divmod(one, 60) for one in range(1_440)), "u8")
_SECONDS = _words((b"\0\0\0\0\0\0%02d" % one for one in range(60)), "u8")
_FIRST = _words((b".%03d" % one for one in range(1_000)), "u4")
_OTHER = _words((b"%03dZ" % one for one in range(1_000)), "u4")
_ZULU = _words([b"Z"], "u1")[0]
_END = _words([b'",'], "u2")[0]


def _cell(**fields: tuple[str, int]) -> np.dtype[Any]:
    """Return how a cell lies in memory: each field with its kind and where it begins; the last one ends the cell."""
    kinds, offsets = zip(*fields.values(), strict=True)
    size = offsets[-1] + np.dtype(kinds[-1]).itemsize
    return np.dtype(
        {"names": list(fields), "formats": list(kinds), "offsets": list(offsets), "itemsize": size}
    )


_HEAD = {"month": ("u8", 0), "day": ("u4", 8), "clock": ("u8", 12)}
# The Z of a word that another one follows is written over.
_CELLS = {
    _WHOLE: _cell(**_HEAD, zulu=("u1", 20), end=("u2", 21)),
    _MICROS: _cell(**_HEAD, milli=("u4", 20), micro=("u4", 24), end=("u2", 28)),
    _NANOS: _cell(**_HEAD, milli=("u4", 20), micro=("u4", 24), nano=("u4", 27), end=("u2", 31)),
}


def as_json(column: Times) -> bytes:
    """Return times as a JSON array, null where there is none."""
    if not len(column):
        return b"[]"
    absent = column == NEVER
    if not absent.any():
        return _written(column)
    known = column[~absent]
    if not len(known):
        return b"[" + b",".join([b"null"] * len(column)) + b"]"
    cells = _written(np.where(absent, known[0], column))[1:-1].split(b",")
    pairs = zip(cells, absent.tolist(), strict=True)
    return b"[" + b",".join([b"null" if gone else cell for cell, gone in pairs]) + b"]"


def _written(column: Times) -> bytes:
    seconds = column // NS
    left = column - seconds * NS
    digits = _digits(left)
    if digits is None or (digits != _NANOS and len(column) < _FEW):
        return orjson.dumps((column // 1000).view("datetime64[us]"), option=OPTIONS)
    kind = _CELLS[digits]
    text = np.empty(1 + len(column) * kind.itemsize, np.uint8)
    cells = np.ndarray(len(column), kind, text.data, 1)
    _put_moment(cells, seconds)
    if digits:
        _put_fraction(cells, left, digits)
    else:
        cells["zulu"] = np.full(len(column), _ZULU)
    # One value for all would be put in cell by cell, which takes three times as long.
    cells["end"] = np.full(len(column), _END)
    text[0], text[-1] = b"[]"
    return text.tobytes()


def _digits(left: Times) -> int | None:
    """Return how many digits the fractions of a column have, in ns; None where some have none and others six."""
    if not left.any():
        return _WHOLE
    micros = left // 1000
    if (micros * 1000 != left).any():
        return _NANOS
    return _MICROS if micros.all() else None


def _put_moment(cells: npt.NDArray[Any], seconds: Times) -> None:
    """Write the day and the clock of each moment."""
    days = seconds // _DAY_S
    clock = seconds - days * _DAY_S
    first, last = int(days.min()), int(days.max())
    if last - first < len(days):
        names, at = np.arange(first, last + 1), days - first
    else:
        names, at = np.unique(days, return_inverse=True)
    words = np.datetime_as_string(names.view("datetime64[D]")).tolist()
    cells["month"] = _words((b'"%b' % one[:7].encode() for one in words), "u8").take(at)
    cells["day"] = _words((b"%bT" % one[7:].encode() for one in words), "u4").take(at)
    minutes = clock // 60
    cells["clock"] = _MINUTES.take(minutes) | _SECONDS.take(clock - minutes * 60)


def _put_fraction(cells: npt.NDArray[Any], left: Times, digits: int) -> None:
    """Write what is left of a second, in ns."""
    millis = left // 1_000_000
    cells["milli"] = _FIRST.take(millis)
    micros = left // 1000
    cells["micro"] = _OTHER.take(micros - millis * 1000)
    if digits == _NANOS:
        cells["nano"] = _OTHER.take(left - micros * 1000)
