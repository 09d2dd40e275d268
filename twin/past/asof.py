"""The twin as it was at a moment: what each point of the model of then said, how far that could be used, and why not.

A reading belongs to the moment at which it was true, so one that came late stands where it belongs, although nobody
could have known it then; `Then.came_later` tells. What happened at the very moment counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from twin.frame import Batch
    from twin.ledger import Gap
    from twin.past.model import PointThen


@dataclass(frozen=True, slots=True)
class Then:
    """One point at a moment. Times are ns UTC, 0 where there was no reading yet; `value` is NaN where it had none.

    `gap` is the interval of the ledger that it was in. `stale` says that its last reading was older than a healthy
    point's can be, although the ledger knows of no gap.
    """

    point: PointThen
    at: int
    value: float
    state: str | None
    quality: Reason
    time: int
    received: int
    gap: Gap | None
    stale: bool

    @property
    def usable(self) -> bool:
        """Whether the value could be relied upon: there was one, and it was not out of date."""
        return self.quality < FIRST_BAD and not self.stale and (self.gap is None or self.gap.filled)

    @property
    def came_later(self) -> bool:
        """Whether the reading was received so long after the moment that nobody could have known it then."""
        return self.received - self.at > self.point.slot_s * NS

    @property
    def reason(self) -> Reason:
        """Why it is not usable, or the reason that its reading has."""
        if self.gap is not None and not self.gap.filled:
            return self.gap.reason
        return self.quality

    @property
    def age_s(self) -> float | None:
        """Seconds since it was heard of last, None where it never was."""
        if not self.time:
            return None
        return max(self.at - _heard(self.time, self.received, self.at), 0) / NS


def twin_at(
    points: Iterable[PointThen],
    moment: int,
    readings: Batch,
    gaps: Iterable[Gap],
    ids: Mapping[str, int],
    states: Mapping[int, str],
) -> Iterator[Then]:
    """Yield those of the points that give readings, in their order.

    `readings` are the newest of each series at the moment, `gaps` those that were open, `ids` the series of paths.
    """
    open_then = {gap.series: gap for gap in gaps}
    columns = (readings.value, readings.quality, readings.time, readings.received)
    known = dict(
        zip(
            readings.ids.tolist(),
            zip(*(column.tolist() for column in columns), strict=True),
            strict=True,
        )
    )
    for point in points:
        if not point.readable:
            continue
        series = ids.get(point.path, 0)
        value, quality, time, received = known.get(series, _NEVER)
        gap = open_then.get(series)
        quiet = moment - _heard(time, received, moment) > point.slot_s * NS
        yield Then(
            point=point,
            at=moment,
            value=value,
            state=states.get(int(value)) if point.states and quality < FIRST_BAD else None,
            quality=Reason(quality),
            time=time,
            received=received,
            gap=gap,
            stale=bool(time) and gap is None and quiet,
        )


_NEVER = (float(np.nan), int(Reason.NOT_HEARD_YET), 0, 0)


def _heard(time: int, received: int, moment: int) -> int:
    """Return when a reading was heard of, as far as it was by then: a device's clock may be behind."""
    return max(time, received) if received <= moment else time
