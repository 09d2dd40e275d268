"""The contract of `twin.store.port.Store`: a class of tests that every adapter's own test module inherits.

The module gives two fixtures: `new_store`, which makes a store on the same data each time it is called (and closes all
of them), and `district`, an id that no other test uses.
"""

import itertools
import math
import threading
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from twin.frame import Batch, empty_batch, join
from twin.model.quantities import Aggregation, Quantity
from twin.quality import Reason
from twin.store import windows
from twin.store.port import Aggregate, Series

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
T0 = 1_774_000_000 * SECOND // HOUR * HOUR
MADRID = ZoneInfo("Europe/Madrid")

TEMPERATURE = Quantity("air_temperature", unit="Cel", title="t", titulo="t")
ENERGY = Quantity("energy_import", unit="kW.h", aggregation=Aggregation.COUNTER, title="e", titulo="e")
DIRECTION = Quantity("wind_direction", unit="deg", period=360.0, title="d", titulo="d")
PUMP = Quantity("pump_state", aggregation=Aggregation.STATE, title="p", titulo="p")
STATES = {0: "off", 1: "on", 2: 'half "open", a=b', 7: "marcha ñ"}

WARM, COLD, METER, WRAPS, WIND, SWITCH, NASTY, UNKNOWN = 1, 2, 3, 4, 5, 6, 900, 12_345


def catalogue(district: str) -> list[Series]:
    return [
        Series(WARM, f"{district}/hall/warm", district, "s", "hall", "warm", TEMPERATURE),
        Series(COLD, f"{district}/hall/cold", district, "s", "hall", "cold", TEMPERATURE),
        Series(METER, f"{district}/meter/e", district, "s", "meter", "e", ENERGY),
        Series(WRAPS, f"{district}/meter/w", district, "s", "meter", "w", ENERGY, wraps_at=1000.0),
        Series(WIND, f"{district}/mast/d", district, "s", "mast", "d", DIRECTION),
        Series(SWITCH, f"{district}/pump/p", district, "s", "pump", "p", PUMP),
        Series(
            NASTY,
            f"{district}/x/y",
            district,
            "Torre Ñ, 1",
            "a=b, c 'd' \"e\"",
            "/.*/ OR 1=1 --",
            TEMPERATURE,
        ),
    ]


def rows(series, *points, quality=Reason.GOOD, seq=0) -> Batch:
    """Readings of one series from (time, value), received when they were made."""
    time = np.array([time for time, _ in points], np.int64)
    value = np.array([value for _, value in points], np.float64)
    codes = np.where(np.isnan(value), max(quality, Reason.NOT_AVAILABLE), quality).astype(np.uint8)
    return Batch(
        np.full(len(points), series, np.int32), time, time, np.zeros(len(points), np.int64), value, codes, seq
    )


def ids(*series):
    return np.array(series, np.int32)


def seen(batch: Batch) -> list[tuple[Any, ...]]:
    """Rows as tuples, with None for no value."""
    values = [None if math.isnan(value) else value for value in batch.value.tolist()]
    columns = (batch.ids, batch.time, batch.received, batch.device, batch.quality)
    i, time, received, device, quality = (column.tolist() for column in columns)
    return list(zip(i, time, received, device, values, quality, strict=True))


def pairs(batch: Batch) -> list[tuple[Any, ...]]:
    return [(row[1], row[4]) for row in seen(batch)]


def local(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=MADRID).timestamp()) * SECOND


def lists(found, *names) -> list[list[float | None]]:
    """Columns of windows, with None for NaN."""
    return [
        [None if math.isnan(value) else value for value in found.columns[name].tolist()] for name in names
    ]


