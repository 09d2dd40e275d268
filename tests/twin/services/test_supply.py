"""Supply requests: when a tank asks, what its supplier hears, how a request ends."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tests.twin.services.stage import FILES, NS, START, SUPPLIERS, Stage, rows
from twin.quality import Reason
from twin.services.draw import NotKnown
from twin.services.level import LevelWatch
from twin.services.request import Request, State
from twin.services.supply import NotNow, _rounded

SUPPLY = (
    SUPPLIERS
    + """\
supply:
  - id: water
    on: tank-1
    what: potable water
    volume: volume
    capacity: 60 m3
    request_when: {level_below: 30 %, hours_left_below: 3 h}
    fill_to: 95 %
    margin: 30min
    needed_within: 12h
    supplier: aguas
    escalate_to: duty
    delivered_when: {level_rises: 10 %}
    escalate_after: {unacknowledged: 30min, undelivered: deadline}
    draw: {over: 1h, at_least: 10min}
"""
)
KEY = "riverside/tank-1/water"


@pytest.fixture
def stage(tmp_path):
    found = Stage(tmp_path, SUPPLY)
    yield found
    found.journal.close()


def open_one(stage: Stage, key: str = KEY) -> Request:
    """Return the open request of a tank."""
    found = stage.services.supply.tanks[key].request
    assert found is not None
    return found


def kept_one(stage: Stage, number: int) -> Request:
    """Return a request as it is on disk."""
    found = stage.journal.requests.one(number)
    assert found is not None
    return found


def ask(stage: Stage, level: float = 25.0) -> int:
    """Let the tank ask, and return the number of its request."""
    stage.go(120, tank_1__level=level)
    return open_one(stage).id


def fill(stage: Stage, start: float = 25.0, stop: float = 90.0) -> None:
    """Let a lorry fill the tank within ten minutes, and the level stay."""
    stage.go(600, tank_1__level=lambda at: start + (stop - start) * at / 600)
    stage.go(600, tank_1__level=stop)


def test_a_low_tank_asks_once_and_says_everything(stage):
    """A level that stays below the limit opens one request, with quantity, place and deadline."""
    stage.go(1800, tank_1__level=lambda at: 40 - at / 3600 * 30)
    stage.go(600, tank_1__level=24.0)

    [(channel, kind, body, key)] = stage.post.sent[:1]
    assert (channel, kind, key) == ("riverside/aguas", "supply.requested", "supply/1/requested")
    assert body["title"].startswith("potable water: ")
    assert body["commodity"] == "potable water"
    assert body["what"] == "riverside/tank-1"
    assert body["place"] == {"name": "Tower", "lat": 41.61, "lon": -0.91}
    assert body["quantity_m3"] == pytest.approx((95 - body["level_percent"]) * 0.6, abs=0.01)
    assert body["hours_left"]["low"] <= body["hours_left"]["estimate"] <= body["hours_left"]["high"]
    assert "below" in body["reason"] or "h left," in body["reason"]
    assert stage.post.kinds.count("supply.requested") == 1
    json.dumps(body, allow_nan=False)


def test_hours_left_alone_are_enough(stage):
    """A tank that is half full and drawn from fast asks before the level is low."""
    stage.go(1800, tank_1__level=lambda at: 70 - at / 3600 * 30)
    body = stage.post.sent[0][2]

    assert body["level_percent"] > 50
    assert "h left, less than 3.0 h" in body["reason"]
    left_s = (open_one(stage).deadline - START) / NS
    assert 0 < left_s < 3 * 3600


def test_the_deadline_comes_from_the_lower_end_of_hours_left(stage):
    """It is needed the margin before the tank may be empty, at the earliest that the draw allows."""
    stage.go(1800, tank_1__level=lambda at: 70 - at / 3600 * 30)
    request = open_one(stage)

    assert request.hours is not None
    assert request.hours[1] <= request.hours[0]
    assert request.deadline - request.opened == pytest.approx((request.hours[1] * 3600 - 1800) * NS, rel=1e-6)


def test_without_a_known_draw_the_deadline_is_the_latest_one(stage):
    """A tank that is low from the start is needed within the time that the rule says."""
    ask(stage)
    request = open_one(stage)

    assert request.hours is None
    assert request.deadline - request.opened == 12 * 3600 * NS


@pytest.mark.parametrize("value", [0.0, math.nan])
def test_a_reading_that_is_off_asks_for_nothing(stage, value):
    """A level that jumps, or is no number, for less than it has to last is not believed."""
    stage.go(120, tank_1__level=80.0)
    stage.go(40, tank_1__level=value)
    stage.go(600, tank_1__level=80.0)

    assert stage.post.sent == []


def test_nothing_is_asked_for_while_the_sensor_is_dead(stage):
    """A tank whose level is not known does not ask, and says why its hours are not known."""
    stage.go(30, tank_1__level=25.0)
    stage.silent("tank_1__level")
    stage.go(3600)

    assert stage.post.sent == []
    assert math.isnan(stage.said["tank-1/hours_left"])
    assert "the link to the device is down" in stage.bad["tank-1/hours_left"]


def test_a_bad_reading_begins_the_wait_anew(stage):
    """What has to last does not last across a time in which the level was not known."""
    stage.go(40, tank_1__level=25.0)
    stage.go(10, tank_1__level=math.nan)
    stage.go(50, tank_1__level=25.0)

    assert stage.post.sent == []


def test_a_tank_at_rest_has_no_hours(stage):
    """Where the level does not fall nothing is made up."""
    noise = np.random.default_rng(1)
    stage.go(3600, tank_1__level=lambda _: 80 + noise.normal(0, 0.2))

    assert stage.bad["tank-1/hours_left"] == "the level does not fall"


def test_a_tank_that_rises_has_no_hours(stage):
    """A negative draw is none."""
    stage.go(3600, tank_1__level=lambda at: 40 + at / 3600 * 5)

    assert stage.bad["tank-1/hours_left"] == "not known yet: 0 s of 10 min without a rise"
    assert stage.post.sent == []


def test_hours_left_are_a_point(stage):
    """What is left is said as a number while it is known."""
    stage.go(3600, tank_1__level=lambda at: 90 - at / 3600 * 10)

    assert stage.said["tank-1/hours_left"] == pytest.approx(8.0, abs=0.3)
    assert "tank-1/hours_left" not in stage.bad


@pytest.mark.parametrize(
    ("hours", "said"), [(46.8 / 3600, 0.013), (0.5, 0.5), (7.64, 7.6), (9.99, 10.0), (31.4, 31.0)]
)
def test_hours_left_keep_two_figures(hours, said):
    """Less than an hour is not none, and a tenth of many hours is not known anyway."""
    assert _rounded(hours) == said


def test_a_request_goes_all_the_way(stage):
    """Requested, acknowledged, delivering, delivered, closed: each step is kept with who and when."""
    number = ask(stage)
    stage.services.supply.acknowledge(number, "aguas", "A-77")
    seen = [stage.state("tank-1/supply_state")]
    stage.go(300, tank_1__level=lambda at: 25 + at / 10)
    seen.append(stage.state("tank-1/supply_state"))
    stage.go(400, tank_1__level=lambda at: min(55 + at / 10, 90))
    stage.go(900, tank_1__level=90.0)
    kept = kept_one(stage, number)

    assert seen == ["requested", "delivering"]
    assert [step.state for step in kept.steps] == [
        State.REQUESTED,
        State.ACKNOWLEDGED,
        State.DELIVERING,
        State.DELIVERED,
        State.CLOSED,
    ]
    assert (kept.state, kept.reference, kept.acknowledged > 0) == (State.CLOSED, "A-77", True)
    assert kept.delivered == pytest.approx(65 * 0.6, abs=1)
    assert stage.state("tank-1/supply_state") == "normal"
    assert stage.post.kinds == ["supply.requested", "supply.delivered"]
    assert [one.request for one in stage.journal.requests.refills(KEY, 10)] == [number]


def test_nobody_delivers_and_it_escalates_twice(stage):
    """A request that nobody acknowledges, and then nobody delivers, is told to others, once each."""
    number = ask(stage)
    stage.go(13 * 3600, every=60, tank_1__level=25.0)
    kept = kept_one(stage, number)

    assert kept.state is State.ESCALATED
    assert kept.escalations == ("unacknowledged", "undelivered")
    told = [(channel, key) for channel, kind, _, key in stage.post.sent if kind == "supply.escalated"]
    assert told == [
        ("riverside/duty", f"supply/{number}/escalated-unacknowledged"),
        ("riverside/duty", f"supply/{number}/escalated-undelivered"),
    ]
    assert [note[0] for note in stage.notes] == ["supply_escalated", "supply_escalated"]


def test_a_late_acknowledgement_counts(stage):
    """A request that was escalated can still be acknowledged and delivered."""
    number = ask(stage)
    stage.go(2400, every=60, tank_1__level=25.0)
    stage.services.supply.acknowledge(number, "aguas")
    fill(stage)
    kept = kept_one(stage, number)

    assert [step.state for step in kept.steps][1:4] == [State.ESCALATED, State.ACKNOWLEDGED, State.DELIVERING]
    assert kept.state is State.CLOSED


def test_an_acknowledged_request_is_not_called_unacknowledged(stage):
    """Whoever answered in time is left alone."""
    number = ask(stage)
    stage.services.supply.acknowledge(number, "aguas")
    stage.go(7200, every=60, tank_1__level=25.0)

    assert kept_one(stage, number).state is State.ACKNOWLEDGED
    assert "supply.escalated" not in stage.post.kinds


def test_a_second_acknowledgement_changes_nothing(stage):
    """The first stands: reference, time and steps."""
    number = ask(stage)
    first = stage.services.supply.acknowledge(number, "aguas", "A-1")
    stage.clock.move(60)
    second = stage.services.supply.acknowledge(number, "somebody else", "B-2")

    assert second == first
    assert len(second.steps) == 2


@pytest.mark.parametrize("deed", ["acknowledge", "cancel", "close"])
def test_what_is_not_open_cannot_be_changed(stage, deed):
    """A number that nobody gave, or a request that has ended, is refused with words."""
    number = ask(stage)
    stage.services.supply.cancel(number, "Eva", "not now")
    act = getattr(stage.services.supply, deed)

    with pytest.raises(NotNow, match=f"request {number} is not open"):
        act(number, "Eva")
    with pytest.raises(NotNow, match="request 4711 is not open"):
        act(4711, "Eva")


def test_who_cancels_is_not_asked_again_at_once(stage):
    """The supplier is told, and the tank waits until the need is over or the time of the rule has passed."""
    number = ask(stage)
    stage.services.supply.cancel(number, "Eva", "the street is closed")
    stage.go(3600, every=60, tank_1__level=25.0)
    quiet = stage.post.kinds.copy()
    stage.go(11 * 3600 + 120, every=60, tank_1__level=25.0)

    assert quiet == ["supply.requested", "supply.cancelled"]
    assert stage.post.sent[1][2]["text"] == "the street is closed"
    assert stage.post.kinds[2:] == ["supply.requested"]


def test_a_need_that_was_over_asks_again(stage):
    """After a cancelled request, a tank that was filled and ran low asks as if nothing had been."""
    stage.services.supply.cancel(ask(stage), "Eva")
    stage.go(300, tank_1__level=80.0)
    stage.go(300, tank_1__level=25.0)

    assert stage.post.kinds.count("supply.requested") == 2


def test_an_answer_acknowledges(stage):
    """The supplier's answer to the webhook counts when it says so, and only then."""
    number = ask(stage)
    answered = stage.services.answered
    answered(f"supply/{number}/requested", 500, '{"acknowledged": true}')
    answered(f"supply/{number}/requested", 200, "thanks")
    answered(f"supply/{number}/requested", 200, '{"acknowledged": "yes"}')
    answered("alarms/1", 200, '{"acknowledged": true}')
    answered("supply/99/requested", 200, '{"acknowledged": true}')
    before = stage.services.supply.open_request(number)
    answered(f"supply/{number}/requested", 202, '{"acknowledged": true, "reference": "X-9"}')
    after = stage.services.supply.open_request(number)

    assert (before.state, before.sent > 0) == (State.REQUESTED, True)
    assert (after.state, after.reference, after.steps[-1].who) == (State.ACKNOWLEDGED, "X-9", "aguas")


