"""Settled days on real stores: they add up, old versions are had again, and what comes late makes a new one."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.twin.intervals.meter import DAY, HOUR, MINUTE, NS, SERIES
from twin.frame import Batch
from twin.intervals.book import IntervalBook, Version
from twin.intervals.edits import Edit, EditKind
from twin.intervals.flags import Flag, Why
from twin.intervals.maker import Maker
from twin.intervals.meters import Beside, Meters, SumCheck
from twin.intervals.register import Register
from twin.intervals.rules import Rules
from twin.model.quantities import Aggregation, Quantity
from twin.rollups.late import Late
from twin.store.duckdb import DuckDBStore
from twin.store.influx import InfluxStore
from twin.store.port import Series, Store

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


@pytest.fixture(params=["duckdb", "influxdb"])
def make(request, tmp_path):
    made = []

    def new(**kwargs):
        name = f"d-{uuid.uuid4().hex}"
        embedded = request.param == "duckdb"
        store: Store = (
            DuckDBStore(tmp_path / "twin.duckdb")
            if embedded
            else InfluxStore(request.getfixturevalue("influxdb").url)
        )
        made.append(Bench(store, tmp_path, name, **kwargs))
        return made[-1]

    yield new
    for bench in made:
        bench.close()


def steady(days, start=START - HOUR, a_minute=2, first=1_000):
    return [(start + at * MINUTE + 7 * NS, first + at * a_minute) for at in range(days * 1_440 + 120)]


def test_days_are_settled_once_their_end_is_known(make):
    """Three days of which the last is not over: what is settled has a version, the rest is made on the fly."""
    bench = make()
    bench.write(steady(3)[: 3 * 1_440])
    bench.settle()
    line = bench.days()

    assert sorted(set(line.version[: 96 * 2].tolist())) == [1]
    assert set(line.version[96 * 2 :].tolist()) == {0}
    assert len(line) == 96 + 96 + 92 + 96
    assert set(line.delta[: 96 * 2].tolist()) == {30}
    assert set(line.flag[-96:].tolist()) == {Flag.MISSING}


def test_what_comes_late_makes_a_version_and_the_old_one_is_had_again(make):
    """A gap that was estimated is measured later: a new version, flagged late; the old one stays as it was billed."""
    bench = make()
    whole = steady(3)
    hole = slice(26 * 60, 36 * 60)
    used = [(at, steps + (600 if at > whole[30 * 60][0] else 0)) for at, steps in whole]
    bench.write(used[: hole.start] + used[hole.stop :])
    bench.settle()
    billed, first = bench.days(), bench.book.newest()
    bench.write(used[hole])
    looked = bench.look()
    line = bench.days()

    assert looked == 1
    assert bench.book.newest() == first + 1
    assert Flag.ESTIMATED in billed.flag.tolist()
    assert Flag.LATE in line.flag.tolist()
    assert Flag.ESTIMATED not in line.flag[line.version > 0].tolist()
    assert line.delta.sum() == billed.delta.sum()
    assert (line.delta != billed.delta).any()
    again = bench.days(version=first)
    kept = billed.version > 0
    assert again.delta[kept].tolist() == billed.delta[kept].tolist()
    assert again.flag[kept].tolist() == billed.flag[kept].tolist()
    assert bench.book.at(bench.edits * NS + FAR) == first + 1


def test_late_readings_that_change_nothing_make_no_version(make):
    """The same readings once more, or such as say what was known: the mark goes, no version comes."""
    bench = make()
    bench.write(steady(3))
    bench.settle()
    before = bench.book.newest()
    bench.write(steady(3)[1_000:1_010])

    assert bench.look() == 0
    assert bench.book.marks() == []
    assert bench.book.newest() == before


def test_a_meter_change_that_is_declared_later(make):
    """The suspect fall of a register becomes the sum of both meters' differences, in a new version."""
    bench = make()
    at = START + 30 * HOUR
    old = [one for one in steady(3) if one[0] < at]
    new = [(time, steps - old[-1][1] + 5) for time, steps in steady(3) if time > at + 3 * MINUTE]
    bench.write(old + new)
    bench.settle()
    before = bench.days(number=2)
    bench.decide(EditKind.METER_CHANGE, at, at, old[-1][1] + 1, 4)
    line = bench.days(number=2)
    counted = line.register[-1] - 4 + old[-1][1] + 1 - line.register[0]

    assert Flag.SUSPECT in before.flag.tolist()
    assert before.delta.sum() == before.register[-1] - before.register[0]
    assert line.delta.sum() == counted
    assert Flag.SUSPECT not in line.flag.tolist()
    assert Why.METER_CHANGED in line.why.tolist()
    assert bench.days(number=2, version=1).delta.tolist() == before.delta.tolist()


