"""Rollups of the simulated week, made by the code that makes them, and of four weeks before it.

Those repeat the hours and days of the week, and the quarter hours of counters, a little lower the older they are:
readings of five weeks would take minutes to write. As on a platform, windows stand there once they have ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tests.dashboards.week import QUIET_STEPS, STEP_S, Week, bad_of, batch_of, kept_of
from twin.frame import Batch, Times, empty_batch, join
from twin.model.quantities import Aggregation
from twin.resolution import Resolution
from twin.rollups.coarser import coarser
from twin.rollups.points import Points, points_of
from twin.rollups.reduce import Before, reduce
from twin.store.influx import InfluxStore
from twin.store.rollup import Held, Rollups
from twin.store.windows import edges

NS = 1_000_000_000
WEEK_NS = 7 * 86_400 * NS
EARLIER = 4
"""How many weeks before the week have hours and days, and counters their quarter hours."""
HOLD_S = float(QUIET_STEPS * STEP_S + 60)
DEVICES_AT_ONCE = 20
_SCALED = ("mean", "min", "max", "last", "delta")


def store(week: Week, url: str, prefix: str = "") -> int:
    """Write the rollups of every point; returns how many windows."""
    influx = InfluxStore(url, database_prefix=prefix, timeout_s=60.0)
    influx.open(week.series, week.catalogue.states)
    total = 0
    try:
        for rows in rollups(week):
            influx.write_rollups(rows)
            total += rows.shape[0] * rows.shape[1]
    finally:
        influx.close()
    return total


def rollups(week: Week) -> Iterator[Rollups]:
    """Yield all rollups, whole devices at once."""
    points = points_of((one, HOLD_S) for one in week.series)
    kept, bad = kept_of(week), bad_of(week)
    column_of = {one.id: number for number, one in enumerate(week.series)}
    for first in range(0, int(points.device.max()) + 1, DEVICES_AT_ONCE):
        some = points.take((points.device >= first) & (points.device < first + DEVICES_AT_ONCE))
        columns = [column_of[one] for one in some.ids.tolist()]
        rows = [batch_of(week, columns, slice(None), kept[:, columns]), bad.take(np.isin(bad.ids, some.ids))]
        yield from _of(week, some, _sorted(join(rows)))


def _sorted(rows: Batch) -> Batch:
    return rows.take(np.lexsort((rows.time, rows.ids)))


def _of(week: Week, points: Points, rows: Batch) -> Iterator[Rollups]:
    """Yield the three resolutions of some points, and the earlier weeks of two (of counters all three)."""
    nothing = Before(empty_batch(), empty_batch())
    quarters = reduce(points, rows, nothing, _ended(week, Resolution.QUARTER), Resolution.QUARTER)
    hours = _coarser(week, quarters, Resolution.HOUR)
    days = _coarser(week, hours, Resolution.DAY)
    yield quarters
    for number in range(EARLIER, -1, -1):
        yield _earlier(hours, number)
        yield _earlier(days, number)
    counters = {one.id for one in week.series if one.quantity.aggregation is Aggregation.COUNTER}
    counted = points.take(np.isin(points.ids, list(counters)))
    if len(counted.ids):
        rows = rows.take(np.isin(rows.ids, counted.ids))
        quarters = reduce(counted, rows, nothing, _ended(week, Resolution.QUARTER), Resolution.QUARTER)
        for number in range(EARLIER, 0, -1):
            yield _earlier(quarters, number)


def _ended(week: Week, resolution: Resolution) -> Times:
    found = edges(int(week.times[0]), week.now_ns, resolution.value, week.district.zone)
    return found[found <= week.now_ns]


def _coarser(week: Week, fine: Rollups, resolution: Resolution) -> Rollups:
    """Return whole windows of another resolution; the first, of which the beginning is missing, is left out."""
    wanted = _ended(week, resolution)
    wanted = wanted[(wanted >= fine.edges[0]) & (wanted <= fine.edges[-1])]
    return coarser(_part(fine, int(wanted[0]), int(wanted[-1])), wanted, resolution)


def _part(fine: Rollups, start: int, stop: int) -> Rollups:
    first, last = np.searchsorted(fine.edges, [start, stop]).tolist()
    held = fine.held
    mine = (held.window >= first) & (held.window < last)
    window = (held.window[mine] - first).astype(np.int32)
    return replace(
        fine,
        edges=fine.edges[first : last + 1],
        columns={name: column[:, first:last] for name, column in fine.columns.items()},
        held=Held(held.series[mine], window, held.state[mine], held.seconds[mine]),
    )


def _earlier(rows: Rollups, weeks: int) -> Rollups:
    """Return the same windows so many weeks before, a little lower."""
    scale = 1.0 - 0.03 * weeks
    columns = {name: column * scale if name in _SCALED else column for name, column in rows.columns.items()}
    states = ~np.isin(rows.ids, np.unique(rows.ids[rows.held.series]))
    if weeks and not states.all():
        # The last state is a number that stands for a name.
        columns["last"] = np.where(states[:, None], columns["last"], rows.columns["last"])
    return replace(rows, edges=rows.edges - weeks * WEEK_NS, columns=columns)
