"""Windows out of rollups are those of the readings, to the last place; also where the book says that some are stale."""

import uuid
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.contract.rollups import some_days
from tests.contract.store import (
    COLD,
    HOUR,
    METER,
    MINUTE,
    STATES,
    SWITCH,
    WARM,
    WIND,
    WRAPS,
    catalogue,
    local,
    rows,
)
from tests.twin.rollups.making import DAY, MADRID, Making
from twin.frame import join
from twin.history.engine import Engine, Query
from twin.history.reduce import Subject
from twin.history.reductions import parse
from twin.model.quantities import Aggregation
from twin.resolution import Resolution
from twin.rollups.book import EVERY
from twin.rollups.made import CODES, Made
from twin.store.duckdb import DuckDBStore
from twin.store.influx import InfluxStore
from twin.store.windows import edges

HOLD = 90 * 1_000_000_000
NAMES = {
    Aggregation.GAUGE: ("mean", "min", "max", "sum", "last", "count"),
    Aggregation.COUNTER: ("delta", "last", "count"),
    Aggregation.STATE: ("state_s", "last", "count"),
}
PLAIN = (WARM, COLD, METER, WRAPS, SWITCH)
SPRING = local("2026-03-29")


@pytest.fixture(params=["duckdb", "influxdb"])
def new_making(request, tmp_path):
    made = []
    influxdb = request.getfixturevalue("influxdb") if request.param == "influxdb" else None

    def new(now, **options):
        store = DuckDBStore(tmp_path / "twin.duckdb") if influxdb is None else InfluxStore(influxdb.url)
        made.append(Making(store, tmp_path, f"d-{uuid.uuid4().hex}", **options).begin(now))
        return made[-1]

    yield new
    for one in made:
        one.close()


def ask(making, start, stop, every, zone=MADRID, *, names=None, rolled=True, only=PLAIN):
    """The answer of the engine with rollups, or without."""
    series = [one for one in catalogue(making.district) if one.id in only]
    subjects = [Subject(one.id, one.district, one.quantity, one.wraps_at, HOLD) for one in series]
    reductions = {
        one.quantity.aggregation: [parse(name) for name in names or NAMES[one.quantity.aggregation]]
        for one in series
    }
    made = Made(making.book, [making.ground]) if rolled else None
    query = Query(subjects, edges(start, stop, every, zone), reductions, 2 * 10**18)
    return Engine(making.store, STATES, made).answer(query)


def same(making, start, stop, every, zone=MADRID, **options):
    """Hold the answer with rollups to the one without; returns where it came from."""
    with_them, without = (
        ask(making, start, stop, every, zone, rolled=rolled, **options) for rolled in (True, False)
    )
    for one, columns in without.columns.items():
        assert list(with_them.columns[one]) == list(columns), one
        for name, column in columns.items():
            np.testing.assert_allclose(
                with_them.columns[one][name], column, rtol=1e-12, atol=1e-9, err_msg=f"{every} {one} {name}"
            )
    assert not without.source.any()
    return with_them.source


@pytest.mark.parametrize(
    ("every", "zone", "finest"),
    [
        ("15m", "Europe/Madrid", Resolution.QUARTER),
        ("30m", "Asia/Kolkata", Resolution.QUARTER),
        ("1h", "UTC", Resolution.HOUR),
        ("1h", "Asia/Kolkata", Resolution.QUARTER),
        ("6h", "Europe/Madrid", Resolution.HOUR),
        ("1d", "Europe/Madrid", Resolution.DAY),
        ("1d", "America/Mexico_City", Resolution.HOUR),
        ("1w", "Europe/Madrid", Resolution.DAY),
    ],
)
def test_what_is_made_is_answered_from_rollups(new_making, every, zone, finest):
    """Over a day on which the clocks change and a newest part that is not made, without a seam."""
    making = new_making(SPRING - 24 * HOUR)
    now = SPRING + 40 * HOUR
    making.write(some_days(SPRING - 24 * HOUR, now, 11 * MINUTE))
    making.make_all(now - 3 * HOUR)
    source = same(making, SPRING - 20 * HOUR, now, every, ZoneInfo(zone))

    assert source.max() == CODES[finest] or every == "1w"
    assert source[-1] == 0


