"""Gaps of devices, a row for all points of a device that fell silent for one reason within ten seconds.

A row is made of what the ledger has for it now, each time that something of it changed, so that telling it twice, or
late, says the same. The ten seconds bound what points that flap can make: a row each, however often they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from barrio.facts.source import Portion
from twin.clock import NS
from twin.facts import Fact
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from barrio.facts.source import Fields
    from twin.clock import Clock
    from twin.ledger import Gap, Ledger
    from twin.model.bound import BoundDevice

TOGETHER_NS = 10 * NS
MARGIN_NS = 600 * NS
"""How much longer than a change may take to get into the ledger: what is not older is told again after a restart."""
FIRST_NS = 7 * 86_400 * NS
"""What is told of the time before the first start with a database."""
KEEP_EVERY_NS = 60 * NS


class Key(NamedTuple):
    """A row: position of the device, reason, and the number of the ten seconds in which the gaps began."""

    device: int
    reason: int
    slot: int


class GapSource:
    """The gaps of the ledger. The cursor is a time: changes before it are told."""

    key = "gaps"
    thread = "reads"

    def __init__(self, ledger: Ledger, devices: Sequence[BoundDevice], size: int, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._started = clock.now_ns()
        self._tags = [
            {"district": bound.device.district, "site": bound.device.site, "device": bound.device.id}
            for bound in devices
        ]
        self._ids = [[item.id for item in bound.points if item.point.readable] for bound in devices]
        self._device_of = np.full(size, -1, np.int32)
        for number, ids in enumerate(self._ids):
            self._device_of[ids] = number
        self._waiting: dict[Key, None] = {}
        self._taken: list[Key] = []
        self._looked = False

    def read(self, cursor: str, limit: int) -> Portion:
        """See `barrio.facts.source.Source`."""
        now, before = self._clock.now_ns(), int(cursor or 0)
        if not self._looked:
            self._ledger.watch()
            self._look_back(min(before, self._started) or self._started - FIRST_NS)
            self._looked = True
        elif (touched := self._ledger.touched()) is None:
            self._look_back(min(before, now))
        else:
            self._wait_for(touched)
        self._taken = list(self._waiting)[:limit]
        facts, folded = self._rows()
        left = len(self._waiting) - len(self._taken)
        reached = now if not left and (facts or abs(now - before) > KEEP_EVERY_NS) else before
        return Portion(facts, str(reached), left > 0, left, folded)

    def told(self) -> None:
        """What was taken last is in the database."""
        for key in self._taken:
            del self._waiting[key]
        self._taken = []

    def _look_back(self, moment: int) -> None:
        self._wait_for(self._ledger.changed_since(moment - MARGIN_NS))

    def _wait_for(self, touched: Iterable[tuple[int, int, int]]) -> None:
        size = len(self._device_of)
        devices = self._device_of
        for series, start, reason in touched:
            if series < size and (device := int(devices[series])) >= 0:
                self._waiting[Key(device, reason, start // TOGETHER_NS)] = None

    def _rows(self) -> tuple[list[Fact], int]:
        """Return the rows of what was taken, and how many gaps are in them beyond one of each point."""
        slots: dict[int, list[Key]] = {}
        for key in self._taken:
            slots.setdefault(key.slot, []).append(key)
        facts: list[Fact] = []
        folded = 0
        for slot, keys in slots.items():
            gaps = self._gaps(slot, {key.device for key in keys})
            for key in keys:
                found = gaps.get((key.device, key.reason), [])
                folded += len(found) - len({gap.series for gap in found})
                facts.append(self._row(key, found))
        return facts, folded

    def _gaps(self, slot: int, devices: set[int]) -> dict[tuple[int, int], list[Gap]]:
        ids = [one for device in devices for one in self._ids[device]]
        found: dict[tuple[int, int], list[Gap]] = {}
        for gap in self._ledger.began(ids, slot * TOGETHER_NS, (slot + 1) * TOGETHER_NS):
            found.setdefault((int(self._device_of[gap.series]), int(gap.reason)), []).append(gap)
        return found

    def _row(self, key: Key, gaps: Sequence[Gap]) -> Fact:
        reason = Reason(key.reason)
        said = next((gap.words for gap in gaps if gap.words), "")
        fields: Fields = {
            "seconds": self._seconds(gaps),
            "open": int(any(gap.stop is None for gap in gaps)),
            "points": len({gap.series for gap in gaps}),
            "words": f"{reason.meaning} ({said})" if said else reason.meaning,
            "filled": int(bool(gaps) and all(gap.filled for gap in gaps)),
        }
        return Fact(
            "barrio_gaps", self._tags[key.device] | {"reason": reason.slug}, fields, key.slot * TOGETHER_NS
        )

    def _seconds(self, gaps: Sequence[Gap]) -> float:
        """Return how long a row's gaps lasted together, until now where one lasts."""
        if not gaps:
            return 0.0
        ends = (self._clock.now_ns() if gap.stop is None else gap.stop for gap in gaps)
        return round(max(0, max(ends) - min(gap.start for gap in gaps)) / NS, 3)
