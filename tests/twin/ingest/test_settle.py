"""Settling: each rule by hand, then all of them against a model that looks at one value after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.clock import NS
from twin.frame import Batch, Frame, empty_batch
from twin.ingest.settle import LATE_WINDOW_NS, Settled, Settler, _rounds
from twin.ingest.table import PointTable
from twin.quality import FIRST_BAD, Reason

NOW = 1_700_000_000 * NS
SKEW = 300 * NS
HEARTBEAT = 60 * NS
HOUR = 3600 * NS

# Points of the table below. The last one is a state.
PLAIN, SCALED, BANDED, UNTRUSTED, STATE = range(5)


def make_table() -> PointTable:
    """Five points that differ in what the rules ask for."""
    table = PointTable([], 5)
    table.scale[SCALED], table.offset[SCALED] = 0.1, -10.0
    table.minimum[:STATE], table.maximum[:STATE] = -50.0, 100.0
    table.dead_band[BANDED] = 1.0
    table.is_state[STATE] = True
    table.trusts_time[:] = True
    table.trusts_time[UNTRUSTED] = False
    table.max_skew[:] = SKEW
    table.heartbeat[:] = HEARTBEAT
    return table


def frame(readings: dict[int, float] | list[tuple[int, float]], at: int = NOW, **more: Any) -> Frame:
    pairs = list(readings.items()) if isinstance(readings, dict) else readings
    ids = np.array([row for row, _ in pairs], np.int32)
    return Frame(ids, np.array([value for _, value in pairs], float), at, **more)


def settle(*frames: Frame) -> Settled:
    return Settler(make_table()).settle(frames)


def reasons(settled: Settled) -> list[Reason]:
    return [Reason(code) for code in settled.readings.quality.tolist()]


def test_raw_times_scale_plus_offset():
    """A raw number becomes a value in the quantity's unit."""

    assert settle(frame({PLAIN: 7, SCALED: 250})).readings.value.tolist() == [7.0, 15.0]


def test_zero_is_a_value():
    """Nothing is special about zero."""
    settled = settle(frame({PLAIN: 0.0, STATE: 0.0}))

    assert settled.readings.value.tolist() == [0.0, 0.0]
    assert reasons(settled) == [Reason.GOOD, Reason.GOOD]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_not_finite_is_not_a_number(value):
    """NaN and infinities carry no value and say what was found."""
    settled = settle(frame({PLAIN: 1, SCALED: value}))

    assert reasons(settled) == [Reason.GOOD, Reason.NOT_A_NUMBER]
    assert np.isnan(settled.readings.value[1])
    assert settled.details == {1: f"found {value}"}


def test_a_number_that_overflows_is_not_a_number():
    """A value that only scaling makes infinite is refused without a warning."""
    table = make_table()
    table.scale[PLAIN] = 1e10

    assert reasons(Settler(table).settle([frame({PLAIN: 1e308})])) == [Reason.NOT_A_NUMBER]


def test_out_of_range_says_the_range():
    """A value outside of the range is bad; the words tell which range."""
    settled = settle(frame({PLAIN: 101, SCALED: -401}))

    assert reasons(settled) == [Reason.OUT_OF_RANGE, Reason.OUT_OF_RANGE]
    assert settled.details == {0: "101 is outside -50 to 100", 1: "-50.1 is outside -50 to 100"}
    assert np.isnan(settled.readings.value).all()


def test_range_includes_its_ends():
    """A value at the very end of its range is plausible."""

    assert reasons(settle(frame({PLAIN: 100, UNTRUSTED: -50}))) == [Reason.GOOD, Reason.GOOD]


def test_unknown_state():
    """A code that the profile does not name is an unknown state, not a wrong number."""
    settled = settle(frame({STATE: math.nan}))

    assert reasons(settled) == [Reason.UNKNOWN_STATE]
    assert settled.details == {}


def test_state_ids_have_no_range():
    """Any state id passes as it is."""

    assert settle(frame({STATE: 40_000})).readings.value.tolist() == [40_000]