class StoreContract:
    """What every store does."""

    @pytest.fixture
    def store(self, new_store, district):
        store = new_store()
        store.open(catalogue(district), STATES)
        return store

    def test_gives_back_what_was_written(self, store):
        """A reading comes back with its value, its three times and its quality."""
        batch = Batch(
            ids(WARM, WARM, WARM, WARM, WARM, WARM),
            T0 + np.arange(6),
            T0 + np.array([0, 9, 9, 3, 9, 5]),
            np.array([0, T0 + 1, 0, T0 + 77, T0 - 5, 0], np.int64),
            np.array([0.0, -1.5, 2.25, 3.0, np.nan, 5.0]),
            np.array(
                [0, Reason.LATE, Reason.BACKFILLED, Reason.RESTAMPED, Reason.OUT_OF_RANGE, Reason.IMPRECISE],
                np.uint8,
            ),
        )
        store.write(batch)

        assert seen(store.raw(ids(WARM), T0, T0 + 10)) == seen(batch)

    @pytest.mark.parametrize(
        "value",
        [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1e16, 123456789.12345679],
    )
    def test_keeps_every_bit_of_a_number(self, store, value):
        """The smallest, largest and longest numbers come back as they are."""
        store.write(rows(WARM, (T0, value)))

        assert store.raw(ids(WARM), T0, T0 + 1).value.tolist() == [value]

    def test_orders_by_series_and_time(self, store):
        """Rows come back ordered by series and time, however they were written; the interval is half open."""
        batch = join(
            [rows(COLD, (T0 + 2, 2), (T0 + 1, 1)), rows(WARM, (T0 + 3, 3), (T0, 0)), rows(COLD, (T0 + 4, 4))]
        )
        store.write(batch)
        found = store.raw(ids(COLD, WARM), T0, T0 + 4)

        assert list(zip(found.ids.tolist(), found.value.tolist(), strict=True)) == [
            (WARM, 0),
            (WARM, 3),
            (COLD, 1),
            (COLD, 2),
        ]

    def test_a_repeated_batch_changes_nothing(self, store):
        """The same batch twice is stored once."""
        batch = rows(WARM, (T0, 1), (T0 + 1, 2), (T0 + 2, np.nan))
        store.write(batch)
        store.write(batch)

        assert pairs(store.raw(ids(WARM), T0, T0 + 9)) == [(T0, 1), (T0 + 1, 2), (T0 + 2, None)]

    def test_the_last_word_stands(self, store):
        """A second value for the same series and time replaces the first, in one batch or in two."""
        store.write(rows(WARM, (T0, 1), (T0, 2), (T0 + 1, 5), (T0, 3)))
        store.write(rows(WARM, (T0 + 1, 6)))

        assert pairs(store.raw(ids(WARM), T0, T0 + 9)) == [(T0, 3), (T0 + 1, 6)]

    def test_good_replaces_bad_and_bad_replaces_good(self, store):
        """What replaces a reading replaces its quality too."""
        store.write(rows(WARM, (T0, np.nan), (T0 + 1, 1)))
        store.write(rows(WARM, (T0, 7), (T0 + 1, np.nan)))
        found = seen(store.raw(ids(WARM), T0, T0 + 9))

        assert [(row[4], row[5]) for row in found] == [(7, 0), (None, Reason.NOT_AVAILABLE)]

    def test_replay_of_a_sequence_number(self, new_store, district):
        """A batch that is written again after a restart changes nothing."""
        first = new_store()
        first.open(catalogue(district), STATES)
        first.write(rows(WARM, (T0, 1), seq=5))
        first.close()
        again = new_store()
        again.open(catalogue(district), STATES)
        again.write(rows(WARM, (T0, 1), seq=5))
        again.write(rows(WARM, (T0 + 1, 2), seq=6))

        assert pairs(again.raw(ids(WARM), T0, T0 + 9)) == [(T0, 1), (T0 + 1, 2)]
        assert again.applied() in (0, 6)

    def test_parts_of_one_sequence_number_all_get_in(self, store):
        """A batch that is written in halves is stored whole."""
        store.write(rows(WARM, (T0, 1), seq=5), complete=False)
        store.write(rows(WARM, (T0 + 1, 2), seq=5), complete=True)

        assert pairs(store.raw(ids(WARM), T0, T0 + 9)) == [(T0, 1), (T0 + 1, 2)]

    def test_late_is_normal(self, store):
        """A reading older than the newest is stored, and the newest stays the newest."""
        store.write(rows(WARM, (T0 + 9, 9)))
        store.write(rows(WARM, (T0, 0), (T0 + 5, 5)))

        assert pairs(store.raw(ids(WARM), T0, T0 + 99)) == [(T0, 0), (T0 + 5, 5), (T0 + 9, 9)]
        assert pairs(store.latest(ids(WARM))) == [(T0 + 9, 9)]

    def test_absence_is_absence(self, store):
        """A bad reading has its reason and no value, and no aggregate counts it."""
        store.write(rows(WARM, (T0, 4), (T0 + 1, np.nan), (T0 + 2, 0)))
        found = store.windows(
            ids(WARM), np.array([T0, T0 + 10]), [Aggregate.MEAN, Aggregate.COUNT, Aggregate.MIN]
        )

        assert lists(found[WARM], "mean", "count", "min") == [[2], [2], [0]]

    def test_states_come_back_by_id(self, store):
        """Each state comes back as its id, also one with quotes, commas and letters of other alphabets."""
        points = [(T0 + at, state) for at, state in enumerate(STATES)]
        store.write(rows(SWITCH, *points))
        found = store.windows(ids(SWITCH), np.array([T0, T0 + 2, T0 + 9]), [Aggregate.LAST, Aggregate.COUNT])

        assert pairs(store.raw(ids(SWITCH), T0, T0 + 9)) == points
        assert lists(found[SWITCH], "last", "count") == [[1, 7], [2, 2]]

    def test_nasty_names_are_only_names(self, store):
        """A name that looks like a query selects its own series and no other."""
        store.write(join([rows(NASTY, (T0, 5)), rows(WARM, (T0, 1))]))
        found = store.windows(ids(NASTY), np.array([T0, T0 + 9]), [Aggregate.SUM])
        store.delete(ids(NASTY), T0, T0 + 9)

        assert lists(found[NASTY], "sum") == [[5]]
        assert len(store.raw(ids(NASTY), T0, T0 + 9)) == 0
        assert pairs(store.raw(ids(WARM), T0, T0 + 9)) == [(T0, 1)]

    def test_latest(self, store):
        """The newest reading of each series is given, bad ones too; a series without readings is left out."""
        store.write(join([rows(WARM, (T0, 1), (T0 + 1, np.nan)), rows(SWITCH, (T0, 1))]))

        assert [row[0:2] for row in seen(store.latest())] == [(WARM, T0 + 1), (SWITCH, T0)]
        assert seen(store.latest(ids(WARM, COLD, UNKNOWN)))[0][4:] == (None, Reason.NOT_AVAILABLE)

    def test_latest_after_a_restart(self, new_store, district):
        """The newest readings are known again after a restart, however old they are."""
        first = new_store()
        first.open(catalogue(district), STATES)
        first.write(
            join(
                [
                    rows(WARM, (T0 - 400 * 24 * HOUR, 1)),
                    rows(COLD, (T0 - 100 * HOUR, 2)),
                    rows(METER, (T0, 3)),
                ]
            )
        )
        first.close()
        again = new_store()
        again.open(catalogue(district), STATES)

        assert again.latest().value.tolist() == [1, 2, 3]

    def test_before(self, store):
        """As of a moment: the newest usable reading strictly before it."""
        store.write(rows(WARM, (T0, 1), (T0 + 5, 2), (T0 + 6, np.nan), (T0 + 9, 3)))
        store.write(rows(COLD, (T0 + 5, 4), quality=Reason.UNCERTAIN_STATUS))

        assert pairs(store.before(ids(WARM), T0 + 9)) == [(T0 + 5, 2)]
        assert pairs(store.before(ids(WARM, COLD, METER), T0 + 6)) == [(T0 + 5, 2), (T0 + 5, 4)]
        assert len(store.before(ids(WARM), T0)) == 0

    def test_asof(self, store):
        """As of a moment: the newest reading of any quality at or before it, each with its times and its quality."""
        store.write(rows(WARM, (T0, 1), (T0 + 5, np.nan), (T0 + 9, 3)))
        store.write(
            join([rows(COLD, (T0 + 5, 4), quality=Reason.UNCERTAIN_STATUS), rows(SWITCH, (T0 + 1, 7))])
        )
        at_five = seen(store.asof(ids(SWITCH, COLD, METER, WARM, UNKNOWN), T0 + 5))

        assert at_five == [
            (WARM, T0 + 5, T0 + 5, 0, None, Reason.NOT_AVAILABLE),
            (COLD, T0 + 5, T0 + 5, 0, 4, Reason.UNCERTAIN_STATUS),
            (SWITCH, T0 + 1, T0 + 1, 0, 7, Reason.GOOD),
        ]
        assert pairs(store.asof(ids(WARM, COLD), T0 + 4)) == [(T0, 1)]
        assert pairs(store.asof(ids(WARM), T0 + 999)) == [(T0 + 9, 3)]
        assert len(store.asof(ids(WARM), T0 - 1)) == 0

    def test_only_what_was_asked_for(self, store):
        """Other series of the same quantity are left out, however many of them are asked for."""
        store.write(join([rows(one, (T0, one)) for one in (WARM, COLD, NASTY)]))

        for some in ((WARM,), (WARM, NASTY), (WARM, COLD, NASTY)):
            assert store.asof(ids(*some), T0).ids.tolist() == list(some)
            assert store.latest(ids(*some)).ids.tolist() == list(some)

    def test_asof_finds_what_was_quiet_for_long(self, store):
        """The last word of a point stands for as long as it says nothing else, hours or years."""
        store.write(rows(WARM, *[(T0 - days * 24 * HOUR, days) for days in (900, 400, 70, 3, 0)]))
        store.write(rows(COLD, *[(T0 - hours * HOUR, hours) for hours in range(48, 0, -1)]))
        both = ids(WARM, COLD)

        assert store.asof(ids(WARM), T0 - 500 * 24 * HOUR).value.tolist() == [900]
        assert store.asof(both, T0 - 71 * 24 * HOUR).value.tolist() == [400]
        assert store.asof(both, T0 - 30 * HOUR).value.tolist() == [3, 30]
        assert store.asof(both, T0 - 1).value.tolist() == [3, 1]
        assert store.asof(both, T0).value.tolist() == [0, 1]

    def test_asof_takes_what_came_late(self, store):
        """The time of a reading decides, not when it was stored; what replaced it is what stands."""
        store.write(rows(WARM, (T0, 1), (T0 + 20, 2)))
        store.write(rows(WARM, (T0 + 10, 8), quality=Reason.BACKFILLED))
        store.write(rows(WARM, (T0, 5)))

        assert pairs(store.asof(ids(WARM), T0 + 15)) == [(T0 + 10, 8)]
        assert pairs(store.asof(ids(WARM), T0 + 9)) == [(T0, 5)]

    def test_asof_after_a_restart_and_a_deletion(self, new_store, district):
        """A store that was opened anew says the same, and what was deleted never was."""
        first = new_store()
        first.open(catalogue(district), STATES)
        first.write(join([rows(WARM, (T0, 1), (T0 + 5, 2), (T0 + 9, 3)), rows(METER, (T0 + 2, 9))]))
        first.close()
        again = new_store()
        again.open(catalogue(district), STATES)
        again.delete(ids(WARM), T0 + 5, T0 + 99)

        assert pairs(again.asof(ids(WARM, METER), T0 + 7)) == [(T0, 1), (T0 + 2, 9)]

    def test_asof_agrees_with_a_plain_search(self, store):
        """At random moments of random readings it finds what a search in Python finds."""
        random = np.random.default_rng(11)
        truth: dict[int, dict[int, float]] = {WARM: {}, COLD: {}, METER: {}}
        for _ in range(5):
            time = T0 + random.integers(0, 10_000, 60) * SECOND
            series = random.choice([WARM, COLD, METER], 60).astype(np.int32)
            value = np.round(random.uniform(0, 50, 60), 1)
            batch = Batch(series, time, time, time * 0, value, np.zeros(60, np.uint8))
            store.write(batch)
            for one, at, found in zip(series.tolist(), time.tolist(), value.tolist(), strict=True):
                truth[one][at] = found
        for moment in (T0 + random.integers(-5, 10_005, 25) * SECOND).tolist():
            expected = [
                (max(at for at in known if at <= moment), known[max(at for at in known if at <= moment)])
                for known in truth.values()
                if min(known) <= moment
            ]

            assert pairs(store.asof(ids(*truth), moment)) == expected

    def test_each_aggregate(self, store):
        """Mean, min, max, sum, last and count of even windows; an empty window is None, its count zero."""
        store.write(rows(WARM, (T0, 1), (T0 + MINUTE, 5), (T0 + HOUR - 1, 3), (T0 + 2 * HOUR, -4)))
        edges = T0 + HOUR * np.arange(4)
        names = ("mean", "min", "max", "sum", "last", "count")
        found = store.windows(ids(WARM), edges, [Aggregate(name) for name in names])[WARM]

        assert found.start.tolist() == edges[:-1].tolist()
        assert lists(found, *names) == [
            [3, None, -4],
            [1, None, -4],
            [5, None, -4],
            [9, None, -4],
            [3, None, -4],
            [3, 0, 1],
        ]

    @pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
    def test_days_on_which_the_clock_changes(self, store, day, hours):
        """A day of 23 or 25 hours holds just its own readings, and so do its hours."""
        start = local(day)
        count = hours + 48
        store.write(rows(WARM, *[(start - 24 * HOUR + HOUR * k, k) for k in range(count)]))
        stop = start + hours * HOUR
        days = windows.edges(start - 24 * HOUR, stop + 24 * HOUR, "1d", MADRID)
        by_day = store.windows(ids(WARM), days, [Aggregate.COUNT, Aggregate.SUM, Aggregate.LAST])[WARM]
        by_hour = store.windows(ids(WARM), windows.edges(start, stop, "1h", MADRID), [Aggregate.COUNT])[WARM]

        assert lists(by_day, "count", "last") == [[24, hours, 24], [23, 23 + hours, count - 1]]
        assert by_day.columns["sum"].sum() == sum(range(count))
        assert lists(by_hour, "count") == [[1] * hours]

    def test_months_of_unequal_length(self, store):
        """Readings of every day fall into their own months."""
        start = local("2026-01-01")
        store.write(rows(WARM, *[(start + 24 * HOUR * day + HOUR * 3, 1) for day in range(365)]))
        months = windows.edges(start, local("2027-01-01"), "1mo", MADRID)
        found = store.windows(ids(WARM), months, [Aggregate.SUM])[WARM]

        assert lists(found, "sum") == [[31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]]

    def test_mean_of_directions(self, store):
        """The mean of 350 and 10 degrees is north."""
        store.write(rows(WIND, (T0, 350), (T0 + 1, 10)))
        found = store.windows(ids(WIND), np.array([T0, T0 + 9]), [Aggregate.MEAN, Aggregate.MAX])[WIND]

        assert math.isclose(math.sin(math.radians(found.columns["mean"][0])), 0, abs_tol=1e-9)
        assert lists(found, "max") == [[350]]

    def test_increases_add_up_to_the_register(self, store):
        """The windows of a counter add up to the difference of its register; the first counts from before it."""
        store.write(
            rows(METER, (T0 - HOUR, 100), (T0 + 1, 103), (T0 + HOUR + 1, 110), (T0 + 3 * HOUR, 110.5))
        )
        found = store.windows(ids(METER), T0 + HOUR * np.arange(5), [Aggregate.DELTA])[METER]

        assert lists(found, "delta") == [[3, 7, None, 0.5]]

    def test_resets_and_wraps(self, store):
        """After a reset a counter counts from zero; where it wraps, nothing is lost."""
        store.write(
            join([rows(METER, (T0, 900), (T0 + 1, 5)), rows(WRAPS, (T0, 990), (T0 + 1, 5), (T0 + 2, 3))])
        )
        found = store.windows(ids(METER, WRAPS), np.array([T0, T0 + 9]), [Aggregate.DELTA])

        assert lists(found[METER], "delta") == [[5]]
        assert lists(found[WRAPS], "delta") == [[15 + 3]]

    def test_a_bad_reading_does_not_break_a_counter(self, store):
        """The increase over a bad reading falls to the next good one."""
        store.write(rows(METER, (T0, 1), (T0 + 1, np.nan), (T0 + HOUR, 4)))
        found = store.windows(ids(METER), T0 + HOUR * np.arange(3), [Aggregate.DELTA])[METER]

        assert lists(found, "delta") == [[None, 3]]

    def test_seconds_in_each_state(self, store):
        """A state holds from before the interval until the next reading; a bad reading ends it."""
        store.write(
            rows(
                SWITCH,
                (T0 - HOUR, 1),
                (T0 + 10 * SECOND, 0),
                (T0 + 40 * SECOND, np.nan),
                (T0 + 90 * SECOND, 1),
            )
        )
        found = store.windows(ids(SWITCH), T0 + MINUTE * np.arange(4), [Aggregate.STATE_S])[SWITCH]

        assert sorted(found.columns) == ["state_s:off", "state_s:on"]
        assert lists(found, "state_s:on", "state_s:off") == [[10, 30, 60], [30, 0, 0]]

    def test_a_state_that_lasts(self, store):
        """Windows without any reading belong to the state from before them."""
        store.write(rows(SWITCH, (T0 - 500 * 24 * HOUR, 7)))
        found = store.windows(ids(SWITCH), T0 + HOUR * np.arange(3), [Aggregate.STATE_S])[SWITCH]

        assert lists(found, "state_s:marcha ñ") == [[3600, 3600]]

    def test_delete(self, store):
        """Readings of the interval are gone, others stay, and the newest is the newest that is left."""
        store.write(join([rows(WARM, (T0, 1), (T0 + 5, 2), (T0 + 9, 3)), rows(COLD, (T0 + 5, 4))]))
        number = store.delete(ids(WARM, UNKNOWN), T0 + 5, T0 + 10)

        assert number in (None, 2)
        assert pairs(store.raw(ids(WARM, COLD), T0, T0 + 99)) == [(T0, 1), (T0 + 5, 4)]
        assert pairs(store.latest(ids(WARM))) == [(T0, 1)]

    def test_counts(self, store):
        """Each series that has readings is told with how many; those that are bad count where the store knows them."""
        store.write(join([rows(WARM, (T0, 1), (T0 + 5, np.nan), (T0 + 9, 3)), rows(SWITCH, (T0 + 5, 1))]))
        found, numbers = store.counts(ids(UNKNOWN, SWITCH, COLD, WARM), T0, T0 + 9)

        assert found.tolist() == sorted([WARM, SWITCH])
        assert dict(zip(found.tolist(), numbers.tolist(), strict=True)) in (
            {WARM: 2, SWITCH: 1},
            {WARM: 1, SWITCH: 1},
        )

    def test_a_deleted_reading_can_be_written_again(self, store):
        """What was deleted is stored when it comes again."""
        store.write(rows(WARM, (T0, 1)))
        store.delete(ids(WARM), T0, T0 + 1)
        store.write(rows(WARM, (T0, 2)))

        assert pairs(store.raw(ids(WARM), T0, T0 + 1)) == [(T0, 2)]

    def test_nothing_is_an_answer(self, store):
        """Series without readings, and ids that the store knows nothing of, have empty answers."""
        nothing = ids(WARM, UNKNOWN)
        store.write(empty_batch())
        found = store.windows(nothing, np.array([T0, T0 + 1]), list(Aggregate))

        assert [
            len(x)
            for x in (
                store.raw(nothing, 0, T0),
                store.before(nothing, T0),
                store.latest(nothing),
                store.asof(nothing, T0),
            )
        ] == [0] * 4
        assert sorted(found) == [WARM, UNKNOWN]
        assert lists(found[UNKNOWN], "mean", "count", "delta") == [[None], [0], [None]]

    @pytest.mark.parametrize("edges", [[T0], [T0, T0], [T0 + 1, T0]])
    def test_edges_that_are_none(self, store, edges):
        """Edges that do not rise are refused."""
        with pytest.raises(ValueError, match="rising times"):
            store.windows(ids(WARM), np.array(edges), [Aggregate.MEAN])

    def test_grows(self, store, district):
        """Series and states that come later are taken by opening again."""
        more = Series(2_000, f"{district}/new/t", district, "s", "new", "t", TEMPERATURE)
        store.write(rows(WARM, (T0, 1)))
        store.open([*catalogue(district), more], {**STATES, 9: "locked"})
        store.write(join([rows(2_000, (T0, 3)), rows(SWITCH, (T0, 9))]))

        assert store.latest().value.tolist() == [1, 9, 3]

    def test_reads_beside_writes(self, store):
        """A reader sees whole batches, while another thread writes."""
        size, batches, torn = 200, 15, []
        done = threading.Event()

        def read():
            while not done.is_set():
                number = len(store.raw(ids(WARM), T0, T0 + HOUR))
                if number % size:
                    torn.append(number)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for k in range(batches):
                store.write(rows(WARM, *[(T0 + k * size + i, i) for i in range(size)], seq=k + 1))
        finally:
            done.set()
            reader.join(30)

        assert torn == []
        assert len(store.raw(ids(WARM), T0, T0 + HOUR)) == size * batches

    def test_agrees_with_a_plain_count(self, store):
        """Random windows of random readings, late and repeated ones among them, equal a recount in Python."""
        random = np.random.default_rng(7)
        truth: dict[tuple[int, int], float] = {}
        for _ in range(6):
            time = T0 + random.integers(0, 300, 80) * SECOND
            value = np.round(random.normal(0, 50, 80), 1)
            value[random.random(80) < 0.1] = np.nan
            series = random.choice([WARM, COLD], 80).astype(np.int32)
            quality = np.where(np.isnan(value), Reason.OUT_OF_RANGE, Reason.GOOD).astype(np.uint8)
            # A bad reading over a good one is an exception of its own, see `twin.store.influx`.
            fresh = np.array(
                [not (np.isnan(v) and (s, t) in truth) for s, t, v in zip(series, time, value, strict=True)]
            )
            batch = Batch(series, time, time, np.zeros(80, np.int64), value, quality).take(fresh)
            store.write(batch)
            truth |= {
                (s, t): v
                for s, t, v in zip(batch.ids.tolist(), batch.time.tolist(), batch.value.tolist(), strict=True)
            }
        edges = T0 + SECOND * np.array([0, 10, 11, 100, 250, 299])
        found = store.windows(ids(WARM, COLD), edges, [Aggregate.SUM, Aggregate.COUNT, Aggregate.MAX])

        for one in (WARM, COLD):
            for k, (low, high) in enumerate(itertools.pairwise(edges.tolist())):
                values = [
                    v for (s, t), v in truth.items() if s == one and low <= t < high and not math.isnan(v)
                ]
                columns = found[one].columns
                assert columns["count"][k] == len(values)
                assert values == [] or math.isclose(columns["sum"][k], sum(values), abs_tol=1e-6)
                assert values == [] or columns["max"][k] == max(values)
