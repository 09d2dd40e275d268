"""Readings of registers from the store, with enough around a stretch that its boundaries never depend on its length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.frame import empty_batch, join
from twin.intervals.axis import Reads
from twin.quality import FIRST_BAD
from twin.store.history import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.frame import Batch, Ids
    from twin.intervals.register import Register
    from twin.store.port import Store

AROUND = 3
"""So many usable readings before and after: one may be left out as not believed, and is judged by its neighbours."""
MARGINS = (2 * 3_600 * NS, 2 * 86_400 * NS)


def reads_of(
    store: Store, registers: Mapping[int, Register], start: int, stop: int
) -> Iterator[tuple[int, Reads]]:
    """Yield the usable readings of each register for `start <= time < stop` and around it, in no order; blocks."""
    left = sorted(registers)
    for number, margin in enumerate(MARGINS):
        last = number == len(MARGINS) - 1
        few: list[int] = []
        for one, rows in _loaded(store, left, start - margin, stop + margin):
            if not last and not _enough(rows, start, stop):
                few.append(one)
                continue
            whole = (
                rows if _enough(rows, start, stop) else _completed(store, one, rows, (start, stop), margin)
            )
            yield one, _reads(registers[one], whole)
        left = few


def _loaded(store: Store, ids: Sequence[int], start: int, stop: int) -> Iterator[tuple[int, Batch]]:
    """Yield every one of `ids` with its usable readings, an empty batch where there is none."""
    silent = set(ids)
    if not silent:
        return
    for chunk in store.chunks(np.array(ids, np.int32), start, stop):
        for one, rows in split(chunk):
            silent.discard(one)
            yield one, rows.take(rows.quality < FIRST_BAD)
    for one in sorted(silent):
        yield one, empty_batch()


def _enough(rows: Batch, start: int, stop: int) -> bool:
    before, after = np.searchsorted(rows.time, (start, stop)).tolist()
    return int(before) >= AROUND and len(rows) - int(after) >= AROUND


def _completed(store: Store, one: int, rows: Batch, span: tuple[int, int], margin: int) -> Batch:
    """Look further back and ahead, a reading at a time, until there are enough or no more."""
    start, stop = span
    ids = np.array([one], np.int32)
    before, after = np.searchsorted(rows.time, (start, stop)).tolist()
    parts, moment = [rows], start - margin
    for _ in range(AROUND - before):
        found = store.before(ids, moment)
        if not len(found):
            break
        parts.insert(0, found)
        moment = int(found.time[0])
    moment = stop + margin
    for _ in range(AROUND - (len(rows) - after)):
        found = _next(store, ids, moment)
        if not len(found):
            break
        parts.append(found)
        moment = int(found.time[0]) + 1
    return join(parts)


def _next(store: Store, ids: Ids, moment: int) -> Batch:
    _, times = store.first(ids, moment)
    if not len(times):
        return empty_batch()
    found = store.raw(ids, int(times[0]), int(times[0]) + 1)
    return found.take(found.quality < FIRST_BAD)


def reach(store: Store, one: int, low: int, high: int) -> tuple[int, int]:
    """Return the times of the readings that are some steps before and after a stretch: what it may have changed."""
    ids = np.array([one], np.int32)
    begin, end = low, high
    for _ in range(AROUND):
        found = store.before(ids, begin)
        if not len(found):
            break
        begin = int(found.time[0])
    for _ in range(AROUND):
        found = _next(store, ids, end + 1)
        if not len(found):
            break
        end = int(found.time[0])
    return begin, end


def _reads(register: Register, rows: Batch) -> Reads:
    return Reads(rows.time, register.steps(rows.value), rows.quality)