def test_an_edit_is_taken_back(make):
    """A distribution is laid over a settled day, and goes again; each of the three versions is had again."""
    bench = make()
    bench.write(steady(3))
    bench.settle()
    version = bench.decide(EditKind.SPREAD, START, START + 2 * 900 * NS, 59, 1)
    edited = bench.days(number=1)
    edit = bench.book.all_edits([SERIES])[0][0]
    back = bench.maker.again(
        {SERIES: (START, START + 1_800 * NS)},
        Version(0, bench.now(), "withdrawn", "ana", ""),
        withdrawn=[edit.number],
    )

    assert edited.delta[:3].tolist() == [59, 1, 30]
    assert edited.flag[:3].tolist() == [Flag.EDITED, Flag.EDITED, Flag.VALID]
    assert bench.days(number=1).delta[:2].tolist() == [30, 30]
    assert bench.days(number=1, version=version).delta[:2].tolist() == [59, 1]
    assert bench.days(number=1, version=back).flag[:2].tolist() == [0, 0]
    assert bench.days(number=1, version=version - 1).delta[:2].tolist() == [30, 30]


def test_long_gaps_go_by_settled_days(make):
    """A gap of ten hours is spread as the same weekday a week before, not linearly."""
    bench = make()
    points, total = [], 1_000
    for at in range(9 * 1_440):
        moment = START - HOUR + at * MINUTE + 7 * NS
        total += 20 if 8 <= (moment - START) // HOUR % 24 < 18 else 1
        if not 7 * 1_440 + 5 * 60 < at < 7 * 1_440 + 15 * 60:
            points.append((moment, total))
    bench.write(points)
    bench.settle()
    line = bench.days(START + 7 * DAY - HOUR, 1)
    guessed = line.why == Why.REFERENCE

    assert guessed.sum() > 30
    assert len(set(line.delta[guessed].tolist())) > 1


def test_a_register_that_stands_still_beside_a_flow_is_frozen(make):
    """Hours without a step while kilowatts flow are suspect; with nothing flowing they are true zeros."""
    rules = Rules(spike=None)
    bench = make(rules=rules, beside={SERIES: Beside(GAUGE, 0.001), OTHER: Beside(GAUGE, 0.0)})
    still = [(START - HOUR + at * MINUTE + 7 * NS, 5_000) for at in range(1_440 + 120)]
    bench.write(still)
    bench.write(still, OTHER)
    bench.write([(at, 2_000) for at, _ in still], GAUGE)
    bench.settle()

    assert set(bench.days(number=1).why.tolist()) == {Why.FROZEN}
    assert set(bench.days(number=1, series=OTHER).flag.tolist()) == {Flag.VALID}


