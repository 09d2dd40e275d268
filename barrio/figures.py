"""Publishes open figures when their time has come, window by window; nobody's question makes a figure."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import structlog

from twin.clock import NS
from twin.datasets.figures import Window, figures
from twin.datasets.groups import clusters, least, published_of
from twin.errors import TransientError
from twin.intervals.register import register_of
from twin.store.windows import edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.platform import Platform
    from twin.datasets.figure_book import FigureBook
    from twin.datasets.groups import Published
    from twin.frame import Ids
    from twin.intervals.register import Register
    from twin.model.district import District

LOOK_S = 5.0
GRACE_S = 5.0
BACK_NS = 7 * 86_400 * NS
"""So far back windows are published when there were no figures before, from the first reading on."""

log = structlog.get_logger("barrio")


@dataclass(slots=True)
class _Part:
    """Groups that are published together, and how far that is."""

    district: District
    setting: int
    key: str
    groups: Sequence[Published]
    ids: Ids
    until: int

    @property
    def every(self) -> str:
        figures = self.groups[0].dataset.figures
        return "" if figures is None else figures.every.value

    @property
    def after_ns(self) -> int:
        figures = self.groups[0].dataset.figures
        return 0 if figures is None else round(figures.after_s * NS)


class FigureDesk:
    """The open figures of one platform. `book` answers what was published."""

    def __init__(self, platform: Platform, book: FigureBook) -> None:
        self.book = book
        self._platform = platform
        self._said = ""
        self._numbers = {path: item.id for path, item in platform.catalogue.points.items()}
        self._parts: list[_Part] | None = None

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                await self.step()
                self._said = ""
            except TransientError as error:
                if error.words != self._said:
                    log.warning("figures.waiting", words=error.words)
                    self._said = error.words
            await asyncio.sleep(LOOK_S)

    async def step(self) -> int:
        """Publish the windows whose time has come; returns how many."""
        if self._platform.store_words:
            return 0
        if self._parts is None:
            self._parts = await self._platform.in_thread("reads", self._begin)
        done = 0
        for part in self._parts:
            for window in self._due(part):
                await self._platform.in_thread("reads", self._publish, part, window)
                done += 1
        return done

    def _begin(self) -> list[_Part]:
        return [part for one in self._platform.catalogue.districts for part in self._parts_of(one)]

    def _parts_of(self, district: District) -> list[_Part]:
        groups = published_of(district.datasets.datasets) if district.datasets is not None else []
        if not groups:
            return []
        setting, since = self.book.begin(district.id, digest_of(groups), self._first(groups))
        parts = []
        for cluster in clusters(groups):
            key = " ".join(sorted({one.dataset.id for one in cluster}))
            until = max(since, self.book.until(setting, key))
            parts.append(_Part(district, setting, key, cluster, self._ids(cluster), until))
        return parts

    def _ids(self, groups: Sequence[Published]) -> Ids:
        paths = {path for one in groups for path in one.group.members}
        return np.array(sorted(self._numbers[path] for path in paths), np.int32)

    def _registers(self, groups: Sequence[Published]) -> dict[str, Register]:
        """Return the registers of groups in the steps in which their intervals are kept."""
        desk, points = self._platform.intervals, self._platform.catalogue.points
        items = [points[path] for one in groups for path in one.group.members]
        return {
            item.point.path: desk.register(item.id) if desk.has(item.id) else register_of(item)
            for item in items
        }

    def _first(self, groups: Sequence[Published]) -> int:
        """Return from when on there is anything to be summed up; now where there is nothing yet.

        Now too where a damaged book was set aside: what was told in it is told a second time by nothing else.
        """
        now = self._platform.clock.now_ns()
        if self.book.set_aside is not None:
            return now
        _, times = self._platform.store.first(self._ids(groups), now - BACK_NS)
        return int(times.min(initial=now))

    def _due(self, part: _Part) -> list[Window]:
        """Return the windows that are over for so long that all that counts is in the store."""
        waits_s = self._platform.spool.oldest_age_s
        last = self._platform.clock.now_ns() - round((GRACE_S + waits_s) * NS) - part.after_ns
        if last <= part.until:
            return []
        found = edges(part.until, last, part.every, part.district.zone)
        pairs = zip(found[:-1].tolist(), found[1:].tolist(), strict=True)
        return [
            Window(start, stop, stop + part.after_ns)
            for start, stop in pairs
            if start >= part.until and stop <= last
        ]

    def _publish(self, part: _Part, window: Window) -> None:
        rows = self._platform.store.raw(part.ids, window.since, window.until + 1)
        found = figures(part.groups, window, rows, self._numbers, self._registers(part.groups))
        self.book.publish(part.setting, part.key, window, found, least(part.groups))
        part.until = window.stop


def digest_of(groups: Sequence[Published]) -> str:
    """Return what changes whenever the figures of a district are made of other meters or in another way."""
    said = sorted(
        repr((one.dataset.id, *one.group.members, one.group.id, one.group.quantity, _how(one)))
        for one in groups
    )
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _how(one: Published) -> tuple[object, ...]:
    found = one.dataset.figures
    return () if found is None else (found.at_least, str(found.every), found.after_s)
