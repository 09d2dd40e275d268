from __future__ import annotations

import json
import time
import tracemalloc
from collections import Counter
from contextlib import contextmanager
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.moved import DAY_S, NS, MovedClock
from twin.backoff import FEWEST_TRIES, Patience
from twin.outbox import LONGEST_BODY, Outbox

ALARM = {"title": "Cistern A1 runs low", "priority": "high"}


@pytest.fixture
def clock():
    return MovedClock()


@contextmanager
def opened(folder, clock, **given):
    found = Outbox(folder / "outbox.sqlite", clock, Patience(Random(1)), **given)
    found.open()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def outbox(tmp_path, clock):
    with opened(tmp_path, clock) as found:
        yield found


def stands(outbox, channel="d/duty"):
    return next(one for one in outbox.status() if one.channel == channel)


def drained(outbox, clock):
    """Take all that is due, one after the other; returns the entries."""
    found = []
    while due := outbox.due(clock.wall):
        for entry in due:
            outbox.done(entry, "200")
            found.append(entry)
    return found


def test_what_was_put_survives_a_restart(tmp_path, clock):
    """An entry is there when the file is opened again, with what it was put with."""
    with opened(tmp_path, clock) as first:
        first.put("d/duty", "raised", ALARM, "1")
    with opened(tmp_path, clock) as second:
        [entry] = second.due(clock.wall)

    assert (entry.channel, entry.kind, entry.key, entry.put_at) == ("d/duty", "raised", "1", clock.wall)
    assert json.loads(entry.body) == ALARM


def test_what_was_put_is_synced(outbox):
    """Nobody can pull the plug here, so the setting is looked at: each commit is synced to the disk."""
    assert outbox._database.connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_key_is_taken_once(outbox, clock):
    """The same key for the same channel is one notification, also when it was sent; for another channel it is not."""
    assert outbox.put("d/duty", "raised", ALARM, "1")
    assert not outbox.put("d/duty", "raised", ALARM, "1")
    drained(outbox, clock)
    assert not outbox.put("d/duty", "raised", ALARM, "1")
    assert outbox.put("d/boss", "raised", ALARM, "1")

    assert [entry.channel for entry in drained(outbox, clock)] == ["d/boss"]


def test_one_entry_of_a_channel_is_out_at_a_time(outbox, clock):
    """The second comes when the first is done; other channels do not wait."""
    for key in ("1", "2"):
        outbox.put("d/duty", "raised", ALARM, key)
    outbox.put("d/boss", "raised", ALARM, "1")
    first = outbox.due(clock.wall)
    again = outbox.due(clock.wall)
    outbox.done(first[0])
    second = outbox.due(clock.wall)

    assert [(one.channel, one.key) for one in first] == [("d/duty", "1"), ("d/boss", "1")]
    assert again == []
    assert [(one.channel, one.key) for one in second] == [("d/duty", "2")]


def test_only_channels_that_can_send_are_given_something(outbox, clock):
    """An entry for a channel that is not asked for stays where it is."""
    outbox.put("d/duty", "raised", ALARM, "1")

    assert outbox.due(clock.wall, ["d/boss"]) == []
    assert stands(outbox).waiting == 1


def test_waits_double_up_to_their_cap():
    """1 s, 2 s, 4 s … 15 min, each cut by up to half at random, however often it was tried."""
    patience = Patience(Random(1))
    for tries in (*range(1, 40), 10**9):
        nominal = min(2.0 ** (min(tries, 40) - 1), 900.0)
        waits = [patience.wait_ns(tries) / NS for _ in range(50)]

        assert nominal * 0.5 <= min(waits) < nominal * 0.6
        assert nominal * 0.9 < max(waits) <= nominal


def test_a_try_that_failed_is_followed_by_a_wait(outbox, clock):
    """Nothing is handed out before the wait is over, then the same delivery, with one try more."""
    outbox.put("d/duty", "raised", ALARM, "1")
    [first] = outbox.due(clock.wall)
    outbox.later(first, "no answer")
    clock.move(0.49)
    early = outbox.due(clock.wall)
    clock.move(0.6)
    [second] = outbox.due(clock.wall)

    assert early == []
    assert (second.delivery, second.body, second.tries) == (first.delivery, first.body, 2)


def test_a_wait_that_was_asked_for_is_kept(outbox, clock):
    """Retry-After goes before our own wait when it is longer, and is bounded by a day."""
    outbox.put("d/duty", "raised", ALARM, "1")
    [entry] = outbox.due(clock.wall)
    outbox.later(entry, "429", 600.0)
    clock.move(599)
    early = outbox.due(clock.wall)
    clock.move(1)
    [entry] = outbox.due(clock.wall)
    outbox.later(entry, "429", 1e12)
    clock.move(DAY_S)

    assert early == []
    assert len(outbox.due(clock.wall)) == 1


