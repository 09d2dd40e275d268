"""Which resolution answers: a panel has one query for each, and Grafana's `$__interval` decides.

Every query is guarded by the interval that Grafana puts in (`AND $__interval < 15m`); InfluxQL compares the two
durations, so exactly one of a panel's queries answers. Where a resolution begins follows from how many rows a query
may read: `BUDGET`, which InfluxDB 1.6.7 reads in under 300 ms.

    range = $__interval x maxDataPoints
    rows  = series x range / period        (period: how often a series has a row)
"""

from __future__ import annotations

from dataclasses import dataclass

from twin.resolution import Resolution

BUDGET = 400_000
"""Rows that one query may read."""

MAX_POINTS = 300
"""Points that a panel asks for: `$__interval` is about a 300th of the range."""

_GRID = (
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    60,
    120,
    300,
    600,
    900,
    1200,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
)
"""The intervals that Grafana rounds to, in s."""

_FINEST_S = 10


@dataclass(frozen=True, slots=True)
class Step:
    """A resolution and the intervals for which it answers: from `low_s` (inclusive) to `high_s` (exclusive)."""

    resolution: Resolution
    low_s: int | None
    high_s: int | None

    @property
    def guard(self) -> tuple[str, ...]:
        """The conditions; none where no other resolution is asked."""
        low = () if self.low_s is None else (f"$__interval >= {duration(self.low_s)}",)
        high = () if self.high_s is None else (f"$__interval < {duration(self.high_s)}",)
        return low + high


def steps(
    series: int,
    every_s: float,
    *,
    finest: Resolution = Resolution.RAW,
    floor_s: float = _FINEST_S,
    points: int = MAX_POINTS,
) -> tuple[Step, ...]:
    """Return the resolutions of a query over so many series that speak `every_s`; the finest first.

    A resolution that would answer for no interval of at least `floor_s` is left out.
    """
    order = list(Resolution)
    chosen = order[order.index(finest) :]
    found: list[Step] = []
    low: int | None = None
    for one, coarser in zip(chosen, [*chosen[1:], None], strict=True):
        if coarser is None:
            found.append(Step(one, low, None))
            break
        high = _until(series, float(one.seconds) or max(every_s, 1.0), coarser.seconds, points)
        if high > max(low or 0, floor_s):
            found.append(Step(one, low, high))
            low = high
    return tuple(found)


def on_grid(seconds: float) -> int:
    """Return the shortest interval of Grafana's that is at least so long.

    Grafana's server cuts an interval to whole units when it writes it, so that 90 s would become `1m`.
    """
    return next((one for one in _GRID if one >= seconds), _GRID[-1])


def _until(series: int, period_s: float, coarser_s: int, points: int) -> int:
    """Return the interval from which rows would be too many, at the latest that of the coarser resolution."""
    most = BUDGET * period_s / (max(series, 1) * points)
    allowed = [one for one in _GRID if one <= most and one < coarser_s]
    if not allowed:
        return 0
    following = _GRID.index(allowed[-1]) + 1
    return _GRID[following] if following < len(_GRID) else 2 * _GRID[-1]


def duration(seconds: float) -> str:
    """Return a duration as InfluxQL and Grafana write it: the largest unit that is exact."""
    whole = max(int(seconds), 1)
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"
