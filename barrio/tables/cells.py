"""Columns as text: a JSON array of a whole column, or the text of each of its cells.

orjson writes a column at once, so that no cell is ever a Python object of its own before it is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson

from barrio.tables import times
from barrio.tables.coded import coded
from barrio.tables.table import Kind
from barrio.tables.times import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy.typing as npt


def as_json(kind: Kind, column: npt.NDArray[Any]) -> bytes:
    """Return a column as a JSON array: times RFC 3339 in UTC, what is absent or infinite null."""
    if column.dtype == object:
        if len(column) and column.strides == (0,):
            # One text for all rows, as most columns of quality are.
            one = _texts([column[0]])[1:-1]
            return b"[%b%b]" % ((one + b",") * (len(column) - 1), one)
        return _texts(column.tolist())
    if kind is Kind.TIME:
        return times.as_json(column)
    return orjson.dumps(np.ascontiguousarray(column), option=OPTIONS)


def json_cells(kind: Kind, column: npt.NDArray[Any]) -> list[bytes]:
    """Return each cell of a column as JSON."""
    if column.dtype == object:
        return _each(column, lambda text: _texts([text])[1:-1])
    return _split(as_json(kind, column))


def csv_cells(kind: Kind, column: npt.NDArray[Any]) -> list[bytes]:
    """Return each cell of a column as CSV, empty where it is absent."""
    if column.dtype == object:
        return _each(column, csv_text)
    found = as_json(kind, column)
    return _split(found.replace(b'"', b"") if kind is Kind.TIME else found, b"")


def csv_text(text: str | None) -> bytes:
    """Return a text as a cell of CSV: quoted where it must be (RFC 4180), and never a formula.

    Spreadsheets run a cell that begins with one of `= + - @`, a tab or a line break. Such a text is given with an
    apostrophe before it, and so is one that begins with an apostrophe: whoever takes the first apostrophe away has
    what was there.
    """
    if text is None:
        return b""
    if text.startswith(_RUN):
        text = f"'{text}"
    if not text or text != text.strip() or any(one in text for one in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode("utf-8", "replace")


# The last four are wide forms of the first, which some spreadsheets take for the same.
_RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def _texts(found: list[str | None]) -> bytes:
    try:
        return orjson.dumps(found)
    except TypeError:
        # Half of a surrogate pair, which no UTF-8 has.
        clean = [one and one.encode("utf-8", "replace").decode() for one in found]
        return orjson.dumps(clean)


def _each(column: npt.NDArray[Any], write: Callable[[Any], bytes]) -> list[bytes]:
    """Return the text of each cell; what occurs often is written once."""
    codes, texts = coded(column)
    written = np.array([*map(write, texts), b""], object)
    found: list[bytes] = written[codes].tolist()
    return found


def _split(array: bytes, absent: bytes = b"null") -> list[bytes]:
    inner = array[1:-1]
    if not inner:
        return []
    return (inner if absent == b"null" else inner.replace(b"null", absent)).split(b",")
