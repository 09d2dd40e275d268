"""What the refusals of a device teach: which requests are made of it from then on, also after a restart."""

import json
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.home import Home
from connectors.modbus import connector
from connectors.modbus.config import address_of
from connectors.modbus.learning import ILLEGAL_ADDRESS, ILLEGAL_VALUE, DevicePlan
from connectors.modbus.plan import plan

HOUR = 3_600_000_000_000
KEY = "plan/test/device"


@dataclass
class Holey:
    """A device that has only some addresses, gives only so many at once, and counts what it is asked."""

    has: set[int]
    most: int = 125
    borders: tuple[int, ...] = ()
    deaf: bool = False
    refusals: int = 0
    asked: list[tuple[int, int]] = field(default_factory=list)

    def code(self, block):
        """Return the exception code, None for an answer."""
        self.asked.append((block.start, block.count))
        wanted = range(block.start, block.start + block.count)
        if block.count > self.most:
            self.refusals += 1
            return ILLEGAL_VALUE
        crosses = any(block.start < border < block.stop for border in self.borders)
        if self.deaf or crosses or not self.has.issuperset(wanted):
            self.refusals += 1
            return ILLEGAL_ADDRESS
        return None


def bound_of(points, **options):
    return bind(device(connector, "modbus+tcp://127.0.0.1:502/1", points, options=options))


def registers(*addresses):
    return {f"r{address}": {"register": f"holding:{address}"} for address in addresses}


def poll(plan_, meter, now):
    """Ask for everything once, as a connector does; returns the ids that were read."""
    read = set()
    for period_s in plan_.periods:
        for block in plan_.blocks(period_s):
            code = meter.code(block)
            if code is None:
                plan_.answered(block, now)
                read |= {bound.id for bound in block.points}
            else:
                plan_.refused(block, code, now)
    return read


def settle(plan_, meter, now=0, rounds=400):
    """Poll until a round changes nothing; returns what the last round read."""
    for _ in range(rounds):
        before = layout(plan_)
        read = poll(plan_, meter, now)
        if before == layout(plan_):
            return read
    raise AssertionError("still learning")


def layout(plan_):
    return [(block.start, block.count) for period in plan_.periods for block in plan_.blocks(period)]


def names(bound, ids):
    return sorted(point.point.name for point in bound.points if point.id in ids)


