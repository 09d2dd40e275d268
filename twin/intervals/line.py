"""The intervals of one register over a stretch: what is kept, and what is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.intervals.flags import OF_EDGES, Edge, Flag, Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from twin.frame import Times


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """n intervals `[edges[i], edges[i+1])`, in whole steps.

    `register` (n+1) is what the meter shows at each boundary, `edge` (n+1) how that was had, `delta` (n) what the
    register grew, `flag` and `why` (n) what is said of each interval, `version` (n) the version it comes from, 0 while
    its day is not settled.
    """

    edges: Times
    register: npt.NDArray[np.int64]
    edge: npt.NDArray[np.uint8]
    delta: npt.NDArray[np.int64]
    flag: npt.NDArray[np.uint8]
    why: npt.NDArray[np.uint8]
    version: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Number of intervals."""
        return len(self.delta)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which boundaries have a register."""
        return self.edge < Edge.UNREAD

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """Which intervals have a difference."""
        known = self.known
        return known[:-1] & known[1:]

    def part(self, first: int, last: int) -> Line:
        """Return the intervals `first` to `last`, without the last one."""
        outer, inner = slice(first, last + 1), slice(first, last)
        return Line(
            self.edges[outer],
            self.register[outer],
            self.edge[outer],
            self.delta[inner],
            self.flag[inner],
            self.why[inner],
            self.version[inner],
        )

    def between(self, start: int, stop: int) -> Line:
        """Return the intervals that begin in `start <= time < stop`."""
        first, last = np.searchsorted(self.edges[:-1], (start, stop)).tolist()
        return self.part(first, last)


def nothing(edges: Times, why: Why, edge: Edge = Edge.UNREAD) -> Line:
    """Return intervals of which nothing is known."""
    number = len(edges) - 1
    return Line(
        edges,
        np.zeros(number + 1, np.int64),
        np.full(number + 1, edge, np.uint8),
        np.zeros(number, np.int64),
        np.full(number, Flag.MISSING, np.uint8),
        np.full(number, why, np.uint8),
        np.zeros(number, np.int64),
    )


def joined(lines: Sequence[Line]) -> Line:
    """Return lines that follow each other as one; a boundary that two share is had as well as one of them has it."""
    if len(lines) == 1:
        return lines[0]
    register = np.concatenate([*(line.register[:-1] for line in lines), lines[-1].register[-1:]])
    edge = np.concatenate([*(line.edge[:-1] for line in lines), lines[-1].edge[-1:]])
    at = 0
    for line in lines[:-1]:
        at += len(line)
        if line.edge[-1] < edge[at]:
            register[at], edge[at] = line.register[-1], line.edge[-1]
    return Line(
        np.concatenate([*(line.edges[:-1] for line in lines), lines[-1].edges[-1:]]),
        register,
        edge,
        np.concatenate([line.delta for line in lines]),
        np.concatenate([line.flag for line in lines]),
        np.concatenate([line.why for line in lines]),
        np.concatenate([line.version for line in lines]),
    )


def longer(line: Line, at: npt.NDArray[np.intp]) -> Line:
    """Return longer intervals whose boundaries are those at the positions `at` of a line.

    A longer interval is estimated where one of its own two boundaries is, whatever lies between them; of all else it
    has the highest flag of its parts.
    """
    first, last = int(at[0]), int(at[-1])
    parts, edge = line.part(first, last), line.edge[at]
    if len(at) < 2:
        return Line(
            line.edges[at], line.register[at], edge, parts.delta, parts.flag, parts.why, parts.version
        )
    starts = at[:-1] - first
    counted = parts.counted
    inner = (parts.flag == Flag.MISSING) | np.isin(parts.why, _OF_EDGES)
    worst = np.maximum.reduceat(np.where(inner, 0, parts.flag * _SHIFT + parts.why), starts)
    how = np.maximum(_WHYS[edge[:-1]], _WHYS[edge[1:]])
    estimated = (how > 0) & (worst < Flag.ESTIMATED * _SHIFT)
    worst[estimated] = Flag.ESTIMATED * _SHIFT + how[estimated]
    missing = np.add.reduceat((~counted).astype(np.int64), starts) > 0
    worst[missing] = Flag.MISSING * _SHIFT + np.maximum(how[missing], Why.UNREAD)
    lowest = np.minimum.reduceat(parts.version, starts)
    return Line(
        line.edges[at],
        line.register[at],
        edge,
        np.add.reduceat(np.where(counted, parts.delta, 0), starts),
        (worst // _SHIFT).astype(np.uint8),
        (worst % _SHIFT).astype(np.uint8),
        np.where(lowest == 0, 0, np.maximum.reduceat(parts.version, starts)),
    )


_SHIFT = np.int64(256)
_OF_EDGES = [int(why) for why in OF_EDGES.values()]
_WHYS = np.array([OF_EDGES.get(edge, Why.MEASURED) for edge in Edge], np.int64)
