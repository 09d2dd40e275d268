"""A maker of intervals over a real store and book, for tests: what was read, settled, decided, came late."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from tests.twin.intervals.meter import DAY, HOUR, MINUTE, NS, SERIES
from twin.frame import Batch
from twin.intervals.book import IntervalBook, Version
from twin.intervals.edits import Edit
from twin.intervals.maker import Maker
from twin.intervals.meters import Meters
from twin.intervals.register import Register
from twin.intervals.rules import Rules
from twin.model.quantities import Aggregation, Quantity
from twin.rollups.late import Late
from twin.store.port import Series

ENERGY = Quantity("active_energy_import", unit="kW.h", aggregation=Aggregation.COUNTER, title="e", titulo="e")
POWER = Quantity("active_power", unit="W", title="p", titulo="p")
OTHER, GAUGE = 2, 3
MADRID = ZoneInfo("Europe/Madrid")
START = round(datetime(2026, 3, 26, 23, tzinfo=UTC).timestamp()) * NS
"""Midnight in Madrid of the 27th of March; its clocks change on the 29th."""
FAR = START + 400 * DAY


class Bench:
    """A store, a book and a maker; tells the maker of late readings as the writer does."""

    def __init__(self, store, folder, district="town", rules=None, **kwargs):
        self.store, self.folder, self.district = store, folder, district
        store.open(
            [
                Series(one, f"{district}/meter/{name}", district, "s", "meter", name, quantity)
                for one, name, quantity in ((SERIES, "e", ENERGY), (OTHER, "f", ENERGY), (GAUGE, "p", POWER))
            ],
            {},
        )
        self.rules, self.kwargs = rules or Rules(spike=None), kwargs
        self.newest = np.zeros(4, np.int64)
        self.edits = 0
        self.decimals = 3
        self.present = 0
        self.opened()

    def opened(self):
        """Open the book (again)."""
        self.book = IntervalBook(self.folder / "intervals.sqlite")
        self.book.open()
        self.late = Late(self.book, 4)
        registers = {
            one: Register(one, f"{self.district}/meter/{one}", self.decimals) for one in (SERIES, OTHER)
        }
        meters = Meters(self.district, MADRID, registers, usual=self.rules, **self.kwargs)
        self.maker = Maker(self.store, self.book, meters, self.late, self.present)

    def write(self, points, series=SERIES):
        time = np.array([at for at, _ in points], np.int64)
        value = np.array([steps for _, steps in points], np.float64) / (1 if series == GAUGE else 1_000)
        number = len(points)
        batch = Batch(
            np.full(number, series, np.int32),
            time,
            time,
            np.zeros(number, np.int64),
            value,
            np.zeros(number, np.uint8),
        )
        self.store.write(batch)
        self.newest[series] = max(self.newest[series], time.max())
        late = self.late.among(batch)
        if late is not None:
            self.late.mark(late)

    def settle(self, horizon=FAR):
        while self.maker.settle(self.newest, horizon, self.now()) is not None:
            pass

    def look(self):
        return self.maker.look(self.book.marks(), self.now())

    def decide(self, kind, start, stop, *steps, series=SERIES):
        edit = Edit(kind, series, start, stop, steps, "ana", "because", self.now())
        return self.maker.again({series: (start, stop)}, Version(0, edit.at, kind.value, "ana", ""), [edit])

    def now(self):
        self.edits += 1
        return FAR + self.edits * NS

    def days(self, start=START, number=4, version=None, series=SERIES):
        return self.maker.answers.lines([series], start, start + number * DAY - 2 * HOUR, version)[series]

    def close(self):
        self.book.close()
        self.store.close()


def steady(days, start=START - HOUR, a_minute=2, first=1_000):
    return [(start + at * MINUTE + 7 * NS, first + at * a_minute) for at in range(days * 1_440 + 120)]
