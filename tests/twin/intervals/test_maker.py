"""Settled days on real stores: they add up, old versions are had again, and what comes late makes a new one."""

import uuid

import pytest

from tests.twin.intervals.bench import FAR, GAUGE, OTHER, START, Bench, steady
from tests.twin.intervals.meter import DAY, HOUR, MINUTE, NS, SERIES
from twin.intervals.book import Version
from twin.intervals.edits import EditKind
from twin.intervals.flags import Flag, Why
from twin.intervals.meters import Beside, SumCheck
from twin.intervals.rules import Rules
from twin.store.duckdb import DuckDBStore
from twin.store.influx import InfluxStore
from twin.store.port import Store


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
