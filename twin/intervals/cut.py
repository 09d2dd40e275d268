"""Registers at boundaries: the line of a register cut where intervals begin and end.

With the knots `i`, `j` around a boundary `b` (`t[i] <= b < t[j]`):

    total(b) = total[i] + floor((total[j] - total[i]) * (b - t[i]) / (t[j] - t[i]))        in whole steps

Every interval is the difference of two such totals, so the intervals of any stretch add up, to the step, to what the
register grew from its first boundary to its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.intervals.flags import Edge

if TYPE_CHECKING:
    import numpy.typing as npt

    from twin.frame import Times
    from twin.intervals.axis import Axis

_MOST = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The line at boundaries. `left` is the knot at or before each, -1 for none; `span` ns between its two knots.

    `total` is only meant where `edge` says that the register is known.
    """

    edges: Times
    total: npt.NDArray[np.int64]
    edge: npt.NDArray[np.uint8]
    left: npt.NDArray[np.intp]
    span: Times

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Where the register is known."""
        return self.edge < Edge.UNREAD


def cut(axis: Axis, edges: Times, within: int, short: int) -> Cut:
    """Cut a line at boundaries; knots up to `within` ns apart give a measured one, up to `short` a linear one.

    Boundaries in longer gaps are linear as well, and marked `NO_REFERENCE` until reference days are laid over them.
    """
    number = len(axis.time)
    left = np.searchsorted(axis.time, edges, "right") - 1
    edge = np.full(len(edges), Edge.UNBORN, np.uint8)
    total, span = np.zeros(len(edges), np.int64), np.zeros(len(edges), np.int64)
    if number:
        born = left >= 0
        at = np.maximum(left, 0)
        exact = born & (axis.time[at] == edges)
        open_ended = born & ~exact & (left == number - 1)
        inside = np.flatnonzero(born & ~exact & ~open_ended)
        edge[exact], edge[open_ended] = Edge.READ, Edge.UNREAD
        total[exact] = axis.total[at[exact]]
        first, second = left[inside], left[inside] + 1
        span[inside] = axis.time[second] - axis.time[first]
        total[inside] = axis.total[first] + shares(
            axis.total[second] - axis.total[first], edges[inside] - axis.time[first], span[inside]
        )
        how = np.where(span[inside] <= short, Edge.LINEAR, Edge.NO_REFERENCE)
        edge[inside] = np.where(span[inside] <= within, Edge.BETWEEN, how)
    return Cut(edges, total, edge, left, span)


def shares(grown: npt.NDArray[np.int64], part: Times, whole: Times) -> npt.NDArray[np.int64]:
    """Return `floor(grown * part / whole)`, exactly, also where the product does not fit into 64 bits."""
    fits = np.abs(grown) <= _MOST // np.maximum(part, 1)
    found = np.empty(len(grown), np.int64)
    found[fits] = grown[fits] * part[fits] // whole[fits]
    for one in np.flatnonzero(~fits).tolist():
        found[one] = int(grown[one]) * int(part[one]) // int(whole[one])
    return found


def shown(axis: Axis, made: Cut, wraps: int | None) -> npt.NDArray[np.int64]:
    """Return what the meter's register shows at each boundary; 0 where it is not known."""
    found = np.zeros(len(made.edges), np.int64)
    where = made.known
    at = made.left[where]
    found[where] = axis.register[at] + made.total[where] - axis.total[at]
    if wraps is not None and len(axis.time):
        inside = axis.register[np.maximum(made.left, 0)]
        over = where & ((found >= wraps) & (inside < wraps) | (found < 0) & (inside >= 0))
        found[over] %= wraps
    return found