def test_a_main_meter_is_held_against_those_that_it_feeds(make):
    """Where the sum of the others is a third off, the main meter's interval is suspect."""
    bench = make(sums=(SumCheck(SERIES, (OTHER,), 0.05),))
    bench.write(steady(1, a_minute=20))
    other = [
        (at, steps if at < START + 5 * HOUR else steps // 2 + 3_000) for at, steps in steady(1, a_minute=20)
    ]
    bench.write(other, OTHER)
    bench.settle()
    line = bench.days(number=1)

    assert set(line.flag[:19].tolist()) == {Flag.VALID}
    assert set(line.why[21:].tolist()) == {Why.SUM}


def test_a_book_that_is_opened_again_goes_on(make):
    """After a start nothing is settled twice, and readings for settled days are late."""
    bench = make()
    bench.write(steady(2))
    bench.settle()
    before = bench.book.newest()
    bench.book.close()
    bench.opened()
    bench.settle()
    bench.write([(START + 10 * HOUR + 30 * NS, 1_323)])

    assert bench.book.newest() == before
    assert len(bench.book.marks()) == 1


actions = st.lists(
    st.tuples(
        st.sampled_from(["on", "on", "gap", "late", "settle", "look", "change", "ignore", "hand", "restart"]),
        st.integers(0, 10_000),
    ),
    min_size=4,
    max_size=18,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions)
def test_whatever_happens_registers_add_up_and_versions_stay(tmp_path, actions):
    """Readings, gaps, late arrivals, changes of the meter, decisions, restarts: the books balance after each."""
    folder = tmp_path / uuid.uuid4().hex
    folder.mkdir()
    bench = Bench(DuckDBStore(folder / "twin.duckdb"), folder)
    try:
        _play(bench, actions)
    finally:
        bench.close()


def _play(bench: Bench, actions) -> None:
    play = _Play(bench)
    billed: dict[int, list[object]] = {}
    for what, number in actions:
        getattr(play, what)(number)
        bench.look()
        _balance(bench, play.changed, play.at)
        billed[bench.book.newest()] = _picture(bench, bench.book.newest(), play.at)
        for version, picture in billed.items():
            assert _picture(bench, version, play.at) == picture


class _Play:
    """What may happen to a meter, each by its name and with a number to go by."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.at, self.shows = bench, START - HOUR, 1_000
        self.held: list[list[tuple[int, int]]] = []
        self.changed: list[tuple[int, int, int]] = []

    def _read(self, number: int) -> list[tuple[int, int]]:
        points = []
        for _ in range(40):
            self.at += (number % 3_000 + 61) * NS
            self.shows += number % 90
            points.append((self.at, self.shows))
        return points

    def on(self, number: int) -> None:
        self.bench.write(self._read(number))

    def gap(self, number: int) -> None:
        self.held.append(self._read(number))

    def late(self, number: int) -> None:
        if self.held:
            self.bench.write(self.held.pop(number % len(self.held)))

    def change(self, number: int) -> None:
        self.at += 100 * NS
        self.bench.decide(EditKind.METER_CHANGE, self.at, self.at, self.shows, number)
        self.changed.append((self.at, self.shows, number))
        self.shows = number

    def ignore(self, number: int) -> None:
        begin = START + number * 40 * NS
        self.bench.decide(EditKind.IGNORE, begin, begin + HOUR)

    def hand(self, _number: int) -> None:
        self.at += 50 * NS
        self.bench.decide(EditKind.READ, self.at, self.at, self.shows)

    def settle(self, _number: int) -> None:
        self.bench.settle()

    def look(self, _number: int) -> None:
        self.bench.look()

    def restart(self, _number: int) -> None:
        self.bench.book.close()
        self.bench.opened()


def _balance(bench: Bench, changed, at: int) -> None:
    """Any stretch between two known boundaries adds up to the registers and the meters that were changed in it."""
    line = bench.days(START, max(1, (at - START) // DAY + 2))
    assert (line.delta >= 0).all()
    known = np.flatnonzero(line.known)
    for first, last in ((known[0], known[-1]), (known[len(known) // 2], known[-1])) if len(known) > 1 else ():
        between = [one for one in changed if line.edges[first] < one[0] <= line.edges[last]]
        expected = line.register[last] - line.register[first] + sum(old - new for _, old, new in between)
        assert line.delta[first:last].sum() == expected


def _picture(bench: Bench, version: int, at: int):
    line = bench.days(START, max(1, (at - START) // DAY + 2), version)
    settled = replace(line).version > 0
    return list(zip(line.edges[:-1][settled], line.delta[settled], line.flag[settled], strict=True))


def test_rubbish_before_midnight_moves_neither_day(make):
    """A reading that sticks out is judged by its neighbours, however far these are from the day that is reckoned."""
    bench = make()
    points = [(START - DAY + 90 * MINUTE + at * 3 * HOUR, 1_000 + at * 300) for at in range(40)]
    at = next(number for number, (time, _) in enumerate(points) if time == START + DAY - 90 * MINUTE)
    points[at] = (points[at][0], 9_000_000)
    bench.write(points)
    before = bench.maker.reckoner.reckoned([SERIES], START, START + DAY)[SERIES]
    after = bench.maker.reckoner.reckoned([SERIES], START + DAY, START + 2 * DAY)[SERIES]

    assert int(after.delta.max()) < 100
    assert before.register[-1] == after.register[0]
    assert Why.NOT_BELIEVED in before.why.tolist()


def test_the_day_after_goes_on_from_what_is_settled_before_anybody_looked(make):
    """A late reading moves midnight with the version that looks at it, for both days at once; neither alone before."""
    bench = make()
    points = steady(2)
    bench.write([one for one in points if abs(one[0] - START - DAY) > 40 * MINUTE])
    bench.settle(START + DAY + HOUR)
    bench.write([(START + DAY - 10 * MINUTE + NS, 1_000 + 2 * (25 * 60 - 10) + 60)])
    found = []
    for _ in range(2):
        whole, alone = bench.days(number=2), bench.days(START + DAY, 1)
        found.append(int(whole.register[96]))
        assert whole.delta[1:].sum() == whole.register[-1] - whole.register[1]
        assert alone.delta.tolist() == whole.delta[96:].tolist()
        bench.look()

    assert found[1] > found[0]


def test_a_reading_that_comes_while_its_day_is_settled_is_late(make):
    """What is stored after a day was read from the store, and before it is in the book, is not forgotten."""
    bench = make()
    bench.write(steady(1))
    chunks = bench.store.chunks

    def while_reading(*args):
        found = list(chunks(*args))
        bench.store.chunks = chunks
        bench.write([(START + 5 * HOUR + 30 * NS, 1_721)])
        return iter(found)

    bench.store.chunks = while_reading
    bench.settle()

    assert [mark.low for mark in bench.book.marks()] == [START + 5 * HOUR + 30 * NS]
