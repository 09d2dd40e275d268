"""All moving windows of a program: which readings they take in, and what they say at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.expressions import core
from twin.expressions.evaluate import NO_VALUE, direction, evaluate
from twin.expressions.families import AreaRings, CountRings, DirectionRings, ExtremeRings, GrowthRings
from twin.expressions.layout import constants
from twin.expressions.rings import Rings, ns
from twin.quality import FIRST_BAD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from twin.expressions.evaluate import Flags, Rows, Slots, Valued
    from twin.frame import Batch, Times, Values

PARTS = 60
"""A window moves on by itself each time that such a part of it has gone by, but at most once a second."""
SHORTEST_PACE_S = 1.0
_MANY = 32
_SECOND = 1e9


class _Family:
    """Windows of one kind of function; `rows` are their places among all windows."""

    def __init__(self, rings: Rings, rows: Rows, windows: Sequence[core.Window]) -> None:
        self.rings = rings
        self.rows = rows
        self.rate = np.array([one.function == "rate" for one in windows])
        self.mean = np.array([one.function == "mean" for one in windows])
        self.low = np.array([one.function == "min" for one in windows])
        self.period = np.array([one.period or 1.0 for one in windows])

    def value(self, at: Rows, now: int) -> tuple[Values, Values]:
        """Return the values of windows of this family with the covered share of their time."""
        sums, covered_s, known_s = self.rings.value(at, now)
        share = covered_s / (self.rings.span[at] / _SECOND)
        if isinstance(self.rings, DirectionRings):
            return direction(sums[0], sums[1], self.period[at]), share
        if isinstance(self.rings, ExtremeRings):
            low, high = self.rings.extremes(at, now)
            return np.where(self.low[at], low, high), share
        divisor = np.where(self.rate[at], known_s, np.where(self.mean[at], covered_s, 1.0))
        with np.errstate(all="ignore"):
            return sums[0] / divisor, share


class Windows:
    """The windows of a program, each of its own row; `series` are the series ids that they follow."""

    def __init__(
        self, windows: Sequence[core.Window], ids: Mapping[str, int], states: Mapping[str, int], size: int
    ) -> None:
        self.count = len(windows)
        self.series = np.array([ids[one.input.path] for one in windows], np.intp)
        self.span_s = np.array([one.span_s for one in windows])
        self.pace_ns = np.array([ns(pace_s(one)) for one in windows], np.int64)
        self._family_of = np.zeros(self.count, np.intp)
        self._place = np.zeros(self.count, np.intp)
        self._families = self._divide(windows)
        self._shape_of, self._shapes = _shapes(windows, states)
        order = np.argsort(self.series, kind="stable")
        self._followers = order
        self._starts = np.searchsorted(self.series[order], np.arange(size + 1))

    def _divide(self, windows: Sequence[core.Window]) -> list[_Family]:
        families = []
        names = [_family(one) for one in windows]
        for number, name in enumerate(sorted(set(names))):
            rows = np.array([row for row, one in enumerate(names) if one == name], np.intp)
            members = [windows[row] for row in rows.tolist()]
            families.append(_Family(_rings(name, members), rows, members))
            self._family_of[rows] = number
            self._place[rows] = np.arange(len(rows))
        return families

    def observe(self, readings: Batch) -> None:
        """Take in readings, in the order of their times; those that no window follows are left alone."""
        ids = readings.ids.astype(np.intp)
        many = self._starts[ids + 1] - self._starts[ids]
        if not many.any():
            return
        position = np.repeat(np.arange(len(ids)), many)
        offset = np.arange(len(position)) - np.repeat(np.cumsum(many) - many, many)
        rows = self._followers[self._starts[ids[position]] + offset]
        time = readings.time[position]
        value = np.where(readings.quality < FIRST_BAD, readings.value, np.nan)[position]
        self._take(rows, time, self._shaped(rows, value))

    def _take(self, rows: Rows, time: Times, value: Values) -> None:
        if not len(rows):
            return
        order = np.lexsort((time, rows))
        rows, time, value = rows[order], time[order], value[order]
        begins = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
        many = np.diff(np.append(begins, len(rows)))
        if many.max() > _MANY:
            rest = self._fill(rows, time, value, begins, many)
            if not rest.all():
                self._take(rows[rest], time[rest], value[rest])
                return
        rank = np.arange(len(rows)) - np.repeat(begins, many)
        by_rank = np.argsort(rank, kind="stable")
        for part in np.split(by_rank, np.flatnonzero(np.diff(rank[by_rank])) + 1):
            self._take_round(rows[part], time[part], value[part])

    def _fill(
        self, rows: Rows, time: Times, value: Values, begins: Rows, many: Rows
    ) -> npt.NDArray[np.bool_]:
        """Let empty windows take in long histories at once; returns which readings are left for the others."""
        rest = np.ones(len(rows), np.bool_)
        for begin, count in zip(begins[many > _MANY].tolist(), many[many > _MANY].tolist(), strict=True):
            part, row = slice(begin, begin + count), int(rows[begin])
            rings, place = self._families[self._family_of[row]].rings, int(self._place[row])
            if rings.is_empty(place):
                last = np.append(np.diff(time[part]) > 0, True)
                rings.fill(place, time[part][last], value[part][last])
                rest[part] = False
        return rest

    def _take_round(self, rows: Rows, time: Times, value: Values) -> None:
        """Take in one reading for each of some distinct windows."""
        if len(self._families) == 1:
            self._families[0].rings.take(self._place[rows], time, value)
            return
        family = self._family_of[rows]
        for number, one in enumerate(self._families):
            mine = family == number
            if mine.any():
                one.rings.take(self._place[rows[mine]], time[mine], value[mine])

    def _shaped(self, rows: Rows, value: Values) -> Values:
        """Apply the windows' bodies to the values of readings."""
        shape = self._shape_of[rows]
        for number in np.unique(shape[shape >= 0]).tolist():
            body, table = self._shapes[number]
            mine = shape == number
            value[mine] = shaped(body, table[:, rows[mine]], value[mine])
        return value

    def value(self, rows: Rows, now: int) -> tuple[Values, Values]:
        """Return values and covered shares of windows at a moment."""
        found, share = np.full(len(rows), np.nan), np.zeros(len(rows))
        family = self._family_of[rows]
        for number, one in enumerate(self._families):
            mine = family == number
            if mine.any():
                found[mine], share[mine] = one.value(self._place[rows[mine]], now)
        return found, share