def test_a_refill_of_which_nobody_told_is_noticed(stage):
    """A level that rises without a request is kept as a refill, with its size."""
    stage.go(600, tank_1__level=40.0)
    fill(stage, 40.0, 90.0)
    [refill] = stage.journal.requests.refills(None, 10)

    assert (refill.tank, refill.request) == (KEY, None)
    assert (refill.low, refill.high) == (pytest.approx(40, abs=1), pytest.approx(90, abs=1))
    assert refill.quantity == pytest.approx(30, abs=1)
    assert refill.ended - refill.began < 1300 * NS
    assert [note[0] for note in stage.notes] == ["refill_noticed"]


def test_noise_is_no_refill(stage):
    """A level that is noisy, or jumps up for a moment, has not been filled."""
    noise = np.random.default_rng(2)
    stage.go(3600, tank_1__level=lambda _: 60 + noise.normal(0, 1.5))
    stage.go(40, tank_1__level=100.0)
    stage.go(1200, tank_1__level=lambda _: 60 + noise.normal(0, 1.5))

    assert stage.notes == []
    assert stage.journal.requests.refills(None, 10) == []


def test_a_slow_rise_is_no_refill(stage):
    """What comes in by itself over many hours is not a delivery."""
    stage.go(10 * 3600, every=60, tank_1__level=lambda at: 40 + at / 3600 * 4)

    assert stage.notes == []


