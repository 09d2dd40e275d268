"""Long gaps: what was used is known from the registers on both sides, and spread as on days of the same kind.

A reference day is one of the last days before the gap that is of the same kind: the same weekday, or a Sunday or a
holiday for a holiday. The weight of a quarter hour of the clock is the mean of its measured differences on those days.
With `W(b)` the weights from the gap's begin to a boundary, a quarter hour that is cut counting in proportion:

    total(b) = total[i] + floor((total[j] - total[i]) * W(b) / W(end of the gap))

The last boundary takes what the rounding left, so nothing is lost and no difference is below zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from twin.intervals.flags import Edge, Flag
from twin.intervals.grid import quarters, slots

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date
    from zoneinfo import ZoneInfo

    import numpy.typing as npt

    from twin.frame import Times
    from twin.intervals.axis import Axis
    from twin.intervals.cut import Cut
    from twin.intervals.line import Line

SLOTS = 96
_COMMON = 27_720
"""Divisible by 1 to 12, so that means over so many days are whole numbers."""
MOST_DAYS = 12
_SUNDAY, _HOLIDAY = 6, 7


@dataclass(frozen=True, slots=True)
class Reference:
    """Days that were settled before a gap, how many of them are taken, and from how many weeks before its first day."""

    days: Mapping[date, Line] = field(default_factory=dict)
    number: int = 4
    weeks: int = 5
    holidays: Collection[date] = ()

    def kind(self, day: date) -> int:
        """Return the kind of a day: its weekday, one more than Sunday for a holiday."""
        return _HOLIDAY if day in self.holidays else day.weekday()

    def alike(self, day: date, before: date) -> list[Line]:
        """Return the last days before another one, some weeks at most, that are of the kind of `day`."""
        wanted, oldest = self.kind(day), before - timedelta(weeks=self.weeks)
        kinds = {wanted, _SUNDAY} if wanted == _HOLIDAY else {wanted}
        inside = (one for one in sorted(self.days, reverse=True) if oldest <= one < before)
        found = [one for one in inside if self.kind(one) in kinds]
        return [self.days[one] for one in found[: self.number]]


def spread(axis: Axis, made: Cut, reference: Reference, zone: ZoneInfo) -> None:
    """Lay reference days over the long gaps of a cut, in place; gaps without them stay linear."""
    if not reference.days:
        return
    long = np.flatnonzero(made.edge == Edge.NO_REFERENCE)
    for knot in np.unique(made.left[long]).tolist():
        grown = int(axis.total[knot + 1] - axis.total[knot])
        if grown < 0:
            continue
        at = long[made.left[long] == knot]
        _spread(axis, made, at, (knot, grown), reference, zone)


def _spread(
    axis: Axis,
    made: Cut,
    at: npt.NDArray[np.intp],
    gap: tuple[int, int],
    reference: Reference,
    zone: ZoneInfo,
) -> None:
    """Spread one gap. Its own quarter hours need not lie within the cut: its weights are those of the whole gap."""
    knot, grown = gap
    start, stop = int(axis.time[knot]), int(axis.time[knot + 1])
    bounds = quarters(start, stop, zone)
    weights = _weights(bounds, start, reference, zone)
    if weights is None:
        return
    reached, so_far = {}, 0
    for low, high, weight in zip(bounds[:-1].tolist(), bounds[1:].tolist(), weights, strict=True):
        so_far += weight * (min(high, stop) - max(low, start))
        reached[high] = so_far
    if so_far == 0:
        return
    for one in at.tolist():
        part = reached.get(int(made.edges[one]))
        if part is not None:
            made.total[one] = int(axis.total[knot]) + grown * part // so_far
            made.edge[one] = Edge.REFERENCE


def _weights(bounds: Times, start: int, reference: Reference, zone: ZoneInfo) -> list[int] | None:
    """Return a weight for each quarter hour; None when some day of the gap has no reference day."""
    slot, dates = slots(bounds, zone)
    first = dates[0] if int(bounds[0]) <= start else min(dates)
    known: dict[date, list[int] | None] = {}
    found = []
    for number, day in zip(slot.tolist(), dates, strict=True):
        if day not in known:
            known[day] = _pattern(reference.alike(day, first), zone)
        pattern = known[day]
        if pattern is None:
            return None
        found.append(pattern[number])
    return found


def _pattern(days: list[Line], zone: ZoneInfo) -> list[int] | None:
    """Return the mean difference of each quarter hour of the clock over some days, times a common number."""
    total, count = np.zeros(SLOTS, np.int64), np.zeros(SLOTS, np.int64)
    for line in days:
        slot, _ = slots(line.edges, zone)
        right = (line.flag <= Flag.LATE) & (line.delta >= 0)
        np.add.at(total, slot[right], line.delta[right])
        np.add.at(count, slot[right], 1)
    if not count.any():
        return None
    # Where the clocks are put back a quarter hour counts twice on a day.
    return [
        0 if number == 0 else int(whole) * _COMMON // int(number)
        for whole, number in zip(total.tolist(), count.tolist(), strict=True)
    ]
