"""Readings themselves as a table: every reading of the series of a plan, a portion at a time.

Whoever is given a series no finer than a quarter hour, an hour or a day gets, in the same columns, the windows of that
resolution that have finished: the mean of a gauge, the last of a counter's register and of a state, at the window's
start. Their quality is empty: it is that of readings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from barrio.exports.pieces import ROWS, count, pieces
from barrio.history.permitted import SETTLED_S
from barrio.moments import rfc3339
from barrio.tables.table import Column, Kind, Part, Table
from twin.clock import NS
from twin.model.quantities import Aggregation
from twin.quality import Reason
from twin.resolution import Resolution
from twin.store.history import split
from twin.store.port import Aggregate
from twin.store.windows import edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from barrio.assembly import Catalogue
    from barrio.exports.plan import Plan
    from barrio.platform import Platform
    from twin.frame import Ids, Times, Values
    from twin.model.bound import BoundPoint

COLUMNS = (
    Column("time", Kind.TIME),
    Column("value", Kind.NUMBER),
    Column("state", Kind.TEXT),
    Column("quality", Kind.TEXT),
)
_RESOLUTIONS = tuple(Resolution)
_SLUGS = np.array([Reason(code).slug if code in set(Reason) else "" for code in range(256)], object)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many rows a plan is likely to give, and the readings of each series that are given themselves."""

    rows: int
    ids: Ids
    counts: Times


def estimate(platform: Platform, plan: Plan) -> Estimate:
    """Count what there is; blocks."""
    ids, finest = plan.ids, np.array(plan.finest, np.uint8)
    own = ids[finest == 0]
    counts = count(platform.store, own, plan.start, plan.stop) if len(own) else np.empty(0, np.int64)
    span_s = (plan.stop - plan.start) / NS
    windows = sum(int(span_s // _RESOLUTIONS[code].seconds) for code in finest[finest > 0].tolist())
    return Estimate(int(counts.sum()) + windows, own, counts)


def table(platform: Platform, plan: Plan, found: Estimate) -> Table:
    """Return the readings of a plan; nothing is read yet."""
    head = {"from": rfc3339(plan.start), "to": rfc3339(plan.stop), "every": None, "tz": plan.zone}
    return Table(head, COLUMNS, _parts(platform, plan, found))


def _parts(platform: Platform, plan: Plan, found: Estimate) -> Iterator[Part]:
    catalogue = platform.catalogue
    points = {item.id: item for item in catalogue.points.values()}
    there = found.counts > 0
    for batch in pieces(platform.store, found.ids[there], found.counts[there], plan.start, plan.stop):
        for one, rows in split(batch):
            yield _part(
                points[one],
                _columns(points[one], rows.time, rows.value, _SLUGS[rows.quality], catalogue.states),
            )
    finest = np.array(plan.finest, np.uint8)
    for code in np.unique(finest[finest > 0]).tolist():
        ids = plan.ids[finest == code]
        yield from _windows(platform, plan, ids, _RESOLUTIONS[code], points)


def _windows(
    platform: Platform, plan: Plan, ids: Ids, resolution: Resolution, points: Mapping[int, BoundPoint]
) -> Iterator[Part]:
    """Yield windows that lie in the time of the plan and have finished, a few series at a time."""
    for zone, some in _by_zone(platform.catalogue, ids):
        until = min(plan.stop, platform.clock.now_ns() - round(SETTLED_S * NS))
        if until <= plan.start:
            continue
        found = edges(plan.start, until, resolution.value, zone)
        found = found[(found >= plan.start) & (found <= until)]
        if len(found) < 2:
            continue
        at_once = max(ROWS // len(found), 1)
        for first in range(0, len(some), at_once):
            yield from _reduced(platform, some[first : first + at_once], found, points)


def _reduced(platform: Platform, ids: Ids, bounds: Times, points: Mapping[int, BoundPoint]) -> Iterator[Part]:
    windows = platform.store.windows(ids, bounds, [Aggregate.MEAN, Aggregate.LAST])
    for one in ids.tolist():
        item, columns = points[one], windows[one].columns
        gauge = item.point.quantity.aggregation is Aggregation.GAUGE
        value = columns.get(Aggregate.MEAN if gauge else Aggregate.LAST)
        if value is None or not (known := ~np.isnan(value)).any():
            continue
        time, value = bounds[:-1][known], value[known]
        empty = np.full(len(time), None, object)
        yield _part(item, _columns(item, time, value, empty, platform.catalogue.states))


def _by_zone(catalogue: Catalogue, ids: Ids) -> Iterator[tuple[ZoneInfo, Ids]]:
    for district in catalogue.districts:
        mine = np.array(
            [one for one in ids.tolist() if catalogue.owners[one].district == district.id], np.int32
        )
        if len(mine):
            yield district.zone, mine


def _part(item: BoundPoint, columns: Mapping[str, npt.NDArray[np.generic]]) -> Part:
    quantity = item.point.quantity
    return Part({"point": item.point.path, "quantity": quantity.name, "unit": quantity.unit}, columns)


def _columns(
    item: BoundPoint, time: Times, value: Values, quality: npt.NDArray[np.object_], states: Mapping[int, str]
) -> dict[str, npt.NDArray[np.generic]]:
    if item.point.quantity.aggregation is not Aggregation.STATE:
        return {"time": time, "value": value, "quality": quality}
    names = [None if np.isnan(one) else states.get(int(one)) for one in value.tolist()]
    return {"time": time, "state": np.array(names, object), "quality": quality}
