"""A maker of rollups with a store, for tests: what was made, and what should have been."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from tests.contract.store import STATES, catalogue, ids, local
from twin.frame import Batch
from twin.resolution import ROLLUPS, Resolution
from twin.rollups.book import Book
from twin.rollups.late import Late
from twin.rollups.maker import Maker
from twin.rollups.points import points_of
from twin.rollups.portions import Ground
from twin.rollups.source import from_readings
from twin.store import windows

MADRID = ZoneInfo("Europe/Madrid")
HOLD_S = 90.0
SIZE = 2_000
DAY = local("2026-06-02")
EVERY = ids(1, 2, 3, 4, 5, 6, 900)


@dataclass
class Making:
    """A district's store with its book; `write` does what the writer does."""

    store: Any
    folder: Path
    district: str = "d"
    retention: dict[Resolution, float | None] = field(default_factory=dict)
    without: tuple[int, ...] = ()

    def begin(self, now):
        self.store.open(catalogue(self.district), STATES)
        self.book: Book = Book(self.folder / "rollups.sqlite")
        self.book.open()
        self.late = Late(self.book, SIZE)
        points = points_of([(one, HOLD_S) for one in catalogue(self.district) if one.id not in self.without])
        self.ground = Ground(self.district, MADRID, points, self.retention)
        self.maker = Maker(self.store, self.book, self.late, [self.ground])
        self.maker.begin(now)
        return self

    def write(self, batch: Batch, *, killed_before_mark=False):
        self.store.write(batch)
        if not killed_before_mark:
            self.mark(batch)

    def mark(self, batch: Batch):
        late = self.late.among(batch)
        if late is not None:
            self.late.mark(late)

    def forward(self, now):
        return sum(self.maker.forward(self.ground, now, now))

    def make_all(self, now):
        """Do everything that is due."""
        self.forward(now)
        while self.book.stale_marks:
            list(self.maker.stale(now))
        while self.maker.is_behind(self.ground):
            list(self.maker.backward(self.ground, now))

    def made(self, resolution, start, stop):
        edges = windows.edges(start, stop, resolution.value, MADRID)
        return self.store.rollups(resolution, EVERY, edges)

    def agrees(self, start, stop, resolutions=ROLLUPS):
        """Hold what was made to what the readings say."""
        for resolution in resolutions:
            found = self.made(resolution, start, stop)
            expected = from_readings(self.store, self.ground.points, found.edges, resolution)
            for name, column in expected.columns.items():
                np.testing.assert_allclose(
                    found.columns[name], column, rtol=1e-9, atol=1e-9, err_msg=f"{resolution} {name}"
                )
            for state in STATES:
                there, meant = found.state_seconds(state), expected.state_seconds(state)
                np.testing.assert_allclose(np.nan_to_num(there), np.nan_to_num(meant), atol=1e-9)

    def counts(self, start, stop, resolution=Resolution.QUARTER):
        return self.made(resolution, start, stop).columns["count"]

    def close(self):
        self.book.close()
        self.store.close()
