"""Rollups in a DuckDB file: `rollups_15m`, `rollups_1h`, `rollups_1d`, and the seconds of states beside each.

`rollups_*(series, start, mean, min, max, last, count, delta, good_s)` and `state_seconds_*(series, start, state,
seconds)`, one row a (series, start), and one a state that occurred. NULL is what a window does not know. The views
`rollups` and `state_seconds` name series and states.
"""

# ruff: noqa: S608 -- statements are put together from integers and from names that stand in this package

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.store.duckdb_file import floats
from twin.store.duckdb_layout import rollup_table, state_table
from twin.store.rollup import COLUMNS, Held, Rollups

if TYPE_CHECKING:
    from twin.frame import Ids, Times
    from twin.resolution import Resolution
    from twin.store.duckdb_file import Columns, Cursor, Writer


def write(writer: Writer, rows: Rollups) -> None:
    """Put rollups in the place of those that are there; inside a transaction."""
    delete(writer, rows.resolution, rows.ids, int(rows.edges[0]), int(rows.edges[-1]))
    starts = rows.edges[:-1]
    series, window = np.nonzero(~np.isnan(rows.columns["count"]))
    numbers = {name: rows.columns[name][series, window] for name in COLUMNS}
    table = {"series": rows.ids[series], "start": starts[window], **numbers}
    _append(writer, rollup_table(rows.resolution), table)
    if len(rows.held):
        held = rows.held
        table = {"series": rows.ids[held.series], "start": starts[held.window], "state": held.state}
        _append(writer, state_table(rows.resolution), {**table, "seconds": held.seconds})


def delete(writer: Writer, resolution: Resolution, ids: Ids, start: int, stop: int) -> None:
    """Delete the rollups of windows that begin within `start <= time < stop`; inside a transaction."""
    wanted = {"id": ids}
    for table in (rollup_table(resolution), state_table(resolution)):
        writer.connection.execute(
            f"DELETE FROM {table} WHERE start >= {start:d} AND start < {stop:d} AND series IN (SELECT id FROM wanted)"
        )
    del wanted


def read(cursor: Cursor, resolution: Resolution, ids: Ids, edges: Times) -> Rollups:
    """Return the rollups of `ids`, which rise, for windows that begin at `edges` but the last."""
    shape = (len(ids), len(edges) - 1)
    columns = {name: np.full(shape, np.nan) for name in COLUMNS}
    found = _select(cursor, rollup_table(resolution), ids, edges)
    at, window, fits = _place(found, ids, edges)
    for name in COLUMNS:
        columns[name][at, window] = floats(found[name])[fits]
    found = _select(cursor, state_table(resolution), ids, edges)
    at, window, fits = _place(found, ids, edges)
    held = Held(
        at.astype(np.int32), window.astype(np.int32), found["state"][fits], floats(found["seconds"])[fits]
    )
    return Rollups(resolution, ids, edges, columns, held)


def _append(writer: Writer, table: str, rows: Columns) -> int:
    """Append rows; DuckDB finds `rows` among the local names."""
    writer.connection.execute(f"INSERT INTO {table} SELECT * FROM rows")
    return len(rows)


def _select(cursor: Cursor, table: str, ids: Ids, edges: Times) -> Columns:
    wanted = {"id": ids}
    text = f"FROM {table} WHERE start >= {edges[0]:d} AND start < {edges[-1]:d} AND series IN (SELECT id FROM wanted)"
    found: Columns = cursor.connection.execute(text).fetchnumpy()
    return found if wanted else {}


def _place(found: Columns, ids: Ids, edges: Times) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the series' and windows' positions of rows, and which rows have one: other windows are passed over."""
    series: Ids = found["series"]
    start: Times = found["start"]
    window = np.searchsorted(edges, start)
    fits = edges[window] == start
    return np.searchsorted(ids, series)[fits], window[fits], fits
