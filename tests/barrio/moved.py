"""An event loop whose time is moved instead of waited for: where nothing is ready, the next timer is due at once."""

from __future__ import annotations

import asyncio


class MovedLoop(asyncio.SelectorEventLoop):
    """For coroutines that only sleep; what comes from a network would be late by any amount."""

    moved_s = 0.0

    def time(self) -> float:
        """Seconds, with what was left out."""
        return super().time() + self.moved_s

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled  # type: ignore[attr-defined]
        if not ready and timers:
            self.moved_s += max(0.0, timers[0].when() - self.time())
        super()._run_once()  # type: ignore[misc]


class MovedClock:
    """`twin.clock.Clock` that goes with the loop."""

    def now_ns(self) -> int:
        """Time of the loop, ns."""
        return round(self.monotonic_s() * 1e9)

    def monotonic_s(self) -> float:
        """Time of the loop, seconds."""
        return asyncio.get_running_loop().time()
