"""Who is told what, and what becomes of a flood."""

from tests.twin.alarms.stage import NS, lamps
from tests.twin.alarms.test_causes import names

OPS = "notify: [{id: ops, webhook: 'http://127.0.0.1:9/x'%s}]\n"
LOW = """\
alarms:
  - {id: low, on: tank-1, point: level, below: 20 %, priority: high, advice: 'fill {name} at {site}',
     dashboard: 'http://g/{device}'}
"""
OFF = "alarms: [{id: off, for: {kind: Streetlight}, point: power, is: off%s}]\n"


def test_what_a_channel_is_told(stage):
    """Raised and returned when it asks for nothing else, with all that a person needs."""
    found = stage(LOW + OPS % "", lamps(1))
    found.say("tank-1/level", 10.0)
    found.alarms.acknowledge(1, "ana")
    found.say("tank-1/level", 50.0)
    (channel, kind, body, key), second = found.outbox.put_in

    assert (channel, kind, key) == ("riverside/ops", "alarm.raised", f"alarm-1-raised-{found.changes[0].at}")
    assert (body["priority"], body["what"]) == ("high", "riverside/tank-1/level")
    assert (body["where"], body["site"]) == ("The tower", "tower")
    assert (body["text"], body["value"]) == ("level of tank-1 is 10 %, the limit is 20 %", "10 %")
    assert (body["advice"], body["link"]) == ("fill tank-1 at The tower", "http://g/tank-1")
    assert second[1] == "alarm.returned"


def test_a_channel_may_choose(stage):
    """By what happens, by priority, by rule."""
    found = stage(
        LOW
        + "notify:\n"
        + "  - {id: all, webhook: 'http://127.0.0.1:9/x', on: [acknowledged]}\n"
        + "  - {id: grave, webhook: 'http://127.0.0.1:9/x', priorities: [critical]}\n"
        + "  - {id: links, webhook: 'http://127.0.0.1:9/x', rules: [link-down]}\n"
    )
    found.say("tank-1/level", 10.0)
    found.alarms.acknowledge(1, "ana")

    assert [(channel, kind) for channel, kind, _, _ in found.outbox.put_in] == [
        ("riverside/all", "alarm.acknowledged")
    ]


def test_a_flood_is_a_few_notifications_and_a_digest(stage):
    """Two hundred alarms at once are as many notifications as a minute has room for, and one that counts the rest."""
    found = stage(OFF % "" + OPS % ", at_most: 20", lamps(200))
    found.say_all({f"{name}/power": float(found.states["off"]) for name in names(1, 200)})
    at_once = len(found.outbox.put_in)
    found.wait(61)
    _, kind, body, _ = found.outbox.put_in[-1]

    assert (at_once, len(found.outbox.put_in), kind) == (20, 21, "digest")
    assert (body["title"], body["count"], len(body["shown"])) == ("and 180 more", 180, 20)
    assert body["events"] == {"alarm.raised": 180}
    assert len(found.journal.standing()) == 200


def test_the_next_minute_has_room_again(stage):
    """After a digest, notifications go out one by one."""
    found = stage(OFF % "" + OPS % ", at_most: 2", lamps(5))
    for name in names(1, 5):
        found.say(f"{name}/power", "off")
    found.wait(61)
    found.say("lamp-1/power", "on")

    assert [kind for _, kind, _, _ in found.outbox.put_in] == [
        "alarm.raised",
        "alarm.raised",
        "digest",
        "alarm.returned",
    ]


def test_what_nobody_acknowledges_is_escalated_once(stage):
    """After the time that the rule says; not when somebody was there before."""
    found = stage(OFF % ", escalate: 15min" + OPS % ", on: [escalated]", lamps(2))
    found.say("lamp-1/power", "off")
    found.say("lamp-2/power", "off")
    found.alarms.acknowledge(found.standing()["off", "lamp-2"].number, "ana")
    found.wait(15 * 60 + 1)
    found.wait(3600)

    assert [(kind, body["what"]) for _, kind, body, _ in found.outbox.put_in] == [
        ("alarm.escalated", "riverside/lamp-1/power")
    ]


def test_suppressed_alarms_are_told_to_nobody_who_did_not_ask(stage):
    """One notification for a link, not one for each of its lamps."""
    links = {"gateway": [f"riverside/{name}" for name in names(1, 10)]}
    found = stage(
        "alarms: [{id: quiet, for: {kind: Streetlight}, silent: 2min}]\n" + OPS % "", lamps(10), links
    )
    found.say_all({f"{name}/power": float(found.states["on"]) for name in names(1, 10)})
    found.link("gateway", up=False)
    found.wait(10)
    [(_, _, body, _)] = found.outbox.put_in

    assert (body["rule"], body["count"]) == ("link-down", 10)


def test_shelving_is_said_with_its_end(stage):
    """Who put it aside, until when."""
    found = stage(LOW + OPS % ", on: [shelved]")
    found.say("tank-1/level", 10.0)
    found.alarms.shelve(1, found.clock.now_ns() + 3600 * NS, "ana", "painting")
    [(_, _, body, _)] = found.outbox.put_in

    assert (body["who"], body["comment"], body["until"]) == ("ana", "painting", "2026-09-21T15:13:20.000Z")
