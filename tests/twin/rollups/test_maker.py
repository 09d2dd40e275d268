"""Rollups are made when their windows have ended, made again when readings come late, and never from nothing."""

import uuid

import numpy as np
import pytest

from tests.contract.rollups import some_days
from tests.contract.store import COLD, HOUR, METER, MINUTE, SECOND, SWITCH, WARM, WIND, ids, local, rows
from tests.twin.rollups.making import DAY, EVERY, SIZE, Making
from twin.frame import join
from twin.quality import Reason
from twin.resolution import Resolution
from twin.rollups import maker as maker_module
from twin.rollups import portions
from twin.rollups.book import DAY_NS
from twin.rollups.late import Late
from twin.store.duckdb import DuckDBStore
from twin.store.influx import InfluxStore

QUARTER = 15 * MINUTE


@pytest.fixture(params=["duckdb", "influxdb"])
def new_making(request, tmp_path):
    made = []
    district = f"d-{uuid.uuid4().hex}"
    influxdb = request.getfixturevalue("influxdb") if request.param == "influxdb" else None

    def new(now, **options):
        store = DuckDBStore(tmp_path / "twin.duckdb") if influxdb is None else InfluxStore(influxdb.url)
        made.append(Making(store, tmp_path, district, **options).begin(now))
        return made[-1]

    yield new
    for one in made:
        one.close()


@pytest.fixture
def new_duckdb(tmp_path):
    made = []

    def new(now, **options):
        made.append(Making(DuckDBStore(tmp_path / "twin.duckdb"), tmp_path, **options).begin(now))
        return made[-1]

    yield new
    for one in made:
        one.close()


def test_windows_are_made_when_they_have_ended(new_making):
    """Quarter hours, hours and the day are made one after the other, each once it has ended."""
    making = new_making(DAY)
    making.write(some_days(DAY - 2 * HOUR, DAY + 26 * HOUR))
    making.forward(DAY + HOUR + 20 * MINUTE)

    assert making.book.until(making.district, Resolution.QUARTER) == DAY + HOUR + QUARTER
    assert making.book.until(making.district, Resolution.HOUR) == DAY + HOUR
    assert making.book.until(making.district, Resolution.DAY) == DAY
    making.agrees(DAY, DAY + HOUR, [Resolution.QUARTER, Resolution.HOUR])
    making.forward(DAY + 25 * HOUR)
    making.agrees(DAY, DAY + 24 * HOUR)
    assert np.isnan(making.counts(DAY + 25 * HOUR, DAY + 26 * HOUR)).all()


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_days_on_which_the_clock_changes(new_making, day):
    """A day of 23 or 25 hours is made of its own hours, and they of their own quarters."""
    begin = local(day)
    stop = local(f"{day[:-2]}{int(day[-2:]) + 1}")
    making = new_making(begin)
    making.write(some_days(begin - HOUR, stop + HOUR))
    making.forward(stop)

    assert making.made(Resolution.HOUR, begin, stop).shape[1] == (stop - begin) // HOUR
    assert making.book.until(making.district, Resolution.DAY) == stop
    making.agrees(begin, stop)


def test_the_first_start_ever(new_making):
    """Where nothing was ever read, rows begin with the present; the hour and the day are made of what there is."""
    making = new_making(DAY + 10 * HOUR + 20 * MINUTE)
    making.write(rows(WARM, (DAY + 10 * HOUR + 21 * MINUTE, 4)))
    making.make_all(DAY + 24 * HOUR)

    assert np.isnan(making.counts(DAY, DAY + 10 * HOUR + QUARTER)).all()
    assert (making.counts(DAY + 10 * HOUR + QUARTER, DAY + 24 * HOUR) >= 0).all()
    assert making.counts(DAY, DAY + 24 * HOUR, Resolution.HOUR)[0, 9:12].tolist()[1:] == [1, 0]
    assert making.counts(DAY, DAY + 24 * HOUR, Resolution.DAY)[0].tolist() == [1]


def test_begun_anew_on_a_day_that_was_quiet_at_first(new_making):
    """What was read on the day before stands from midnight on: no hour, and no day, is made of a part of itself."""
    making = new_making(DAY)
    making.book.close()
    (making.folder / "rollups.sqlite").unlink()
    making.store.write(
        join([rows(SWITCH, (DAY - 4 * HOUR, 1)), rows(WARM, (DAY + 9 * HOUR + 40 * MINUTE, 4))])
    )
    making.begin(DAY + 10 * HOUR)
    making.make_all(DAY + 24 * HOUR)

    making.agrees(DAY, DAY + 24 * HOUR)
    state = making.made(Resolution.DAY, DAY, DAY + 24 * HOUR).state_seconds(1)
    assert state[EVERY.tolist().index(SWITCH)].tolist() == [86_400]


