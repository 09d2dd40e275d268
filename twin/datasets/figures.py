"""Open figures: what a window of meters adds up to, and which sums of it may be told.

A meter contributes to a window with all of its registers or with none, so that the sums of two quantities are over the
same meters. It contributes when each register was read shortly before both ends of the window (a quarter of its
length); what it counted in between is its part, resets and wraps accounted for. Only readings that had been received by
the time of publication are taken, whenever the sum is made.

Registers are counted in whole steps, as for intervals, and sums are of whole steps: a figure is the number nearest to
its decimal text, in whatever order its parts are added. A single reading that sticks out is left out, and a register
that fell otherwise than by a wrap or a reset does not contribute: what it shows would be told as what was used.

Which groups are published is decided from the smallest to the largest: at least k contributed, and what is left of the
contributors without the groups published inside is nobody or at least k. As groups nest or are apart
(`twin.datasets.groups`), whatever is added and subtracted is over such remainders.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from twin.datasets.groups import least
from twin.intervals.axis import Reads, believed
from twin.quality import FIRST_BAD
from twin.store.aggregate import growth

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from twin.datasets.groups import Published
    from twin.frame import Batch
    from twin.intervals.register import Register

NEAR = 4
"""A register counts as read at an edge when it was within this part of a window before it."""


class Verdict(IntEnum):
    """What became of a figure of one window."""

    PUBLISHED = 0
    TOO_FEW = 1
    SUBTRACTABLE = 2

    def words(self, k: int) -> str:
        """Say it to whoever asks; never how many there were."""
        return (
            "published",
            f"suppressed: fewer than {k} contributed",
            f"suppressed: fewer than {k} contributed beside its parts",
        )[self]


@dataclass(frozen=True, slots=True)
class Figure:
    """A group's sum over one window; NaN, and no completeness, where it is suppressed."""

    published: Published
    verdict: Verdict
    value: float
    completeness: float


@dataclass(frozen=True, slots=True)
class Window:
    """`start < time <= stop`, and until when what was received counts; ns UTC."""

    start: int
    stop: int
    cutoff: int

    @property
    def since(self) -> int:
        """From when on readings are needed."""
        return self.start - self.near

    @property
    def near(self) -> int:
        """How long before an edge a register may have been read."""
        return (self.stop - self.start) // NEAR

    @property
    def until(self) -> int:
        """Until when readings are looked at: the last one of the window is judged by the one after it."""
        return self.stop + self.near


def figures(
    cluster: Sequence[Published],
    window: Window,
    rows: Batch,
    ids: Mapping[str, int],
    registers: Mapping[str, Register],
) -> list[Figure]:
    """Return the figures of one window; `rows` are readings of all members from `since` to `until`, included."""
    usable = rows.take(
        (rows.received <= window.cutoff) & (rows.quality < FIRST_BAD) & (rows.time <= window.until)
    )
    counted: dict[str, int | None] = {}
    for path in {path for one in cluster for path in one.group.members}:
        mine, register = usable.take(usable.ids == ids[path]), registers[path]
        counted[path] = used(Reads(mine.time, register.steps(mine.value), mine.quality), window, register)
    absent = {path.split("/")[1] for path, value in counted.items() if value is None}
    present = {path.split("/")[1] for path in counted} - absent
    return [
        _figure(one, verdict, present, counted, registers)
        for one, verdict in zip(cluster, decide(cluster, present), strict=True)
    ]


def used(reads: Reads, window: Window, register: Register) -> int | None:
    """Return what a register counted in a window, in steps; None when it was not read near both edges, or only fell."""
    reads = reads.take(believed(reads, ()))
    time = reads.time
    first = int(np.searchsorted(time, window.start, "right")) - 1
    last = int(np.searchsorted(time, window.stop, "right")) - 1
    if first < 0 or time[first] < window.start - window.near or time[last] < window.stop - window.near:
        return None
    known = reads.steps[first : last + 1].astype(np.float64)
    before, after = known[:-1], known[1:]
    turn = np.nan if register.wraps is None else float(register.wraps)
    grown = growth(before, after, turn)
    reset = (after < before) & (grown == after)
    for at in np.flatnonzero(reset).tolist():
        if 2 * after[at] > before[at] or known[at + 1 :].max() >= before[at]:
            return None
    return int(grown.sum())


def decide(cluster: Sequence[Published], present: Collection[str]) -> list[Verdict]:
    """Return which groups may be told when only some meters contributed."""
    k, there = least(cluster), frozenset(present)
    verdicts = [Verdict.TOO_FEW] * len(cluster)
    told: list[frozenset[str]] = []
    for position in sorted(range(len(cluster)), key=lambda one: len(cluster[one].meters)):
        meters = cluster[position].meters & there
        if len(meters) < k:
            continue
        rest = meters.difference(*(one for one in told if one <= meters))
        if rest and len(rest) < k:
            verdicts[position] = Verdict.SUBTRACTABLE
            continue
        verdicts[position] = Verdict.PUBLISHED
        told.append(meters)
    return verdicts


def _figure(
    one: Published,
    verdict: Verdict,
    present: Collection[str],
    counted: Mapping[str, int | None],
    registers: Mapping[str, Register],
) -> Figure:
    if verdict is not Verdict.PUBLISHED:
        return Figure(one, verdict, np.nan, np.nan)
    members = [path for path in one.group.members if path.split("/")[1] in present]
    places = max(registers[path].decimals for path in members)
    total = sum((counted[path] or 0) * 10 ** (places - registers[path].decimals) for path in members)
    return Figure(one, verdict, total / 10**places, len(one.meters & set(present)) / len(one.meters))
