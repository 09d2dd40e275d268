"""A backtest says what the engine would have done, reading by reading."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.twin.alarms.stage import DISTRICT, NS, START, staged
from twin.alarms import backtest as module
from twin.alarms.backtest import Archive, History, TooMuch, backtest
from twin.alarms.replay import Episode
from twin.frame import Batch, empty_batch, join
from twin.ledger import Gap
from twin.quality import FIRST_BAD, Reason

SOME = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
LEVEL = f"{DISTRICT}/tank-1/level"


class Kept(Archive):
    """Readings that a test recorded."""

    def __init__(self, batch):
        self.batch = batch

    def raw(self, ids, start, stop):
        inside = np.isin(self.batch.ids, ids) & (self.batch.time >= start) & (self.batch.time < stop)
        found = self.batch.take(np.flatnonzero(inside))
        return found.take(np.lexsort((found.time, found.ids)))

    def before(self, ids, moment):
        good = self.batch.quality < FIRST_BAD
        rows = [
            np.flatnonzero((self.batch.ids == one) & (self.batch.time < moment) & good)[-1:] for one in ids
        ]
        return self.batch.take(np.concatenate(rows))


def recorded(series, rows):
    """Return `(second, value or None)` as readings of a series."""
    time = np.array([START + round(second * NS) for second, _ in rows], np.int64)
    value = np.array([np.nan if value is None else value for _, value in rows], np.float64)
    quality = np.where(np.isnan(value), Reason.NOT_AVAILABLE, Reason.GOOD).astype(np.uint8)
    return Batch(np.full(len(rows), series, np.int32), time, time, time, value, quality)


def run(found, rows, gaps=(), span=(0, 10_000), rule="low", owner=None):
    """Return the outcomes of a rule over `(second, value)` of the tank's level."""
    batch = recorded(found.ids[LEVEL], rows) if rows else empty_batch()
    history = History(
        Kept(batch), lambda ids, *_: [gap for gap in gaps if gap.series in ids], found.ids, found.states
    )
    book = found.district.alarms.rule(rule)
    return backtest(book, found.district, history, START + span[0] * NS, START + span[1] * NS, owner)


def spans(outcome):
    """Return the episodes of an outcome in seconds."""
    return [
        ((one.start - START) / NS, None if one.stop is None else (one.stop - START) / NS)
        for one in outcome.episodes
    ]


RULE = "alarms: [{id: low, on: tank-1, point: level, below: 20 %%, hysteresis: 5 %%%s}]\n"

values = st.sampled_from([10.0, 19.0, 22.0, 26.0, 50.0, None])
steps = st.lists(st.tuples(st.integers(1, 12), values), min_size=1, max_size=40)


@SOME
@given(steps=steps, on_delay=st.integers(0, 15), off_delay=st.integers(0, 15))
def test_a_backtest_is_the_engine_reading_by_reading(tmp_path_factory, steps, on_delay, off_delay):
    """Whatever was recorded, a backtest raises and ends the alarm when the engine did."""
    found = staged(tmp_path_factory.mktemp("a"), RULE % f", on_delay: {on_delay}s, off_delay: {off_delay}s")
    rows, second = [], 0
    for wait, value in steps:
        found.wait(wait)
        second += wait
        rows.append((second, value))
        found.say("tank-1/level", value or 0.0, Reason.GOOD if value is not None else Reason.NOT_AVAILABLE)
    found.wait(20)
    [outcome] = run(found, rows, span=(0, second + 20))
    live = [(str(one.happening), (one.at - START) / NS) for one in found.changes]
    tested = [
        (name, at)
        for start, stop in spans(outcome)
        for name, at in (("raised", start), ("returned", stop))
        if at is not None
    ]
    found.close()

    assert tested == live


@SOME
@given(steps=steps)
def test_a_frozen_value_in_a_backtest_and_in_the_engine(tmp_path_factory, steps):
    """A value that stands still is the same over what was recorded."""
    rule = "alarms: [{id: low, on: tank-1, point: level, frozen: 20s, except: 50}]\n"
    found = staged(tmp_path_factory.mktemp("a"), rule)
    rows, second = [], 0
    for wait, value in steps:
        found.wait(wait)
        second += wait
        rows.append((second, value))
        found.say("tank-1/level", value or 0.0, Reason.GOOD if value is not None else Reason.NOT_AVAILABLE)
    [outcome] = run(found, rows, span=(0, second + 1))
    live = [(one.at - START) / NS for one in found.changes if one.happening == "raised"]
    found.close()

    assert [start for start, _ in spans(outcome)] == live


def test_portions_change_nothing(stage, monkeypatch):
    """What is read in parts is the same as what is read at once."""
    found = stage(RULE % ", on_delay: 30s, off_delay: 45s")
    random = np.random.default_rng(3)
    rows = [(60 * n, float(value)) for n, value in enumerate(random.choice([10.0, 22.0, 30.0], 300))]
    [whole] = run(found, rows, span=(0, 20_000))
    monkeypatch.setattr(module, "_PORTION_NS", 777 * NS)
    [parts] = run(found, rows, span=(0, 20_000))

    assert parts.episodes == whole.episodes
    assert len(whole.episodes) > 20