def test_a_sensor_that_fell_and_came_back_withdraws_its_request(stage):
    """A level that falls at once, stays, and is back where it was, was no draw: nobody has to come."""
    stage.go(900, tank_1__level=80.0)
    stage.go(600, tank_1__level=3.0)
    asked = stage.post.kinds.copy()
    stage.go(600, tank_1__level=80.0)

    assert asked == ["supply.requested"]
    assert stage.post.kinds == ["supply.requested", "supply.cancelled"]
    assert "it was the sensor" in stage.post.sent[1][2]["text"]
    assert [note[0] for note in stage.notes] == ["level_jumped"]
    assert stage.journal.requests.refills(None, 10) == []


def test_a_request_is_delivered_by_level_where_the_rule_says_so(tmp_path):
    """With `level_above` it is the level that counts, not the rise."""
    stage = Stage(tmp_path, SUPPLY.replace("{level_rises: 10 %}", "{level_above: 80 %}"))
    number = ask(stage)
    stage.services.supply.acknowledge(number, "aguas")
    stage.go(600, tank_1__level=lambda at: 25 + at / 600 * 30)
    stage.go(1200, tank_1__level=55.0)
    half = kept_one(stage, number).state
    stage.go(600, tank_1__level=lambda at: 55 + at / 600 * 30)
    stage.go(1200, tank_1__level=85.0)

    assert half is State.ACKNOWLEDGED
    assert kept_one(stage, number).state is State.CLOSED


