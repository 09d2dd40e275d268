"""Windows of many series: from rollups where they are made, from the store or from readings elsewhere, without a seam.

Aggregates that rollups have are read from the coarsest resolution on whose edges a window lies; a window for which
readings came late, of which a row is missing, or that has not been made comes from readings. Those that a database
reduces itself are asked of it (`twin.store.port.Store.windows`), the others are made here from each reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from twin.frame import empty_batch
from twin.history import rolled
from twin.history.fill import Fill, filled
from twin.history.reduce import Before, Keep, Subject, reduce, states
from twin.history.reductions import is_level, is_rolled
from twin.model.quantities import Aggregation
from twin.resolution import Resolution
from twin.rollups.made import CODES
from twin.store.history import split
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.frame import Batch, Ids, Times, Values
    from twin.history.reductions import Reduction
    from twin.rollups.made import Made
    from twin.store.port import Store

Mask = npt.NDArray[np.bool_]
MOST_CELLS = 500_000
MOST_RUNS = 16
MOST_BACK = 100
_LONGEST_NS = 10 * 366 * 86_400 * 1_000_000_000
_RESOLUTIONS = tuple(Resolution)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What windows are asked for, with the aggregates of each kind of quantity.

    `now` is where the present is, beyond which nothing stands.
    """

    subjects: Sequence[Subject]
    edges: Times
    reductions: Mapping[Aggregation, Sequence[Reduction]]
    now: int
    keep: Keep = Keep.UNCERTAIN
    fill: Fill = Fill.NULL

    def of(self, subject: Subject) -> Sequence[Reduction]:
        """Return the aggregates of a series."""
        return self.reductions[subject.quantity.aggregation]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Columns of each series by name, float64[w]; states have one column `state_s:NAME` for each that occurred.

    `source` is the code of the finest resolution that any series came from in each window, 0 for readings
    (`twin.rollups.made.CODES`). `filled` says which windows of a series hold what was put in.
    """

    columns: Mapping[int, dict[str, Values]]
    source: npt.NDArray[np.uint8]
    filled: Mapping[int, Mask] = field(default_factory=dict)


class Engine:
    """Answers from a store; `made` says what rollups there are, None for none. Blocks, from any thread."""

    def __init__(self, store: Store, names: Mapping[int, str], made: Made | None) -> None:
        self._store = store
        self._names = names
        self._made = made

    def answer(self, query: Query) -> Answer:
        """Return the windows of a query; raises what the store raises."""
        columns: dict[int, dict[str, Values]] = {one.id: {} for one in query.subjects}
        source = np.full(len(query.edges) - 1, max(CODES.values()), np.uint8)
        for subjects, some in _alike(query):
            part = _Part(subjects, some, query)
            for chosen in part.portions():
                source = np.minimum(source, self._portion(chosen, columns))
        for one in query.subjects:
            _complete(columns[one.id], one, query)
        return Answer(columns, source, _fill(columns, query))

    def _portion(self, part: _Part, columns: dict[int, dict[str, Values]]) -> npt.NDArray[np.uint8]:
        edges, shape = part.query.edges, (len(part.subjects), len(part.query.edges) - 1)
        wanted = np.ones(shape, np.bool_)
        source = np.zeros(shape[1], np.uint8)
        if self._made is not None and part.rolls:
            source = self._from_rollups(self._made, part, wanted, columns)
        for first, last in _runs(np.any(wanted, axis=0)):
            here = wanted[:, first:last]
            some = np.flatnonzero(here.any(axis=1))
            source[first:last][here.any(axis=0)] = 0
            found = self._from_store(part.take(some), edges[first : last + 1])
            for row in some.tolist():
                one = part.subjects[row].id
                for name, column in found.get(one, {}).items():
                    _put(columns[one], name, column, slice(first, last), here[row], shape[1])
        return source

    # --- from rollups ---------------------------------------------------------------------------------------

    def _from_rollups(
        self, made: Made, part: _Part, wanted: Mask, columns: dict[int, dict[str, Values]]
    ) -> npt.NDArray[np.uint8]:
        """Put what rollups have into the columns, and take it off what is `wanted`; returns where it came from."""
        edges, ids, district = part.query.edges, part.ids, part.subjects[0].district
        source = made.windows(district, edges)
        if not source.any():
            return source
        usable = ~made.stale(self._store, district, ids, edges) & made.known(district, ids)[:, None]
        for code in np.unique(source[source > 0]).tolist():
            for first, last in _cut(_runs(source == code, most=None), edges):
                here = slice(first, last)
                if not usable[:, here].any():
                    continue
                found = rolled.read(
                    self._store, made, district, _RESOLUTIONS[code], ids, edges[first : last + 1]
                )
                good = usable[:, here] & found.known
                good &= found.single | ~part.turns[:, None]
                self._take(part, found, good, here, columns)
                wanted[:, here] &= ~good
        return source

    def _take(
        self,
        part: _Part,
        found: rolled.Rolled,
        good: Mask,
        here: slice,
        columns: dict[int, dict[str, Values]],
    ) -> None:
        number = len(part.query.edges) - 1
        whats = [one.what for one in part.reductions if isinstance(one.what, Aggregate)]
        grids = {str(one): found.column(one) for one in whats if one is not Aggregate.STATE_S}
        if Aggregate.STATE_S in whats:
            grids |= found.states(self._names)
        for row, one in enumerate(part.ids.tolist()):
            for name, grid in grids.items():
                _put(columns[one], name, grid[row], here, good[row], number)

    # --- from readings --------------------------------------------------------------------------------------

    def _from_store(self, part: _Part, edges: Times) -> Mapping[int, Mapping[str, Values]]:
        """Return windows that the store reduces, or that are reduced here from its readings."""
        whats = [one.what for one in part.reductions if isinstance(one.what, Aggregate)]
        if part.needs_each:
            return dict(self._from_rows(part, edges))
        found = self._store.windows(part.ids, edges, whats)
        return {
            one: {str(name): column for name, column in windows.columns.items()}
            for one, windows in found.items()
        }

    def _from_rows(self, part: _Part, edges: Times) -> Iterator[tuple[int, dict[str, Values]]]:
        start, stop = int(edges[0]), int(edges[-1])
        before = self._before(part, start)
        subjects = {one.id: one for one in part.subjects}
        silent = set(subjects)
        for chunk in self._store.chunks(part.ids, start, stop):
            for one, rows in split(chunk):
                silent.discard(one)
                yield one, self._reduce(part, subjects[one], rows, before, edges)
        for one in silent:
            yield one, self._reduce(part, subjects[one], empty_batch(), before, edges)

    def _reduce(
        self, part: _Part, subject: Subject, rows: Batch, before: Mapping[int, Before], edges: Times
    ) -> dict[str, Values]:
        query, prior = part.query, before.get(subject.id, Before())
        found = reduce(rows, prior, edges, subject, part.reductions, query.keep, query.now)
        if any(one.what is Aggregate.STATE_S for one in part.reductions):
            found |= states(rows, prior, edges, query.keep, query.now, self._names)
        return found

    def _before(self, part: _Part, start: int) -> dict[int, Before]:
        """Return what was before the first window, where any aggregate looks at it."""
        whats = {one.what for one in part.reductions}
        if not whats - _WITHIN:
            return {}
        keep = part.query.keep
        rows = self._store.asof(part.ids, start - 1)
        value = np.where(rows.quality < keep.below, rows.value, np.nan)
        found = {
            one: Before(time, number)
            for one, time, number in zip(rows.ids.tolist(), rows.time.tolist(), value.tolist(), strict=True)
        }
        if Aggregate.DELTA in whats:
            for one, number in self._counted(part.ids, start, keep).items():
                known = found.get(one, Before())
                found[one] = Before(known.time, known.value, number)
        return found

    def _counted(self, ids: Ids, start: int, keep: Keep) -> dict[int, float]:
        """Return the newest value of each series that counts, from before a time."""
        rows = self._store.before(ids, start)
        found = {}
        for one, time, value, quality in zip(
            rows.ids.tolist(), rows.time.tolist(), rows.value.tolist(), rows.quality.tolist(), strict=True
        ):
            number = value if quality < keep.below else self._further(one, time, keep)
            if number is not None:
                found[one] = number
        return found

    def _further(self, one: int, time: int, keep: Keep) -> float | None:
        """Look further back for a value that counts, not for ever."""
        for _ in range(MOST_BACK):
            rows = self._store.before(np.array([one], np.int32), time)
            if not len(rows):
                return None
            if rows.quality[0] < keep.below:
                return float(rows.value[0])
            time = int(rows.time[0])
        return None


_WITHIN = frozenset(Aggregate) - {Aggregate.DELTA, Aggregate.STATE_S}
"""Aggregates that need no reading from before a window."""


class _Part:
    """Series of one district that have the same aggregates to be had from the same place; sorted by id."""

    def __init__(self, subjects: Sequence[Subject], reductions: Sequence[Reduction], query: Query) -> None:
        self.subjects = sorted(subjects, key=lambda one: one.id)
        self.ids: Ids = np.array([one.id for one in self.subjects], np.int32)
        self.reductions = reductions
        self.query = query
        keep = query.keep
        counts = any(one.what is Aggregate.COUNT for one in reductions)
        plain = keep is Keep.UNCERTAIN or (keep is Keep.ALL and not counts)
        self.needs_each = not plain or not all(isinstance(one.what, Aggregate) for one in reductions)
        self.rolls = plain and all(is_rolled(one, self.subjects[0].quantity) for one in reductions)
        means = any(one.what is Aggregate.MEAN for one in reductions)
        self.turns = np.array([means and one.quantity.period is not None for one in self.subjects], np.bool_)

    def take(self, rows: npt.NDArray[np.intp]) -> _Part:
        """Return some of the series."""
        return _Part([self.subjects[row] for row in rows.tolist()], self.reductions, self.query)

    def portions(self) -> Iterator[_Part]:
        """Yield portions that fit into memory, also where a window is many rollups."""
        span = int(self.query.edges[-1] - self.query.edges[0])
        cells = max(len(self.query.edges), span // _QUARTER_NS if self.rolls else 0)
        step = max(1, MOST_CELLS // cells)
        for first in range(0, len(self.subjects), step):
            yield _Part(self.subjects[first : first + step], self.reductions, self.query)


_QUARTER_NS = Resolution.QUARTER.seconds * 1_000_000_000


def _alike(query: Query) -> Iterator[tuple[list[Subject], list[Reduction]]]:
    """Yield series of one district and kind, with the aggregates that rollups have and then with the others."""
    groups: dict[tuple[str, Aggregation, bool], list[Subject]] = {}
    for one in query.subjects:
        key = (one.district, one.quantity.aggregation, one.quantity.period is not None)
        groups.setdefault(key, []).append(one)
    for subjects in groups.values():
        quantity = subjects[0].quantity
        for part in (True, False):
            some = [one for one in query.of(subjects[0]) if is_rolled(one, quantity) is part]
            if some:
                yield subjects, some


def _runs(mask: Mask, most: int | None = MOST_RUNS) -> list[tuple[int, int]]:
    """Return where stretches of windows begin and end; one stretch for all where there are more than `most`."""
    steps = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    found = list(zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True))
    if most is not None and len(found) > most:
        return [(found[0][0], found[-1][1])]
    return found


def _cut(runs: Sequence[tuple[int, int]], edges: Times) -> Iterator[tuple[int, int]]:
    """Yield stretches in pieces of years, since a window may be made of many rollups."""
    for begin, end in runs:
        first = begin
        while first < end:
            last = int(np.searchsorted(edges, edges[first] + _LONGEST_NS, "right")) - 1
            last = min(max(last, first + 1), end)
            yield first, last
            first = last


def _put(columns: dict[str, Values], name: str, column: Values, here: slice, good: Mask, number: int) -> None:
    """Put values into some windows of a column, which is made when it is missing."""
    mine = columns.get(name)
    if mine is None:
        mine = columns[name] = np.full(number, np.nan)
    mine[here][good] = column[good]


def _complete(columns: dict[str, Values], subject: Subject, query: Query) -> None:
    """Give a series the columns that it lacks, in the order in which they are asked for."""
    number, found = len(query.edges) - 1, dict(columns)
    columns.clear()
    for one in query.of(subject):
        if one.what is Aggregate.STATE_S:
            columns |= _states(found)
        else:
            column = found.get(one.name)
            column = np.full(number, np.nan) if column is None else column
            columns[one.name] = np.nan_to_num(column) if one.what is Aggregate.COUNT else column


def _states(found: Mapping[str, Values]) -> dict[str, Values]:
    """Return the seconds of states: 0 where another one is known, whichever piece of the time that is from."""
    mine = {name: column for name, column in found.items() if name.startswith(f"{Aggregate.STATE_S}:")}
    if not mine:
        return {}
    known = np.logical_or.reduce([~np.isnan(column) for column in mine.values()])
    return {name: np.where(known, np.nan_to_num(mine[name]), np.nan) for name in sorted(mine)}


def _fill(columns: Mapping[int, dict[str, Values]], query: Query) -> dict[int, Mask]:
    """Fill levels in place; a state has no value between two others."""
    if query.fill not in {Fill.PREVIOUS, Fill.LINEAR}:
        return {}
    found = {}
    for one in query.subjects:
        mine, marks = columns[one.id], np.zeros(len(query.edges) - 1, np.bool_)
        state = one.quantity.aggregation is Aggregation.STATE
        for wanted in query.of(one):
            if wanted.name in mine and is_level(wanted) and not (state and query.fill is Fill.LINEAR):
                column, where = filled(mine[wanted.name], query.edges[:-1], query.fill, one.quantity.period)
                mine[wanted.name] = column
                marks |= where
        found[one.id] = marks
    return found
