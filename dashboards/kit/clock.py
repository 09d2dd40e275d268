"""Queries by the clock and the calendar of a district: days, the week before, nights, hours of the week, peaks.

All of them read rollups, and are tables or lines that `Told` takes. Four tricks, each held by a test on a database:

- The range that a person sees begins at any moment, so the first day in it is a part of one. It begins before the
  range and lies left of the picture; where it would count, it is dropped: the difference of cumulative sums is the rows
  without the first. (Grafana's `${__from}` would reach further back, but before 11.3 it is not the panel's own.)
- The week before is not asked for a second time, since a database gives no row another time than its own. With
  `n * moving_average(v, n)` being the sum of the last n rows, `8 * moving_average(v, 8) - 7 * moving_average(v, 7)` is
  the row of seven days before. Days without a row are filled with 0 first, or rows would slip.
- Part of each night (02 to 05) is the first of the windows of three hours of a day that begins at two. Windows that
  have nothing are filled with -1, or the first would be a later one, and left out at the end.
- `x / abs(x)` tells on which side of a limit a value is, so a share of time needs no second query.

Days and hours are those of the zone. What a select says of its windows does not reach into others: `tz()` and the
bounds of time stand in every one, or 1.6.7 would fill windows from the beginning of time.
"""

# Queries are put together of quoted names: `influxql.name`, `influxql.value`.
# ruff: noqa: S608

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.kit.influxql import name, value
from dashboards.kit.selection import picked_from
from dashboards.kit.series import Told
from dashboards.kit.steps import BUDGET, Step, steps
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.kit.inventory import Bounds, Inventory, Seen
    from dashboards.kit.texts import Text

SLOT_H = 3
"""Length of the windows of a day; they begin at 02, 05, 08 … of the clock."""

# Weeks of 7 days since 1970 begin on Thursdays.
_SATURDAY, _SUNDAY, _MONDAY = "2d", "3d", "4d"
# Weekends are shown so many days back.
_WEEKENDS = 56