def test_a_silent_day_has_rows(new_making):
    """Windows in which nothing came have rows that say so."""
    making = new_making(DAY)
    making.write(rows(SWITCH, (DAY - HOUR, 1)))
    making.forward(DAY + 2 * HOUR)

    assert (making.counts(DAY, DAY + 2 * HOUR) == 0).all()
    state = making.made(Resolution.HOUR, DAY, DAY + 2 * HOUR).state_seconds(1)
    assert state[EVERY.tolist().index(SWITCH)].tolist() == [3600, 3600]


def test_older_history_is_made_day_by_day(new_making):
    """On the first start, today is made first, then each day before it, back to the oldest reading and no further."""
    making = new_making(DAY + HOUR)
    making.write(some_days(DAY - 3 * 24 * HOUR + 5 * HOUR, DAY + 2 * HOUR))
    making.forward(DAY + HOUR)
    list(making.maker.backward(making.ground, DAY + HOUR))

    assert making.book.since(making.district) == DAY - 24 * HOUR
    assert making.maker.is_behind(making.ground)
    making.make_all(DAY + HOUR)
    making.agrees(DAY - 3 * 24 * HOUR, DAY)
    assert np.isnan(making.counts(DAY - 4 * 24 * HOUR, DAY - 3 * 24 * HOUR)).all()


def test_years_of_silence_have_no_rows(new_duckdb):
    """One reading of long ago does not bring rows for the years in which nobody said anything."""
    making = new_duckdb(DAY)
    making.write(join([rows(WARM, (DAY - 900 * DAY_NS, 1)), rows(WARM, (DAY - 40 * HOUR, 2))]))
    steps = 0
    while making.maker.is_behind(making.ground):
        list(making.maker.backward(making.ground, DAY))
        steps += 1

    assert steps < 10
    assert np.nansum(making.counts(DAY - 901 * DAY_NS, DAY - 899 * DAY_NS)) == 1
    assert np.isnan(making.counts(DAY - 500 * DAY_NS, DAY - 499 * DAY_NS)).all()


def test_late_readings_make_their_windows_again(new_making):
    """What comes after its window was made is in it afterwards, at every resolution, whatever kind of point it is."""
    making = new_making(DAY)
    making.write(some_days(DAY, DAY + 26 * HOUR, 11 * MINUTE))
    making.forward(DAY + 25 * HOUR)
    late = DAY + 6 * HOUR + 5 * MINUTE
    making.write(
        join(
            [
                rows(WARM, (late, 99), (late + SECOND, np.nan)),
                rows(METER, (late, 1.5), (late + QUARTER, 2)),
                rows(WIND, (late, 180), quality=Reason.BACKFILLED),
                rows(SWITCH, (late + MINUTE, 2)),
            ]
        )
    )
    assert making.book.stale_marks == 4
    with pytest.raises(AssertionError):
        making.agrees(DAY, DAY + 24 * HOUR)
    making.make_all(DAY + 25 * HOUR)
    making.agrees(DAY, DAY + 24 * HOUR)
    assert making.book.stale_marks == 0


def test_many_late_readings_cost_few_looks(new_duckdb, monkeypatch):
    """How far late readings of a day reach is asked once for each hour of it, however many points they are of."""
    making = new_duckdb(DAY)
    making.write(some_days(DAY, DAY + 26 * HOUR))
    making.forward(DAY + 25 * HOUR)
    for number, one in enumerate((METER, SWITCH)):
        making.write(rows(one, *((DAY + HOUR + number * MINUTE + n * SECOND, 1) for n in range(40))))
    looks, first = [], making.store.first

    def counting(*args):
        looks.append(args)
        return first(*args)

    monkeypatch.setattr(making.store, "first", counting)
    list(making.maker.stale(DAY + 25 * HOUR))

    assert len(looks) == 1
    making.make_all(DAY + 25 * HOUR)
    making.agrees(DAY, DAY + 24 * HOUR)


