"""What of the past exists for a caller: what of it they see now.

A point that is configured no more is seen by nobody but who sees everything: nobody says any more whose it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.access.alarms import seen_alarms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.access.alarms import AlarmSight
    from barrio.access.who import Who
    from twin.model.district import District
    from twin.resolution import Resolution


class Seen:
    """What a caller sees, by the names that models of the past know."""

    def __init__(self, who: Who, districts: Sequence[District]) -> None:
        self.who = who
        self._sight = who.sight
        self._districts = districts

    @property
    def alarms(self) -> AlarmSight:
        """Which alarms exist."""
        return seen_alarms(self.who, self._districts)

    def district(self, name: str) -> bool:
        """Whether a district exists."""
        return self._sight.whole or name in self._sight.district_ids

    def all_of(self, name: str) -> bool:
        """Whether nothing of a district is hidden, so that changes of its model may be told."""
        return self._sight.whole or (self.who.on_duty and self._sight.wholly(name))

    def point(self, path: str) -> bool:
        """Whether a point exists."""
        return self._sight.whole or path in self._sight.visible

    def plainly(self, path: str) -> bool:
        """Whether the readings of a point are given as they came."""
        return self._sight.whole or self._sight.plainly(path)

    def resolution(self, path: str) -> Resolution | None:
        """Return how finely readings of a point are given; None where it is as they came."""
        return None if self.plainly(path) else self._sight.resolution(self._sight.points[path].id)

    def orders(self, path: str) -> bool:
        """Whether what is desired of a point, and who desires it, is told."""
        return self._sight.whole or (self.who.may_see_orders and self.plainly(path))
