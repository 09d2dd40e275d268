"""Tables for tests: what they say, and the same as plain rows."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from barrio.tables.table import Column, Kind, Part, Table
from barrio.tables.times import NEVER

START = 1_764_000_000_000_000_000
COLUMNS = (
    Column("time", Kind.TIME),
    Column("value", Kind.NUMBER, "Cel"),
    Column("count", Kind.INTEGER),
    Column("state", Kind.TEXT),
)
AWKWARD = 'a,b "c"\r\nd – ü, 東京 \U0001f600'
TEXTS = ["off", None, AWKWARD, "", "=1+1", "'quoted", " padded "]


def table(parts: Iterable[Part], columns: Sequence[Column] = COLUMNS, **head: Any) -> Table:
    """A table with `parts`."""
    return Table(head or {"from": "2026-11-23T15:00:00.000000Z", "every": None}, columns, parts)


def part(
    rows: int, point: str = "d/x/p", *, step: int = 1_000_000_001, first: int = 0, **columns: Any
) -> Part:
    """A part of all columns, or of those that are given."""
    at = np.arange(first, first + rows)
    value = np.round(np.sin(at) * 1000, 3)
    value[::7] = np.nan
    found = columns or {
        "time": (START + at * step).astype(np.int64),
        "value": value,
        "count": at.astype(np.int64) * 2**40,
        "state": np.array([TEXTS[one % len(TEXTS)] for one in at.tolist()], object),
    }
    return Part({"point": point, "quantity": "air_temperature", "unit": "Cel"}, found)


def rows_of(parts: Iterable[Part]) -> Iterator[tuple[Any, ...]]:
    """Rows as plain values: times int ns, absent None."""
    for one in parts:
        columns = [
            _plain(name, one.columns[name].tolist()) if name in one.columns else [None] * len(one)
            for name in (column.name for column in COLUMNS)
        ]
        for cells in zip(*columns, strict=True):
            yield (*one.series.values(), *cells)


def _plain(name: str, cells: list[Any]) -> list[Any]:
    if name == "time":
        return [None if cell == NEVER else cell for cell in cells]
    return [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells]