def test_random_lateness(new_making):
    """However readings are delayed and windows made in between, in the end all is what the readings say."""
    random = np.random.default_rng(3)
    making = new_making(DAY)
    found = some_days(DAY - HOUR, DAY + 10 * HOUR, 4 * MINUTE)
    delay = np.where(random.random(len(found)) < 0.2, random.integers(0, 5 * HOUR, len(found)), 0)
    arrival = np.argsort(found.time + delay, kind="stable")
    moment = (found.time + delay)[arrival]
    for now in range(DAY, DAY + 16 * HOUR, 40 * MINUTE):
        making.write(found.take(arrival[(moment >= now - 40 * MINUTE) & (moment < now)]))
        making.forward(now - MINUTE)
        if random.random() < 0.3:
            list(making.maker.stale(now))
    making.make_all(DAY + 25 * HOUR)
    making.agrees(DAY, DAY + 24 * HOUR)


def test_a_kill_before_the_spool_lets_go(new_duckdb):
    """Killed after the store took a late batch and before it was marked: the batch comes again, and is marked then."""
    making = new_duckdb(DAY)
    making.write(some_days(DAY - HOUR, DAY + 3 * HOUR))
    making.forward(DAY + 2 * HOUR)
    late = rows(WARM, (DAY + HOUR + SECOND, 77), seq=5)
    making.write(late, killed_before_mark=True)
    making.close()
    again = new_duckdb(DAY + 2 * HOUR)
    again.write(late)
    again.make_all(DAY + 2 * HOUR)

    again.agrees(DAY, DAY + 2 * HOUR, [Resolution.QUARTER, Resolution.HOUR])


def test_a_kill_after_the_mark(new_duckdb):
    """Marks outlive the process, also one that was killed while it made the windows again."""
    making = new_duckdb(DAY)
    making.write(some_days(DAY, DAY + 3 * HOUR))
    making.forward(DAY + 2 * HOUR)
    making.write(rows(WARM, (DAY + HOUR + SECOND, 77)))
    next(making.maker.stale(DAY + 2 * HOUR))
    making.close()
    again = new_duckdb(DAY + 2 * HOUR)

    assert again.book.stale_marks == 1
    again.make_all(DAY + 2 * HOUR)
    again.agrees(DAY, DAY + 2 * HOUR, [Resolution.QUARTER, Resolution.HOUR])


def test_a_kill_in_the_middle_of_a_window(new_making):
    """A window whose making was interrupted is made from the beginning, and nothing of the first try stays."""
    making = new_making(DAY)
    making.write(join([rows(SWITCH, (DAY + SECOND, 1)), rows(WARM, (DAY, 1))]))
    list(zip(range(1), making.maker.forward(making.ground, DAY + QUARTER, DAY + QUARTER), strict=False))
    making.close()
    again = new_making(DAY)
    again.write(rows(SWITCH, (DAY + SECOND, 2), (DAY, 0)))
    again.forward(DAY + QUARTER)
    again.make_all(DAY + QUARTER)

    again.agrees(DAY, DAY + QUARTER, [Resolution.QUARTER])
    assert np.nansum(again.made(Resolution.QUARTER, DAY, DAY + QUARTER).state_seconds(1)) == 0


def test_a_reading_between_reading_and_noting(new_duckdb):
    """A reading that comes while its window is made is not forgotten."""
    making = new_duckdb(DAY)
    making.write(rows(WARM, (DAY + SECOND, 1)))
    work = making.maker.forward(making.ground, DAY + QUARTER, DAY + QUARTER)
    next(work)
    making.write(rows(WARM, (DAY + 2 * SECOND, 3)))
    list(work)

    assert making.book.stale_marks == 1
    making.make_all(DAY + QUARTER)
    making.agrees(DAY, DAY + QUARTER, [Resolution.QUARTER])


def test_a_mark_that_grows_while_it_is_worked_off(new_duckdb):
    """What comes late while its window is made again is made again once more."""
    making = new_duckdb(DAY)
    making.write(some_days(DAY, DAY + 3 * HOUR))
    making.forward(DAY + 2 * HOUR)
    making.write(rows(WARM, (DAY + HOUR + SECOND, 77)))
    work = making.maker.stale(DAY + 2 * HOUR)
    next(work)
    making.write(rows(WARM, (DAY + HOUR + 2 * SECOND, 88)))
    list(work)

    assert making.book.stale_marks == 1
    making.make_all(DAY + 2 * HOUR)
    making.agrees(DAY, DAY + 2 * HOUR, [Resolution.QUARTER, Resolution.HOUR])


