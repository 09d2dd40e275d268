"""CSV and NDJSON: a row a line, each with what its series is and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from barrio.tables.cells import csv_cells, csv_text, json_cells
from barrio.tables.portions import portions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from barrio.tables.table import Column, Part, Table

_AT_ONCE = 10_000
"""Rows; what is between two portions of them may go on meanwhile."""

_END = b"\r\n"


def write_csv(table: Table) -> Iterator[bytes]:
    """Yield a table as CSV (RFC 4180): a header, then the rows; what a series has not is empty."""
    names = [*table.constants, *(one.name for one in table.columns)]
    yield b",".join(csv_text(name) for name in names) + _END
    for some in portions(table.parts, _AT_ONCE):
        yield b"".join([_csv_rows(part, table) for part in some])


def _csv_rows(part: Part, table: Table) -> bytes:
    before = b"".join(csv_text(part.series.get(name, "")) + b"," for name in table.constants)
    cells = [
        csv_cells(one.kind, part.columns[one.name]) if one.name in part.columns else None
        for one in table.columns
    ]
    between = [b","] * (len(cells) - 1)
    return _woven(len(part), [before, *between, _END], cells)


def write_ndjson(table: Table) -> Iterator[bytes]:
    """Yield a table as NDJSON: an object a line; what a series has not is null."""
    for some in portions(table.parts, _AT_ONCE):
        yield b"".join([_json_rows(part, table.constants, table.columns) for part in some])


def _json_rows(part: Part, constants: Sequence[str], columns: Sequence[Column]) -> bytes:
    said = {name: part.series.get(name) for name in constants}
    begun = orjson.dumps(said)[:-1]
    keys = [b',"%b":' % one.name.encode() for one in columns]
    if said:
        keys[0] = begun + keys[0]
    else:
        keys[0] = begun + keys[0][1:]
    cells = [
        json_cells(one.kind, part.columns[one.name]) if one.name in part.columns else [b"null"] * len(part)
        for one in columns
    ]
    return _woven(len(part), [*keys, b"}\n"], cells)


def _woven(rows: int, texts: Sequence[bytes], cells: Sequence[Sequence[bytes] | None]) -> bytes:
    """Return rows: the first text, the cell of the first column, the second text and so on; None has no cells."""
    woven: list[Sequence[bytes]] = []
    text = texts[0]
    for column, after in zip(cells, texts[1:], strict=True):
        if column is None:
            text += after
        else:
            woven += [[text] * rows, column]
            text = after
    woven.append([text] * rows)
    width = len(woven)
    found: list[bytes] = [b""] * (rows * width)
    for at, column in enumerate(woven):
        found[at::width] = column
    return b"".join(found)