def test_a_partial_delivery_closes_and_asks_anew(stage):
    """What came is booked; what is still missing is another request."""
    first = ask(stage, 10.0)
    fill(stage, 10.0, 25.0)
    stage.go(300, tank_1__level=25.0)
    kept = kept_one(stage, first)

    assert kept.state is State.CLOSED
    assert "9.0 m3, 51.0 m3 were asked for" in kept.steps[-2].words
    assert stage.post.kinds.count("supply.requested") == 2


def test_nobody_knows_what_the_tank_holds(tmp_path):
    """Without a capacity it is learned from level and volume; until then the quantity is left open."""
    text = SUPPLY.replace("    capacity: 60 m3\n", "")
    stage = Stage(tmp_path, text)
    stage.go(120, tank_1__level=25.0)
    unknown = stage.post.sent[0][2]
    other = Stage(tmp_path / "other", text)
    other.go(120, tank_1__volume=10.0, tank_1__level=25.0)

    assert (unknown["quantity_m3"], unknown["title"]) == (None, "potable water: a filling for Cistern one")
    assert other.post.sent[0][2]["quantity_m3"] == pytest.approx(28.0)


def test_a_supplier_reads_its_own_language(tmp_path):
    """A channel in Spanish gets a title in Spanish."""
    text = SUPPLY.replace('secret: "${secret:aguas}"', 'secret: "${secret:aguas}", lang: es')
    stage = Stage(tmp_path, text)
    ask(stage)

    assert stage.post.sent[0][2]["title"] == "potable water: 42.0 m3 para Cistern one"


# --- clocks -------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_keeps_the_request(stage):
    """Timers run on: the request is escalated when its time has passed, whatever the wall clock shows."""
    number = ask(stage)
    stage.clock.set(-86_400)
    stage.go(1200, every=60, tank_1__level=25.0)
    early = kept_one(stage, number).state
    stage.go(900, every=60, tank_1__level=25.0)

    assert early is State.REQUESTED
    assert kept_one(stage, number).state is State.ESCALATED


def test_a_clock_that_is_set_back_makes_no_draw(stage):
    """Samples that lie ahead of the new time are forgotten; the draw is known again after a while."""
    stage.go(3600, tank_1__level=lambda at: 90 - at / 3600 * 5)
    stage.clock.set(-7200)
    stage.go(60, tank_1__level=85.0)
    watch = stage.services.supply.tanks[KEY].level
    times, _ = watch.samples
    stage.go(3600, tank_1__level=lambda at: 85 - at / 3600 * 5)

    assert len(times) == 0 or times.max() <= stage.clock.now_ns() / NS
    assert watch.draw.rate == pytest.approx(5, rel=0.1)
    assert stage.post.sent == []