def test_a_clock_that_was_ahead(new_duckdb):
    """Windows that were made for a future that did not come are made when it comes."""
    making = new_duckdb(DAY)
    making.forward(DAY + 20 * HOUR)
    making.close()
    again = new_duckdb(DAY + HOUR)
    again.write(some_days(DAY + HOUR, DAY + 4 * HOUR))
    again.make_all(DAY + 4 * HOUR)

    assert again.book.until("d", Resolution.QUARTER) == DAY + 4 * HOUR
    again.agrees(DAY + HOUR, DAY + 4 * HOUR, [Resolution.QUARTER, Resolution.HOUR])


def test_states_of_a_future_that_did_not_come(new_making):
    """A state that was assumed to last while the clock was ahead is gone from the windows that were made then."""
    making = new_making(DAY)
    making.write(rows(SWITCH, (DAY + SECOND, 1)))
    making.forward(DAY + 20 * HOUR)
    making.close()
    again = new_making(DAY + HOUR)
    again.forward(DAY + 2 * HOUR)
    again.write(rows(SWITCH, (DAY + 3 * HOUR, 2)))
    again.make_all(DAY + 12 * HOUR)

    again.agrees(DAY, DAY + 12 * HOUR, [Resolution.QUARTER, Resolution.HOUR])


def test_a_clock_that_was_ahead_lets_go_of_the_past_only(new_duckdb):
    """What comes after the clock was put right is rolled up, whatever it let go of while it was years ahead."""
    keep = {Resolution.RAW: 36 * 3600.0, Resolution.QUARTER: 90 * 86_400.0}
    making = new_duckdb(DAY, retention=keep)
    making.forward(DAY + HOUR)
    making.book.forgets("d", Resolution.RAW, DAY + 300 * DAY_NS)
    list(making.maker.forget(DAY + 300 * DAY_NS))
    making.write(some_days(DAY + HOUR, DAY + 4 * HOUR))
    making.make_all(DAY + 4 * HOUR)
    making.forward(DAY + 4 * HOUR)
    making.write(some_days(DAY + 4 * HOUR, DAY + 6 * HOUR))
    making.make_all(DAY + 6 * HOUR)

    making.agrees(DAY + 4 * HOUR, DAY + 6 * HOUR, [Resolution.QUARTER])


def test_a_clock_that_starts_in_1970(new_duckdb):
    """A machine without a clock that runs while nobody told it the time goes on where it was, and skips no window."""
    making = new_duckdb(DAY)
    making.write(some_days(DAY, DAY + 3 * HOUR))
    making.forward(DAY + 2 * HOUR)
    making.close()
    again = new_duckdb(5 * HOUR)
    again.forward(6 * HOUR)
    again.make_all(DAY + 30 * HOUR)

    again.agrees(DAY, DAY + 24 * HOUR)


def test_the_first_start_ever_in_1970(new_duckdb):
    """A machine whose clock is put right by half a century makes no windows for it, and asks for no list of them."""
    making = new_duckdb(5 * HOUR)
    making.forward(6 * HOUR)
    making.write(some_days(DAY, DAY + 3 * HOUR))

    assert making.maker.waiting(making.ground, Resolution.QUARTER, DAY + 3 * HOUR) > 1_000_000
    while making.maker.is_due(making.ground, DAY + 3 * HOUR):
        making.forward(DAY + 3 * HOUR)
    making.agrees(DAY, DAY + 3 * HOUR, [Resolution.QUARTER, Resolution.HOUR])
    assert np.isnan(making.counts(DAY - 24 * HOUR, DAY)).all()


def test_off_for_longer_than_a_month(new_duckdb):
    """What was said just before a platform was off for months is rolled up, with its day; the silence has no rows."""
    making = new_duckdb(DAY)
    making.write(some_days(DAY, DAY + 5 * HOUR))
    making.forward(DAY + 2 * HOUR)
    making.close()
    back = DAY + 100 * DAY_NS
    again = new_duckdb(back + 4 * HOUR)
    again.write(some_days(back + HOUR, back + 3 * HOUR))
    while again.maker.is_due(again.ground, back + 4 * HOUR):
        again.forward(back + 4 * HOUR)

    again.agrees(DAY, DAY + 24 * HOUR)
    again.agrees(back, back + 4 * HOUR, [Resolution.QUARTER, Resolution.HOUR])
    assert np.isnan(again.counts(DAY + 40 * DAY_NS, DAY + 41 * DAY_NS)).all()