@dataclass(frozen=True, slots=True)
class Clock:
    """Makes the queries for points of one quantity of a district."""

    inventory: Inventory

    # --- days -----------------------------------------------------------------------------------------------

    def days(self, points: Sequence[Seen], alias: Text, *, by: Sequence[str] = ()) -> tuple[Told, ...]:
        """Return what counters grew on each day of the calendar, together or for each of the tags `by`."""
        return tuple(
            self._line(
                f'SELECT sum("delta") FROM {self._source(points, step)}'
                f" GROUP BY {_groups('time(1d)', by)} fill(none){self._tz}",
                step.resolution,
                points,
                alias,
                by,
            )
            for step in self._steps(points, Resolution.HOUR, Resolution.DAY)
        )

    def week_before(self, points: Sequence[Seen], alias: Text) -> tuple[Told, ...]:
        """Return for each day what counters grew seven days before it; from the eighth whole day of the range on."""
        queries = []
        for step in self._steps(points, Resolution.HOUR, Resolution.DAY):
            days = (
                f'SELECT cumulative_sum(sum("delta")) AS "c" FROM {self._source(points, step)}'
                f" GROUP BY time(1d) fill(0){self._tz}"
            )
            whole = f'(SELECT difference("c") AS "v" FROM ({days}))'
            query = f'SELECT 8 * moving_average("v", 8) - 7 * moving_average("v", 7) FROM {whole}'
            queries.append(self._line(query, step.resolution, points, alias))
        return tuple(queries)

    def peaks(self, points: Sequence[Seen], alias: Text) -> tuple[Told, ...]:
        """Return the highest mean power of a quarter hour (over long ranges: an hour) of each day, in W from kW.h."""
        return tuple(
            self._line(
                f'SELECT max("v") FROM (SELECT sum("delta") * {3_600_000 // step.resolution.seconds} AS "v" '
                f"FROM {self._source(points, step)} GROUP BY time({step.resolution.value}) fill(none))"
                f" WHERE $timeFilter GROUP BY time(1d) fill(none){self._tz}",
                step.resolution,
                points,
                alias,
            )
            for step in self._steps(points, Resolution.QUARTER, Resolution.HOUR)
        )

    def weekends(self, points: Sequence[Seen], saturday: Text, sunday: Text, week: Text) -> tuple[Told, ...]:
        """Return the mean power of each Saturday, of each Sunday and of whole weeks from Monday on, in W from kW.h."""
        source = self._source(points, None)
        many = len(points) * _WEEKENDS * 24 > BUDGET
        step = Resolution.DAY if many else Resolution.HOUR
        window, watts = ("1d", 1000 / 24) if many else ("1h", 1000)
        hours = f'(SELECT sum("delta") * {watts:g} AS "v" FROM {source} GROUP BY time({window}) fill(none){self._tz})'
        days = (
            f'(SELECT mean("v") AS "v" FROM {hours} WHERE $timeFilter GROUP BY time(1d) fill(-1){self._tz})'
        )

        def first(begin: str) -> str:
            sums = f'cumulative_sum(first("v")) AS "c" FROM {days}'
            return f'SELECT "v" FROM {self._dropped(sums, f"time(7d, {begin})", ())} WHERE "v" > -0.5'

        sums = f'cumulative_sum(mean("v")) AS "c" FROM {hours}'
        mean = self._dropped(sums, f"time(7d, {_MONDAY})", ())
        queries = ((first(_SATURDAY), saturday), (first(_SUNDAY), sunday), (f'SELECT "v" FROM {mean}', week))
        return tuple(self._line(query, step, points, alias) for query, alias in queries)

    def hours(self, points: Sequence[Seen], column: str) -> Told:
        """Return a table of what counters grew in each hour."""
        query = (
            f'SELECT sum("delta") AS {name(column)} FROM {self._source(points, None)}'
            f" GROUP BY time(1h) fill(none){self._tz}"
        )
        return self._table(query, Resolution.HOUR, points)

    # --- parts of the day -----------------------------------------------------------------------------------

    def nights(
        self, points: Sequence[Seen], alias: Text, *, by: Sequence[str] = (), begin: int = 2
    ) -> tuple[Told, ...]:
        """Return the lowest value of each night between `begin` and three hours later: of the sum over the points.

        `begin` is 2, 5, 8 … 23 of the clock. Quarter hours are looked at, hours over long ranges.
        """
        return tuple(
            self._line(
                self._first(
                    'SELECT min("s") AS "v" FROM (SELECT sum("mean") AS "s" FROM '
                    f"{self._source(points, step)}"
                    f" GROUP BY {_groups(f'time({step.resolution.value})', by)} fill(none)) WHERE $timeFilter",
                    by,
                    begin,
                ),
                step.resolution,
                points,
                alias,
                by,
            )
            for step in self._steps(points, Resolution.QUARTER, Resolution.HOUR)
        )

    def night_power(
        self, points: Sequence[Seen], alias: Text, *, by: Sequence[str] = (), begin: int = 2
    ) -> tuple[Told, ...]:
        """Return the mean power of each night, in W, from what energy counters (kW.h) grew."""
        inner = f'SELECT sum("delta") * {1000 / SLOT_H:.6f} AS "v" FROM {self._source(points, None)}'
        return (self._line(self._first(inner, by, begin), Resolution.HOUR, points, alias, by),)

    def _first(self, inner: str, by: Sequence[str], begin: int) -> str:
        slots = f"({inner} GROUP BY {_groups('time(3h, 2h)', by)} fill(-1){self._tz})"
        return f'SELECT "v" FROM {self._firsts(slots, by, begin)} WHERE "v" > -0.5{_by(by)}'

    def _firsts(self, slots: str, by: Sequence[str], begin: int) -> str:
        """Return the first slot of each whole day that begins at an hour."""
        return self._dropped(f'cumulative_sum(first("v")) AS "c" FROM {slots}', f"time(1d, {begin}h)", by)

    def _dropped(self, sums: str, window: str, by: Sequence[str]) -> str:
        """Return the rows of which these are the sums, without the first: its window is not whole."""
        inner = f"SELECT {sums} WHERE $timeFilter GROUP BY {_groups(window, by)} fill(none){self._tz}"
        return f'(SELECT difference("c") AS "v" FROM ({inner}){_by(by)})'

    def hours_in_state(self, points: Sequence[Seen], state: str, begin: int, *, column: str) -> Told:
        """Return a table of those that were in a state between `begin` and three hours later, in h over the range.

        In no order: 1.6.7 takes ten times as long for a `top` over selects within selects.
        """
        by = ("device", "site")
        inner = f'SELECT sum({name(f"state_s:{state}")}) AS "v" FROM {self._source(points, None)}'
        slots = f"({inner} GROUP BY {_groups('time(3h, 2h)', by)} fill(0){self._tz})"
        firsts = self._firsts(slots, by, begin)
        query = f'SELECT sum("v") / 3600 AS {name(column)} FROM {firsts} WHERE "v" > 0{_by(by)}'
        return self._table(query, Resolution.HOUR, points)

    # --- rankings and shares --------------------------------------------------------------------------------

    def largest(
        self, points: Sequence[Seen], *, column: str, top: int = 10, aggregate: str = 'sum("delta")'
    ) -> tuple[Told, ...]:
        """Return a table of the largest over the range: device, site and what `aggregate` makes of rollups."""
        return tuple(
            self._table(
                f'SELECT top("v", {top}) AS {name(column)}, "device", "site" FROM (SELECT {aggregate} AS "v" '
                f'FROM {self._source(points, step)} GROUP BY "device", "site")',
                step.resolution,
                points,
            )
            for step in self._steps(points, Resolution.HOUR, Resolution.DAY)
        )

    def share_inside(
        self, points: Sequence[Seen], bounds: Bounds, alias: Text, *, by: Sequence[str] = ()
    ) -> tuple[Told, ...]:
        """Return the share of quarter hours (over long ranges: hours) whose mean is within limits, in %."""
        sides = [
            f'("mean" - {one:g}) / abs("mean" - {one:g})' for one in (bounds.below,) if math.isfinite(one)
        ]
        sides += [
            f'({one:g} - "mean") / abs({one:g} - "mean")' for one in (bounds.above,) if math.isfinite(one)
        ]
        inside = f"({sides[0]} + 1) / 2" if len(sides) == 1 else f"({' + '.join(sides)}) / 2"
        return tuple(
            self._line(
                f'SELECT 100 * mean("i") FROM (SELECT {inside} AS "i" FROM {self._source(points, step)}{_by(by)})'
                f" WHERE $timeFilter GROUP BY {_groups('time($__interval)', by)} fill(none)",
                step.resolution,
                points,
                alias,
                by,
            )
            for step in self._steps(points, Resolution.QUARTER, Resolution.HOUR)
        )

    def free_of_alarm(self, points: Sequence[Seen], rule: str, alias: Text) -> Told:
        """Return the share of minutes in which an alarm of a rule stood for none of the owners of points, in %.

        An alarm that stands is told each minute, so nothing told is nothing wrong.
        """
        owners = len({seen.owner for seen in points})
        standing = (
            'SELECT max("standing") AS "v" FROM "barrio_alarms" WHERE $timeFilter'
            f' AND "rule" = {value(rule)} AND "standing" = 1 GROUP BY time(1m), "device" fill(none)'
        )
        query = (
            f'SELECT 100 - 6000000 * count("v") / ($__interval_ms * {owners}) FROM ({standing})'
            " WHERE $timeFilter GROUP BY time($__interval) fill(0)"
        )
        return self._line(query, Resolution.RAW, points, alias)

    # --- pieces ---------------------------------------------------------------------------------------------

    def _line(
        self, query: str, resolution: Resolution, points: Sequence[Seen], alias: Text, by: Sequence[str] = ()
    ) -> Told:
        return Told(
            query=query,
            form="time_series",
            alias=alias,
            resolutions=(resolution,),
            points=tuple(points),
            by=tuple(by),
        )

    def _table(self, query: str, resolution: Resolution, points: Sequence[Seen]) -> Told:
        return Told(query=query, resolutions=(resolution,), points=tuple(points), by=("device",))

    def _source(self, points: Sequence[Seen], step: Step | None) -> str:
        quantity = points[0].quantity.name
        picked = picked_from(points, self.inventory.points(quantity))
        conditions = ("$timeFilter", *([picked] if picked else []), *(step.guard if step else ()))
        return f"{name(quantity)} WHERE {' AND '.join(conditions)}"

    def _steps(self, points: Sequence[Seen], finest: Resolution, coarsest: Resolution) -> tuple[Step, ...]:
        order = list(Resolution)
        found = [
            step
            for step in steps(len(points), finest.seconds, finest=finest)
            if order.index(step.resolution) <= order.index(coarsest)
        ]
        if not found:
            return (Step(coarsest, None, None),)
        last = found[-1]
        return (*found[:-1], Step(last.resolution, last.low_s, None))

    @property
    def _tz(self) -> str:
        return f" tz({value(self.inventory.district.zone.key)})"


def _groups(times: str, by: Sequence[str]) -> str:
    return ", ".join((times, *map(name, by)))


def _by(by: Sequence[str]) -> str:
    return f" GROUP BY {', '.join(map(name, by))}" if by else ""