@pytest.mark.parametrize(("every", "rolled"), [("15m", True), ("30m", False), ("1d", True)])
def test_directions_come_from_rollups_where_a_window_is_one(new_making, every, rolled):
    """The mean of mean directions is none: a window that is made of several comes from readings."""
    making = new_making(DAY)
    making.write(some_days(DAY, DAY + 30 * HOUR, 11 * MINUTE))
    making.make_all(DAY + 29 * HOUR)
    source = same(making, DAY, DAY + 24 * HOUR, every, only=(WIND,), names=("mean", "count"))

    assert bool(source[0]) is rolled


def test_what_came_late_is_in_the_answer_at_once(new_making):
    """A window for which readings came late comes from readings, until it is made again."""
    making = new_making(DAY)
    making.write(some_days(DAY, DAY + 30 * HOUR, 11 * MINUTE))
    making.make_all(DAY + 29 * HOUR)
    before = same(making, DAY, DAY + 29 * HOUR, "1h")
    late = DAY + 6 * HOUR + 5 * MINUTE
    making.write(
        join(
            [
                rows(one, (late, value))
                for one, value in (
                    (WARM, -40),
                    (COLD, 3),
                    (METER, 500),
                    (WRAPS, 999),
                    (WIND, 90),
                    (SWITCH, 7),
                )
            ]
        )
    )
    after = same(making, DAY, DAY + 29 * HOUR, "1h")
    making.make_all(DAY + 29 * HOUR)
    again = same(making, DAY, DAY + 29 * HOUR, "1h")

    assert before[:28].tolist() == again[:28].tolist() == [CODES[Resolution.HOUR]] * 28
    assert after[6] == 0
    assert after[0] == CODES[Resolution.HOUR]


def test_what_somebody_wants_made_again_comes_from_readings(new_making):
    """A stretch that was stored by something else is right as soon as it is asked to be made again."""
    making = new_making(DAY)
    making.write(some_days(DAY, DAY + 10 * HOUR, 11 * MINUTE))
    making.make_all(DAY + 10 * HOUR)
    making.store.write(rows(WARM, (DAY + HOUR + MINUTE, -99)))
    making.book.ask(making.district, EVERY, (DAY + HOUR, DAY + 2 * HOUR), DAY + 10 * HOUR)
    source = same(making, DAY, DAY + 10 * HOUR, "1h")

    assert source[1] == 0
    assert source[2] == CODES[Resolution.HOUR]


def test_a_point_that_was_not_rolled_up(new_making):
    """What has no row comes from readings, whatever the book says of its district."""
    making = new_making(DAY, without=(COLD,))
    making.write(some_days(DAY, DAY + 5 * HOUR, 11 * MINUTE))
    making.write(rows(COLD, (DAY + HOUR, 5)))
    making.make_all(DAY + 5 * HOUR)
    found = ask(making, DAY, DAY + 4 * HOUR, "1h")

    assert found.columns[COLD]["mean"][1] == 5
    same(making, DAY, DAY + 4 * HOUR, "1h")


def test_rollups_outlive_their_readings(new_making):
    """Where the readings were let go, what was made of them still answers."""
    making = new_making(DAY)
    making.write(some_days(DAY, DAY + 30 * HOUR, 11 * MINUTE))
    making.make_all(DAY + 29 * HOUR)
    before = ask(making, DAY, DAY + 24 * HOUR, "1d").columns[WARM]
    making.store.delete(making.ground.points.ids, DAY, DAY + 26 * HOUR)
    after = ask(making, DAY, DAY + 24 * HOUR, "1d", names=("mean", "p50"), only=(WARM,)).columns[WARM]

    assert after["mean"].tolist() == before["mean"].tolist()
    assert np.isnan(after["p50"]).all()


def test_readings_are_not_read_where_rollups_answer(new_making, monkeypatch):
    """The store reduces no more than the part that is not made."""
    making = new_making(DAY)
    making.write(some_days(DAY, DAY + 30 * HOUR, 11 * MINUTE))
    making.make_all(DAY + 28 * HOUR)
    asked = []
    windows = making.store.windows

    def counted(*args):
        asked.append(args[1])
        return windows(*args)

    monkeypatch.setattr(making.store, "windows", counted)
    ask(making, DAY, DAY + 30 * HOUR, "1h")

    assert min(int(part[0]) for part in asked) == DAY + 28 * HOUR