def test_what_the_connector_calls_bad_stays_so():
    """A reason from the wire is kept, and no number passes with it."""
    codes = np.array([Reason.DEVICE_EXCEPTION, Reason.UNCERTAIN_STATUS], np.uint8)
    settled = settle(frame({PLAIN: 5, SCALED: 250}, quality=codes, details={0: "exception 2"}))

    assert reasons(settled) == [Reason.DEVICE_EXCEPTION, Reason.UNCERTAIN_STATUS]
    np.testing.assert_equal(settled.readings.value, [math.nan, 15.0])
    assert settled.details == {0: "exception 2"}


def test_a_doubtful_value_is_checked_too():
    """An uncertain number outside of its range is bad."""
    codes = np.array([Reason.UNCERTAIN_STATUS], np.uint8)

    assert reasons(settle(frame({PLAIN: 500}, quality=codes))) == [Reason.OUT_OF_RANGE]


def test_details_follow_their_readings():
    """Words keep to their reading when frames are joined."""
    first = frame({PLAIN: 1, SCALED: 2})
    second = frame({BANDED: math.nan, STATE: 1}, details={0: "sensor off"})

    assert settle(first, second, frame({PLAIN: 900})).details == {
        2: "sensor off",
        4: "900 is outside -50 to 100",
    }


def test_without_a_device_time_the_receipt_stands():
    """A device that gives no time is stamped when heard; the device column says that it gave none."""
    settled = settle(frame({PLAIN: 1}), frame({SCALED: 1}, NOW + 5, time=-7))

    assert settled.readings.time.tolist() == [NOW, NOW + 5]
    assert settled.readings.device.tolist() == [0, 0]


def test_a_plausible_device_time_stands():
    """A trusted time within the skew is the reading's; the skew is kept as a fact."""
    settler = Settler(make_table())
    settled = settler.settle([frame({PLAIN: 1}, time=NOW + 2 * NS), frame({SCALED: 1})])

    assert settled.readings.time.tolist() == [NOW + 2 * NS, NOW]
    assert reasons(settled) == [Reason.GOOD, Reason.GOOD]
    assert settler.skew.tolist() == [2 * NS, 0, 0, 0, 0]


def test_each_value_may_have_its_own_time():
    """A frame may carry one time a value, zero where there is none."""
    times = np.array([NOW - NS, 0], np.int64)

    assert settle(frame({PLAIN: 1, SCALED: 1}, time=times)).readings.time.tolist() == [NOW - NS, NOW]


@pytest.mark.parametrize("time", [-11_644_473_600 * NS, 2**70])
def test_a_time_beyond_all_bounds(time):
    """A time that no clock can show is implausible, and no trouble."""
    assert reasons(settle(frame({PLAIN: 1}, time=time), frame({PLAIN: 2}, time=0))) == [
        Reason.RESTAMPED,
        Reason.GOOD,
    ]


@pytest.mark.parametrize("each", [True, False])
def test_a_clock_that_was_never_set(each):
    """A device time before 1970 gives way to the receipt's, which the reading says, and is not kept."""
    time = -3_600 * NS
    settled = settle(frame({PLAIN: 1}, time=np.array([time]) if each else time))

    assert reasons(settled) == [Reason.RESTAMPED]
    assert settled.readings.time.tolist() == [NOW]
    assert settled.readings.device.tolist() == [0]


@pytest.mark.parametrize("off", [SKEW + 1, -LATE_WINDOW_NS - 1])
def test_an_implausible_device_time_is_replaced(off):
    """A clock too far ahead, or years behind, does not stamp readings."""
    settled = settle(frame({PLAIN: 1}, time=NOW + off))

    assert settled.readings.time.tolist() == [NOW]
    assert reasons(settled) == [Reason.RESTAMPED]
    assert settled.readings.device.tolist() == [NOW + off]


def test_an_untrusted_time_is_only_noted():
    """Where the profile does not trust the device's clock the receipt stands, without a remark."""
    settled = settle(frame({UNTRUSTED: 1}, time=NOW - 2 * NS))

    assert settled.readings.time.tolist() == [NOW]
    assert reasons(settled) == [Reason.GOOD]


