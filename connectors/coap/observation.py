"""When a notification is news, and how long it stays so (RFC 7641)."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from weakref import WeakKeyDictionary

_HALF = 2**23
_RESET_S = 128.0
_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, float] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Pace:
    """Waits of a link, in seconds; one object so that tests can be quick."""

    max_age_s: float = 60.0  # RFC 7252, section 5.10.5: where a response has no Max-Age
    margin_s: float = 10.0
    shortest_s: float = 1.0
    longest_s: float = 3600.0
    spread_s: float = 0.004
    probe_s: float = (
        4.0  # a resource that did not answer is asked again this soon, while others of its device do
    )

    async def turn(self) -> None:
        """Wait for one's place in the queue of first requests, `spread_s` apart, so that they are no burst."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        _TURNS[loop] = max(_TURNS.get(loop, 0.0) + self.spread_s, now)
        await asyncio.sleep(_TURNS[loop] - now)

    def patience_s(self, max_age: int | None, silent_after_s: float) -> float:
        """Return how long to wait for the next notification before asking anew.

        Max-Age and most of the margin, at random so that many devices do not ask at once; the rest of the margin is
        for the question to get through. Never so long that the twin would call a point silent whose value merely has
        not changed.
        """
        fresh = self.max_age_s if max_age is None else max_age
        wait = min(fresh + self.margin_s * random.uniform(0.4, 0.9), silent_after_s * 2 / 3)
        return min(max(wait, self.shortest_s), self.longest_s)

    def retry_s(self, max_age: int | None) -> float:
        """Return how long a busy device asked to be left alone (RFC 7252, section 5.9.3.4)."""
        return min(max(self.max_age_s if max_age is None else max_age, self.shortest_s), self.longest_s)


class Order:
    """Tells news from what was overtaken on the way (RFC 7641, section 3.4)."""

    def __init__(self, number: int, at_s: float) -> None:
        self._number = number
        self._at_s = at_s

    def is_news(self, number: int, at_s: float) -> bool:
        """Whether a notification is newer than all before it; `at_s` is the time of receipt, monotonic."""
        ahead = (number - self._number) % (2 * _HALF)
        newer = 0 < ahead < _HALF or at_s > self._at_s + _RESET_S
        if newer:
            self._number, self._at_s = number, at_s
        return newer


def next_slot(now_s: float, period_s: float, phase: float) -> float:
    """Return the next time of a fixed schedule; `phase` (0 to 1) places a device inside the period."""
    return now_s + period_s - (now_s - phase * period_s) % period_s
