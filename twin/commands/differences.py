"""Where devices show something else than what is desired of them: all points at once, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.commands.values import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.commands.book import Policy
    from twin.commands.reported import Reported
    from twin.commands.values import Value


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is desired of one point, as the twin keeps it."""

    series: int
    value: float
    tolerance: float


class Differences:
    """Follows which of the desired points differ, and since when. A point that shows nothing does not differ."""

    def __init__(self, reported: Reported) -> None:
        self.since: dict[str, int] = {}
        self._reported = reported
        self._wanted: dict[str, Wanted] = {}
        self._columns: tuple[list[str], np.ndarray, np.ndarray, np.ndarray] | None = None

    def want(self, policy: Policy, value: Value) -> None:
        """From now on a value is desired of a point."""
        series = self._reported.ids.get(policy.path)
        if series is None or not policy.point.readable:
            return
        self._wanted[policy.path] = Wanted(series, self._reported.kept(value), policy.tolerance)
        self.since.pop(policy.path, None)
        self._columns = None

    def forget(self, path: str) -> None:
        """Nothing is desired of a point any more."""
        if self._wanted.pop(path, None) is not None:
            self.since.pop(path, None)
            self._columns = None

    def look(self, now_ns: int) -> Sequence[str]:
        """Compare all points; returns those that agree again."""
        if not self._wanted:
            return ()
        paths, series, value, tolerance = self._columns = self._columns or self._made()
        shown = self._reported.value[series]
        slack = tolerance + 1e-9 * np.maximum(1.0, np.maximum(np.abs(value), np.abs(shown)))
        differs = self._reported.usable[series] & ~(np.abs(shown - value) <= slack)
        if not differs.any() and not self.since:
            return ()
        found = {paths[at] for at in np.flatnonzero(differs).tolist()}
        over = [path for path in self.since if path not in found and self._reported.of(path) is not None]
        for path in over:
            del self.since[path]
        for path in found - self.since.keys():
            self.since[path] = now_ns
        return over

    def differs(self, policy: Policy, value: Value) -> bool | None:
        """Whether a point shows something else than a value now, None when it shows nothing that stands."""
        shown = self._reported.of(policy.path)
        return None if shown is None else not same(value, shown, policy.tolerance)

    def _made(self) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
        rows = list(self._wanted.values())
        return (
            list(self._wanted),
            np.array([row.series for row in rows], np.intp),
            np.array([row.value for row in rows]),
            np.array([row.tolerance for row in rows]),
        )