def test_late_before_the_first_look(new_duckdb):
    """What the store takes while nobody has looked at it yet, since it was away at the start, is late as well."""
    making = new_duckdb(DAY)
    making.write(some_days(DAY, DAY + 3 * HOUR))
    making.forward(DAY + 2 * HOUR)
    late = Late(making.book, SIZE)
    maker_module.Maker(making.store, making.book, late, [making.ground])

    assert late.among(rows(WARM, (DAY + HOUR + SECOND, 77))) is not None
    assert late.among(rows(WARM, (DAY + 2 * HOUR, 77))) is None


def test_a_point_that_was_taken_out_and_came_back(new_making):
    """What a meter had counted when it was taken out of the district is in its rollups once it is back."""
    making = new_making(DAY)
    making.write(some_days(DAY, DAY + 3 * HOUR))
    making.forward(DAY + 2 * HOUR)
    making.close()
    gone = new_making(DAY + 3 * HOUR, without=(METER,))
    gone.forward(DAY + 6 * HOUR)
    gone.close()
    back = new_making(DAY + 6 * HOUR)
    back.write(rows(METER, (DAY + 7 * HOUR, 1)))
    back.make_all(DAY + 30 * HOUR)
    for job in back.book.jobs(open_only=True):
        list(back.maker.asked(job, EVERY, DAY + 30 * HOUR))

    assert not back.book.jobs(open_only=True)
    back.agrees(DAY + 2 * HOUR, DAY + 3 * HOUR, [Resolution.QUARTER, Resolution.HOUR])
    back.close()
    again = new_making(DAY + 30 * HOUR)
    assert not again.book.jobs(open_only=True)


def test_asked_for_the_future(new_duckdb):
    """An order that reaches into the future ends where there is nothing more to make again."""
    making = new_duckdb(DAY)
    making.write(some_days(DAY, DAY + 3 * HOUR))
    making.forward(DAY + 2 * HOUR)
    now = DAY + 2 * HOUR
    making.book.ask("d", "all", (0, DAY + 80_000 * DAY_NS), now)
    for _ in range(3):
        for job in making.book.jobs(open_only=True):
            list(making.maker.asked(job, EVERY, now))

    assert not making.book.jobs(open_only=True)


def test_an_increase_that_is_not_known_any_more(new_making):
    """Where the count before it turns out to be bad, an increase is taken back."""
    making = new_making(DAY)
    making.write(rows(METER, (DAY + SECOND, 5), (DAY + QUARTER + SECOND, 9)))
    making.forward(DAY + HOUR)
    making.write(rows(METER, (DAY + SECOND, np.nan)))
    making.make_all(DAY + HOUR)
    found = making.made(Resolution.QUARTER, DAY, DAY + HOUR).columns["delta"][EVERY.tolist().index(METER)]

    assert np.nansum(found) == 0


def test_nothing_is_made_from_what_is_gone(new_making):
    """Where raw readings are past their retention, their rollups stay as they were, whatever comes late."""
    now = DAY + 49 * HOUR
    making = new_making(DAY, retention={Resolution.RAW: 36 * 3600.0})
    making.write(some_days(DAY, DAY + 26 * HOUR))
    making.forward(DAY + 25 * HOUR)
    before = making.counts(DAY, DAY + 13 * HOUR)
    day = making.made(Resolution.DAY, DAY, DAY + 24 * HOUR)
    making.book.forgets(making.district, Resolution.RAW, now - 36 * HOUR)
    making.store.delete(EVERY, 0, now - 36 * HOUR)
    making.write(rows(WARM, (DAY + HOUR, 5), (DAY + 20 * HOUR, 6)))
    making.write(rows(WIND, (DAY + 20 * HOUR, 7)))
    making.make_all(now)
    after = making.made(Resolution.DAY, DAY, DAY + 24 * HOUR)
    warm, wind = EVERY.tolist().index(WARM), EVERY.tolist().index(WIND)

    np.testing.assert_array_equal(making.counts(DAY, DAY + 13 * HOUR), before)
    assert after.columns["count"][warm, 0] == day.columns["count"][warm, 0] + 1
    assert after.columns["mean"][wind, 0] == day.columns["mean"][wind, 0]
    assert (making.counts(DAY, DAY + HOUR)[warm] > 0).any()