def test_a_clock_that_jumps_ahead_escalates_nothing(stage):
    """Nobody is late because somebody set the clock."""
    number = ask(stage)
    stage.clock.set(6 * 3600)
    stage.go(600, every=60, tank_1__level=25.0)

    assert kept_one(stage, number).state is State.REQUESTED


# --- restarts -----------------------------------------------------------------------------------------------


def drive(stage: Stage, state: State) -> int:
    """Bring the tank's request into a state."""
    number = ask(stage)
    if state is State.ACKNOWLEDGED:
        stage.services.supply.acknowledge(number, "aguas", "R")
    elif state is State.ESCALATED:
        stage.go(2400, every=60, tank_1__level=25.0)
    elif state is State.DELIVERING:
        stage.go(300, tank_1__level=lambda at: 25 + at / 10)
    elif state is State.DELIVERED:
        stage.go(600, tank_1__level=lambda at: 25 + at / 10)
        while kept_one(stage, number).state is State.DELIVERING:
            stage.go(10, tank_1__level=85.0)
    elif state is State.CANCELLED:
        stage.services.supply.cancel(number, "Eva")
    elif state is State.CLOSED:
        stage.services.supply.close(number, "Eva")
    assert kept_one(stage, number).state is state
    return number


@pytest.mark.parametrize("state", list(State))
def test_a_restart_keeps_every_state(stage, state):
    """After a restart a request stands as before, no second one is made, and nobody is told twice."""
    number = drive(stage, state)
    told = list(stage.post.kinds)
    stage.restart()
    stage.tick()
    found = stage.services.supply.tanks[KEY].request

    assert (found is None) == (state in {State.CANCELLED, State.CLOSED})
    assert found is None or (found.id, found.state) == (number, state)
    assert stage.post.kinds == told
    assert stage.state("tank-1/supply_state") == ("normal" if found is None else state)


@pytest.mark.parametrize(
    "state", [State.REQUESTED, State.ACKNOWLEDGED, State.ESCALATED, State.DELIVERING, State.DELIVERED]
)
def test_a_request_ends_after_a_restart(stage, state):
    """Whatever state it was in, a delivery after the restart closes it."""
    number = drive(stage, state)
    level = 85.0 if state is State.DELIVERED else 55.0 if state is State.DELIVERING else 25.0
    stage.restart()
    stage.go(120, tank_1__level=level)
    fill(stage, level, 90.0)
    stage.go(900, tank_1__level=90.0)

    assert kept_one(stage, number).state is State.CLOSED
    assert stage.post.kinds.count("supply.requested") == 1


def test_a_cancelled_request_is_remembered_by_the_next_process(stage):
    """Who said no is not asked again because barrio was started anew."""
    drive(stage, State.CANCELLED)
    stage.restart()
    stage.go(3600, every=60, tank_1__level=25.0)

    assert stage.post.kinds.count("supply.requested") == 1


def test_what_a_crash_kept_from_the_outbox_is_put_again(stage):
    """A request that is on disk and was not told is told after the start, under the same key."""
    number = ask(stage)
    stage.post.sent.clear()
    stage.restart()

    assert [(kind, key) for _, kind, _, key in stage.post.sent] == [
        ("supply.requested", f"supply/{number}/requested")
    ]


def test_a_tank_that_is_no_more_leaves_no_open_request(tmp_path):
    """A request of a tank that the files do not name any more is closed, and its number not given again."""
    stage = Stage(tmp_path, SUPPLY)
    number = ask(stage)
    stage.journal.close()
    other = Stage(tmp_path, SUPPLY.replace("on: tank-1", "on: tank-2"))
    other.go(120, tank_2__level=20.0)

    assert kept_one(other, number).state is State.CLOSED
    assert other.services.supply.open_request(number) is None
    assert open_one(other, "riverside/tank-2/water").id == number + 1


def test_history_tells_the_draw_from_the_start(stage):
    """With the level of the last hour from the store, hours left are known at the first reading."""
    [(series, seconds)] = stage.services.needs
    times = START - np.arange(3600, 0, -10, dtype=np.int64) * NS
    stage.services.warm(rows(series, times, np.linspace(90, 80, len(times))))
    before = stage.services.supply.tanks[KEY].left
    stage.go(10, tank_1__level=80.0)

    assert seconds == 3600
    assert isinstance(before, NotKnown)
    assert stage.said["tank-1/hours_left"] == pytest.approx(8.0, abs=0.3)


