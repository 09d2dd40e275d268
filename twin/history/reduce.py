"""The readings of one series to windows: every aggregate, with any filter of quality. Pure.

A value **stands** from its reading until the next reading of the series, but no longer than the point's `hold`, and
never beyond the present. A reading that has no value, or that the filter leaves out, ends the value before it, and
nothing stands until the next one. So a gap weighs nothing in a mean over time, and adds nothing to an integral.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from twin.history.reductions import What
from twin.quality import FIRST_BAD, FIRST_UNCERTAIN
from twin.store import aggregate
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from twin.frame import Batch, Times, Values
    from twin.history.reductions import Reduction
    from twin.model.quantities import Quantity

_HOUR_NS = 3.6e12


class Keep(StrEnum):
    """Which readings count, by their quality."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    """Good and uncertain ones."""
    ALL = "all"
    """Those as well that have no value: they are counted, there is nothing else to them."""

    @property
    def below(self) -> int:
        """Codes of quality below this have a value that counts."""
        return FIRST_UNCERTAIN if self is Keep.GOOD else FIRST_BAD


@dataclass(frozen=True, slots=True)
class Subject:
    """What has to be known of a series. `hold` is how long (ns) a value stands without another one."""

    id: int
    district: str
    quantity: Quantity
    wraps_at: float | None
    hold: int


@dataclass(frozen=True, slots=True)
class Before:
    """What was before the first window: time and value of the newest reading, and the newest value that counts.

    `value` is NaN where the newest reading has none that counts; None stands for no such reading.
    """

    time: int | None = None
    value: float = np.nan
    counted: float | None = None


def reduce(
    rows: Batch,
    before: Before,
    edges: Times,
    subject: Subject,
    wanted: Sequence[Reduction],
    keep: Keep,
    now: int,
) -> dict[str, Values]:
    """Return the columns of numbers of a series whose readings, in the order of time, are `rows`, float64[w] each.

    NaN is what a window does not know; `count` is 0 there. Seconds in states are `states`.
    """
    counts = rows.quality < keep.below
    time, value = rows.time[counts], rows.value[counts]
    simple = [one.what for one in wanted if isinstance(one.what, Aggregate)]
    columns = aggregate.reduce(time, value, edges, simple, subject.quantity.period)
    if Aggregate.COUNT in columns and keep is Keep.ALL:
        columns[Aggregate.COUNT] = np.diff(np.searchsorted(rows.time, edges)).astype(np.float64)
    if Aggregate.DELTA in simple:
        columns[Aggregate.DELTA] = aggregate.delta(time, value, edges, before.counted, subject.wraps_at)
    columns |= _percentiles(time, value, edges, [one for one in wanted if one.what is What.PERCENTILE])
    over_time = {one.what for one in wanted} & {What.TWMEAN, What.INTEGRAL}
    if over_time:
        found = _over_time(rows, before, edges, subject, keep, now)
        columns |= {name: column for name, column in found.items() if name in over_time}
    return {str(name): column for name, column in columns.items()}


def states(
    rows: Batch, before: Before, edges: Times, keep: Keep, now: int, names: Mapping[int, str]
) -> dict[str, Values]:
    """Return the seconds in each state that occurs; see `twin.store.aggregate.state_seconds`."""
    state = np.where(rows.quality < keep.below, rows.value, np.nan)
    previous = None if before.time is None else before.value
    return aggregate.state_seconds(rows.time, state, edges, previous, now, names)


def _percentiles(time: Times, value: Values, edges: Times, wanted: Sequence[Reduction]) -> dict[str, Values]:
    """Percentiles by linear interpolation between the closest ranks (Hyndman and Fan's type 7)."""
    if not wanted:
        return {}
    bounds = np.searchsorted(time, edges)
    count = np.diff(bounds)
    window = np.repeat(np.arange(len(count)), count)
    inside = value[bounds[0] : bounds[-1]]
    ranked = inside[np.lexsort((inside, window))]
    full = np.flatnonzero(count)
    first = (bounds[:-1] - bounds[0])[full]
    columns = {}
    for one in wanted:
        column = np.full(len(count), np.nan)
        at = (count[full] - 1) * (one.percent / 100)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, count[full] - 1)
        below, above = ranked[first + low], ranked[first + high]
        column[full] = below + (above - below) * (at - low)
        columns[one.name] = column
    return columns


def _over_time(
    rows: Batch, before: Before, edges: Times, subject: Subject, keep: Keep, now: int
) -> dict[What, Values]:
    """Return the mean over time and the integral over hours; NaN where no value stood."""
    begin, end, value = _standing(rows, before, edges, subject.hold, keep, now)
    low = np.searchsorted(edges, begin, "right") - 1
    high = np.searchsorted(edges, end, "left")
    number = high - low
    piece = np.repeat(np.arange(len(begin)), number)
    first = np.cumsum(number) - number
    window = np.arange(len(piece)) - first[piece] + low[piece]
    since = np.maximum(begin[piece], edges[window])
    length = (np.minimum(end[piece], edges[window + 1]) - since).astype(np.float64)
    size, held = len(edges) - 1, value[piece]
    stood = np.bincount(window, length, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.where(stood > 0, np.bincount(window, held * length, size), np.nan)
        period = subject.quantity.period
        mean = total / stood if period is None else _direction(window, held, length, size, period)
    mean[stood == 0] = np.nan
    return {What.TWMEAN: mean, What.INTEGRAL: total / _HOUR_NS}


def _direction(
    window: npt.NDArray[np.int64], held: Values, length: Values, size: int, period: float
) -> Values:
    angle = held * (2 * np.pi / period)
    east, north = (np.bincount(window, part(angle) * length, size) for part in (np.sin, np.cos))
    found: Values = np.arctan2(east, north) * (period / (2 * np.pi)) % period
    return found


def _standing(
    rows: Batch, before: Before, edges: Times, hold: int, keep: Keep, now: int
) -> tuple[Times, Times, Values]:
    """Return when values that count begin and cease to stand, within the windows, and the values."""
    time = rows.time
    value = np.where(rows.quality < keep.below, rows.value, np.nan)
    if before.time is not None:
        time, value = np.append(np.int64(before.time), time), np.append(before.value, value)
    end = np.minimum(np.append(time[1:], edges[-1]), np.minimum(time + hold, now))
    begin = np.maximum(time, edges[0])
    stands = ~np.isnan(value) & (end > begin)
    return begin[stands], end[stands], value[stands]
