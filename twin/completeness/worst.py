"""The points that were not heard for longest: gaps summed up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.ledger import Gap
    from twin.quality import Reason


@dataclass(slots=True)
class Silence:
    """How long a series was not heard in an interval: in how many gaps, and why. Times are ns.

    What was filled later is told apart: `filled` is neither in `missing` nor among the `reasons`, but in `gaps`.
    """

    series: int
    missing: int = 0
    gaps: int = 0
    longest: int = 0
    filled: int = 0
    reasons: dict[Reason, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def most(self) -> Reason | None:
        """The reason that cost most, None where all was filled."""
        return max(self.reasons, key=self.reasons.__getitem__, default=None)


def worst(gaps: Iterable[Gap], start: int, stop: int, limit: int) -> list[Silence]:
    """Return the series that miss most of `start <= time < stop`, the worst first; a gap that lasts ends with it.

    Gaps of one series that follow each other without a break, since their reason changed, are longest together.
    """
    found: dict[int, Silence] = {}
    run: dict[int, tuple[int, int]] = {}
    for gap in sorted(gaps, key=lambda one: (one.series, one.start)):
        begin, end = max(gap.start, start), min(stop if gap.stop is None else gap.stop, stop)
        if end <= begin:
            continue
        one = found.setdefault(gap.series, Silence(gap.series))
        one.gaps += 1
        if gap.filled:
            one.filled += end - begin
            continue
        one.missing += end - begin
        one.reasons[gap.reason] += end - begin
        since, until = run.get(gap.series, (begin, begin))
        run[gap.series] = (since if until == begin else begin, end)
        one.longest = max(one.longest, end - run[gap.series][0])
    return sorted(found.values(), key=lambda one: (-one.missing, -one.filled, one.series))[:limit]
