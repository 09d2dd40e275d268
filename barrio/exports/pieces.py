"""Readings of many series in an order that needs no sort of all of them: whole series, a portion of rows at a time.

The embedded store holds rows as they came, all series among each other. A portion of series is picked out of them and
sorted in memory; that reads the file once for each portion, which is a fraction of what writing the rows out costs. A
series that is too long for a portion comes in stretches of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.frame import Batch, Ids, Times
    from twin.store.port import Store

ROWS = 50_000
_SHORTEST_NS = 1_000_000_000


def count(store: Store, ids: Ids, start: int, stop: int) -> Times:
    """Return how many readings each of `ids` has; see `Store.counts`."""
    known, numbers = store.counts(ids, start, stop)
    found = dict(zip(known.tolist(), numbers.tolist(), strict=True))
    return np.array([found.get(one, 0) for one in ids.tolist()], np.int64)


def pieces(store: Store, ids: Ids, counts: Times, start: int, stop: int) -> Iterator[Batch]:
    """Yield the readings of series by series and time, about `ROWS` at a time; `counts` is what `count` said."""
    for some, rows in _portions(ids, counts):
        if len(some) > 1 or rows <= 2 * ROWS:
            yield store.raw(some, start, stop)
        else:
            for begin, end in _stretches(store, some, rows, start, stop):
                yield store.raw(some, begin, end)


def _portions(ids: Ids, counts: Times) -> Iterator[tuple[Ids, int]]:
    """Yield series that have about `ROWS` readings together, or one that has more, with how many."""
    first = rows = 0
    for at, number in enumerate(counts.tolist()):
        if at > first and rows + number > ROWS:
            yield ids[first:at], rows
            first, rows = at, 0
        rows += number
    if len(ids) > first:
        yield ids[first:], rows


def _stretches(store: Store, one: Ids, rows: int, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield stretches of time that follow each other, with about `ROWS` readings of a series in each."""
    if rows <= ROWS or stop - start <= _SHORTEST_NS:
        yield start, stop
        return
    middle = start + (stop - start) // 2
    early = int(count(store, one, start, middle)[0])
    yield from _stretches(store, one, early, start, middle)
    yield from _stretches(store, one, rows - early, middle, stop)
