"""Series by how finely a caller is given them, and the windows in which the coarse ones come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from barrio.sta.columns import Columns, join, of_batch, of_window
from twin.clock import NS
from twin.model.quantities import Aggregation
from twin.resolution import Resolution
from twin.store.port import Aggregate
from twin.store.windows import edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from barrio.sta.records import Stream
    from twin.access.sight import Sight
    from twin.frame import Ids, Times
    from twin.model.district import District
    from twin.store.port import Store


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Series that are given alike: `zone` is the clock of the windows, `gauges` those whose value is a mean."""

    resolution: Resolution
    zone: ZoneInfo
    ids: Ids
    gauges: frozenset[int]

    @property
    def raw(self) -> bool:
        """Whether the readings themselves are given."""
        return self.resolution is Resolution.RAW

    @property
    def longest(self) -> int:
        """How long a window is at most, ns: a day has up to 25 hours."""
        return (
            0
            if self.raw
            else self.resolution.seconds * NS + (3600 * NS if self.resolution is Resolution.DAY else 0)
        )

    def only(self, ids: Ids) -> Group:
        """Return the group with those of its series that are among `ids`."""
        return Group(self.resolution, self.zone, np.intersect1d(self.ids, ids).astype(np.int32), self.gauges)


def groups_of(streams: Iterable[Stream], sight: Sight, districts: Mapping[str, District]) -> Sequence[Group]:
    """Return the series of Datastreams in groups."""
    found: dict[tuple[Resolution, ZoneInfo], list[Stream]] = {}
    for one in streams:
        zone = districts[one.thing.owner.district].zone
        resolution = sight.resolution(one.id)
        # Raw readings need no clock, so they are one group.
        key = (resolution, zone if resolution is not Resolution.RAW else _any_zone(districts))
        found.setdefault(key, []).append(one)
    return [
        Group(
            *key,
            np.array(sorted(one.id for one in some), np.int32),
            frozenset(one.id for one in some if one.item.point.quantity.aggregation is Aggregation.GAUGE),
        )
        for key, some in found.items()
    ]


def _any_zone(districts: Mapping[str, District]) -> ZoneInfo:
    return next(iter(districts.values())).zone


def read(store: Store, group: Group, start: int, stop: int, now: int) -> Columns:
    """Return what a group gives of `start <= time < stop`; a window belongs where it starts, once it has ended."""
    if group.raw:
        return of_batch(store.raw(group.ids, start, stop))
    bounds = _edges(group, start, stop, now)
    if len(bounds) < 2:
        return join([])
    wanted = [Aggregate.MEAN] if group.gauges else []
    if set(group.ids.tolist()) - group.gauges:
        wanted.append(Aggregate.LAST)
    found = store.windows(group.ids, bounds, wanted)
    parts = []
    for series, windows in found.items():
        value = windows.columns[Aggregate.MEAN if series in group.gauges else Aggregate.LAST]
        parts.append(of_window(series, bounds[:-1], bounds[1:], value))
    return join(parts)


def floor(group: Group, moment: int) -> int:
    """Return the start of the window that a moment lies in, the moment itself for raw readings."""
    return moment if group.raw else int(edges(moment, moment + 1, group.resolution.value, group.zone)[0])


def _edges(group: Group, start: int, stop: int, now: int) -> Times:
    """Return the edges of the windows that start in `start <= time < stop` and have ended."""
    stop = min(stop, now)
    if stop <= start:
        return np.empty(0, np.int64)
    found = edges(start, stop, group.resolution.value, group.zone)
    return found[(found >= start) & (found <= now)]
