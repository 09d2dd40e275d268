"""The total of a register over time, as one line that only its meter moves: across wraps and changes of the meter.

Knots are the readings that are believed, those taken by hand, and changes of the meter. `total` grows from knot to knot
by the difference of the registers:

    d = v[i] - v[i-1]                        the same meter
    d = v[i] - v[i-1] + wraps                where it fell from the upper to the lower half of a register that wraps
    d = old_last - v[i-1], then v[i] - new_first      where the meter was changed in between

A fall that is neither stays what it is, a negative difference, and is called so: nothing is made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.intervals.edits import EditKind
from twin.intervals.flags import Why
from twin.quality import FIRST_UNCERTAIN, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from twin.frame import Qualities, Times
    from twin.intervals.edits import Edit
    from twin.intervals.register import Register

_CLOCK = (Reason.RESTAMPED, Reason.AGE_UNKNOWN)


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """Readings of one register in the order of time, each time once, usable ones only; `steps` are whole steps."""

    time: Times
    steps: npt.NDArray[np.int64]
    quality: Qualities

    def take(self, where: npt.NDArray[np.bool_]) -> Reads:
        """Return those where a mask is true."""
        return Reads(self.time[where], self.steps[where], self.quality[where])


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Knots, rising in time. `register` is what the meter shows from a knot on, `total` the line.

    `doubt` is the `Why` of what is doubtful about a knot, 0 for none. `fell` and `wrapped` are true where the step that
    ends at a knot did. `dropped` are times of readings that were not believed, `changed` those of changes.
    """

    time: Times
    register: npt.NDArray[np.int64]
    total: npt.NDArray[np.int64]
    doubt: npt.NDArray[np.uint8]
    fell: npt.NDArray[np.bool_]
    wrapped: npt.NDArray[np.bool_]
    by_hand: npt.NDArray[np.bool_]
    dropped: Times
    changed: Times


def axis_of(register: Register, reads: Reads, edits: Sequence[Edit]) -> Axis:
    """Return the line of one register from its readings and what was decided about them."""
    reads = reads.take(heard(reads.time, edits))
    changes = sorted((one for one in edits if one.kind is EditKind.METER_CHANGE), key=lambda one: one.start)
    hand = sorted(
        (one for one in edits if one.kind is EditKind.READ), key=lambda one: (one.start, one.number)
    )
    stands = believed(reads, changes)
    return _joined(register, reads.take(stands), hand, changes, reads.time[~stands])


def heard(times: Times, edits: Sequence[Edit]) -> npt.NDArray[np.bool_]:
    """Return which readings somebody did not decide to leave out."""
    found = np.ones(len(times), np.bool_)
    for edit in edits:
        if edit.kind is EditKind.IGNORE:
            found &= (times < edit.start) | (times >= edit.stop)
    return found


def believed(reads: Reads, edits: Sequence[Edit]) -> npt.NDArray[np.bool_]:
    """Return which readings are believed: all but single ones that stick out.

    Those before and after such a one fit each other, and it fits neither. The first and the last one are not judged.
    """
    stands = np.ones(len(reads.time), np.bool_)
    if len(reads.time) > 2:
        changes = sorted(one.start for one in edits if one.kind is EditKind.METER_CHANGE)
        meter = np.searchsorted(np.array(changes, np.int64), reads.time, "right")
        before, this, after = reads.steps[:-2], reads.steps[1:-1], reads.steps[2:]
        same = (meter[:-2] == meter[2:]) & (before <= after)
        stands[1:-1] = ~(same & ((this < before) | (this > after)))
    return stands


def _joined(
    register: Register, reads: Reads, hand: Sequence[Edit], changes: Sequence[Edit], dropped: Times
) -> Axis:
    """Put readings, hand readings and changes in one order; a change is two knots at one moment, the old one first."""
    moments = np.array([one.start for one in changes], np.int64)
    # The last word about a moment stands; what is read by hand stands before what was received.
    by_hand = {one.start: one.steps[0] for one in hand}
    hand_time = np.array(list(by_hand), np.int64)
    others = ~(np.isin(reads.time, hand_time) | np.isin(reads.time, moments))
    reads = reads.take(others)
    keep = ~np.isin(hand_time, moments)
    hand_steps = np.array(list(by_hand.values()), np.int64)[keep]
    hand_time = hand_time[keep]
    time = np.concatenate((reads.time, hand_time, moments, moments))
    steps = np.concatenate(
        (
            reads.steps,
            hand_steps,
            np.array([one.steps[0] for one in changes], np.int64),
            np.array([one.steps[1] for one in changes], np.int64),
        )
    )
    rank = np.zeros(len(time), np.int8)
    rank[len(time) - len(changes) :] = 1
    fresh = rank == 1
    doubt = np.zeros(len(time), np.uint8)
    doubt[: len(reads.time)] = _doubts(reads.quality)
    is_hand = np.zeros(len(time), np.bool_)
    is_hand[len(reads.time) : len(reads.time) + len(hand_time)] = True
    order = np.lexsort((rank, time))
    time, steps, fresh = time[order], steps[order], fresh[order]
    grown = np.diff(steps, prepend=steps[:1])
    grown[fresh] = 0
    wrapped = _wraps(register, steps, grown)
    grown[wrapped] += register.wraps or 0
    total = np.cumsum(grown)
    # Of the two knots of a change only the new meter's is left: the total is the same.
    single = np.append(time[1:] != time[:-1], True) if len(time) else np.empty(0, np.bool_)
    at = np.flatnonzero(single)
    fell = _fold(grown < 0, single)
    return Axis(
        time[at],
        steps[at],
        total[at],
        doubt[order][at],
        fell,
        _fold(wrapped, single),
        is_hand[order][at],
        dropped,
        moments,
    )


def _fold(found: npt.NDArray[np.bool_], single: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return marks of the knots that are left, with those of the knots at the same moment before them."""
    before = np.concatenate(([False], (found & ~single)[:-1])) if len(found) else found
    return (found | before)[single]


def _wraps(
    register: Register, steps: npt.NDArray[np.int64], grown: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    if register.wraps is None:
        return np.zeros(len(steps), np.bool_)
    before = np.concatenate((steps[:1], steps[:-1]))
    return (grown < 0) & (2 * before > register.wraps) & (2 * steps < register.wraps)


def _doubts(quality: Qualities) -> npt.NDArray[np.uint8]:
    found = np.where(quality >= FIRST_UNCERTAIN, Why.UNCERTAIN, Why.MEASURED).astype(np.uint8)
    found[np.isin(quality, _CLOCK)] = Why.CLOCK
    return found
