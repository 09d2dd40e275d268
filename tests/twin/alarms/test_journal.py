"""What was done and how it stood: over restarts, at any moment, and after what is old was forgotten."""

import pytest

from tests.twin.alarms.stage import NS, START, staged
from tests.twin.model.folders import load, write
from twin.alarms.desk import NoSuchAlarm
from twin.alarms.states import NotPossible, State

LOW = "alarms: [{id: low, on: tank-1, point: level, below: 20 %}]\n"


@pytest.fixture
def low(tmp_path):
    """A stage with an alarm that was raised, and that is closed at the end whichever process it is by then."""
    found = staged(tmp_path, LOW)
    found.say("tank-1/level", 10.0)
    return found


def number(found):
    [standing] = found.alarms.standing()
    return standing.number


def test_an_alarm_survives_a_restart(low):
    """It is still active, acknowledged by whom it was, since when it was, and is not announced again."""
    low.alarms.acknowledge(number(low), "ana", "on my way")
    after = low.again()
    after.wait(5)
    [standing] = after.alarms.standing()
    after.close()

    assert (standing.state, standing.who, standing.comment) == (State.ACKNOWLEDGED, "ana", "on my way")
    assert (standing.since, standing.stale, after.changes) == (START, True, [])


def test_what_was_over_before_the_restart_returns_after_it(low):
    """The first value that is heard decides."""
    after = low.again()
    after.say("tank-1/level", 50.0)
    after.close()

    assert after.happened() == ["returned"]


def test_shelving_goes_on_over_a_restart(low):
    """Until the time that was said, on the clock that people read."""
    low.alarms.shelve(number(low), low.clock.now_ns() + 60 * NS, "ana", "painting")
    after = low.again()
    after.wait(59)
    before = after.state("low")
    after.wait(2)
    after.close()

    assert (before, after.state("low"), after.happened()) == ("shelved", "active", ["unshelved", "raised"])


def test_a_delay_begins_anew_after_a_restart(tmp_path):
    """What was not decided yet is decided from what is heard now."""
    found = staged(tmp_path, LOW.replace("20 %", "20 %, on_delay: 60s"))
    found.say("tank-1/level", 10.0)
    found.wait(50)
    after = found.again()
    after.say("tank-1/level", 10.0)
    after.wait(59)
    before = after.state("low")
    after.wait(1)
    after.close()

    assert (before, after.state("low")) == ("normal", "active")


def test_numbers_are_never_given_again(low):
    """The same alarm has the same number for ever, another one another."""
    first = number(low)
    low.say("tank-1/level", 50.0)
    low.alarms.acknowledge(first, "ana")
    low.journal.prune(low.clock.now_ns() + 10**18)
    after = low.again()
    after.say("tank-1/level", 10.0)
    again = number(after)
    after.close()

    assert (first, again) == (1, 1)


def test_how_it_stood_at_a_moment(low):
    """The past is asked for by its time; what was normal is not there."""
    low.wait(100)
    low.alarms.acknowledge(number(low), "ana")
    low.wait(100)
    low.say("tank-1/level", 50.0)
    low.wait(100)
    seen = {at: low.journal.standing(START + at * NS) for at in (-1, 0, 99, 100, 199, 200, 300)}
    low.close()

    assert {at: [str(one.state) for one in found] for at, found in seen.items()} == {
        -1: [],
        0: ["active"],
        99: ["active"],
        100: ["acknowledged"],
        199: ["acknowledged"],
        200: [],
        300: [],
    }
    assert seen[199][0].since == START


def test_what_is_old_is_forgotten_but_not_how_it_stood(low):
    """After the past was pruned, an alarm that lasts is still there, and still then."""
    low.wait(100)
    forgotten = low.journal.prune(START + 50 * NS)
    standing = low.journal.standing(START + 60 * NS)
    low.alarms.acknowledge(number(low), "ana")
    low.wait(100)
    more = low.journal.prune(START + 150 * NS)
    history = low.journal.history(0, START + 500 * NS, 10)
    low.close()

    assert (forgotten, [str(one.state) for one in standing]) == (0, ["active"])
    assert (more, [str(one.happening) for one in history]) == (1, ["acknowledged"])


def test_what_is_configured_no_more_is_over(low, tmp_path):
    """An alarm whose rule is gone is removed a minute after the start, when everything had time to come."""
    other = load(write(tmp_path / "other", {"alarms.yaml": LOW.replace("id: low", "id: other")}))
    after = low.again(other)
    after.wait(59)
    before = after.journal.standing()
    after.wait(2)
    now, history = after.journal.standing(), after.journal.of(1, 10)
    after.close()

    assert (len(before), now) == (1, [])
    assert [str(one.happening) for one in history] == ["removed", "raised"]


def test_what_people_do_is_on_record(low):
    """Who, what, when, why and the value of that time, the newest first."""
    one = number(low)
    low.alarms.acknowledge(one, "ana", "on my way")
    low.wait(10)
    low.alarms.shelve(one, low.clock.now_ns() + 3600 * NS, "luis", "cleaning")
    low.alarms.unshelve(one, "luis")
    rows = [(str(c.happening), str(c.after), c.who, c.comment) for c in low.journal.of(one, 10)]
    low.close()

    assert rows == [
        ("raised", "active", "", ""),
        ("unshelved", "normal", "luis", ""),
        ("shelved", "shelved", "luis", "cleaning"),
        ("acknowledged", "acknowledged", "ana", "on my way"),
        ("raised", "active", "", ""),
    ]


def test_what_cannot_be_done_says_why(low):
    """Every refusal is a sentence."""
    one, now = number(low), low.clock.now_ns()
    said = []
    for ask in (
        lambda: low.alarms.unshelve(one, "ana"),
        lambda: low.alarms.shelve(one, now - 1, "ana"),
        lambda: low.alarms.shelve(one, now + 31 * 86_400 * NS, "ana"),
        lambda: [low.alarms.acknowledge(one, "ana"), low.alarms.acknowledge(one, "luis")],
    ):
        with pytest.raises(NotPossible) as raised:
            ask()
        said.append(str(raised.value))
    with pytest.raises(NoSuchAlarm):
        low.alarms.acknowledge(99, "ana")
    low.close()

    assert said == [
        "alarm 1 is active: it is not shelved",
        "alarm 1 cannot be shelved until a time that is over",
        "alarm 1 cannot be shelved for more than 30 days",
        "alarm 1 is acknowledged by ana: there is nothing left to acknowledge",
    ]
