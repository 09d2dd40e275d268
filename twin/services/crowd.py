"""How many people are in one place: given by a sensor, or counted as those who came in without those who went out.

- A counter that wraps goes on, one that is reset counts from zero (`twin.services.counting`); a step that no crowd
  makes, more than the place holds four times over in an hour, is taken for another counter, and nothing is counted.
- While a counter is silent or bad the number is not known. When it is back its own count makes up for what was missed.
- The number is never negative: what would be below zero are errors of the counters, and they are added up as drift.
- At the quiet hour the place holds `quiet_count`: the number is set to that, and what it was off is the drift of a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from twin.clock import NS
from twin.services.book import COLOURS
from twin.services.count_book import Correction, PlaceRow
from twin.services.counting import growth
from twin.services.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.quality import Reason
    from twin.services.book import Crowd
    from twin.services.kit import Kit

QUIET = time(4, 0)
_QUIET_S = 1800
_MOST_STEPS = 4
_NO_CAPACITY = 100_000.0


class CrowdWatch:
    """One place. `people` is None while it is not known, then `trouble` says why and `blamed` names the point."""

    def __init__(self, crowd: Crowd, ids: Mapping[str, int]) -> None:
        self.crowd = crowd
        self.colour: str | None = None
        self.people: float | None = None
        self.trouble: Reason | None = None
        self.blamed = ""
        self.pattern = Pattern(crowd.rule.weeks, crowd.zone)
        self.people_id = None if crowd.people is None else ids[crowd.people]
        self.ratio_id, self.colour_id = ids[crowd.ratio], ids[crowd.colour]
        self.capacity_id = ids[crowd.capacity] if isinstance(crowd.capacity, str) else None
        self.sensor_id = None if crowd.sensor is None else ids[crowd.sensor]
        self._counters = [(one, ids[one.path], +1) for one in crowd.entries]
        self._counters += [(one, ids[one.path], -1) for one in crowd.exits]
        self._last: dict[str, float] = {}
        self._read_ns: dict[str, int] = {}
        self._count = self._clamped = 0.0
        self._quiet_day = 0

    @property
    def sources(self) -> list[int]:
        """Series ids that the number depends on."""
        found = [series for _, series, _ in self._counters]
        return [*found, *(one for one in (self.sensor_id, self.capacity_id) if one is not None)]

    def restore(self, row: PlaceRow) -> None:
        """Go on counting where the process before this one stopped: what counters grew since is counted."""
        known = {one.path for one, _, _ in self._counters}
        self._count, self._clamped = row.people, row.clamped
        self._last = {path: value for path, value in row.counters.items() if path in known}
        self._read_ns = dict.fromkeys(self._last, row.at)
        self._quiet_day = row.quiet_day
        self.colour = row.colour if row.colour in COLOURS else None

    def row(self, now_ns: int) -> PlaceRow:
        """Return how it stands, to be kept."""
        colour = self.colour or ""
        return PlaceRow(
            self.crowd.key, now_ns, self._count, self._clamped, colour, self._quiet_day, dict(self._last)
        )

    # --- people ---------------------------------------------------------------------------------------------

    def read(self, kit: Kit) -> list[str]:
        """Take the newest readings of all its points; returns what was odd about them."""
        odd = self._count_on(kit) if self.sensor_id is None else self._sense(kit, self.sensor_id)
        self._colour(kit)
        return odd

    def _sense(self, kit: Kit, series: int) -> list[str]:
        self.trouble = kit.trouble(series)
        self.blamed = "" if self.trouble is None else self.crowd.sensor or ""
        self.people = None if self.trouble is not None else max(0.0, kit.value(series))
        return []

    def _count_on(self, kit: Kit) -> list[str]:
        odd: list[str] = []
        self.trouble, self.blamed = None, ""
        change = 0.0
        for counter, series, sign in self._counters:
            trouble = kit.trouble(series)
            if trouble is not None:
                self.trouble, self.blamed = trouble, counter.path
                continue
            value = kit.value(series)
            grown, reset = growth(self._last.get(counter.path, value), value, counter.wraps_at)
            if reset:
                odd.append(f"{counter.path} began again at {value:g}")
            at = int(kit.live.received[series])
            hours = max(1.0, (at - self._read_ns.get(counter.path, at)) / NS / 3600)
            if grown > _MOST_STEPS * hours * (self.capacity(kit) or _NO_CAPACITY):
                odd.append(f"{counter.path} jumped by {grown:g}: taken for another counter, not counted")
                grown = 0.0
            self._last[counter.path], self._read_ns[counter.path] = value, at
            change += sign * grown
        self._count += change
        if self._count < 0:
            self._clamped -= self._count
            self._count = 0.0
        self.people = None if self.trouble is not None else self._count
        return odd

    def capacity(self, kit: Kit) -> float | None:
        """Return how many people may be there, None while that is not known."""
        if isinstance(self.crowd.capacity, int):
            return float(self.crowd.capacity)
        if self.capacity_id is None or kit.trouble(self.capacity_id) is not None:
            return None
        return kit.value(self.capacity_id) or None

    def share(self, kit: Kit) -> float | None:
        """Return people in percent of the capacity, None while that is not known."""
        capacity = self.capacity(kit)
        return None if self.people is None or capacity is None else 100 * self.people / capacity

    # --- colour ---------------------------------------------------------------------------------------------

    def _colour(self, kit: Kit) -> None:
        share = self.share(kit)
        if share is not None:
            self.colour = self.colour_of(share, self.colour)

    def colour_of(self, share: float, before: str | None) -> str:
        """Return green, amber or red for a share in percent: it changes back only below the hysteresis."""
        rule = self.crowd.rule
        reached = 2 if share >= rule.red else 1 if share >= rule.amber else 0
        kept = 2 if share >= rule.red - rule.hysteresis else 1 if share >= rule.amber - rule.hysteresis else 0
        return COLOURS[max(reached, min(kept, 0 if before is None else COLOURS.index(before)))]

    # --- the quiet hour -------------------------------------------------------------------------------------

    def quiet(self, now_ns: int) -> Correction | None:
        """Set the count right when the quiet hour has come; at most once for each day of the calendar."""
        if self.sensor_id is not None:
            return None
        local = datetime.fromtimestamp(now_ns / NS, UTC).astimezone(self.crowd.zone)
        today, hour = local.toordinal(), self.crowd.rule.quiet_hour or QUIET
        late_s = (local.hour - hour.hour) * 3600 + (local.minute - hour.minute) * 60 + local.second
        if self._quiet_day > today + 1:
            # A clock that ran ahead has been set right.
            self._quiet_day = today
        if late_s < 0 or today <= self._quiet_day:
            return None
        first, self._quiet_day = not self._quiet_day, today
        key, set_to = self.crowd.key, float(self.crowd.rule.quiet_count)
        if late_s >= _QUIET_S:
            words = "barrio did not run at the quiet hour"
            return None if first else Correction(key, now_ns, None, set_to, None, words)
        counted, clamped = self._count, self._clamped
        self._count, self._clamped = set_to, 0.0
        if self.people is not None:
            self.people = set_to
        if self.trouble is not None:
            words = f"{self.blamed} was not heard: what it was off is not known"
            return Correction(key, now_ns, counted, set_to, None, words)
        return Correction(key, now_ns, counted, set_to, counted - clamped - set_to)