def pace_s(window: core.Window) -> float:
    """Return how often a window moves on by itself, in seconds."""
    return max(SHORTEST_PACE_S, window.span_s / PARTS)


def shaped(body: core.Node, table: Values, value: Values) -> Values:
    """Return a window's body applied to readings, NaN where it has no value; `table` are constants per reading."""
    flags = np.where(np.isnan(value), NO_VALUE, 0).astype(np.uint8)
    with np.errstate(all="ignore"):
        found, after = evaluate(body, _Readings(value, flags, table))
    return np.where((after & NO_VALUE == 0) & np.isfinite(found), found, np.nan)


class _Readings:
    """Rows that are readings."""

    def __init__(self, value: Values, flags: Flags, table: Values) -> None:
        self.count = len(value)
        self.require = np.full(len(value), np.nan)
        self._value, self._flags, self._table = value, flags, table

    def each(self) -> Valued:
        return self._value, self._flags

    def constant(self, slot: int) -> Values:
        found: Values = self._table[slot]
        return found

    def read(self, slot: int) -> Valued:
        raise LookupError(slot)

    def moved(self, slot: int, *, each: bool) -> tuple[Values, Values, Flags]:
        raise LookupError(slot, each)

    def calendar(self, field: str) -> Values:
        raise LookupError(field)

    def selection(self, slot: int) -> tuple[Slots, Rows]:
        raise LookupError(slot)


def _shapes(
    windows: Sequence[core.Window], states: Mapping[str, int]
) -> tuple[Rows, list[tuple[core.Node, Values]]]:
    """Return the number of each window's body, -1 for the reading itself, and the bodies with all their constants."""
    bodies = [_body(one) for one in windows]
    known = [body for body in dict.fromkeys(bodies) if not isinstance(body, core.Each)]
    shape_of = np.array([known.index(body) if body in known else -1 for body in bodies], np.intp)
    shapes: list[tuple[core.Node, Values]] = []
    for number, body in enumerate(known):
        rows = np.flatnonzero(shape_of == number)
        some = [_constants(windows[row], states) for row in rows.tolist()]
        table = np.full((len(some[0]), len(windows)), np.nan)
        table[:, rows] = np.array(some).reshape(len(some), -1).T
        shapes.append((body, table))
    return shape_of, shapes


def _body(window: core.Window) -> core.Node:
    """A direction is taken in as an angle in radians."""
    if window.period is not None:
        return core.Apply("multiply", (window.body, core.Constant(len(window.constants))))
    return window.body


def _constants(window: core.Window, states: Mapping[str, int]) -> list[float]:
    found = constants(window.constants, states)
    return found if window.period is None else [*found, 2 * np.pi / window.period]


def _family(window: core.Window) -> str:
    if window.function == "mean" and window.period is not None:
        return "direction"
    return {"delta": "growth", "rate": "growth", "count": "count", "min": "extreme", "max": "extreme"}.get(
        window.function, "area"
    )


def _rings(name: str, windows: Sequence[core.Window]) -> Rings:
    span = np.array([ns(one.span_s) for one in windows], np.int64)
    hold = np.array([ns(one.input.hold_s) for one in windows], np.int64)
    if name == "growth":
        wraps_at = np.array([np.nan if one.wraps_at is None else one.wraps_at for one in windows])
        return GrowthRings(span, hold, np.array([one.counter for one in windows]), wraps_at)
    if name == "count":
        return CountRings(span, hold, np.array([one.truth for one in windows]))
    kinds: dict[str, type[Rings]] = {"area": AreaRings, "direction": DirectionRings, "extreme": ExtremeRings}
    return kinds[name](span, hold)
