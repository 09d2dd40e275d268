"""What a benchmark says: one figure with its name, its unit and what was asked of it."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

RUNS = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: the median of `runs`. `asked` is written as `>= 400000`; empty where nothing was asked."""

    name: str
    value: float
    unit: str
    asked: str = ""
    runs: Sequence[float] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the figure is as asked; true where nothing was asked."""
        if not self.asked:
            return True
        sign, bound = self.asked.split()
        return self.value >= float(bound) if sign == ">=" else self.value <= float(bound)

    def as_dict(self) -> dict[str, Any]:
        """Return the figure as plain data."""
        return {**asdict(self), "ok": self.ok}


def median_of(name: str, unit: str, asked: str, runs: Sequence[float], **facts: object) -> Result:
    """Return the median of several runs as a result; `facts` say under what circumstances."""
    rounded = [round(run, 4) for run in runs]
    return Result(name, round(statistics.median(runs), 4), unit, asked, rounded, facts)


def print_results(results: Sequence[Result]) -> None:
    """Print one JSON line a result, for `tests.bench.__main__` to collect."""
    for result in results:
        sys.stdout.write(json.dumps(result.as_dict()) + "\n")
    sys.stdout.flush()
