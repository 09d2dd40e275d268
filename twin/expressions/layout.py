"""Expressions of one shape laid out as columns: a row an expression, the slots filled for all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from twin.expressions.evaluate import Flags, Rows, Slots, Valued

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from twin.expressions import core
    from twin.expressions.checked import Checked
    from twin.frame import Qualities, Times, Values


class Columns(Protocol):
    """The newest reading of every point by series id; `usable` where it has a value and is in no gap."""

    @property
    def value(self) -> Values:
        """Values, in the quantity's unit, or state ids."""

    @property
    def quality(self) -> Qualities:
        """Reasons."""

    @property
    def time(self) -> Times:
        """Times, ns UTC."""

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Whether the value counts now."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What all rows of one evaluation share: the points, the windows, the clocks."""

    value: Values
    flags: Flags
    moved: Values
    share: Values
    doubt: Flags
    clocks: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Lists of series ids, one behind the other; `windows` are of shape (windows of a point, ids)."""

    ids: Rows
    lengths: Rows
    starts: Rows
    windows: Rows

    def take(self, rows: Rows) -> Ragged:
        """Return the lists at `rows`."""
        lengths = self.lengths[rows]
        ends = np.cumsum(lengths)
        starts = ends - lengths
        index = np.arange(ends[-1] if len(ends) else 0) + np.repeat(self.starts[rows] - starts, lengths)
        return Ragged(self.ids[index], lengths, starts, self.windows[:, index])


def ragged(
    lists: Sequence[Sequence[int]], windows: Sequence[Sequence[Sequence[int]]] | None = None
) -> Ragged:
    """Return lists of ids as one; `windows` gives those of each id of each list."""
    lengths = np.array([len(one) for one in lists], np.intp)
    ids = np.fromiter((one for found in lists for one in found), np.intp, int(lengths.sum()))
    moved = np.array([each for found in windows or () for each in found], np.intp)
    starts = np.cumsum(lengths) - lengths
    return Ragged(
        ids, lengths, starts, moved.reshape(len(ids), -1).T if moved.size else moved.reshape(0, len(ids))
    )


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Expressions that share a core. Columns have the shape (slots, expressions)."""

    core: core.Node
    zone: str
    reads: Rows
    constants: Values
    windows: Rows
    selections: tuple[Ragged, ...]
    require: Values

    def take(self, rows: Rows) -> Group:
        """Return the expressions at `rows`."""
        return Group(
            self.core,
            self.zone,
            self.reads[:, rows],
            self.constants[:, rows],
            self.windows[:, rows],
            tuple(one.take(rows) for one in self.selections),
            self.require[rows],
        )


def group(
    members: Sequence[Checked],
    ids: Mapping[str, int],
    states: Mapping[str, int],
    windows: Mapping[core.Window, int],
    require: Sequence[float],
) -> Group:
    """Lay out expressions that share a core."""
    first = members[0]
    selections = tuple(
        ragged(
            [[ids[one.path] for one in member.selections[slot].inputs] for member in members],
            [[[windows[w] for w in each] for each in member.selections[slot].windows] for member in members],
        )
        for slot in range(len(first.selections))
    )
    return Group(
        core=first.core,
        zone=str(first.zone),
        reads=_columns(np.array([[ids[one.path] for one in member.reads] for member in members], np.intp)),
        constants=_columns(np.array([constants(member.constants, states) for member in members])),
        windows=_columns(np.array([[windows[one] for one in member.windows] for member in members], np.intp)),
        selections=selections,
        require=np.array(require, np.float64),
    )


def constants(found: Iterable[float | str], states: Mapping[str, int]) -> list[float]:
    """Return literals as numbers; a state that no point has is none that a value could be equal to."""
    return [float(states.get(one, -1)) if isinstance(one, str) else one for one in found]


def _columns(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return rows of slots as columns."""
    return np.ascontiguousarray(rows.T)


class LiveSlots:
    """The rows of a group at a moment."""

    def __init__(self, rows: Group, now: Moment) -> None:
        self._rows = rows
        self._now = now
        self.count = len(rows.require)
        self.require = rows.require

    def read(self, slot: int) -> Valued:
        """Value of a point in each row."""
        ids = self._rows.reads[slot]
        return self._now.value[ids], self._now.flags[ids]

    def constant(self, slot: int) -> Values:
        """Literal of each row."""
        found: Values = self._rows.constants[slot]
        return found

    def each(self) -> Valued:
        """There is none outside of selections."""
        raise LookupError

    def moved(self, slot: int, *, each: bool) -> tuple[Values, Values, Flags]:  # noqa: ARG002
        """Value of a window in each row."""
        return _of_windows(self._rows.windows[slot], self._now)

    def calendar(self, field: str) -> Values:
        """What the clock shows."""
        return np.full(self.count, self._now.clocks[self._rows.zone][field])

    def selection(self, slot: int) -> tuple[Slots, Rows]:
        """Rows of all selected points."""
        found = self._rows.selections[slot]
        return _Elements(self, found, self._now), found.lengths


class _Elements:
    """The selected points of all rows; what does not belong to a point is that of its row."""

    def __init__(self, outer: LiveSlots, found: Ragged, now: Moment) -> None:
        self._outer = outer
        self._found = found
        self._now = now
        self.count = len(found.ids)

    @property
    def require(self) -> Values:
        return self._spread(self._outer.require)

    def read(self, slot: int) -> Valued:
        value, flags = self._outer.read(slot)
        return self._spread(value), np.repeat(flags, self._found.lengths)

    def constant(self, slot: int) -> Values:
        return self._spread(self._outer.constant(slot))

    def each(self) -> Valued:
        ids = self._found.ids
        return self._now.value[ids], self._now.flags[ids]

    def moved(self, slot: int, *, each: bool) -> tuple[Values, Values, Flags]:
        if each:
            return _of_windows(self._found.windows[slot], self._now)
        value, share, flags = self._outer.moved(slot, each=False)
        return self._spread(value), self._spread(share), np.repeat(flags, self._found.lengths)

    def calendar(self, field: str) -> Values:
        return self._spread(self._outer.calendar(field))

    def selection(self, slot: int) -> tuple[Slots, Rows]:
        raise LookupError(slot)

    def _spread(self, values: Values) -> Values:
        return np.repeat(values, self._found.lengths)


def _of_windows(rows: Rows, now: Moment) -> tuple[Values, Values, Flags]:
    return now.moved[rows], now.share[rows], now.doubt[rows]
