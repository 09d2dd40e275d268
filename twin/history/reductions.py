"""The aggregates of history: their names, what each fits, and in which unit it comes.

Those of the store (`twin.store.port.Aggregate`), and percentiles, the mean over time and the integral.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from twin.model.quantities import Aggregation
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from twin.model.quantities import Quantity


class What(StrEnum):
    """What a window is reduced to beyond what a store does."""

    TWMEAN = "twmean"
    """The mean over time: each value weighs as long as it stood."""
    INTEGRAL = "integral"
    """The sum of values times hours."""
    PERCENTILE = "p"
    """The value below which a share of the readings lies; `p95`, `p99.9`."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """One aggregate that is asked for; `percent` is that of a percentile. `name` is that of its column."""

    what: Aggregate | What
    percent: float = 0.0

    @property
    def name(self) -> str:
        """Name of the column, and the word that asks for it."""
        return f"p{self.percent:g}" if self.what is What.PERCENTILE else self.what.value


_PERCENTILE = re.compile(r"p(100|[0-9]{1,2}(\.[0-9]{1,3})?)")
NAMES = (*(one.value for one in Aggregate), What.TWMEAN.value, What.INTEGRAL.value, "p50", "p95", "p99.9")
"""What may be asked for; percentiles are examples."""

_OF_STATES = frozenset({Aggregate.STATE_S, Aggregate.FIRST, Aggregate.LAST, Aggregate.COUNT})
_ROLLED = {
    Aggregation.GAUGE: frozenset(
        {Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.SUM, Aggregate.LAST, Aggregate.COUNT}
    ),
    Aggregation.COUNTER: frozenset({Aggregate.DELTA, Aggregate.LAST, Aggregate.COUNT}),
    Aggregation.STATE: frozenset({Aggregate.STATE_S, Aggregate.LAST, Aggregate.COUNT}),
}
_LEVELS = frozenset({Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.FIRST, Aggregate.LAST})


def parse(text: str) -> Reduction:
    """Return the aggregate of a name; ValueError when there is none."""
    found = _PERCENTILE.fullmatch(text)
    if found is not None:
        return Reduction(What.PERCENTILE, float(found[1]))
    if text in {What.TWMEAN, What.INTEGRAL}:
        return Reduction(What(text))
    return Reduction(Aggregate(text))


def fits(one: Reduction, quantity: Quantity) -> bool:
    """Whether an aggregate says something of a quantity.

    States have no numbers, gauges do not count, and what turns round or only counts has no integral.
    """
    kind = quantity.aggregation
    if kind is Aggregation.STATE:
        return one.what in _OF_STATES
    if one.what is Aggregate.STATE_S:
        return False
    if one.what is Aggregate.DELTA:
        return kind is Aggregation.COUNTER
    if one.what is What.INTEGRAL:
        return kind is Aggregation.GAUGE and quantity.period is None
    return one.what is not What.PERCENTILE or quantity.period is None


def is_rolled(one: Reduction, quantity: Quantity) -> bool:
    """Whether rollups of a quantity say an aggregate. The sum of directions is not that of their mean."""
    if quantity.period is not None and one.what is Aggregate.SUM:
        return False
    return one.what in _ROLLED[quantity.aggregation]


def is_level(one: Reduction) -> bool:
    """Whether an aggregate is a level, which may be filled where it is missing; amounts and counts are not."""
    return one.what in _LEVELS or one.what in {What.TWMEAN, What.PERCENTILE}


def integral_unit(unit: str) -> str:
    """Return the UCUM unit of the integral over hours: `kW` gives `kW.h`; terms are read from left to right."""
    return "h" if unit in {"", "1"} else f"{unit}.h"
