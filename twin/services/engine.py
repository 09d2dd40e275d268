"""The services of all districts while barrio runs: supply, capacity and maintenance in one object.

services = Services(books, ids, states, kit)
services.restore(journal.kept())         at start, before readings are taken
services.warm(rows)                      history of `services.needs`, oldest first
services.take(ids, now)                  after each flush, with the series ids that it touched
services.tick(now) -> Frame | None       several times a second: what comes with time, and the computed readings
services.keep(now)                       before the end
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.quality import FIRST_BAD
from twin.services.capacity import Capacity
from twin.services.kit import Outlet
from twin.services.maintenance import Maintenance
from twin.services.supply import Supply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from twin.frame import Batch, Frame, Ids
    from twin.services.book import ServiceBook
    from twin.services.journal import Kept, ServiceJournal
    from twin.services.kit import Kit
    from twin.services.pattern import Pattern

TICK_S = 1.0


class Services:
    """Used in the event loop's thread. `size` is one more than the highest series id."""

    def __init__(
        self,
        books: Iterable[ServiceBook],
        ids: Mapping[str, int],
        states: Mapping[str, int],
        size: int,
        kit: Kit,
    ) -> None:
        books = list(books)
        self._out = Outlet()
        self.supply = Supply(books, ids, states, kit, self._out)
        self.capacity = Capacity(books, ids, states, kit, self._out)
        self.maintenance = Maintenance(books, ids, states, size, kit, self._out)
        self._kit = kit
        self._ticked_s = float("-inf")
        self._watched = np.zeros(size, np.bool_)
        self._watched[[*self.supply.by_series, *self.capacity.by_series]] = True

    @property
    def journal(self) -> ServiceJournal:
        """What became of requests, counts and services, on disk."""
        return self._kit.journal

    # --- start and end --------------------------------------------------------------------------------------

    @property
    def needs(self) -> list[tuple[int, float]]:
        """Series ids and how many seconds of their history are wanted at start (`warm`)."""
        return [(watch.level_id, watch.tank.rule.draw.over) for watch in self.supply.tanks.values()]

    @property
    def counters(self) -> Ids:
        """Series ids of counters whose reading of `twin.services.use.DAYS` ago is wanted at start (`recall`)."""
        return np.unique(self.maintenance.series)

    @property
    def patterns(self) -> list[tuple[int, Pattern]]:
        """Series ids that say how many people are in a place, with the pattern that may be recalled from their past."""
        return [
            (series, watch.pattern)
            for watch in self.capacity.places.values()
            if (series := watch.people_id if watch.sensor_id is None else watch.sensor_id) is not None
        ]

    def warm(self, rows: Batch) -> None:
        """Take the history of levels, each series in the order of time: the draw of late is known from the start."""
        usable = rows.take(rows.quality < FIRST_BAD)
        for series, time, value in zip(
            usable.ids.tolist(), usable.time.tolist(), usable.value.tolist(), strict=True
        ):
            watch = self.supply.by_series.get(series)
            if watch is not None:
                watch.level.add(time / NS, value)
        for watch in self.supply.tanks.values():
            watch.level.forget_newest()

    def recall(self, before: Batch) -> None:
        """Take the readings of counters from weeks ago, one a series: the mean use is known from the start."""
        self.maintenance.recall(before)

    def restore(self, kept: Kept) -> None:
        """Go on with what the journal holds; after `warm`."""
        self.supply.restore(kept.newest_request, kept.lasts)
        self.capacity.restore(kept.places, kept.quarters)
        self.maintenance.restore(kept.counted, kept.days)

    def keep(self, now: int) -> None:
        """Keep counts as they are now."""
        self.capacity.keep(now)
        self.maintenance.keep()

    # --- while running --------------------------------------------------------------------------------------

    def take(self, ids: Ids, now: int) -> None:
        """Take the newest readings of series, as the live twin has them; most are nobody's here."""
        self.maintenance.take(ids)
        watched = ids[self._watched[ids]]
        if not len(watched):
            return
        monotonic_s = self._kit.clock.monotonic_s()
        places = {}
        for series in np.unique(watched).tolist():
            if series in self.supply.by_series:
                self.supply.take(series, now, monotonic_s)
            for place in self.capacity.by_series.get(series, ()):
                places[place.crowd.key] = place
        self.capacity.take(places.values(), now, monotonic_s)

    def tick(self, now: int) -> Frame | None:
        """Look at what comes with time, once a second; returns the computed readings that are new."""
        monotonic_s = self._kit.clock.monotonic_s()
        if monotonic_s - self._ticked_s >= TICK_S:
            self._ticked_s = monotonic_s
            self.supply.tick(now, monotonic_s)
            self.capacity.tick(now, monotonic_s)
            self.maintenance.tick(now, monotonic_s)
        return self._out.frame(now)

    def answered(self, key: str, status: int, body: str) -> None:
        """Take what a channel answered to a notification of ours; keys of others are nothing to us."""
        self.supply.answered(key, status, body)
