"""JSON: each series as an object with its columns as arrays.

Parts of one series are one object, whose first column must be at its end before its second begins. What comes too
early waits in memory, and beyond a few megabytes in a file without a name.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import groupby
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

import orjson

from barrio.tables.cells import as_json
from barrio.tables.table import Kind
from barrio.tables.times import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt

    from barrio.tables.table import Part, Table

_IN_MEMORY = 4_000_000
_AT_ONCE = 262_144


def write(table: Table) -> Iterator[bytes]:
    """Yield a table as one JSON object: its head, then `series`."""
    kinds = {one.name: one.kind for one in table.columns}
    head = orjson.dumps(dict(table.head), option=OPTIONS)[:-1]
    yield head + (b',"series":[' if len(head) > 1 else b'"series":[')
    between, times = b"", _Times()
    for _, parts in groupby(table.parts, key=lambda part: dict(part.series)):
        yield between
        yield from _series(parts, kinds, times)
        between = b","
    yield b"]}"


class _Times:
    """The last column of times: series in the same windows share one, which is written once."""

    def __init__(self) -> None:
        self._column: npt.NDArray[Any] | None = None
        self._written = b""

    def as_json(self, kind: Kind, column: npt.NDArray[Any]) -> bytes:
        """Return a column as a JSON array."""
        if kind is not Kind.TIME:
            return as_json(kind, column)
        if column is not self._column:
            self._column, self._written = column, as_json(kind, column)
        return self._written


def _series(parts: Iterator[Part], kinds: Mapping[str, Kind], times: _Times) -> Iterator[bytes]:
    """Yield one series; of one that is in one part, all at once."""
    first = next(parts)
    begun = orjson.dumps(dict(first.series))[:-1]
    columns = {
        name: times.as_json(kinds.get(name, Kind.NUMBER), array) for name, array in first.columns.items()
    }
    second = next(parts, None)
    if second is None:
        # Apart, since each copy of a column costs as much as half of writing it.
        yield begun
        for name, array in columns.items():
            yield b',"%b":' % name.encode()
            yield array
        yield b"}"
        return
    yield from _long(begun, columns, _chained(second, parts), kinds)


def _chained(second: Part, rest: Iterable[Part]) -> Iterator[Part]:
    yield second
    yield from rest


def _long(
    begun: bytes, first: Mapping[str, bytes], rest: Iterator[Part], kinds: Mapping[str, Kind]
) -> Iterator[bytes]:
    leading, *others = first
    with ExitStack() as opened:
        waiting = {name: _spool(opened, first[name]) for name in others}
        yield b'%b,"%b":%b' % (begun, leading.encode(), first[leading][:-1])
        for part in rest:
            found = {
                name: as_json(kinds.get(name, Kind.NUMBER), array)[1:-1]
                for name, array in part.columns.items()
            }
            if not found[leading]:
                continue
            for name, file in waiting.items():
                file.write(b"," + found[name])
            yield b"," + found[leading]
        yield b"]"
        for name, file in waiting.items():
            yield b',"%b":' % name.encode()
            file.seek(0)
            while piece := file.read(_AT_ONCE):
                yield piece
            yield b"]"
    yield b"}"


def _spool(opened: ExitStack, begun: bytes) -> IO[bytes]:
    file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the stack closes it
    opened.callback(file.close)
    file.write(begun[:-1])
    return file
