"""InfluxQL: the texts of queries, inside the subset that InfluxDB 1.x, 2.x and 3.x share.

No regular expressions, no `fill(previous)`, no `SHOW`, one selector a query where its time matters. Names come from
the catalogue and the district's files and are quoted; all else is an integer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from twin.store.port import Aggregate, Series

if TYPE_CHECKING:
    from twin.store.history import Grid

FIELDS = ("value", "state", "quality", "received", "device_time")

_REDUCE = {
    Aggregate.COUNT: "count",
    Aggregate.SUM: "sum",
    Aggregate.MIN: "min",
    Aggregate.MAX: "max",
    Aggregate.FIRST: "first",
    Aggregate.LAST: "last",
}
_BY_SERIES = 'GROUP BY "device", "point"'


def identifier(text: str) -> str:
    """Return a name in double quotes."""
    return '"' + _escape(text).replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """Return a string in single quotes."""
    return "'" + _escape(text).replace("'", "\\'") + "'"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def of_series(series: Iterable[Series]) -> str:
    """Return the condition that holds for the readings of these series of one measurement."""
    either = " OR ".join(
        f'("device" = {literal(one.device)} AND "point" = {literal(one.point)})' for one in series
    )
    return f"({either})"


def _where(measurement: str, series: Sequence[Series] | None, start: int | None, stop: int | None) -> str:
    """Return the part from FROM on; of every series of the measurement when `series` is None."""
    conditions = [f"time >= {start:d}"] if start is not None else []
    conditions += [f"time < {stop:d}"] if stop is not None else []
    conditions += [of_series(series)] if series is not None else []
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"FROM {identifier(measurement)}{where}"


def rows(measurement: str, series: Sequence[Series], start: int, stop: int) -> str:
    """Return the query for all fields of the readings of an interval."""
    return f"SELECT {_all_fields()} {_where(measurement, series, start, stop)} {_BY_SERIES}"


def newest(measurement: str, series: Sequence[Series] | None, before: int | None) -> str:
    """Return the query for the newest reading of each series (all of the measurement when None), of any quality."""
    where = _where(measurement, series, None, before)
    return f"SELECT {_all_fields()} {where} {_BY_SERIES} ORDER BY time DESC LIMIT 1"


def newest_usable(measurement: str, series: Sequence[Series], field: str, before: int) -> str:
    """Return the query for the newest reading that has a value; alone, `last` gives the reading's own time."""
    others = ", ".join(identifier(name) for name in FIELDS if name != field)
    where = _where(measurement, series, None, before)
    return f"SELECT last({identifier(field)}) AS {identifier(field)}, {others} {where} {_BY_SERIES}"


def cells(
    measurement: str, series: Sequence[Series], field: str, grid: Grid, wanted: Collection[Aggregate]
) -> str:
    """Return the query that reduces readings to the cells of a grid."""
    columns = ", ".join(
        f"{_REDUCE[one]}({identifier(field)}) AS {identifier(one.value)}" for one in sorted(wanted)
    )
    where = _where(measurement, series, grid.start, grid.stop)
    window = f"time({grid.step:d}ns, {grid.start % grid.step:d}ns)"
    return f'SELECT {columns} {where} GROUP BY {window}, "device", "point" fill(none)'


def first_usable(measurement: str, series: Sequence[Series] | None, field: str, since: int) -> str:
    """Return the query for the first reading of each series that has a value; alone, `first` gives its own time."""
    where = _where(measurement, series, since, None)
    return f'SELECT first({identifier(field)}) AS "first" {where} {_BY_SERIES}'


def everything(measurement: str, series: Sequence[Series] | None, start: int, stop: int) -> str:
    """Return the query for whatever fields the rows of an interval have."""
    return f"SELECT * {_where(measurement, series, start, stop)} {_BY_SERIES}"


def forget(measurement: str, before: int) -> str:
    """Return the statement that deletes all rows of a measurement from before a time."""
    return f"DELETE {_where(measurement, None, None, before)}"


def delete(measurement: str, series: Sequence[Series], start: int, stop: int) -> str:
    """Return the statement that deletes the readings of an interval."""
    return f"DELETE {_where(measurement, series, start, stop)}"


def create_database(name: str) -> str:
    """Return the statement that creates a database, or leaves it as it is; 1.x only."""
    return f"CREATE DATABASE {identifier(name)}"


def _all_fields() -> str:
    return ", ".join(identifier(name) for name in FIELDS)
