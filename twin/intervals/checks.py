"""Checks: what is odd about intervals, as `Why` codes. Each is a row of `CHECKS`; the first that finds it is told."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.intervals.flags import Why

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from twin.frame import Times, Values
    from twin.intervals.axis import Axis
    from twin.intervals.cut import Cut
    from twin.intervals.register import Register
    from twin.intervals.rules import Rules

_HOUR = 3_600 * NS
_FEW_STEPS = 10
"""Differences up to so many steps are rounding, no spike and no flow."""
_THIRD, _LIVELY = 3, 8


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What checks look at.

    `days` are the positions at which days begin, and the end of the last one; `flow` is what another point of the
    device says flowed in each interval, in steps.
    """

    register: Register
    rules: Rules
    axis: Axis
    cut: Cut
    delta: npt.NDArray[np.int64]
    counted: npt.NDArray[np.bool_]
    days: Sequence[int] = ()
    flow: Values | None = None

    @property
    def rate(self) -> Values:
        """The unit per hour of each interval."""
        found: Values = self.register.values(self.delta) / (np.diff(self.cut.edges) / _HOUR)
        return found


def judge(case: Case) -> npt.NDArray[np.uint8]:
    """Return what is odd about each interval, 0 for nothing."""
    found = np.zeros(len(case.delta), np.uint8)
    for why, check in CHECKS.items():
        odd = check(case)
        if odd is not None:
            found[(found == 0) & odd & case.counted] = why
    return found


def touched(edges: Times, begin: Times, end: Times) -> npt.NDArray[np.bool_]:
    """Return which intervals `(begin, end]` reach into."""
    count = np.zeros(len(edges) + 1, np.int64)
    low = np.searchsorted(edges, begin, "right") - 1
    high = np.searchsorted(edges, end, "left")
    inside = (high > 0) & (low < len(edges) - 1)
    np.add.at(count, np.maximum(low[inside], 0), 1)
    np.add.at(count, np.minimum(high[inside], len(edges) - 1), -1)
    reached: npt.NDArray[np.bool_] = np.cumsum(count)[: len(edges) - 1] > 0
    return reached


def _fell(case: Case) -> npt.NDArray[np.bool_]:
    at = np.flatnonzero(case.axis.fell)
    at = at[at > 0]
    return touched(case.cut.edges, case.axis.time[at - 1], case.axis.time[at]) | (case.delta < 0)


def _not_believed(case: Case) -> npt.NDArray[np.bool_]:
    return touched(case.cut.edges, case.axis.dropped - 1, case.axis.dropped)


def _doubt(why: Why) -> Callable[[Case], npt.NDArray[np.bool_]]:
    def check(case: Case) -> npt.NDArray[np.bool_]:
        """Whether a reading that a measured boundary rests on is in doubt."""
        if not len(case.axis.time):
            return np.zeros(len(case.delta), np.bool_)
        last = len(case.axis.time) - 1
        left = np.clip(case.cut.left, 0, last)
        right = np.where(case.axis.time[left] == case.cut.edges, left, np.minimum(left + 1, last))
        bound = (case.axis.doubt[left] == why) | (case.axis.doubt[right] == why)
        found: npt.NDArray[np.bool_] = bound[:-1] | bound[1:]
        return found

    return check


def _high(case: Case) -> npt.NDArray[np.bool_] | None:
    return None if case.rules.high is None else case.rate > case.rules.high


def _low(case: Case) -> npt.NDArray[np.bool_] | None:
    return None if case.rules.low is None else case.rate < case.rules.low


def _spike(case: Case) -> npt.NDArray[np.bool_] | None:
    """Above the third highest of its day by more than so many times; days with little going on have no spikes."""
    if case.rules.spike is None:
        return None
    found = np.zeros(len(case.delta), np.bool_)
    for first, last in pairwise(case.days or (0, len(case.delta))):
        delta = case.delta[first:last]
        used = delta[case.counted[first:last] & (delta > 0)]
        if len(used) >= _LIVELY:
            third = int(np.partition(used, len(used) - _THIRD)[len(used) - _THIRD])
            found[first:last] = (delta > _FEW_STEPS) & (delta - third > case.rules.spike * third)
    return found


def _frozen(case: Case) -> npt.NDArray[np.bool_] | None:
    """Stood still for long while something flowed; a true zero has nothing flowing beside it."""
    if case.rules.frozen is None or case.flow is None:
        return None
    still = case.counted & (case.delta == 0)
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], still, [False])).astype(np.int8)))
    found = np.zeros(len(still), np.bool_)
    for first, last in bounds.reshape(-1, 2).tolist():
        long = case.cut.edges[last] - case.cut.edges[first] >= case.rules.frozen
        if long and float(np.nansum(case.flow[first:last])) > _FEW_STEPS:
            found[first:last] = True
    return found


CHECKS: Mapping[Why, Callable[[Case], npt.NDArray[np.bool_] | None]] = {
    Why.FELL: _fell,
    Why.NOT_BELIEVED: _not_believed,
    Why.CLOCK: _doubt(Why.CLOCK),
    Why.UNCERTAIN: _doubt(Why.UNCERTAIN),
    Why.HIGH: _high,
    Why.LOW: _low,
    Why.FROZEN: _frozen,
    Why.SPIKE: _spike,
}