def test_a_tank_that_is_being_filled_does_not_ask(stage):
    """After a start in the middle of a delivery a level that is still low asks for nothing."""
    [(series, _)] = stage.services.needs
    times = START - np.arange(1800, 0, -10, dtype=np.int64) * NS
    levels = np.concatenate((np.full(100, 5.0), np.linspace(5, 22, 80)))
    stage.services.warm(rows(series, times, levels))
    stage.go(200, tank_1__level=lambda at: 22 + at * 7 / 200)

    assert stage.post.sent == []


def test_a_hundred_tanks_take_turns(tmp_path, monkeypatch):
    """Draws are estimated a few at a time, so that tanks that are polled together do not hold up the loop."""
    devices = "devices:\n" + "".join(
        f'  - {{id: tank-{number}, profile: tank, site: tower, endpoint: "pigeon://10.0.0.{number}"}}\n'
        for number in range(1, 101)
    )
    monkeypatch.setitem(FILES, "devices.yaml", devices)
    text = SUPPLY.replace("on: tank-1", "for: {kind: WaterTank}")
    stage = Stage(tmp_path, text)
    plain, seen = LevelWatch.refresh, []

    def noted(watch):
        seen.append(watch)
        plain(watch)

    monkeypatch.setattr(LevelWatch, "refresh", noted)
    for _ in range(5):
        stage.clock.move(31)
        stage.hear(**{f"tank_{number}__level": 80.0 for number in range(1, 101)})
    counts = []
    for _ in range(5):
        stage.clock.move(1)
        stage.tick()
        counts.append(len(seen))

    assert counts == [25, 50, 75, 100, 100]
    assert len(set(map(id, seen))) == 100


def test_a_refill_while_nobody_listened_is_noticed(stage):
    """The level before the stop and the one after the start tell of it."""
    [(series, _)] = stage.services.needs
    times = START - 86_400 * NS - np.arange(3600, 0, -10, dtype=np.int64) * NS
    stage.services.warm(rows(series, times, np.full(len(times), 40.0)))
    stage.go(1200, tank_1__level=90.0)

    assert [note[0] for note in stage.notes] == ["refill_noticed"]


# --- the past and the bounds --------------------------------------------------------------------------------


def test_the_past_is_told_as_it_was(stage):
    """At each moment a request stands as its steps until then say."""
    number = ask(stage)
    opened = stage.clock.now_ns()
    stage.clock.move(60)
    stage.services.supply.acknowledge(number, "aguas", "A-1")
    acknowledged = stage.clock.now_ns()
    fill(stage)
    stage.go(300, tank_1__level=90.0)
    standing = stage.journal.standing

    assert standing(START) == []
    assert [(one.state, one.reference) for one in standing(opened)] == [(State.REQUESTED, "")]
    assert [(one.state, one.reference) for one in standing(acknowledged)] == [(State.ACKNOWLEDGED, "A-1")]
    assert standing(stage.clock.now_ns()) == []


def test_memory_is_bounded_however_often_a_device_sends(stage):
    """A hundred readings a second for a long while leave no more than a few samples."""
    stage.go(7200, every=0.5, tank_1__level=lambda at: 90 - at / 3600)

    assert len(stage.services.supply.tanks[KEY].level) <= 300


def test_old_requests_go_but_not_the_newest(stage):
    """What has ended long ago is forgotten; the newest of a tank stays, so that no number is given twice."""
    first = drive(stage, State.CLOSED)
    stage.go(600, tank_1__level=80.0)
    second = ask(stage)
    stage.services.supply.close(second, "Eva")

    assert stage.journal.prune(stage.clock.now_ns() + 1) > 0
    assert stage.journal.requests.one(first) is None
    assert kept_one(stage, second).state is State.CLOSED


def test_a_gap_reason_is_told_with_an_escalation(stage):
    """Who is called out hears that nobody sees the level."""
    ask(stage)
    stage.silent("tank_1__level", Reason.NO_ANSWER)
    stage.go(2400, every=60)

    [body] = [body for _, kind, body, _ in stage.post.sent if kind == "supply.escalated"]
    assert "not acknowledged after 31 min" in body["text"]
    assert "the device does not answer" in body["text"]
