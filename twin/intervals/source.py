"""Readings of registers from the store, with enough around a stretch that its boundaries never depend on its length.

A boundary is had from the believed readings before and after it. Whether a reading is believed is judged by its two
neighbours, and readings that somebody decided to leave out are as if they were not there: so it is looked as far as it
takes to a reading that is believed for sure, or to the end of what is stored.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.frame import empty_batch, join
from twin.intervals.axis import Reads, believed, heard
from twin.intervals.edits import READ_BY_HAND
from twin.quality import FIRST_BAD
from twin.store.history import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.frame import Batch
    from twin.intervals.edits import Edit
    from twin.intervals.register import Register
    from twin.store.port import Store

AROUND = 3
"""So many usable readings before and after, at least: one may be left out, and is judged by its neighbours."""
MOST_AROUND = 100
"""So many are looked at, one by one, where none is believed for sure."""
MARGINS = (2 * 3_600 * NS, 2 * 86_400 * NS)


def reads_of(
    store: Store,
    registers: Mapping[int, Register],
    start: int,
    stop: int,
    edits: Mapping[int, Sequence[Edit]],
) -> Iterator[tuple[int, Reads]]:
    """Yield the usable readings of each register for `start <= time < stop` and around it, in no order; blocks.

    Without those that `edits` leave out.
    """
    left = sorted(registers)
    for number, margin in enumerate(MARGINS):
        last = number == len(MARGINS) - 1
        few: list[int] = []
        for one, rows in _loaded(store, left, start - margin, stop + margin):
            held = edits.get(one, ())
            reads = _reads(registers[one], rows, held)
            if _is_firm(reads, held, start, before=True) and _is_firm(reads, held, stop, before=False):
                yield one, reads
            elif last:
                yield (
                    one,
                    _completed(
                        store, registers[one], rows, held, (start - margin, start, stop, stop + margin)
                    ),
                )
            else:
                few.append(one)
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


def _is_firm(reads: Reads, edits: Sequence[Edit], moment: int, *, before: bool) -> bool:
    """Whether enough is there on one side of a moment: among them one that is believed, whatever lies further on."""
    at = int(np.searchsorted(reads.time, moment))
    if (at if before else len(reads.time) - at) < AROUND:
        return False
    stands = believed(reads, edits)
    # The outermost one is not judged, for want of a neighbour, and the innermost one may be another tomorrow.
    return bool(stands[1 : at - 1].any() if before else stands[at + 1 : -1].any())


def _completed(
    store: Store, register: Register, rows: Batch, edits: Sequence[Edit], span: tuple[int, int, int, int]
) -> Reads:
    """Look further back and ahead, a reading at a time, until there are enough or no more."""
    low, start, stop, high = span
    back, ahead = _back(store, register.id, low, edits), _ahead(store, register.id, high, edits)
    for before, moment, further in ((True, start, back), (False, stop, ahead)):
        for found in islice(further, MOST_AROUND):
            if _is_firm(_reads(register, rows, edits), edits, moment, before=before):
                break
            rows = join([found, rows] if before else [rows, found])
    return _reads(register, rows, edits)


def _back(store: Store, one: int, moment: int, edits: Sequence[Edit]) -> Iterator[Batch]:
    """Yield the usable readings before a time, the newest first, without those that are left out."""
    ids = np.array([one], np.int32)
    while len(found := store.before(ids, moment)):
        moment = int(found.time[0])
        if heard(found.time, edits)[0]:
            yield found
        else:
            moment = min(edit.start for edit in edits if edit.leaves_out(moment))


def _ahead(store: Store, one: int, moment: int, edits: Sequence[Edit]) -> Iterator[Batch]:
    """Yield the usable readings from a time on, without those that are left out."""
    ids = np.array([one], np.int32)
    while True:
        _, times = store.first(ids, moment)
        if not len(times):
            return
        moment = int(times[0])
        if heard(times, edits)[0]:
            found = store.raw(ids, moment, moment + 1)
            yield found.take(found.quality < FIRST_BAD)
            moment += 1
        else:
            moment = max(edit.stop for edit in edits if edit.leaves_out(moment))


def reach(store: Store, register: Register, low: int, high: int, edits: Sequence[Edit]) -> tuple[int, int]:
    """Return the times of the knots around a stretch up to which it may have changed boundaries.

    They are readings, or where there is none on a side, what was decided of a moment there.
    """
    begin, end = _moments(low, high, edits)
    rows = empty_batch()
    for found in islice(_back(store, register.id, low, edits), MOST_AROUND):
        rows, begin = join([found, rows]), int(found.time[0])
        if _is_firm(_reads(register, rows, edits), edits, low, before=True):
            break
    rows = empty_batch()
    for found in islice(_ahead(store, register.id, high + 1, edits), MOST_AROUND):
        rows, end = join([rows, found]), int(found.time[0])
        if _is_firm(_reads(register, rows, edits), edits, high, before=False):
            break
    return begin, end


def _moments(low: int, high: int, edits: Sequence[Edit]) -> tuple[int, int]:
    known = [one.start for one in edits if one.kind in READ_BY_HAND]
    before, after = [one for one in known if one < low], [one for one in known if one > high]
    return max(before, default=low), min(after, default=high)


def _reads(register: Register, rows: Batch, edits: Sequence[Edit]) -> Reads:
    return Reads(rows.time, register.steps(rows.value), rows.quality).take(heard(rows.time, edits))