PLACES = st.lists(
    st.tuples(st.integers(0, 160), st.sampled_from(["uint16", "float32"]), st.sampled_from(["1s", "2s"])),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(places=PLACES, missing=st.sets(st.integers(0, 161), max_size=8), gap=st.integers(0, 20))
def test_everything_that_can_be_read_is_read(places, missing, gap):
    """Whatever holes a device has: the readable points are read, the others set aside, in a bounded number of tries."""
    points = {
        f"p{n}": {"register": f"holding:{at}", "type": kind, "poll": poll}
        for n, (at, kind, poll) in enumerate(places)
    }
    bound = bound_of(points, max_gap=gap)
    meter = Holey(set(range(170)) - missing)
    readable = {
        point.id for point in bound.points if meter.has.issuperset(range(*address_of(point.point).span))
    }
    plan_ = DevicePlan(bound, Home())

    read = settle(plan_, meter)

    assert read == readable
    spans = [
        span
        for group in plan(bound)
        for block in group.blocks
        for span in {address_of(point.point).span for point in block.points}
    ]
    offenders = 2 * len(missing) + sum(not meter.has.issuperset(range(*span)) for span in spans)
    way_down = math.ceil(math.log2(max(2, len(spans)))) + 1
    assert meter.refusals <= 2 * way_down * offenders + (not readable)
    if readable:
        assert set(plan_.set_aside()) == {point.id for point in bound.points} - readable


def test_a_gap_that_cannot_be_bridged_is_left_out():
    """Two requests from then on, nothing set aside, and no more refusals."""
    bound = bound_of(registers(*range(10), *range(20, 30)))
    meter = Holey({*range(10), *range(20, 30)})
    plan_ = DevicePlan(bound, Home())

    read = settle(plan_, meter)

    assert len(read) == 20
    assert layout(plan_) == [(0, 10), (20, 10)]
    assert plan_.not_crossed() == [("holding", 9, 20)]
    # Once as a whole, then once more to be sure.
    assert meter.refusals == 2


def test_gaps_are_suspected_before_registers():
    """A block with one bad gap among several is cut only at gaps."""
    addresses = [*range(5), *range(8, 12), *range(15, 20), *range(22, 30)]
    bound = bound_of(registers(*addresses))
    meter = Holey(set(range(30)) - {20})
    plan_ = DevicePlan(bound, Home())

    read = settle(plan_, meter)

    assert len(read) == len(addresses)
    assert layout(plan_) == [(0, 20), (22, 8)]
    assert meter.refusals <= 4


def test_an_offender_among_many_is_found_by_halving():
    """One missing register of 100 costs at most eight refusals; then two requests read the other 99."""
    bound = bound_of(registers(*range(100)), max_gap=0)
    meter = Holey(set(range(100)) - {37})
    plan_ = DevicePlan(bound, Home())

    read = settle(plan_, meter)

    assert names(bound, {point.id for point in bound.points} - read) == ["r37"]
    assert layout(plan_) == [(0, 37), (38, 62)]
    assert meter.refusals <= 8
    assert {words.partition(";")[0] for words in plan_.set_aside().values()} == {
        "exception 2: illegal data address"
    }


def test_the_positions_of_what_is_set_aside_are_told():
    """The connector says why these points have no value from the moment they are left out."""
    points = registers(0, 1) | {"b1": {"register": "holding:1", "bit": 1}}
    plan_ = DevicePlan(bound_of(points), Home())
    (whole,) = plan_.blocks(0.1)

    first = plan_.refused(whole, 2, 0)
    left, right = plan_.blocks(0.1)
    plan_.answered(left, 0)
    second = plan_.refused(right, 2, 0)

    assert (first, list(second or ())) == ((), [0, 1])
    assert [bound.point.name for bound in right.points] == ["r1", "b1"]
    assert layout(plan_) == [(0, 1)]


def test_a_clock_that_is_set_back_while_running_puts_nothing_off():
    """The same without a restart."""
    meter = Holey(set(range(8)) - {3})
    plan_ = DevicePlan(bound_of(registers(*range(8))), Home())
    settle(plan_, meter, now=100 * HOUR)
    meter.asked.clear()

    poll(plan_, meter, HOUR)
    poll(plan_, meter, HOUR)

    assert (3, 1) in meter.asked


def test_a_group_learns_while_another_sets_aside_one_of_its_registers():
    """What one poll group finds out does not leave the other one's search hanging."""
    points = registers(*range(8)) | {"fast": {"register": "holding:4", "bit": 0, "poll": "20ms"}}
    bound = bound_of(points)
    plan_, meter = DevicePlan(bound, Home()), Holey(set(range(8)) - {4})
    (whole,) = plan_.blocks(0.1)
    plan_.refused(whole, 2, 0)
    (alone,) = plan_.blocks(0.02)
    plan_.refused(alone, 2, 0)

    read = settle(plan_, meter)

    assert names(bound, read) == [f"r{at}" for at in (0, 1, 2, 3, 5, 6, 7)]
    assert layout(plan_) == [(0, 4), (5, 3)]


@pytest.mark.parametrize("code", [1, 4, 5, 6, 10, 11, 77])
def test_other_exceptions_teach_nothing(code):
    """A device that is busy or broken keeps its plan."""
    plan_ = DevicePlan(bound_of(registers(0, 1)), Home())
    before = plan_.blocks(0.1)

    assert plan_.refused(before[0], code, 0) is None
    assert plan_.blocks(0.1) is before


def test_a_border_that_cannot_be_crossed_is_kept():
    """Some devices have their registers in pieces and give none across."""
    meter = Holey(set(range(64)), borders=(40,))
    plan_ = DevicePlan(bound_of(registers(*range(64))), Home())

    read = settle(plan_, meter)

    assert len(read) == 64
    assert layout(plan_) == [(0, 40), (40, 24)]


def test_long_requests_are_halved():
    """A device that refuses the length (exception 3) gets shorter ones, and loses no point."""
    meter = Holey(set(range(100)), most=30)
    plan_ = DevicePlan(bound_of(registers(*range(100))), Home())

    read = settle(plan_, meter)

    assert len(read) == 100
    assert layout(plan_) == [(0, 25), (25, 25), (50, 25), (75, 25)]
    assert meter.refusals == 3


def test_one_refusal_of_a_short_block_is_no_limit():
    """Where exception 3 is about one register, the others are read in long requests again."""

    class Odd(Holey):
        def code(self, block):
            self.asked.append((block.start, block.count))
            if block.start <= 5 < block.stop:
                self.refusals += 1
                return ILLEGAL_VALUE
            return None

    meter = Odd(set())
    plan_ = DevicePlan(bound_of(registers(*range(32)), max_gap=0), Home())

    read = settle(plan_, meter)

    assert len(read) == 31
    assert layout(plan_) == [(0, 5), (6, 26)]


def test_what_was_learned_survives_a_restart():
    """A second plan with the same notes begins where the first one ended."""
    home, meter = Home(), Holey(set(range(100)) - {37, 60})
    bound = bound_of(registers(*range(50), *range(70, 100)))
    first = DevicePlan(bound, home)
    settle(first, meter)
    meter.refusals = 0

    second = DevicePlan(bound, home)
    read = settle(second, meter)

    assert meter.refusals == 0
    assert len(read) == 79
    assert layout(second) == layout(first)
    assert second.set_aside() == first.set_aside()


def test_another_profile_forgets():
    """Notes of other addresses are not believed."""
    home = Home()
    settle(DevicePlan(bound_of(registers(*range(8))), home), Holey(set(range(8)) - {3}))

    plan_ = DevicePlan(bound_of(registers(*range(9))), home)

    assert layout(plan_) == [(0, 9)]


def test_periods_share_what_was_learned():
    """A register that one poll group was refused is not asked by another."""
    points = registers(0, 1) | {"fast": {"register": "holding:1", "bit": 0, "poll": "20ms"}}
    bound = bound_of(points)
    plan_ = DevicePlan(bound, Home())

    settle(plan_, Holey({0}))

    assert plan_.blocks(0.02) == ()
    assert names(bound, set(plan_.set_aside())) == ["fast", "r1"]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "[]",
        "null",
        "x" * 100_000,
        '{"version":2}',
        json.dumps(
            {"version": 1, "digest": "other", "aside": [], "apart": [], "registers": None, "bits": None}
        ),
    ],
)
def test_damaged_and_foreign_notes_are_ignored(note):
    """A note is a shortcut: what cannot be believed is learned anew."""
    home = Home(notes={KEY: note})

    assert layout(DevicePlan(bound_of(registers(*range(8))), home)) == [(0, 8)]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=4), max_leaves=8
    )
)
def test_no_note_can_do_harm(content):
    """Whatever stands in the note's lists: a plan is made, and it reads something."""
    home = Home()
    bound = bound_of(registers(*range(8)), max_gap=0)
    settle(DevicePlan(bound, home), Holey(set(range(8)) - {3}))
    note = json.loads(home.notes[KEY])
    for key in ("aside", "apart", "registers", "bits"):
        home.notes[KEY] = json.dumps(note | {key: content})

        assert layout(DevicePlan(bound, home))


