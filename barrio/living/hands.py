"""The hands of the commander: a value for a path becomes a setting of the link that reads the device."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from connectors.abilities import Done, Setting, Writes
from twin.commands.command import Done as DoneHere
from twin.commands.command import Written
from twin.model.setting import NotAllowed, raw_of

if TYPE_CHECKING:
    from barrio.assembly import Catalogue
    from barrio.supervisor import LinkStatus, Supervisor
    from connectors.abilities import Outcome
    from connectors.base import Link
    from twin.commands.values import Value
    from twin.model.bound import BoundPoint
    from twin.model.spec import StateKey

AT_ONCE = 16
"""Writes that one link is given at once."""

LONGEST_S = 60.0
"""A link bounds its writes by its devices' timeouts; this bounds one that does not."""


class Hands:
    """Writes points through their links."""

    def __init__(self, supervisor: Supervisor, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._links: dict[str, tuple[LinkStatus, Link]] = {
            f"{bound.device.district}/{bound.device.id}": (status, link)
            for status, link in supervisor.links
            for bound in link.devices
        }
        self._room: dict[str, asyncio.Semaphore] = {}

    def reach(self, path: str) -> str:
        """Return why the link of a point takes nothing now; empty when it does."""
        found = self._links.get(path.rpartition("/")[0])
        if found is None:
            return "no link reads this device"
        status, link = found
        if not isinstance(link, Writes):
            return f"its link {status.name} takes no commands"
        return "" if status.up else status.words or "the link is down"

    async def write(self, path: str, value: Value) -> Written:
        """Set a point; TransientError when its link is down: then nothing was sent."""
        item = self._catalogue.points[path]
        status, link = self._links[path.rpartition("/")[0]]
        if not isinstance(link, Writes):
            return Written(DoneHere.REFUSED, None, self.reach(path))
        try:
            setting = Setting(item, raw_of(item.point, value))
        except NotAllowed as error:
            return Written(DoneHere.REFUSED, None, str(error))
        async with self._room.setdefault(status.name, asyncio.Semaphore(AT_ONCE)):
            try:
                async with asyncio.timeout(LONGEST_S):
                    [outcome] = await link.write([setting])
            except TimeoutError:
                words = f"the link did not come back within {LONGEST_S:g} s"
                return Written(DoneHere.UNKNOWN, None, words)
        return _written(outcome, item)


def _written(outcome: Outcome, item: BoundPoint) -> Written:
    done = {
        Done.WRITTEN: DoneHere.WRITTEN,
        Done.REFUSED: DoneHere.REFUSED,
        Done.UNKNOWN: DoneHere.UNKNOWN,
    }[outcome.done]
    return Written(done, _value(outcome.read_back, item), outcome.words)


def _value(raw: float | StateKey | None, item: BoundPoint) -> Value | None:
    """Return what was read back in the point's unit or as a state's name, None when it is none."""
    point = item.point
    if raw is None:
        return None
    if point.states:
        return point.states.get(raw if not isinstance(raw, float) else int(raw))
    if isinstance(raw, str):
        return None
    value = float(raw) * point.scale + point.offset
    return value if math.isfinite(value) else None