def test_a_short_wait_that_was_asked_for_does_not_shorten_ours(outbox, clock):
    """`Retry-After: 0` is no leave to hammer."""
    outbox.put("d/duty", "raised", ALARM, "1")
    [entry] = outbox.due(clock.wall)
    outbox.later(entry, "503", 0.0)

    assert outbox.due(clock.wall) == []


def test_order_is_kept_while_the_first_one_waits(outbox, clock):
    """Later entries of a channel do not overtake one that failed."""
    for key in ("1", "2", "3"):
        outbox.put("d/duty", "raised", ALARM, key)
    [entry] = outbox.due(clock.wall)
    outbox.later(entry, "500", answered=True)
    held = outbox.due(clock.wall)
    clock.move(2)

    assert held == []
    assert [entry.key for entry in drained(outbox, clock)] == ["1", "2", "3"]


def tried(outbox, clock, times, **given):
    """Let the first entry of the channel fail so many times."""
    for _ in range(times):
        clock.move(900)
        entry = next(one for one in outbox.due(clock.wall) if one.key == "1")
        outbox.later(entry, "500", **given)


def test_one_that_is_always_answered_with_errors_steps_aside(outbox, clock):
    """After about an hour of errors the others pass; it goes on being tried."""
    for key in ("1", "2", "3"):
        outbox.put("d/duty", "raised", ALARM, key)
    tried(outbox, clock, FEWEST_TRIES, answered=True)
    passed = drained(outbox, clock)
    clock.move(900)

    assert [entry.key for entry in passed] == ["2", "3"]
    assert [entry.key for entry in drained(outbox, clock)] == ["1"]


def test_order_is_kept_while_nobody_answers(outbox, clock):
    """A receiver that is away for a day gets everything in its order."""
    for key in ("1", "2"):
        outbox.put("d/duty", "raised", ALARM, key)
    tried(outbox, clock, 96)
    clock.move(900)

    assert [entry.key for entry in drained(outbox, clock)] == ["1", "2"]


def test_what_waits_for_a_week_is_given_up(outbox, clock):
    """Given up is counted and kept, and the next one goes on."""
    outbox.put("d/duty", "raised", ALARM, "1")
    outbox.put("d/duty", "raised", ALARM, "2")
    tried(outbox, clock, FEWEST_TRIES)
    clock.move(7 * DAY_S)
    [entry] = outbox.due(clock.wall)

    assert not outbox.later(entry, "nobody there")
    assert stands(outbox).given_up == 1
    assert [row[0] for row in outbox.undelivered("d/duty", 10)] == ["1"]
    assert [entry.key for entry in outbox.due(clock.wall)] == ["2"]


def test_a_clock_set_forward_gives_nothing_up_at_once(outbox, clock):
    """A clock that was at 1970 and is set right makes an entry look old: it is tried a dozen times all the same."""
    clock.wall = 1
    outbox.put("d/duty", "raised", ALARM, "1")
    clock.wall = 1_764_355_200 * NS
    [entry] = outbox.due(clock.wall)

    assert outbox.later(entry, "no answer")


def test_a_clock_set_back_makes_nobody_wait(outbox, clock):
    """A wait that was counted in another time is over."""
    outbox.put("d/duty", "raised", ALARM, "1")
    [entry] = outbox.due(clock.wall)
    outbox.later(entry, "no answer", 600.0)
    clock.wall -= round(3600 * NS)
    [again] = outbox.due(clock.wall)
    outbox.later(again, "no answer")

    assert outbox.due(clock.wall) == []


def test_a_refusal_is_final_and_kept(outbox, clock):
    """What failed is not tried again, and can be looked at."""
    outbox.put("d/duty", "raised", ALARM, "1")
    [entry] = outbox.due(clock.wall)
    outbox.failed(entry, "404 Not Found")
    clock.move(DAY_S)

    assert outbox.due(clock.wall) == []
    assert stands(outbox).failed == 1
    assert outbox.undelivered("d/duty", 10) == [
        ("1", json.dumps(ALARM, separators=(",", ":")), "404 Not Found")
    ]