def test_older_than_what_is_known_is_late():
    """A reading older than the newest is late and stored, whatever it says."""
    settler = Settler(make_table())
    settler.settle([frame({PLAIN: 1}, time=NOW - NS)])
    settled = settler.settle([frame({PLAIN: 1}, NOW + NS, time=NOW - 2 * NS)])

    assert reasons(settled) == [Reason.LATE]
    assert settled.changed.tolist() == [True]
    assert settler.newest[PLAIN] == NOW - NS


def test_older_than_the_skew_is_late():
    """The first reading of a backlog is late although nothing newer is known."""

    assert reasons(settle(frame({PLAIN: 1}, time=NOW - SKEW - 1))) == [Reason.LATE]


def test_late_is_known_after_a_start():
    """What the store holds counts as known."""
    settler = Settler(make_table())
    none = empty_batch()
    ids, times = np.array([PLAIN, PLAIN], np.int32), np.array([NOW, NOW - NS], np.int64)
    settler.restore(Batch(ids, times, times, times, np.zeros(2), np.zeros(2, np.uint8)))
    settler.restore(none)

    assert reasons(settler.settle([frame({PLAIN: 1}, NOW + NS, time=NOW - 5)])) == [Reason.LATE]


def test_a_late_value_is_not_the_one_to_compare_with():
    """After a late reading the current value still counts as changed when it differs from the newest stored."""
    settler = Settler(make_table())
    settler.settle([frame({PLAIN: 20}, time=NOW)])
    settler.settle([frame({PLAIN: 10}, NOW + NS, time=NOW - NS)])

    assert settler.settle([frame({PLAIN: 10}, NOW + 2 * NS, time=NOW + 2 * NS)]).changed.tolist() == [True]


def test_a_backlog_keeps_its_heartbeat():
    """Equal readings of an hour that arrive at once are stored once per heartbeat of their own time."""
    frames = [frame({PLAIN: 5}, time=NOW - HOUR + minute * 30 * NS) for minute in range(120)]

    assert settle(*frames).changed.sum() == 60


def test_a_device_clock_that_stands_still_keeps_its_heartbeat():
    """Equal readings with one and the same time are stored once per heartbeat of their receipt."""
    frames = [frame({PLAIN: 5}, NOW + second * NS, time=NOW) for second in range(0, 240, 10)]

    assert settle(*frames).changed.sum() == 4


def test_within_the_dead_band_is_unchanged():
    """The band lies around what was stored, so slow drift is not lost."""
    frames = [frame({BANDED: value}, NOW + k) for k, value in enumerate([10, 10.6, 11, 11.1, 10.2])]

    assert settle(*frames).changed.tolist() == [True, False, False, True, False]


def test_an_unchanged_value_is_stored_at_its_heartbeat():
    """An equal value is stored again when the heartbeat is over, not before."""
    frames = [frame({PLAIN: 1}, NOW + after) for after in (0, HEARTBEAT - 1, HEARTBEAT, HEARTBEAT + 1)]

    assert settle(*frames).changed.tolist() == [True, False, True, False]


def test_another_quality_is_a_change():
    """Bad after good and good after bad are stored; bad after bad, for one reason, is not."""
    frames = [frame({PLAIN: value}, NOW + k) for k, value in enumerate([1, math.nan, math.nan, 900, 1])]

    assert settle(*frames).changed.tolist() == [True, True, False, True, True]


def test_the_clock_of_this_machine_goes_back_an_hour():
    """Readings after the step are stored, in the order of arrival, and none is called late."""
    frames = [frame({PLAIN: 1}, NOW), frame({PLAIN: 1}, NOW - HOUR), frame({PLAIN: 1}, NOW - HOUR + NS)]
    settled = settle(*frames)

    assert settled.changed.tolist() == [True, True, False]
    assert set(reasons(settled)) == {Reason.GOOD}


