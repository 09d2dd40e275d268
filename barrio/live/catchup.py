"""What one listener is given who is behind: the ring from its place on, in portions that its socket asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from barrio.live.ring import Rows
from barrio.live.rounds import values
from barrio.live.words import READING, Place, data_of
from twin.clock import rfc3339
from twin.store.port import StoreBusy, StoreDenied

if TYPE_CHECKING:
    from barrio.live.group import Group
    from barrio.live.hub import Hub
    from barrio.live.rounds import Round
    from barrio.live.subscriber import Subscriber
    from barrio.platform import Platform
    from twin.frame import Ids
    from twin.resolution import Resolution

    Event = tuple[int, str, str]

A_LOOK, A_PORTION = 20_000, 2_000
"""Readings that are looked at, and events that are given, at once."""
MARGIN_S = 10
"""How long before its event a reading may have been received; the history of what was lost begins so much earlier."""


class Reader:
    """Reads what is kept for those who are behind."""

    def __init__(self, hub: Hub, platform: Platform) -> None:
        self._hub = hub
        self._platform = platform
        catalogue = platform.catalogue
        zones = {one.id: one.zone for one in catalogue.districts}
        self._zones = {series: zones[owner.district] for series, owner in catalogue.owners.items()}

    async def catch_up(self, subscriber: Subscriber) -> bytes:
        """Return what comes next, and move its place; nothing, and it is not behind any more, when there is no more."""
        hub, group, after = self._hub, subscriber.group, subscriber.place
        if subscriber.stranger or after < self._floor(group):
            return self._lost(subscriber)
        until = hub.given
        if after >= until:
            subscriber.behind = False
            return b""
        events, until = self._kept(group, after, until)
        for one in hub.rounds.since(after, hub.size):
            if one.every in group.selection.coarse and group.readings and one.number <= until:
                found = await self._round(group, one)
                events += [event for event in found if after < event[0] <= until]
        events.sort(key=lambda event: event[0])
        subscriber.place = until
        return self._written(group, events)

    def concerned(self, group: Group, one: Round) -> Ids:
        """Return the series of a group that are given the windows of a round."""
        ids = group.selection.coarse.get(one.every, np.empty(0, np.int32))
        return ids[[self._zones[series] == one.zone for series in ids.tolist()]] if len(ids) else ids

    async def windows(self, one: Round, ids: Ids) -> dict[int, str] | None:
        """Return the data of a window's events by series; None when the store is away."""
        store, readings = self._platform.store, self._hub.readings
        try:
            return await self._platform.in_thread("reads", values, store, one, ids, readings)
        except (StoreBusy, StoreDenied):
            return None

    def unread(self, one: Round) -> str:
        """Return the data of the event that a window could not be read."""
        return data_of(
            {
                "from": rfc3339(one.start),
                "to": rfc3339(one.stop),
                "history": _history(one.start, one.stop, one.every),
                "reason": "the store was away when the window ended",
            }
        )

    async def _round(self, group: Group, one: Round) -> list[Event]:
        ids = self.concerned(group, one)
        found = await self.windows(one, ids) if len(ids) else {}
        if found is None:
            return [(one.number, "lost", self.unread(one))]
        return [(one.number + series, READING, data) for series, data in found.items()]

    def _kept(self, group: Group, after: int, until: int) -> tuple[list[Event], int]:
        """Return a portion of readings and notes, and up to which number it is complete."""
        hub, events = self._hub, []
        if group.readings:
            rows = hub.ring.since(after, A_LOOK)
            rows = rows.take(rows.number <= until)
            if len(rows) == A_LOOK:
                until = int(rows.number[-1])
            rows = rows.take(group.raw[rows.ids])
            if len(rows) > A_PORTION:
                rows = rows.take(slice(0, A_PORTION))
                until = int(rows.number[-1])
            written = hub.readings.written(rows)
            events = [
                (number, READING, data) for number, data in zip(rows.number.tolist(), written, strict=True)
            ]
        notes = hub.notes.since(after, until)
        events += [(one.number, one.kind, group.said(one)) for one in notes if group.wants(one)]
        return events, until

    def _floor(self, group: Group) -> int:
        """Return the number up to which something may be gone that concerns a group."""
        hub, kinds = self._hub, group.selection.kinds
        floors = [0]
        if group.readings and len(group.selection.raw):
            floors.append(hub.ring.floor)
        if group.readings and group.selection.coarse:
            floors.append(hub.rounds.floor)
        if kinds - {READING}:
            floors.append(hub.notes.floor)
        return max(floors)

    def _lost(self, subscriber: Subscriber) -> bytes:
        """Return the event that says what is gone, and the newest of each point that is given as it comes."""
        hub, group = self._hub, subscriber.group
        # An id of another life may be anything.
        after = min(subscriber.place, hub.given)
        restarted = subscriber.stranger
        subscriber.stranger, subscriber.place = False, hub.given
        start, stop = max(0, after * 1000 - MARGIN_S * 10**9), max(after, hub.given) * 1000
        data = {
            "from": rfc3339(start),
            "to": rfc3339(stop),
            "history": _history(start, stop, group.selection.coarsest),
            "reason": "barrio was started anew"
            if restarted
            else "it is too long ago, or was read too slowly",
        }
        events: list[Event] = [(hub.given, "lost", data_of(data))]
        if group.readings:
            newest = self.newest(group.selection.raw)
            events += [(hub.given, READING, one) for one in newest]
        return self._written(group, events)

    def newest(self, ids: Ids) -> list[str]:
        """Return the data of the newest reading of each of these points that has one."""
        live = self._platform.live
        ids = ids[live.time[ids] > 0]
        rows = Rows(live.time[ids], ids, live.time[ids], live.value[ids], live.quality[ids])
        return self._hub.readings.written(rows)

    def _written(self, group: Group, events: list[Event]) -> bytes:
        epoch, one = self._hub.epoch, group.dialect.one
        parts = [one(str(Place(epoch, number)), kind, data) for number, kind, data in events]
        return group.dialect.many(parts) if parts else b""


def _history(start: int, stop: int, every: Resolution | None) -> str:
    """Return where a stretch can be read; `every` where some of the points are not given finer."""
    windows = "" if every is None else f"&every={every}"
    return f"/api/v1/history?from={rfc3339(start)}&to={rfc3339(stop)}{windows}"
