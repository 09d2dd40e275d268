"""One expression over recorded history: what it would have said, at every moment at which that may have changed.

Moments are those of readings, those at which a reading stands no longer, and, where windows or clocks are read, a grid
in between. The gap ledger is not asked: a point that was not heard from for its `hold` has no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.expressions import core
from twin.expressions.calendar import field, local_seconds
from twin.expressions.evaluate import evaluate, settle
from twin.expressions.layout import constants
from twin.expressions.recorded import Moving, Track
from twin.expressions.windows import pace_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.expressions.checked import Checked
    from twin.expressions.core import Input, Window
    from twin.expressions.evaluate import Flags, Rows, Slots, Valued
    from twin.frame import Batch, Qualities, Times, Values

MOST_MOMENTS = 4_000_000
"""The most moments of one replay; a grid that would need more is made wider."""
_AT_ONCE = 2_000_000
_QUARTER_NS, _MINUTE_NS = 900 * NS, 60 * NS


def replay(
    checked: Checked,
    ids: Mapping[str, int],
    states: Mapping[str, int],
    rows: Batch,
    require: float = np.nan,
    between: tuple[int, int] | None = None,
) -> tuple[Times, Values, Qualities]:
    """Return moments (ns UTC, ascending), values and qualities of an expression over readings in any order.

    Values are as those of `Program.evaluate`. Nothing is known before the first reading: for windows that are full at a
    moment, hand in the readings of as long before it. With `between` (ns UTC, half open) the moments are those of that
    stretch and its beginning, with or without readings; else from the first reading to the last.
    """
    past = _Past(checked, ids, states, rows)
    moments = past.moments(between)
    values, flags = np.empty(len(moments)), np.empty(len(moments), np.uint8)
    size = max(1, _AT_ONCE // past.width)
    for start in range(0, len(moments), size):
        part = slice(start, start + size)
        with np.errstate(all="ignore"):
            values[part], flags[part] = evaluate(checked.core, _Moments(past, moments[part], require))
    return moments, *settle(values, flags)


class _Past:
    """The recorded points and windows of an expression."""

    def __init__(
        self, checked: Checked, ids: Mapping[str, int], states: Mapping[str, int], rows: Batch
    ) -> None:
        self.checked = checked
        self.constants = constants(checked.constants, states)
        self._states = states
        self._tracks = _tracks(checked, ids, rows)
        self._moving: dict[Window, Moving] = {}
        self.width = max([1, *(len(one.inputs) for one in checked.selections)])

    def track(self, source: Input) -> Track:
        """Return the readings of a point."""
        return self._tracks[source.path]

    def moving(self, window: Window) -> Moving:
        """Return a window, made when it is first asked for."""
        if window not in self._moving:
            self._moving[window] = Moving(self.track(window.input), window, self._states)
        return self._moving[window]

    def moments(self, between: tuple[int, int] | None) -> Times:
        """Return when the value may have changed."""
        tracks = list(self._tracks.values())
        times = [track.time for track in tracks] + [track.ends() for track in tracks]
        known = np.unique(np.concatenate([np.empty(0, np.int64), *times]))
        if between is not None:
            known = np.union1d(known[(known >= between[0]) & (known < between[1])], np.int64(between[0]))
        step = self._step_ns()
        if not len(known) or not step:
            return known
        first, last = int(known[0]), int(known[-1]) if between is None else between[1]
        step *= max(1, -(-(last - first) // step // MOST_MOMENTS))
        grid = np.arange(-(-first // step) * step, last, step, dtype=np.int64)
        return np.union1d(known, grid)

    def _step_ns(self) -> int:
        """How far apart moments may be, 0 where only readings matter."""
        steps = [round(pace_s(window)) * NS for window in _windows(self.checked)]
        fields = {node.field for node in _nodes(self.checked.core) if isinstance(node, core.Calendar)}
        if fields:
            steps.append(_MINUTE_NS if "minute" in fields else _QUARTER_NS)
        return min(steps, default=0)


def _tracks(checked: Checked, ids: Mapping[str, int], rows: Batch) -> dict[str, Track]:
    """Divide readings by point; each point is asked for once, however often it is read."""
    sources = {one.path: one for one in _sources(checked)}
    order = np.argsort(rows.ids, kind="stable")
    ordered = rows.take(order)
    found = {}
    for path, source in sources.items():
        first, last = np.searchsorted(ordered.ids, [ids[path], ids[path] + 1])
        found[path] = Track(ordered.take(slice(int(first), int(last))), source.hold_s)
    return found


def _windows(checked: Checked) -> Iterator[Window]:
    yield from checked.windows
    for selection in checked.selections:
        for each in selection.windows:
            yield from each


def _sources(checked: Checked) -> Iterator[Input]:
    yield from checked.reads
    yield from (window.input for window in _windows(checked))
    for selection in checked.selections:
        yield from selection.inputs


def _nodes(root: core.Node) -> Iterator[core.Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(core.operands(node))


class _Moments:
    """Rows that are moments."""

    def __init__(self, past: _Past, moments: Times, require: float) -> None:
        self.past, self.moments = past, moments
        self.count = len(moments)
        self.require = np.full(self.count, require)

    def read(self, slot: int) -> Valued:
        return self.past.track(self.past.checked.reads[slot]).at(self.moments)

    def constant(self, slot: int) -> Values:
        return np.full(self.count, self.past.constants[slot])

    def each(self) -> Valued:
        raise LookupError

    def moved(self, slot: int, *, each: bool) -> tuple[Values, Values, Flags]:
        if each:
            raise LookupError(slot)
        return self.past.moving(self.past.checked.windows[slot]).at(self.moments)

    def calendar(self, name: str) -> Values:
        return field(local_seconds(self.past.checked.zone, self.moments), name)

    def selection(self, slot: int) -> tuple[Slots, Rows]:
        width = len(self.past.checked.selections[slot].inputs)
        return _Elements(self, slot, width), np.full(self.count, width)


class _Elements:
    """All selected points at each moment, moment by moment."""

    def __init__(self, outer: _Moments, slot: int, width: int) -> None:
        self._outer = outer
        self._selection = outer.past.checked.selections[slot]
        self._width = width
        self.count = outer.count * width
        self.require = np.repeat(outer.require, width)

    def each(self) -> Valued:
        found = [self._outer.past.track(one).at(self._outer.moments) for one in self._selection.inputs]
        value, flags = (
            _interleaved([value for value, _ in found]),
            _interleaved([flags for _, flags in found]),
        )
        return value, flags

    def moved(self, slot: int, *, each: bool) -> tuple[Values, Values, Flags]:
        if not each:
            value, share, flags = self._outer.moved(slot, each=False)
            return self._spread(value), self._spread(share), self._spread(flags)
        past, moments = self._outer.past, self._outer.moments
        found = [past.moving(windows[slot]).at(moments) for windows in self._selection.windows]
        values, shares, doubts = zip(*found, strict=True)
        return _interleaved(values), _interleaved(shares), _interleaved(doubts)

    def read(self, slot: int) -> Valued:
        value, flags = self._outer.read(slot)
        return self._spread(value), self._spread(flags)

    def constant(self, slot: int) -> Values:
        return self._spread(self._outer.constant(slot))

    def calendar(self, name: str) -> Values:
        return self._spread(self._outer.calendar(name))

    def selection(self, slot: int) -> tuple[Slots, Rows]:
        raise LookupError(slot)

    def _spread(self, values: np.ndarray) -> np.ndarray:
        return np.repeat(values, self._width)


def _interleaved(columns: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(columns, axis=1).ravel()
