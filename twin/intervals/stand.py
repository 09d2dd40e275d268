"""Boundaries that stand: registers that were settled already, and that what is reckoned beside them has to meet.

Two reckonings of one gap may differ by more than nothing: reference days got a newer version, rules changed, a reading
came late, readings were let go. What stands is not moved by that. The boundaries around it in the same gap are moved
instead, in proportion, between the knots and what stands on either side (`x` as reckoned, `y` as it is then):

    y(b) = y[i] + floor((y[j] - y[i]) * (x(b) - x[i]) / (x[j] - x[i]))          in whole steps

So deltas go on adding up to the difference of the registers, whoever reckoned which of them, and when.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.intervals.axis import Reads
from twin.intervals.edits import EditKind
from twin.intervals.grid import day_starts
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from zoneinfo import ZoneInfo

    import numpy.typing as npt

    from twin.frame import Times
    from twin.intervals.axis import Axis
    from twin.intervals.cut import Cut
    from twin.intervals.edits import Edit
    from twin.intervals.line import Line


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """Boundaries of one register, rising in time: what the meter shows at each, and how that was had."""

    time: Times
    register: npt.NDArray[np.int64]
    edge: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        """Number of boundaries."""
        return len(self.time)


def stand_of(lines: Iterable[Line], begin: int, end: int) -> Stand:
    """Return the known boundaries of settled days without those of `begin <= time <= end`."""
    return _stand(lines, lambda line: (line.edges < begin) | (line.edges > end))


def ends_of(lines: Iterable[Line]) -> Stand:
    """Return the first and the last boundary of each of some settled days, as far as they are known."""
    return _stand(lines, lambda line: np.isin(line.edges, line.edges[[0, -1]]))


def _stand(lines: Iterable[Line], chosen: Callable[[Line], npt.NDArray[np.bool_]]) -> Stand:
    found: dict[int, tuple[int, int]] = {}
    for line in lines:
        for at in np.flatnonzero(line.known & chosen(line)).tolist():
            found[int(line.edges[at])] = int(line.register[at]), int(line.edge[at])
    times = sorted(found)
    return Stand(
        np.array(times, np.int64),
        np.array([found[one][0] for one in times], np.int64),
        np.array([found[one][1] for one in times], np.uint8),
    )


def is_off(line: Line, stand: Stand) -> bool:
    """Whether a line does not begin with the register that stands there."""
    return not line.known[0] or int(line.register[0]) != int(stand.register[-1])


def with_spreads(edits: Sequence[Edit], start: int, stop: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return the whole days of a stretch and of the distributions that reach into it: they are laid whole or not."""
    spreads = [one for one in edits if one.kind is EditKind.SPREAD]
    low, high = start, stop
    while True:
        cut = [one for one in spreads if one.start < high and one.stop > low]
        first = min((one.start for one in cut if one.start < low), default=low)
        last = max((one.stop for one in cut if one.stop > high), default=high)
        if (first, last) == (low, high):
            return low, high
        days = day_starts(first, last, zone)
        low, high = min(low, int(days[0])), max(high, int(days[-1]))


def around(knots: Times, stand: Times, start: int, stop: int) -> tuple[int, int]:
    """Return from when until when to reckon: out to what stands next to a stretch, where no knot lies in between."""
    before, after = stand[stand < start], stand[stand > stop]
    low = int(before[-1]) if len(before) else start
    high = int(after[0]) if len(after) else stop
    if bool(((knots > low) & (knots <= start)).any()):
        low = start
    if bool(((knots >= stop) & (knots < high)).any()):
        high = stop
    return low, high


def begun(reads: Reads, stand: Stand) -> Reads:
    """Return readings with what stands before all of them as the first one: what it was had from is no longer kept."""
    before = np.flatnonzero(stand.time < reads.time[0]) if len(reads.time) else np.empty(0, np.int64)
    if not len(before):
        return reads
    last = int(before[-1])
    return Reads(
        np.concatenate((stand.time[last : last + 1], reads.time)),
        np.concatenate((stand.register[last : last + 1], reads.steps)),
        np.concatenate((np.array([Reason.GOOD], reads.quality.dtype), reads.quality)),
    )


def hold(axis: Axis, made: Cut, showing: npt.NDArray[np.int64], stand: Stand, wraps: int | None) -> None:
    """Move the boundaries of a cut, in place, to what stands. `showing` is what the meter shows at each."""
    at = np.minimum(np.searchsorted(made.edges, stand.time), len(made.edges) - 1)
    mine = (made.edges[at] == stand.time) & made.known[at]
    at = at[mine]
    made.edge[at] = stand.edge[mine]
    apart = stand.register[mine] - showing[at]
    if wraps is not None:
        apart = (apart + wraps // 2) % wraps - wraps // 2
    if not apart.any():
        return
    pins = {time: (total, total) for time, total in zip(axis.time.tolist(), axis.total.tolist(), strict=True)}
    for position, off in zip(at.tolist(), apart.tolist(), strict=True):
        total = int(made.total[position])
        pins[int(made.edges[position])] = total, total + off
    _lay(made, pins)


def _lay(made: Cut, pins: dict[int, tuple[int, int]]) -> None:
    times = sorted(pins)
    for position in np.flatnonzero(made.known).tolist():
        time = int(made.edges[position])
        if time in pins:
            made.total[position] = pins[time][1]
            continue
        low, high = times[bisect_right(times, time) - 1], times[bisect_left(times, time)]
        (x_low, y_low), (x_high, y_high) = pins[low], pins[high]
        if x_low == y_low and x_high == y_high:
            continue
        if x_low == x_high:
            made.total[position] = y_low + (y_high - y_low) * (time - low) // (high - low)
        else:
            x = int(made.total[position])
            made.total[position] = y_low + (y_high - y_low) * (x - x_low) // (x_high - x_low)
