"""The registers of one district, each with its rules: what intervals are made for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.intervals.rules import GENERIC

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date
    from zoneinfo import ZoneInfo

    from twin.intervals.register import Register
    from twin.intervals.rules import Rules


@dataclass(frozen=True, slots=True)
class Beside:
    """A point of the same device that tells whether something flows: its value times `factor` is the unit per hour."""

    series: int
    factor: float


@dataclass(frozen=True, slots=True)
class SumCheck:
    """A main meter and those that it feeds, by series id: they differ by `tolerance` (a share) at most."""

    main: int
    parts: tuple[int, ...]
    tolerance: float


@dataclass(frozen=True)
class Meters:
    """Registers by series id. `rules` holds those that are not the generic ones."""

    district: str
    zone: ZoneInfo
    registers: Mapping[int, Register]
    rules: Mapping[int, Rules] = field(default_factory=dict)
    usual: Rules = GENERIC
    beside: Mapping[int, Beside] = field(default_factory=dict)
    sums: tuple[SumCheck, ...] = ()
    holidays: Collection[date] = ()

    def rules_of(self, series: int) -> Rules:
        """Return the rules of a register."""
        return self.rules.get(series, self.usual)
