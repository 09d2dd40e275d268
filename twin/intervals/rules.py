"""How a register is judged and estimated: thresholds as data. Defaults are generic: no utility's rulebook."""

from __future__ import annotations

from dataclasses import dataclass

from twin.clock import NS

_MINUTE, _HOUR = 60 * NS, 3_600 * NS


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for one register. Rates are in the unit per hour, lengths of time in ns; None: not checked.

    `spike` is by how many times the third highest interval of its day another one may be above it. `frozen` is for how
    long a register may stand still while `beside`, another point of its device, says that something flows.
    """

    within: int = 15 * _MINUTE
    short: int = 2 * _HOUR
    days: int = 4
    weeks: int = 5
    settle_after: int = _HOUR
    decimals: int | None = None
    high: float | None = None
    low: float | None = None
    spike: float | None = 1.8
    frozen: int | None = 6 * _HOUR
    beside: str | None = None


GENERIC = Rules()
