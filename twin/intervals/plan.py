"""What a district says of its intervals, as the platform uses it: rules by point, sums, changes of meters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.intervals.rules import GENERIC

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from twin.intervals.rules import Rules


@dataclass(frozen=True, slots=True)
class MeterChange:
    """A change of a meter that the district's files declare; registers in the point's unit, time in ns UTC."""

    path: str
    at: int
    old_last: float
    new_first: float
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class SumOf:
    """A main meter and those that it feeds, by path."""

    main: str
    parts: tuple[str, ...]
    tolerance: float


@dataclass(frozen=True)
class IntervalPlan:
    """`rules` by path holds the registers whose rules are not the usual ones."""

    usual: Rules = GENERIC
    rules: Mapping[str, Rules] = field(default_factory=dict)
    sums: tuple[SumOf, ...] = ()
    holidays: frozenset[date] = frozenset()
    changes: tuple[MeterChange, ...] = ()