def test_what_was_set_aside_is_tried_again():
    """After `retry_after`, alone; when it answers it comes back for good."""
    meter = Holey(set(range(8)) - {3, 5})
    bound = bound_of(registers(*range(8)), retry_after="1h", max_gap=0)
    home = Home()
    plan_ = DevicePlan(bound, home)
    settle(plan_, meter)
    meter.asked.clear()

    poll(plan_, meter, HOUR - 1)
    too_early = (3, 1) in meter.asked or (5, 1) in meter.asked
    poll(plan_, meter, HOUR)
    poll(plan_, meter, HOUR + 1)
    refused_again = (3, 1) in meter.asked
    meter.has = set(range(8))
    for number in range(6):
        read = poll(plan_, meter, 2 * HOUR + 2 + number)

    assert not too_early
    assert refused_again
    assert len(read) == 8
    assert plan_.set_aside() == {}
    assert layout(plan_) == [(0, 8)]
    assert layout(DevicePlan(bound, home)) == [(0, 8)]


def test_a_trial_costs_one_request_an_hour():
    """What stays refused is asked alone, once each `retry_after`."""
    meter = Holey(set(range(8)) - {3})
    plan_ = DevicePlan(bound_of(registers(*range(8))), Home())
    settle(plan_, meter)
    meter.asked.clear()

    for minute in range(60 * 10):
        poll(plan_, meter, minute * HOUR // 60)

    assert meter.asked.count((3, 1)) == 9


def test_a_device_that_refused_everything_is_read_at_once_when_it_is_ready():
    """While it starts, one span is still asked; its answer brings back the others without waiting."""
    meter = Holey(set(range(20)), deaf=True)
    bound = bound_of(registers(*range(20)))
    plan_ = DevicePlan(bound, Home())
    settle(plan_, meter)
    while_deaf = layout(plan_)

    meter.deaf = False
    for number in range(45):
        read = poll(plan_, meter, number)

    assert len(while_deaf) == 1
    assert len(read) == 20
    assert layout(plan_) == [(0, 20)]


def test_a_trial_that_silences_the_device_is_given_up():
    """A span that is neither answered nor refused does not stay in the plan."""
    meter = Holey(set(range(8)) - {3})
    plan_ = DevicePlan(bound_of(registers(*range(8))), Home())
    settle(plan_, meter)

    tries = 0
    for _ in range(50):
        for block in plan_.blocks(0.1):
            if (block.start, block.count) == (3, 1):
                tries += 1
                break
            plan_.answered(block, HOUR)

    assert 0 < tries <= 5


def test_a_clock_that_was_set_back_puts_nothing_off():
    """Retry times that lie further ahead than was ever meant are due."""
    meter = Holey(set(range(8)) - {3})
    home = Home()
    bound = bound_of(registers(*range(8)))
    settle(DevicePlan(bound, home), meter, now=100 * HOUR)
    plan_ = DevicePlan(bound, home)
    meter.asked.clear()

    poll(plan_, meter, HOUR)
    poll(plan_, meter, HOUR)

    assert (3, 1) in meter.asked


def test_a_device_that_changes_its_mind_does_no_harm():
    """Refusals at random never lose a point for good nor make the plan grow."""
    bound = bound_of(registers(*range(30)))
    plan_ = DevicePlan(bound, Home())
    meter = Holey(set(range(30)))
    for number in range(300):
        meter.deaf = number % 7 == 0
        poll(plan_, meter, number)
    meter.deaf = False

    for number in range(200):
        read = poll(plan_, meter, HOUR * 2 + number)

    assert len(read) == 30
    assert len(layout(plan_)) <= 30


def test_a_stale_block_says_that_the_plan_has_changed():
    """A block of before the split is not learned from twice."""
    plan_ = DevicePlan(bound_of(registers(*range(4))), Home())
    (whole,) = plan_.blocks(0.1)
    plan_.refused(whole, 2, 0)
    after = layout(plan_)

    assert plan_.refused(whole, 2, 0) == ()
    plan_.answered(whole, 0)
    assert layout(plan_) == after


def test_without_refusals_it_is_the_plan():
    """Nothing learned, nothing changed."""
    points = registers(0, 1, 5) | {"c": {"register": "coil:3"}, "slow": {"register": "input:9", "poll": "1m"}}
    bound = bound_of(points)

    plan_ = DevicePlan(bound, Home())

    assert plan_.periods == tuple(group.period_s for group in plan(bound))
    assert layout(plan_) == [(block.start, block.count) for group in plan(bound) for block in group.blocks]