def test_beyond_its_bound_the_oldest_of_the_lowest_priority_are_folded(tmp_path, clock):
    """What is critical is kept, what is low is counted in a digest, and nothing is lost without a count."""
    with opened(tmp_path, clock, most=5) as outbox:
        for number in range(20):
            priority = "critical" if number % 5 == 0 else "low"
            outbox.put("d/duty", "raised", {"title": f"t{number}", "priority": priority}, str(number))
        waiting, folded = stands(outbox).waiting, stands(outbox).folded
        found = drained(outbox, clock)
    digests = [json.loads(entry.body) for entry in found if entry.kind == "digest"]
    whole = [json.loads(entry.body) for entry in found if entry.kind != "digest"]

    assert waiting <= 5
    assert sum(one["count"] for one in digests) == folded
    assert folded + len(whole) == 20
    assert [one["title"] for one in whole if one["priority"] == "critical"] == ["t0", "t5", "t10", "t15"]
    assert digests[0]["priorities"] == {"low": folded}
    assert digests[0]["shown"][:2] == ["t1", "t2"]


def test_a_digest_that_was_handed_out_is_not_changed(tmp_path, clock):
    """What is folded later is another digest: a delivery says the same at every try."""
    with opened(tmp_path, clock, most=3) as outbox:
        for number in range(6):
            outbox.put("d/duty", "raised", {"priority": "low"}, str(number))
        while (entry := outbox.due(clock.wall)[0]).kind != "digest":
            outbox.done(entry)
        for number in range(6, 9):
            outbox.put("d/duty", "raised", {"priority": "low"}, str(number))
        outbox.later(entry, "500")
        clock.move(2)
        [again] = outbox.due(clock.wall)

    assert (again.delivery, again.body, again.tries) == (entry.delivery, entry.body, 2)


def test_digests_become_one(tmp_path, clock):
    """Digests that others put are folded too, before anything else, and what they stand for is counted once."""
    with opened(tmp_path, clock, most=10) as outbox:
        for number in range(100):
            body = {
                "title": "and 7 more",
                "count": 7,
                "events": {"raised": 7},
                "priorities": {"low": 7},
                "since": f"2025-11-28T18:{number % 60:02}:00.000Z",
                "until": "2025-11-28T20:00:00.000Z",
                "shown": [f"s{number}"],
            }
            outbox.put("d/duty", "digest", body, f"alarms-{number}")
        outbox.put("d/duty", "raised", {"priority": "low"}, "1")
        waiting = stands(outbox).waiting
        found = drained(outbox, clock)
    bodies = [json.loads(entry.body) for entry in found if entry.kind == "digest"]

    assert waiting <= 10
    assert sum(body["events"]["raised"] for body in bodies) == 700
    assert min(body["since"] for body in bodies) == "2025-11-28T18:00:00.000Z"
    assert found[-1].key == "1"


def test_one_that_is_being_sent_is_not_folded(tmp_path, clock):
    """What the receiver may have by now is not counted among those that it has not."""
    with opened(tmp_path, clock, most=3) as outbox:
        outbox.put("d/duty", "raised", {"priority": "low"}, "first")
        [entry] = outbox.due(clock.wall)
        for number in range(10):
            outbox.put("d/duty", "raised", {"priority": "low"}, str(number))
        outbox.done(entry)

    assert entry.key == "first"


def test_condensed_keeps_what_matters(outbox, clock):
    """Folding for a channel that is full for a minute leaves critical entries and orders alone."""
    for number in range(10):
        outbox.put("d/duty", "raised", {"priority": "critical"}, f"c{number}")
        outbox.put("d/duty", "requested", {"litres": 8000}, f"o{number}")
        outbox.put("d/duty", "raised", {"priority": "medium"}, f"m{number}")
    folded = outbox.condense("d/duty", 5)

    assert folded == 10
    assert Counter(entry.key[0] for entry in drained(outbox, clock)) == {"c": 10, "o": 10, "d": 1}


def test_entries_for_channels_that_are_gone_are_given_up_in_the_end(outbox, clock):
    """A channel that is taken out of the files keeps its entries for a week, in case it comes back."""
    outbox.put("d/old", "raised", ALARM, "1")
    outbox.put("d/duty", "raised", ALARM, "1")
    early = outbox.expire(clock.wall, ["d/duty"])
    clock.move(8 * DAY_S)

    assert early == 0
    assert outbox.expire(clock.wall, ["d/duty"]) == 1
    assert (stands(outbox, "d/old").waiting, stands(outbox, "d/old").given_up) == (0, 1)
    assert stands(outbox).waiting == 1


@pytest.mark.parametrize("body", [{"value": float("nan")}, {"text": "x" * LONGEST_BODY}])
def test_what_is_no_notification_is_refused(outbox, body):
    """NaN is no JSON, and a body has its bound: whoever puts such a thing is wrong."""
    with pytest.raises(ValueError, match=r"JSON|characters"):
        outbox.put("d/duty", "raised", body, "1")