def test_what_it_would_have_cost(stage):
    """How often, how long, how soon again, and how many acknowledgements."""
    found = stage(RULE % "")
    rows = [(0, 50.0), (100, 10.0), (400, 50.0), (700, 10.0), (800, 50.0), (5000, 10.0)]
    [outcome] = run(found, rows)

    assert spans(outcome) == [(100, 400), (700, 800), (5000, None)]
    assert outcome.lasted_s == [300, 100, 5000]
    assert (outcome.chattering, outcome.acknowledgements, outcome.readings) == (1, 3, 6)


def test_a_rule_that_needs_no_acknowledgement_costs_none(stage):
    """Nobody is asked for it."""
    found = stage(RULE % ", needs_ack: false")
    [outcome] = run(found, [(0, 10.0)])

    assert (len(outcome.episodes), outcome.acknowledgements) == (1, 0)


def test_what_was_so_before_counts_from_the_start(stage):
    """The value that stood when the time begins is taken as of then."""
    found = stage(RULE % "")
    [outcome] = run(found, [(-500, 10.0), (100, 50.0)])

    assert spans(outcome) == [(0, 100)]


def test_a_gap_ends_nothing_and_begins_nothing(stage):
    """A delay that would end while nothing is heard waits until something is heard again."""
    found = stage(RULE % ", on_delay: 100s")
    series = found.ids[LEVEL]
    gap = Gap(series, START + 50 * NS, START + 500 * NS, Reason.LINK_DOWN, "")
    [outcome] = run(found, [(0, 10.0), (500, 11.0), (900, 50.0)], [gap])

    assert spans(outcome) == [(500, 900)]


def test_silence_is_read_from_the_ledger(stage):
    """A device was silent while all of its points were; what a device sends by itself is missed after a while."""
    found = stage("alarms: [{id: low, on: tank-1, silent: 10min}]\n")
    level, inlet = found.ids[LEVEL], found.ids[f"{DISTRICT}/tank-1/inlet"]
    gaps = [
        Gap(level, START + 100 * NS, START + 900 * NS, Reason.NO_ANSWER, ""),
        Gap(inlet, START + 300 * NS, START + 700 * NS, Reason.LINK_DOWN, ""),
        Gap(level, START + 2000 * NS, None, Reason.SILENT, ""),
        Gap(inlet, START + 2000 * NS, None, Reason.SILENT, ""),
    ]
    [outcome] = run(found, [], gaps)

    assert spans(outcome) == [(300, 700), (2030, None)]


def test_a_state_is_tested_too(stage):
    """States are told by their names."""
    found = stage("alarms: [{id: low, on: tank-1, point: inlet, is: open}]\n")
    series = found.ids[f"{DISTRICT}/tank-1/inlet"]
    rows = [(0, found.states["closed"]), (10, found.states["open"]), (30, found.states["closed"])]
    history = History(Kept(recorded(series, rows)), lambda *_: [], found.ids, found.states)
    rule = found.district.alarms.rule("low")
    [outcome] = backtest(rule, found.district, history, START, START + 100 * NS)

    assert outcome.episodes == (Episode(START + 10 * NS, START + 30 * NS),)


def test_an_expression_is_tested_over_its_inputs(stage):
    """Every reading of one of its inputs is a moment at which it is decided."""
    found = stage("alarms: [{id: low, on: tank-1, when: level < 20 % and inlet = 'closed'}]\n")
    level, inlet = found.ids[LEVEL], found.ids[f"{DISTRICT}/tank-1/inlet"]
    batch = join(
        [
            recorded(level, [(0, 50.0), (100, 10.0), (150, 10.0), (250, 10.0), (300, 50.0)]),
            recorded(inlet, [(0, found.states["open"]), (200, found.states["closed"])]),
        ]
    )
    history = History(Kept(batch), lambda *_: [], found.ids, found.states)
    rule = found.district.alarms.rule("low")
    [outcome] = backtest(rule, found.district, history, START, START + 1000 * NS)

    assert spans(outcome) == [(200, 300)]


def test_who_is_not_meant(stage, monkeypatch):
    """An owner that the rule is not about is refused, and so is what would take too long."""
    found = stage(RULE % "")
    with pytest.raises(LookupError, match="not about 'lamp-1'"):
        run(found, [], owner="lamp-1")
    monkeypatch.setattr(module, "MOST_READINGS", 1)
    with pytest.raises(TooMuch, match="shorter time"):
        run(found, [(0, 1.0), (1, 2.0)])
    monkeypatch.setattr(module, "MOST_SUBJECTS", 0)

    with pytest.raises(TooMuch, match="name one"):
        run(found, [])