def test_one_point_many_times_in_a_flush():
    """A thousand readings of one point are settled one after the other."""
    settled = settle(*[frame([(PLAIN, k // 2)], NOW + k) for k in range(200)])

    assert settled.changed.tolist() == [True, False] * 100


def test_a_device_that_stops_giving_times():
    """A reading by receipt after one with a device time ahead of it is stored, as after any step back in time."""
    frames = [frame({PLAIN: 1}, time=NOW + NS), frame({PLAIN: 1}, NOW + 5)]
    settler = Settler(make_table())

    assert [settler.settle([one]).changed.tolist() for one in frames] == [[True], [True]]


@given(st.lists(st.integers(0, 6), max_size=30))
def test_rounds_keep_the_order_of_each_point(rows):
    """Every position is in one round, no point twice in a round, and each point's positions stay in order."""
    parts = [np.arange(len(rows))[part].tolist() for part in _rounds(np.array(rows, np.intp))]

    assert sorted(at for part in parts for at in part) == list(range(len(rows)))
    assert all(len({rows[at] for at in part}) == len(part) for part in parts)
    for row in set(rows):
        found = [at for part in parts for at in part if rows[at] == row]
        assert found == sorted(found)


@dataclass
class Known:
    """What the model remembers of a point."""

    newest: int = -(2**63)
    stored: tuple[float, int, int, int] | None = None


@dataclass
class Model:
    """The rules as they are written, one value after the other."""

    table: PointTable
    known: dict[int, Known] = field(default_factory=dict)

    def settle(
        self, row: int, raw: float, received: int, device: int, quality: int
    ) -> tuple[float, int, int, bool]:
        """Return value, quality, time and whether it is stored."""
        table, known = self.table, self.known.setdefault(row, Known())
        value = raw * float(table.scale[row]) + float(table.offset[row])
        if quality < FIRST_BAD and not math.isfinite(value):
            quality = Reason.UNKNOWN_STATE if table.is_state[row] else Reason.NOT_A_NUMBER
        if quality < FIRST_BAD and not table.minimum[row] <= value <= table.maximum[row]:
            quality = Reason.OUT_OF_RANGE
        value = math.nan if quality >= FIRST_BAD else value
        time, own = received, False
        if device > 0 and table.trusts_time[row]:
            own = -LATE_WINDOW_NS <= device - received <= SKEW
            time = device if own else received
            quality = Reason.RESTAMPED if not own and quality == Reason.GOOD else quality
        own = own or time == device
        believed = known.newest <= received + SKEW
        older = own and believed and time < known.newest
        if quality == Reason.GOOD and (older or (own and time < received - SKEW)):
            quality = Reason.LATE
        stored = older or not self._same(row, known, value, quality, received, time)
        known.newest = max(known.newest, time) if own and believed else time
        if stored and not older:
            known.stored = (value, quality, received, time)
        return value, quality, time, stored

    def _same(self, row: int, known: Known, value: float, quality: int, received: int, time: int) -> bool:
        if known.stored is None:
            return False
        last, last_quality, last_received, last_time = known.stored
        alike = abs(value - last) <= self.table.dead_band[row] or (math.isnan(value) and math.isnan(last))
        recent = 0 <= received - last_received < HEARTBEAT and 0 <= time - last_time < HEARTBEAT
        return bool(alike) and quality == last_quality and recent


VALUES = st.sampled_from(
    [0.0, -0.0, 0.5, 1.0, 1.5, 100.0, 100.5, -1e308, 1e308, math.nan, math.inf, -math.inf]
)
CODES = st.sampled_from([Reason.GOOD, Reason.GOOD, Reason.UNCERTAIN_STATUS, Reason.BAD_STATUS])
STEPS = st.sampled_from([0, 1, NS, 20 * NS, HEARTBEAT, HOUR, -HOUR, -NS])
DEVICE = st.sampled_from([None, 0, -NS, NS, -20 * NS, SKEW, SKEW + 1, -SKEW - 1, -HOUR, -LATE_WINDOW_NS - 1])
READINGS = st.lists(st.tuples(st.integers(0, 4), VALUES, DEVICE, CODES), min_size=1, max_size=6)


@st.composite
def flushes(draw):
    """Flushes of frames, in each frame any points any number of times, while the clock steps."""
    now, result = NOW, []
    for _ in range(draw(st.integers(1, 4))):
        frames = []
        for _ in range(draw(st.integers(1, 5))):
            now += draw(STEPS)
            frames.append(make_frame(draw(READINGS), now, plain=draw(st.booleans())))
        result.append(frames)
    return result


def make_frame(readings: list[tuple[int, float, int | None, Reason]], now: int, *, plain: bool) -> Frame:
    """A frame with its own times and qualities, or a plain one without."""
    pairs = [(row, value) for row, value, _, _ in readings]
    if plain:
        return frame(pairs, now)
    times = np.array([0 if off is None else now + off for _, _, off, _ in readings], np.int64)
    return frame(pairs, now, time=times, quality=np.array([code for *_, code in readings], np.uint8))


@settings(max_examples=200, deadline=None)
@given(flushes())
def test_all_rules_against_the_model(found):
    """Columns and one value after the other give the same, whatever comes in whatever order."""
    table = make_table()
    settler, model = Settler(table), Model(table)
    for frames in found:
        settled = settler.settle(frames)
        expected = [model.settle(*each) for one in frames for each in singles(one)]
        value, quality, time, stored = zip(*expected, strict=True)

        np.testing.assert_array_equal(settled.readings.value, value)
        assert settled.readings.quality.tolist() == list(quality)
        assert settled.readings.time.tolist() == list(time)
        assert settled.changed.tolist() == list(stored)
        for row, known in model.known.items():
            assert settler.newest[row] == known.newest


def singles(one: Frame) -> list[tuple[int, float, int, int, int]]:
    """Readings of a frame for the model: point, raw number, receipt, device time, quality."""
    times = [one.time] * len(one.ids) if isinstance(one.time, int) else one.time.tolist()
    quality = [0] * len(one.ids) if one.quality is None else one.quality.tolist()
    rows, values = one.ids.tolist(), one.values.tolist()
    columns = zip(rows, values, times, quality, strict=True)
    return [(row, value, one.received, time, code) for row, value, time, code in columns]


def test_what_a_device_kept_has_its_own_time_however_old():
    """A backfilled reading of last month keeps its time, also where the profile does not trust the clock."""
    then = NOW - 30 * 24 * HOUR
    settled = settle(frame({PLAIN: 1, UNTRUSTED: 2}, time=then, backfilled=True))

    assert settled.readings.time.tolist() == [then, then]
    assert reasons(settled) == [Reason.BACKFILLED, Reason.BACKFILLED]
    assert settled.kept is not None
    assert settled.kept.all()


def test_what_a_device_kept_does_not_lie_ahead():
    """A backfilled reading of tomorrow gets the time of receipt: that clock is wrong."""
    settled = settle(frame({PLAIN: 1}, time=NOW + 24 * HOUR, backfilled=True))

    assert settled.readings.time.tolist() == [NOW]
    assert reasons(settled) == [Reason.RESTAMPED]


def test_what_a_device_kept_stands_beside_what_is_new():
    """In one flush only the kept readings are marked, in whatever order they came."""
    settler = Settler(make_table())
    settled = settler.settle(
        [
            frame({PLAIN: 5}, time=NOW),
            frame({PLAIN: 3}, time=NOW - HOUR, backfilled=True),
            frame({PLAIN: 4}, time=NOW - HOUR + NS, backfilled=True),
        ]
    )

    assert reasons(settled) == [Reason.GOOD, Reason.BACKFILLED, Reason.BACKFILLED]
    assert settled.changed.all()
    assert settler.skew[PLAIN] == 0


def test_a_bad_reading_that_a_device_kept_stays_bad():
    """Backfilling does not make anything better."""
    settled = settle(frame({PLAIN: 1e9}, time=NOW - HOUR, backfilled=True))

    assert reasons(settled) == [Reason.OUT_OF_RANGE]
    assert settled.readings.time.tolist() == [NOW - HOUR]
