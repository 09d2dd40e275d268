"""From readings and decisions to the intervals of one register: `reckon`, a pure function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from twin.intervals.axis import axis_of
from twin.intervals.checks import Case, judge, touched
from twin.intervals.cut import cut, shown
from twin.intervals.edits import EditKind
from twin.intervals.estimate import Reference, spread
from twin.intervals.flags import OF_EDGES, Edge, Flag, Why
from twin.intervals.line import Line
from twin.intervals.stand import begun, hold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    import numpy.typing as npt

    from twin.frame import Times, Values
    from twin.intervals.axis import Axis, Reads
    from twin.intervals.cut import Cut
    from twin.intervals.edits import Edit
    from twin.intervals.register import Register
    from twin.intervals.rules import Rules
    from twin.intervals.stand import Stand


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What stands for a register beside its readings.

    `days` are the positions at which days begin, `flow` what another point says flowed, in steps, `stand` what was
    settled already.
    """

    rules: Rules
    zone: ZoneInfo
    edits: Sequence[Edit] = ()
    reference: Reference = field(default_factory=Reference)
    days: Sequence[int] = ()
    flow: Values | None = None
    stand: Stand | None = None


def reckon(register: Register, reads: Reads, edges: Times, ground: Ground) -> Line:
    """Return the intervals between `edges`, quarter hours of the district's clock.

    `reads` reach some readings beyond both ends where there are such, so that boundaries are had from both sides.
    """
    if ground.stand is not None:
        reads = begun(reads, ground.stand)
    axis = axis_of(register, reads, ground.edits)
    made = cut(axis, edges, ground.rules.within, ground.rules.short)
    spread(axis, made, ground.reference, ground.zone)
    misfits = _lay(made, ground.edits)
    if ground.stand is not None:
        hold(axis, made, shown(axis, made, register.wraps), ground.stand, register.wraps)
    known = made.known
    counted = known[:-1] & known[1:]
    delta = np.where(counted, np.diff(made.total), 0)
    case = Case(register, ground.rules, axis, made, delta, counted, ground.days, ground.flow)
    showing = shown(axis, made, register.wraps)
    flag, why = _flags(case, ground.edits, misfits, _remarks(axis, showing, register, edges))
    return Line(
        edges,
        showing,
        made.edge,
        delta,
        flag,
        why,
        np.zeros(len(delta), np.int64),
    )


def _lay(made: Cut, edits: Sequence[Edit]) -> list[Edit]:
    """Lay distributions over a cut, in place; returns those that no longer add up to what the register grew."""
    misfits = []
    for edit in edits:
        if edit.kind is not EditKind.SPREAD:
            continue
        first, last = np.searchsorted(made.edges, (edit.start, edit.stop)).tolist()
        whole = first + len(edit.steps) == last and last < len(made.edges) and made.edges[first] == edit.start
        if not whole or not made.known[[first, last]].all():
            if not _apart(made, edit):
                misfits.append(edit)
            continue
        if int(made.total[last] - made.total[first]) != sum(edit.steps):
            misfits.append(edit)
            continue
        made.total[first + 1 : last] = made.total[first] + np.cumsum(edit.steps[:-1])
        inner = made.edge[first + 1 : last]
        inner[:] = np.minimum(inner, Edge.BETWEEN)
    return misfits


def _apart(made: Cut, edit: Edit) -> bool:
    return edit.stop <= int(made.edges[0]) or edit.start >= int(made.edges[-1])


def _flags(
    case: Case, edits: Sequence[Edit], misfits: Sequence[Edit], why: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return flag and reason of each interval: what is measured, then what was found, then what was decided.

    `why` holds what is worth a word though nothing is wrong with it.
    """
    edges, edge = case.cut.edges, case.cut.edge
    flag = np.zeros(len(case.delta), np.uint8)
    of_edge = np.maximum(_WHYS[edge[:-1]], _WHYS[edge[1:]])
    estimated = of_edge > 0
    flag[estimated], why[estimated] = Flag.ESTIMATED, of_edge[estimated]
    odd = judge(case)
    for one in misfits:
        odd[_inside(edges, one) & (odd == 0)] = Why.MISFIT
    flag[odd > 0], why[odd > 0] = Flag.SUSPECT, odd[odd > 0]
    for edit in edits:
        if edit.kind in _DECIDED and edit not in misfits:
            mine = _inside(edges, edit) if edit.stop > edit.start else _rests_on(case, edit)
            flag[mine], why[mine] = Flag.EDITED, _DECIDED[edit.kind]
        elif edit.kind is EditKind.ACCEPT:
            mine = _inside(edges, edit) & (flag == Flag.SUSPECT)
            flag[mine], why[mine] = Flag.EDITED, Why.ACCEPTED
    gone = ~case.counted
    flag[gone] = Flag.MISSING
    why[gone] = np.maximum(np.where(estimated, 0, of_edge), _unknown(edge))[gone]
    return flag, why


def _unknown(edge: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return why a boundary is not known: before the first reading rather than after the last one."""
    lost = np.where(edge >= Edge.UNREAD, edge, 0)
    code = np.maximum(lost[:-1], lost[1:])
    return np.where(code == Edge.UNBORN, Why.UNBORN, Why.UNREAD).astype(np.uint8)


def _remarks(
    axis: Axis, showing: npt.NDArray[np.int64], register: Register, edges: Times
) -> npt.NDArray[np.uint8]:
    """Return what is worth a word though nothing is wrong with it: wraps, changes of the meter."""
    why = np.zeros(len(edges) - 1, np.uint8)
    if register.wraps is not None and axis.wrapped.any():
        why[showing[1:] < showing[:-1]] = Why.WRAPPED
    why[touched(edges, axis.changed, axis.changed + 1)] = Why.METER_CHANGED
    return why


def _inside(edges: Times, edit: Edit) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (edges[:-1] < edit.stop) & (edges[1:] > edit.start)
    return found


def _rests_on(case: Case, edit: Edit) -> npt.NDArray[np.bool_]:
    """Return the intervals of which a boundary is had from a register that was read by hand."""
    time = case.axis.time
    at = int(np.searchsorted(time, edit.start))
    low = time[at - 1] if at else edit.start
    high = time[at + 1] if at + 1 < len(time) else edit.start
    bound = (case.cut.edges > low) & (case.cut.edges < high) | (case.cut.edges == edit.start)
    found: npt.NDArray[np.bool_] = bound[:-1] | bound[1:]
    return found


_DECIDED = {EditKind.READ: Why.HAND_READ, EditKind.SPREAD: Why.SPREAD, EditKind.IGNORE: Why.IGNORED}
_WHYS = np.array([OF_EDGES.get(one, 0) if one < Edge.UNREAD else 0 for one in Edge], np.uint8)
