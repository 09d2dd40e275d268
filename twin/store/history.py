"""Windows over what a store holds: which part the database reduces itself, and which is done here in numpy.

Numbers of windows whose edges lie on an even grid (all but the oddest do: the days of a zone with summer time lie on
one of hours) are reduced by the database to the cells of the grid, and cells are joined to windows here. Counters,
states and directions need each reading, and come through `twin.store.aggregate`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from twin.frame import Batch, Ids, Times, Values, empty_batch
from twin.model.quantities import Aggregation
from twin.quality import FIRST_BAD
from twin.store import aggregate
from twin.store.port import Aggregate, Series, Windows

MOST_CELLS = 2_000_000

_OF_STATES = frozenset({Aggregate.FIRST, Aggregate.LAST, Aggregate.COUNT})
_SIMPLE = frozenset(
    {
        Aggregate.MEAN,
        Aggregate.MIN,
        Aggregate.MAX,
        Aggregate.SUM,
        Aggregate.FIRST,
        Aggregate.LAST,
        Aggregate.COUNT,
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Cells `[start + step * i, start + step * (i + 1))` for `0 <= i < number`."""

    start: int
    step: int
    number: int

    @property
    def stop(self) -> int:
        """End of the last cell."""
        return self.start + self.step * self.number


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What the database reduced usable readings to: one row per series and cell that has any, in any order."""

    ids: Ids
    cell: Times
    columns: Mapping[Aggregate, Values]


class Source(Protocol):
    """What windows are made from; a store has these methods for its own use."""

    def cells(self, ids: Ids, grid: Grid, wanted: Collection[Aggregate]) -> Cells:
        """Reduce usable readings to cells; `wanted` holds simple aggregates, with the count and without the mean."""

    def chunks(self, ids: Ids, start: int, stop: int) -> Iterator[Batch]:
        """Yield readings ordered by (series, time), whole series at a time, in portions fit for memory."""

    def newest(self, ids: Ids, before: int, *, usable: bool) -> Batch:
        """Return the newest reading of each series with `time < before`, or the newest good or uncertain one."""


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """Reads windows from a source; `series` and `states` are those that the store was opened with."""

    source: Source
    series: Mapping[int, Series]
    states: Mapping[int, str]

    def windows(
        self, ids: Ids, edges: Times, aggregates: Sequence[Aggregate], now: int
    ) -> dict[int, Windows]:
        """Return the windows of each of `ids`, also of those that the store knows nothing of.

        ValueError when `edges` are not two or more rising times.
        """
        if len(edges) < 2 or bool((np.diff(edges) <= 0).any()):
            raise ValueError(f"edges must be two or more rising times, found {edges.tolist()[:4]}")
        asked = np.unique(ids).tolist()
        columns = {one: _empty(len(edges) - 1, aggregates) for one in asked}
        grid, known = _grid(edges), [one for one in asked if one in self.series]
        simple = _SIMPLE.intersection(aggregates)
        if simple and known and grid is not None:
            self._from_cells(known, edges, grid, simple, columns)
        each = {
            one: self._from_each(one, simple if grid is None else frozenset(), aggregates) for one in known
        }
        each = {one: wanted for one, wanted in each.items() if wanted}
        if each:
            self._from_rows(each, edges, now, columns)
        return {one: Windows(edges[:-1], found) for one, found in columns.items()}

    def _from_each(
        self, one: int, simple: Collection[Aggregate], asked: Collection[Aggregate]
    ) -> frozenset[Aggregate]:
        """Return the aggregates of a series that need each reading."""
        wanted = set(simple)
        if is_state(self.series[one]):
            return frozenset(wanted & _OF_STATES | {Aggregate.STATE_S} & set(asked))
        if self.series[one].quantity.period is not None:
            wanted |= {Aggregate.MEAN} & set(asked)
        return frozenset(wanted | {Aggregate.DELTA} & set(asked))

    def _from_cells(
        self,
        ids: list[int],
        edges: Times,
        grid: Grid,
        simple: Collection[Aggregate],
        columns: Mapping[int, dict[str, Values]],
    ) -> None:
        number = len(edges) - 1
        wanted = ({*simple, Aggregate.COUNT} | _needs(simple)) - {Aggregate.MEAN}
        cells = self.source.cells(np.array(ids, np.int32), grid, wanted)
        order = np.lexsort((cells.cell, cells.ids))
        window = np.searchsorted(edges, grid.start + cells.cell[order] * grid.step, "right") - 1
        at = np.searchsorted(ids, cells.ids[order]) * number + window
        found = {one: column[order] for one, column in cells.columns.items()}
        joined = {
            one: column.reshape(len(ids), number)
            for one, column in _join(found, at, len(ids) * number, simple)
        }
        for row, one in enumerate(ids):
            for name in _OF_STATES.intersection(simple) if is_state(self.series[one]) else simple:
                columns[one][name] = joined[name][row]

    def _from_rows(
        self,
        wanted: Mapping[int, Collection[Aggregate]],
        edges: Times,
        now: int,
        columns: Mapping[int, dict[str, Values]],
    ) -> None:
        start, stop = int(edges[0]), int(edges[-1])
        ids = np.array(list(wanted), np.int32)
        states = np.array([is_state(self.series[one]) for one in wanted], np.bool_)
        counters = np.array([Aggregate.DELTA in aggregates for aggregates in wanted.values()], np.bool_)
        previous = _by_id(self.source.newest(ids[states], start, usable=False)) if states.any() else {}
        if counters.any():
            previous |= _by_id(self.source.newest(ids[counters], start, usable=True))
        silent = set(wanted)
        for chunk in self.source.chunks(ids, start, stop):
            for one, rows in split(chunk):
                silent.discard(one)
                columns[one].update(self._reduce(one, rows, edges, previous.get(one), wanted[one], now))
        for one in silent & previous.keys():
            columns[one].update(self._reduce(one, empty_batch(), edges, previous[one], wanted[one], now))

    def _reduce(
        self,
        one: int,
        rows: Batch,
        edges: Times,
        previous: float | None,
        wanted: Collection[Aggregate],
        now: int,
    ) -> dict[str, Values]:
        series = self.series[one]
        good = rows.take(rows.quality < FIRST_BAD)
        found = aggregate.reduce(
            good.time, good.value, edges, _SIMPLE.intersection(wanted), series.quantity.period
        )
        if Aggregate.DELTA in wanted:
            found[Aggregate.DELTA] = aggregate.delta(good.time, good.value, edges, previous, series.wraps_at)
        if Aggregate.STATE_S in wanted:
            state = np.where(rows.quality < FIRST_BAD, rows.value, np.nan)
            found |= aggregate.state_seconds(rows.time, state, edges, previous, now, self.states)
        return found


def is_state(series: Series) -> bool:
    """Whether the values of a series are state ids."""
    return series.quantity.aggregation is Aggregation.STATE


def is_gauge(series: Series) -> bool:
    """Whether the values of a series are neither state ids nor counts."""
    return series.quantity.aggregation is Aggregation.GAUGE


def split(batch: Batch) -> Iterator[tuple[int, Batch]]:
    """Yield each series of a batch that is ordered by series."""
    bounds = [*np.flatnonzero(np.diff(batch.ids, prepend=-1)).tolist(), len(batch)]
    for begin, end in pairwise(bounds):
        yield int(batch.ids[begin]), batch.take(slice(begin, end))


def _by_id(rows: Batch) -> dict[int, float]:
    usable = np.where(rows.quality < FIRST_BAD, rows.value, np.nan)
    return dict(zip(rows.ids.tolist(), usable.tolist(), strict=True))


def _empty(number: int, aggregates: Collection[Aggregate]) -> dict[str, Values]:
    """Return the columns of a series without readings."""
    return {
        str(one): np.zeros(number) if one is Aggregate.COUNT else np.full(number, np.nan)
        for one in aggregates
        if one is not Aggregate.STATE_S
    }


def _grid(edges: Times) -> Grid | None:
    """Return the coarsest even grid on which all edges lie, None where it has too many cells."""
    step = int(np.gcd.reduce(np.diff(edges)))
    number = int(edges[-1] - edges[0]) // step
    return Grid(int(edges[0]), step, number) if number <= max(MOST_CELLS, len(edges)) else None


def _needs(simple: Collection[Aggregate]) -> set[Aggregate]:
    return {Aggregate.SUM} if Aggregate.MEAN in simple else set()


def _join(
    cells: Mapping[Aggregate, Values], at: npt.NDArray[np.intp], number: int, simple: Collection[Aggregate]
) -> Iterator[tuple[Aggregate, Values]]:
    """Yield the columns of all windows, float64[number], from those of cells in the order of (series, time)."""
    count: Values = np.bincount(at, cells[Aggregate.COUNT], number).astype(np.float64)
    yield Aggregate.COUNT, count
    for one in frozenset(simple) - {Aggregate.COUNT}:
        column = _join_one(cells, at, count, one)
        column[count == 0] = np.nan
        yield one, column


def _join_one(
    cells: Mapping[Aggregate, Values], at: npt.NDArray[np.intp], count: Values, one: Aggregate
) -> Values:
    """Join one aggregate; windows without readings hold anything."""
    if one is Aggregate.LAST:
        column = np.empty(len(count))
        column[at] = cells[one]
        return column
    if one is Aggregate.FIRST:
        column = np.empty(len(count))
        column[at[::-1]] = cells[one][::-1]
        return column
    if one in _EXTREMES:
        pick, column = _EXTREMES[one], np.full(len(count), -np.inf if one is Aggregate.MAX else np.inf)
        # States among the series have no extremes.
        with np.errstate(invalid="ignore"):
            pick.at(column, at, cells[one])
        return column
    total: Values = np.bincount(at, cells[Aggregate.SUM], len(count)).astype(np.float64)
    return total / np.maximum(count, 1) if one is Aggregate.MEAN else total


_EXTREMES = {Aggregate.MIN: np.minimum, Aggregate.MAX: np.maximum}
