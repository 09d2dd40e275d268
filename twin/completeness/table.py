"""Completeness summed up: by point, device or site, by window, or both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.completeness.classes import CLASSES, SlotClass
from twin.completeness.count import MOST_SLOTS, count
from twin.completeness.pieces import Expectation
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from twin.completeness.count import Read
    from twin.completeness.pieces import Pieces
    from twin.frame import Times
    from twin.ledger import Gap
    from twin.past.models import Tenure


@dataclass(frozen=True, slots=True)
class Row:
    """What became of the slots of a group (a point, a device, a site, a district) from `start` to `stop`, ns UTC.

    `slots` counts them by class; `longest_s` is the longest time in which one of its points had no usable reading.
    `reasons` says how long its points were in gaps, in seconds of points; `filled_s` how much of that was filled later
    and is not among the reasons.
    """

    group: str
    start: int
    stop: int
    slots: Mapping[SlotClass, int]
    longest_s: float
    reasons: Mapping[Reason, float]
    filled_s: float

    @property
    def expected(self) -> int:
        """How many slots there were."""
        return sum(self.slots.values())

    @property
    def received(self) -> int:
        """Slots with a usable reading."""
        return sum(number for one, number in self.slots.items() if one < SlotClass.BAD)

    @property
    def share(self) -> float | None:
        """Share of slots that are accounted for by a usable value, None where nothing was expected."""
        expected = self.expected
        return (self.received + self.slots[SlotClass.HELD]) / expected if expected else None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is to be summed up. `edges` are those of the windows, int64[n+1]; `groups` names the group of each path.

    `ids` are the series of the paths. Readings are kept from `kept_from` on and have come until `now` (ns UTC). With
    `by_window` each window is a row of its own.
    """

    ids: Mapping[str, int]
    groups: Mapping[str, str]
    edges: Times
    kept_from: int
    now: int
    by_window: bool


def summed(read: Read, asked: Asked, tenures: Sequence[Tenure], gaps: Sequence[Gap]) -> list[Row]:
    """Return a row for each group, and window, of which anything was expected; groups in the order of `asked`.

    `tenures` say when the points were configured, `gaps` when they were not heard; `read` is as in `count`.
    """
    table, expectation = _Table(asked, gaps), Expectation(tenures, asked.ids)
    for number, (start, stop) in enumerate(_windows(asked)):
        row = number if asked.by_window else 0
        for layer in expectation.pieces(start, stop):
            for some in layer.portions(MOST_SLOTS):
                table.add(row, some, read)
    return list(table.rows())


def expected(asked: Asked, tenures: Sequence[Tenure]) -> int:
    """Return how many slots there are to be counted: what a question costs."""
    expectation = Expectation(tenures, asked.ids)
    return sum(
        int(layer.number.sum())
        for start, stop in _windows(asked)
        for layer in expectation.pieces(start, stop)
    )


def _windows(asked: Asked) -> Iterator[tuple[int, int]]:
    """Yield the windows as far as there are readings of them; the empty ones too, so that they keep their number."""
    for start, stop in zip(asked.edges[:-1].tolist(), asked.edges[1:].tolist(), strict=True):
        yield max(start, asked.kept_from), min(stop, asked.now)


class _Table:
    """The sums: arrays by group, window and class or reason."""

    def __init__(self, asked: Asked, gaps: Sequence[Gap]) -> None:
        self._asked = asked
        self._names = list(dict.fromkeys(asked.groups[path] for path in asked.ids))
        number = {name: position for position, name in enumerate(self._names)}
        self._group = np.zeros(max(asked.ids.values(), default=0) + 1, np.intp)
        for path, series in asked.ids.items():
            self._group[series] = number[asked.groups[path]]
        self._gaps = gaps
        self._columns = _Gaps.of(gaps, asked.now)
        windows = len(asked.edges) - 1 if asked.by_window else 1
        shape = (len(self._names), windows)
        self._slots = np.zeros((*shape, CLASSES), np.int64)
        self._longest = np.zeros(shape, np.int64)
        self._seconds = np.zeros((*shape, len(self._columns.reasons)), np.int64)
        self._filled_ns = np.zeros(shape, np.int64)

    def add(self, window: int, some: Pieces, read: Read) -> None:
        """Add pieces of a window."""
        gaps, lasted = self._within(some)
        filled = self._columns.filled[gaps]
        counted = count(read, some, [self._gaps[one] for one in gaps[filled].tolist()])
        group = self._group[some.ids]
        np.add.at(self._slots[:, window], group, counted.slots)
        np.maximum.at(self._longest[:, window], group, counted.longest)
        group, reason = self._group[self._columns.series[gaps]], self._columns.reason[gaps]
        np.add.at(self._seconds[:, window], (group[~filled], reason[~filled]), lasted[~filled])
        np.add.at(self._filled_ns[:, window], group[filled], lasted[filled])

    def _within(self, some: Pieces) -> tuple[npt.NDArray[np.intp], Times]:
        """Return the positions of gaps that lie in their series' piece in part, and for how many ns."""
        gaps = self._columns
        row = np.full(max(int(some.ids.max()), int(gaps.series.max(initial=0))) + 1, -1, np.intp)
        row[some.ids] = np.arange(len(some))
        at = row[gaps.series]
        lasted = np.minimum(gaps.stop, some.stop[at]) - np.maximum(gaps.start, some.start[at])
        found = np.flatnonzero((at >= 0) & (lasted > 0))
        return found, lasted[found]

    def rows(self) -> Iterator[Row]:
        """Yield the rows of groups, those of one group in the order of time."""
        edges = self._asked.edges.tolist()
        for group, name in enumerate(self._names):
            for window in range(self._slots.shape[1]):
                slots = self._slots[group, window].tolist()
                if not any(slots):
                    continue
                span = (edges[window], edges[window + 1]) if self._asked.by_window else (edges[0], edges[-1])
                yield Row(
                    name,
                    *span,
                    dict(zip(SlotClass, slots, strict=True)),
                    int(self._longest[group, window]) / NS,
                    {
                        reason: lasted / NS
                        for reason, lasted in zip(
                            self._columns.reasons, self._seconds[group, window].tolist(), strict=True
                        )
                        if lasted
                    },
                    int(self._filled_ns[group, window]) / NS,
                )


@dataclass(frozen=True, slots=True, eq=False)
class _Gaps:
    """Gaps as columns; `reason` is a position in `reasons`."""

    series: npt.NDArray[np.int64]
    start: Times
    stop: Times
    reason: npt.NDArray[np.intp]
    filled: npt.NDArray[np.bool_]
    reasons: Sequence[Reason]

    @classmethod
    def of(cls, gaps: Sequence[Gap], now: int) -> _Gaps:
        reasons = sorted({gap.reason for gap in gaps})
        return cls(
            np.array([gap.series for gap in gaps], np.int64),
            np.array([gap.start for gap in gaps], np.int64),
            np.array([now if gap.stop is None else gap.stop for gap in gaps], np.int64),
            np.array([reasons.index(gap.reason) for gap in gaps], np.intp),
            np.array([gap.filled for gap in gaps], np.bool_),
            reasons,
        )
