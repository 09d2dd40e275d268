"""How often something may happen: `6 per hour`, counted over the time that has just passed."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from twin.clock import NS

MOST = 100_000
LONGEST_RATE_S = 86_400
_UNITS = {"second": 1, "s": 1, "minute": 60, "min": 60, "hour": 3_600, "h": 3_600, "day": 86_400, "d": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,5}) ?(?:per|/) ?([a-z]+)")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` times within any stretch of `seconds`."""

    count: int
    seconds: int

    def __str__(self) -> str:
        """Return it as it is written: `6 per hour`."""
        name = next(name for name, seconds in _UNITS.items() if seconds == self.seconds)
        return f"{self.count} per {name}"


def parse_rate(value: object) -> Rate:
    """Return the rate that a text such as `6 per hour` names; ValueError otherwise."""
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in _UNITS or int(match[1]) > MOST:
        raise ValueError("a rate is a whole number per second, minute, hour or day, such as 6 per hour")
    return Rate(int(match[1]), _UNITS[match[2]])


@dataclass(slots=True)
class Meter:
    """Counts what happened under one rate; holds as many times as the rate allows, and no more."""

    rate: Rate
    _times: deque[int] = field(default_factory=deque)

    def free_at(self, now_ns: int) -> int:
        """Return when it may happen again, ns UTC: `now_ns` when it may at once."""
        self._forget(now_ns)
        if len(self._times) < self.rate.count:
            return now_ns
        return self._times[-self.rate.count] + self.rate.seconds * NS

    def note(self, at_ns: int) -> None:
        """Count one more."""
        self._times.append(at_ns)
        while len(self._times) > self.rate.count:
            self._times.popleft()

    def _forget(self, now_ns: int) -> None:
        # What lies ahead was counted before the clock was set back.
        while self._times and not 0 <= now_ns - self._times[0] < self.rate.seconds * NS:
            self._times.popleft()
