"""One tank while barrio runs: its level, what it holds, whether it has to ask, and the timers of its request.

Timers run on the monotonic clock, so that nobody is early or late when the wall clock is set.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import TYPE_CHECKING

from twin.clock import NS
from twin.services.draw import Draw, NotKnown
from twin.services.level import LevelWatch, Rise
from twin.services.request import UNACKNOWLEDGED, UNDELIVERED, WAITING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.quality import Reason
    from twin.services.book import Tank
    from twin.services.draw import Left
    from twin.services.request import Request

REFILL = 10.0
"""Percent by which a level rises at least in a refill, where the rule does not say it."""

_FULL_ENOUGH = 10.0
_VOLUMES = 15
_HOUR_S = 3600.0


class TankWatch:
    """What is known of a tank. `trouble` is why its level is not known now, None when it is."""

    def __init__(self, tank: Tank, ids: Mapping[str, int]) -> None:
        rule = tank.rule
        self.tank = tank
        self.level_id = ids[tank.level]
        self.volume_id = None if tank.volume is None else ids[tank.volume]
        self.hours_id = ids[tank.hours_left]
        self.state_id = ids[tank.state]
        self.refill = rule.delivered_when.level_rises or REFILL
        self.level = LevelWatch(rule.draw.over, rule.draw.at_least, rule.steady, self.refill)
        self.trouble: Reason | None = None
        self.request: Request | None = None
        self.last: Request | None = None
        self.due: dict[str, float] = {}
        self.close_s: float | None = None
        self.held_until_s: float | None = None
        self._needed_since_s: float | None = None
        self._arrived_since_s: float | None = None
        self._full: deque[float] = deque(maxlen=_VOLUMES)

    @property
    def full_m3(self) -> float | None:
        """What the tank holds at 100 %; None while nobody knows."""
        if self.tank.rule.capacity is not None:
            return self.tank.rule.capacity
        return median(self._full) if self._full else None

    def quantity(self, low: float, high: float) -> float | None:
        """Return the m3 between two levels, None while nobody knows what the tank holds."""
        full = self.full_m3
        return None if full is None else round(full * max(0.0, high - low) / 100, 2)

    @property
    def left(self) -> Left | NotKnown:
        """Hours left, or why they are not known."""
        if self.trouble is not None or self.level.now is None:
            why = "not heard yet" if self.trouble is None else self.trouble.meaning
            return NotKnown(f"the level is not known: {why}")
        if isinstance(self.level.draw, Draw):
            return self.level.draw.hours_left(self.level.now, self.tank.rule.empty_at)
        return self.level.draw

    # --- readings -------------------------------------------------------------------------------------------

    def read(self, time_s: float, level: float, volume: float | None) -> Rise | None:
        """Take a level, and what is in the tank where that is known."""
        if self.trouble is not None:
            self.lose(None)
        if volume is not None and level >= _FULL_ENOUGH:
            self._full.append(100 * volume / level)
        return self.level.add(time_s, level)

    def lose(self, trouble: Reason | None) -> None:
        """The level is not known (any more): what has to last begins anew when it is."""
        self.trouble = trouble
        self.level.forget_newest()
        self._needed_since_s = self._arrived_since_s = None

    # --- does it have to ask? -------------------------------------------------------------------------------

    def need(self) -> str:
        """Return why supply is needed, empty when it is not."""
        level, when = self.level.now, self.tank.rule.request_when
        if level is None or self.level.rise is not None:
            return ""
        if when.level_below is not None and level < when.level_below:
            return f"level {level:.1f} % is below {when.level_below:g} %"
        left = self.left
        worth = self.tank.rule.fill_to - level >= self.refill
        if when.hours_left_below is None or isinstance(left, NotKnown) or not worth:
            return ""
        if left.hours < when.hours_left_below / _HOUR_S:
            return f"{_lasts(left.hours)} left, less than {_lasts(when.hours_left_below / _HOUR_S)}"
        return ""

    def asks(self, monotonic_s: float) -> str:
        """Return why it asks now: a need that has lasted, empty when there is none or somebody said no."""
        need = self.need()
        if not need:
            self._needed_since_s = self.held_until_s = None
            return ""
        if self._needed_since_s is None:
            self._needed_since_s = monotonic_s
        if self.held_until_s is not None and monotonic_s < self.held_until_s:
            return ""
        lasted = monotonic_s - self._needed_since_s >= self.tank.rule.steady
        return need if lasted else ""

    def arrives(self, monotonic_s: float) -> bool:
        """Whether the level has been for long enough where the rule calls a request delivered."""
        level, request, when = self.level.now, self.request, self.tank.rule.delivered_when
        there = level is not None and request is not None and request.state in WAITING
        if there and level is not None and request is not None:
            risen = when.level_rises is not None and level >= request.level + when.level_rises
            above = when.level_above is not None and level >= when.level_above
            there = risen or above
        if not there:
            self._arrived_since_s = None
            return False
        if self._arrived_since_s is None:
            self._arrived_since_s = monotonic_s
        return monotonic_s - self._arrived_since_s >= self.tank.rule.steady

    # --- timers of the request ------------------------------------------------------------------------------

    def wait_for(self, request: Request, now_ns: int, monotonic_s: float) -> None:
        """Set the timers of a request that is open."""
        after = self.tank.rule.escalate_after
        undelivered = (
            request.deadline
            if after.undelivered == "deadline"
            else request.opened + round(after.undelivered * NS)
        )
        ends = {UNACKNOWLEDGED: request.opened + round(after.unacknowledged * NS), UNDELIVERED: undelivered}
        self.request = request
        self.due = {
            why: monotonic_s + (end - now_ns) / NS
            for why, end in ends.items()
            if why not in request.escalations
        }

    def overdue(self, monotonic_s: float) -> list[str]:
        """Return why the request has to be escalated now; each reason once."""
        request = self.request
        if request is None or request.state not in WAITING:
            return []
        found = [why for why, due_s in self.due.items() if monotonic_s >= due_s]
        for why in found:
            del self.due[why]
        return [why for why in found if not (why == UNACKNOWLEDGED and request.acknowledged)]


def _lasts(hours: float) -> str:
    return (
        f"{hours:.1f} h"
        if hours >= 1
        else f"{60 * hours:.0f} min"
        if hours >= 1 / 30
        else f"{3600 * hours:.0f} s"
    )