def test_rollups_go_with_their_own_retention(new_making):
    """Each resolution lets go of its own rows, and does not make them again."""
    making = new_making(DAY, retention={Resolution.QUARTER: 6 * 3600.0})
    making.write(some_days(DAY - 30 * HOUR, DAY + 26 * HOUR))
    now = DAY + 12 * HOUR
    making.forward(DAY + 5 * HOUR)
    making.forward(now)
    list(making.maker.forget(now))
    making.make_all(now)

    assert np.isnan(making.counts(DAY - 24 * HOUR, DAY + 6 * HOUR)).all()
    assert not np.isnan(making.counts(DAY + 6 * HOUR, DAY + 12 * HOUR)).any()
    assert not np.isnan(making.counts(DAY, DAY + 5 * HOUR, Resolution.HOUR)).any()


def test_a_point_that_came_later_has_no_rows_before(new_making):
    """A coarser window of a point that has no finer ones yet has no row, and one that has some is made of those."""
    making = new_making(DAY)
    making.write(some_days(DAY, DAY + 3 * HOUR))
    making.forward(DAY + 30 * MINUTE)
    fine = making.made(Resolution.QUARTER, DAY, DAY + HOUR)
    for column in fine.columns.values():
        column[1] = np.nan
    making.store.forget_rollups(Resolution.QUARTER, making.district, DAY + HOUR)
    making.store.write_rollups(fine)
    list(
        making.maker.portions.coarser(
            making.ground, making.ground.points, Resolution.HOUR, fine.edges[[0, -1]], DAY
        )
    )

    assert np.isnan(making.counts(DAY, DAY + HOUR, Resolution.HOUR)[:, 0]).tolist() == [
        False,
        True,
        *[False] * 5,
    ]


def test_asked_for_again(new_making):
    """A stretch that somebody asks for is made again day by day, however often; other points stay as they are."""
    making = new_making(DAY)
    making.write(some_days(DAY - HOUR, DAY + 50 * HOUR))
    making.forward(DAY + 48 * HOUR)
    making.store.write(rows(WARM, (DAY + HOUR, 55), (DAY + 30 * HOUR, 66)))
    making.store.write(rows(METER, (DAY + HOUR + 1, 5)))
    for _ in range(2):
        number = making.book.ask("d/hall", "all", (DAY, DAY + 48 * HOUR), DAY)
        steps = 0
        while jobs := making.book.jobs(open_only=True):
            list(making.maker.asked(jobs[0], ids(WARM, COLD), DAY + 48 * HOUR))
            steps += 1
        assert (steps, making.book.jobs()[-1].id) == (2, number)
    mine = making.made(Resolution.DAY, DAY, DAY + 48 * HOUR)

    assert mine.columns["max"][0].tolist() == [55, 66]
    with pytest.raises(AssertionError):
        making.agrees(DAY, DAY + 48 * HOUR)


def test_what_somebody_else_stored_before_everything(new_duckdb):
    """A stretch that is older than all that was made is made as older history."""
    making = new_duckdb(DAY)
    making.make_all(DAY + HOUR)
    making.store.write(some_days(DAY - 30 * HOUR, DAY - 20 * HOUR))
    making.book.ask("d", "all", (DAY - 40 * HOUR, DAY + HOUR), DAY)
    while jobs := making.book.jobs(open_only=True):
        list(making.maker.asked(jobs[0], EVERY, DAY + HOUR))
    making.make_all(DAY + HOUR)

    making.agrees(DAY - 48 * HOUR, DAY)


def test_portions_change_nothing(new_making, monkeypatch):
    """Rollups are the same however small the portions are in which they are made."""
    for name, size in (("MOST_READINGS", 3), ("TOO_MANY", 5), ("MOST_CELLS", 2), ("MOST_WINDOWS", 1)):
        monkeypatch.setattr(portions, name, size)
    making = new_making(DAY)
    making.write(some_days(DAY - 26 * HOUR, DAY + 6 * HOUR, 2 * MINUTE))
    making.make_all(DAY + 5 * HOUR)

    making.agrees(DAY - 24 * HOUR, DAY)
    making.agrees(DAY, DAY + 5 * HOUR, [Resolution.QUARTER, Resolution.HOUR])


def test_nothing_late_costs_no_disk(new_duckdb):
    """A batch of the present is passed over by one comparison."""
    making = new_duckdb(DAY)
    making.forward(DAY + HOUR)

    assert making.late.among(rows(WARM, (DAY + HOUR, 1), (DAY + HOUR + 1, 2))) is None
    assert len(making.late.among(rows(WARM, (DAY + HOUR, 1), (DAY + HOUR - 1, 2)))) == 1