def test_words_that_no_file_can_hold(outbox, clock):
    """Half of a surrogate pair in words, keys and bodies is a question mark."""
    outbox.put("d/duty", "raised", {"title": "\ud800"}, "\udfff")
    [entry] = outbox.due(clock.wall)
    outbox.failed(entry, "no \ud800")

    assert (entry.key, json.loads(entry.body)["title"]) == ("?", "?")


def test_somebody_is_told_when_there_is_something(outbox):
    """`on_put` is called for what is new, and not for a repetition."""
    told = []
    outbox.on_put = lambda: told.append(1)
    outbox.put("d/duty", "raised", ALARM, "1")
    outbox.put("d/duty", "raised", ALARM, "1")

    assert told == [1]


def test_ten_thousand_entries_take_little_memory_and_time(tmp_path, clock):
    """A backlog of ten thousand is handed out one by one without being read as a whole."""
    with opened(tmp_path, clock, most=20_000) as outbox:
        outbox._database.connection.execute("PRAGMA synchronous = OFF")
        for number in range(10_000):
            outbox.put("d/duty", "raised", {**ALARM, "n": number}, str(number))
        tracemalloc.start()
        began = time.process_time()
        numbers = []
        for _ in range(200):
            [entry] = outbox.due(clock.wall)
            numbers.append(json.loads(entry.body)["n"])
            outbox.done(entry)
        lasted = time.process_time() - began
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert numbers == list(range(200))
    assert lasted < 5
    assert peak < 2_000_000


def test_of_what_ended_the_newest_are_remembered(tmp_path, clock, monkeypatch):
    """The file does not grow for ever; the newest keys are still known."""
    monkeypatch.setattr("twin.outbox.MOST_ENDED", 20)
    with opened(tmp_path, clock) as outbox:
        for number in range(200):
            outbox.put("d/duty", "raised", ALARM, str(number))
            drained(outbox, clock)
        [kept] = outbox._database.connection.execute("SELECT COUNT(*) FROM entry").fetchone()

        assert kept < 80
        assert not outbox.put("d/duty", "raised", ALARM, "199")
        assert stands(outbox).sent == 200


CHANNELS = ("d/a", "d/b")


class Modelled(RuleBasedStateMachine):
    """The outbox beside a model: per channel a list of what waits, a set of keys, and the times of the next tries."""

    def __init__(self):
        super().__init__()
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.clock = MovedClock()
        self.path = Path(self.folder.name) / "outbox.sqlite"
        self.outbox = self._open()
        self.keys = set()
        self.waiting: dict[str, list[int]] = {name: [] for name in CHANNELS}
        self.out = {}
        self.sent: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.deliveries = {}

    def _open(self):
        found = Outbox(self.path, self.clock, Patience(Random(2)))
        found.open()
        return found

    def teardown(self):
        self.outbox.close()
        self.folder.cleanup()

    @rule(channel=st.sampled_from(CHANNELS), key=st.integers(0, 8))
    def put(self, channel, key):
        taken = self.outbox.put(channel, "raised", {"n": key}, str(key))
        assert taken == ((channel, key) not in self.keys)
        if taken:
            self.keys.add((channel, key))
            self.waiting[channel].append(key)

    @rule()
    def due(self):
        for entry in self.outbox.due(self.clock.wall):
            assert entry.channel not in self.out
            assert int(entry.key) == self.waiting[entry.channel][0]
            assert self.deliveries.setdefault((entry.channel, entry.key), entry.delivery) == entry.delivery
            self.out[entry.channel] = entry

    @precondition(lambda self: self.out)
    @rule(data=st.data(), how=st.sampled_from(("done", "failed", "later")))
    def settle(self, data, how):
        channel = data.draw(st.sampled_from(sorted(self.out)))
        entry = self.out.pop(channel)
        getattr(self.outbox, how)(entry, how)
        if how != "later":
            self.waiting[channel].pop(0)
        self.sent[channel] += how == "done"
        self.failed[channel] += how == "failed"

    @rule(seconds=st.floats(0, 1000))
    def move(self, seconds):
        self.clock.move(seconds)

    @rule(seconds=st.floats(0, 1000))
    def set_back(self, seconds):
        self.clock.wall -= round(seconds * NS)

    @rule()
    def restart(self):
        self.outbox.close()
        self.out.clear()
        self.outbox = self._open()

    @rule()
    def everything_is_due_in_the_end(self):
        self.clock.move(1000)
        self.due()
        assert set(self.out) == {name for name in CHANNELS if self.waiting[name]}

    @invariant()
    def the_numbers_are_those_of_the_model(self):
        for one in self.outbox.status():
            assert one.waiting == len(self.waiting[one.channel])
            assert (one.sent, one.failed) == (self.sent[one.channel], self.failed[one.channel])


TestModelled = Modelled.TestCase
TestModelled.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
