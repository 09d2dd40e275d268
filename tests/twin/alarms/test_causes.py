"""One fault is one alarm: links, gateways, feeders and groups stand for what hangs below them."""

import time
import tracemalloc

import pytest

from tests.twin.alarms.stage import DISTRICT, lamps
from twin.quality import Reason

SILENT = """\
alarms:
  - {id: lamp-silent, for: {kind: Streetlight}, silent: 2min%s}
"""
CABINET = """\
  - id: cabinet-silent
    for: {kind: Cabinet}
    silent: 2min
    explains: {rules: [lamp-silent], through: controls}
"""
TANK = (
    "  - {id: tank-silent, on: tank-1, silent: 2min, explains: {rules: [cabinet-silent], through: feeds}}\n"
)
TOGETHER = ", together: {through: controls, at_least: 3, share: 0.9}"
LINK = "pigeon://10.0.1.1:1977"


def names(first, last):
    return [f"lamp-{number}" for number in range(first, last + 1)]


def hear(found, *owners):
    """Let devices say something."""
    first = {"lamp": "power", "cabi": "load", "tank": "level"}
    found.say_all({f"{owner}/{first[owner[:4]]}": 1.0 for owner in owners})


@pytest.fixture
def street(stage):
    """A function that makes a street of lamps behind one link, all of them heard once."""

    def make(alarms, count=10, cabinets=1, linked=True):
        links = {LINK: [f"{DISTRICT}/{name}" for name in names(1, count)]} if linked else {}
        found = stage(alarms, lamps(count, cabinets), links)
        hear(found, *names(1, count), *(f"cabinet-{one}" for one in range(1, cabinets + 1)), "tank-1")
        return found

    return make


def test_a_link_that_is_down_is_one_alarm(street):
    """All lamps behind it are suppressed and counted; nobody is told of them."""
    found = street(SILENT % "")
    found.link(LINK, up=False)
    found.wait(5)
    alarm = found.standing()["link-down", LINK]

    assert found.announced() == [("link-down", LINK)]
    assert (alarm.count, alarm.priority) == (10, "high")
    assert alarm.words == f"the link {LINK} is down, 10 devices cannot be read: no route"
    assert found.state("lamp-silent", "lamp-7") == "suppressed"
    assert found.standing()["lamp-silent", "lamp-7"].cause == alarm.number


def test_a_link_that_drops_for_a_moment_is_none(street):
    """What is back within the link's delay was nothing."""
    found = street(SILENT % "")
    found.link(LINK, up=False)
    found.wait(1)
    found.link(LINK, up=True)
    hear(found, *names(1, 10))
    found.wait(60)

    assert found.changes == []


def test_when_the_link_is_back_nobody_was_silent(street):
    """Suppressed alarms end without a word; the link's alarm waits for somebody who has seen it."""
    found = street(SILENT % "")
    found.link(LINK, up=False)
    found.wait(5)
    found.link(LINK, up=True)
    hear(found, *names(1, 10))
    found.wait(60)

    assert found.announced() == [("link-down", LINK)]
    assert found.state("link-down", LINK) == "returned"
    assert found.state("lamp-silent", "lamp-7") == "normal"


def test_what_stays_silent_after_its_cause_comes_forward(street):
    """A lamp that does not come back with its link has an alarm of its own, after a while."""
    found = street(SILENT % "")
    found.link(LINK, up=False)
    found.wait(5)
    found.link(LINK, up=True)
    hear(found, *names(2, 10))
    found.wait(9)
    before = found.state("lamp-silent", "lamp-1")
    found.wait(2)

    assert (before, found.state("lamp-silent", "lamp-1")) == ("suppressed", "active")
    assert found.announced() == [("link-down", LINK), ("lamp-silent", "lamp-1")]


def test_a_cause_that_comes_late_still_suppresses(street):
    """Alarms that were announced before are suppressed when their cause is known, and come back if they outlast it."""
    found = street(SILENT % "" + CABINET, linked=False)
    found.lose(names(1, 10), Reason.NO_ANSWER)
    found.wait(10)
    before = len(found.announced())
    found.lose(["cabinet-1"])
    found.wait(1)

    assert before == 10
    assert found.announced()[10:] == [("cabinet-silent", "cabinet-1")]
    assert found.state("lamp-silent", "lamp-3") == "suppressed"
    assert found.standing()["cabinet-silent", "cabinet-1"].count == 10


def test_what_may_have_a_cause_waits_for_it(street):
    """Lamps that fall silent a moment before their cabinet are never announced."""
    found = street(SILENT % "" + CABINET, linked=False)
    found.lose(names(1, 10), Reason.NO_ANSWER)
    found.wait(2.5)
    found.lose(["cabinet-1"])
    found.wait(60)

    assert found.announced() == [("cabinet-silent", "cabinet-1")]


def test_what_has_no_cause_to_wait_for_does_not_wait(street):
    """A cabinet that nothing explains is announced at once."""
    found = street(SILENT % "" + CABINET, linked=False)
    found.lose(["cabinet-1"])
    found.wait(0.25)

    assert found.announced() == [("cabinet-silent", "cabinet-1")]


def test_a_chain_of_causes_is_one_alarm_with_all_of_them(street):
    """The last cause in the chain counts what hangs below at any depth."""
    found = street(SILENT % "" + CABINET + TANK, count=10, cabinets=2, linked=False)
    found.lose([*names(1, 10), "cabinet-1", "cabinet-2", "tank-1"])
    found.wait(10)
    [alarm] = [one for one in found.alarms.standing() if one.state != "suppressed"]

    assert found.announced() == [("tank-silent", "tank-1")]
    assert alarm.count == 12


def test_many_below_one_parent_are_one_alarm(street):
    """Where nothing says that the cabinet failed, enough of its lamps say it together."""
    found = street(SILENT % TOGETHER, linked=False)
    found.lose(names(1, 9), Reason.NO_ANSWER)
    found.wait(5)
    alarm = found.standing()["lamp-silent/together", "cabinet-1"]

    assert found.announced() == [("lamp-silent/together", "cabinet-1")]
    assert (alarm.words, alarm.count) == ("9 of 10 below cabinet-1 are silent", 9)
    assert found.state("lamp-silent", "lamp-9") == "suppressed"


def test_too_few_stay_alarms_of_their_own(street):
    """Eight of ten are less than the share that was asked for."""
    found = street(SILENT % TOGETHER, linked=False)
    found.lose(names(1, 8), Reason.NO_ANSWER)
    found.wait(5)

    assert found.announced() == [("lamp-silent", name) for name in names(1, 8)]


def test_the_last_lamps_of_a_group_join_it(street):
    """Alarms that were announced one by one are suppressed once there are enough for one."""
    found = street(SILENT % TOGETHER, linked=False)
    found.lose(names(1, 2), Reason.NO_ANSWER)
    found.wait(10)
    found.lose(names(3, 10), Reason.NO_ANSWER)
    found.wait(10)

    assert found.announced() == [
        ("lamp-silent", "lamp-1"),
        ("lamp-silent", "lamp-2"),
        ("lamp-silent/together", "cabinet-1"),
    ]
    assert found.state("lamp-silent", "lamp-1") == "suppressed"


def test_a_group_whose_members_have_a_cause_is_none(street):
    """Where the link is down, the cabinet is not to blame: one alarm, that of the link."""
    found = street(SILENT % TOGETHER)
    found.link(LINK, up=False)
    found.wait(30)

    assert found.announced() == [("link-down", LINK)]
    assert found.standing()["link-down", LINK].count == 11
    assert found.state("lamp-silent/together", "cabinet-1") == "suppressed"


def test_a_group_above_groups_stands_for_all(stage):
    """Three cabinets of which all lamps are silent are one alarm at what feeds them."""
    rule = ", together: {through: feeds, at_least: 3}"
    found = stage(SILENT % rule, lamps(12, 3, "feeds"))
    hear(found, *names(1, 12))
    found.lose(names(1, 12), Reason.NO_ANSWER)
    found.wait(5)
    states = {owner: found.state("lamp-silent/together", owner) for owner in ("tank-1", "cabinet-2")}

    assert found.announced() == [("lamp-silent/together", "tank-1")]
    assert states == {"tank-1": "active", "cabinet-2": "suppressed"}


def test_one_group_of_several_stands_for_itself(stage):
    """One cabinet of three is an alarm at that cabinet, not at what feeds all."""
    rule = ", together: {through: feeds, at_least: 3}"
    found = stage(SILENT % rule, lamps(12, 3, "feeds"))
    hear(found, *names(1, 12))
    found.lose(["lamp-1", "lamp-4", "lamp-7", "lamp-10"], Reason.NO_ANSWER)
    found.wait(5)

    assert found.announced() == [("lamp-silent/together", "cabinet-1")]


@pytest.mark.parametrize(
    ("through", "subject"), [("site", "street"), ("host", "10.0.1.1"), ("endpoint", "10.0.1.1:1977")]
)
def test_what_devices_have_in_common(street, through, subject):
    """A group is made by a relation, the site, or the address that its members are dialled at."""
    found = street(SILENT % f", together: {{through: {through}}}", linked=False)
    found.lose(names(1, 10), Reason.NO_ANSWER)
    found.wait(5)

    assert found.announced() == [("lamp-silent/together", subject)]


def test_the_link_of_one_device_needs_no_alarm_of_its_own(stage):
    """The device's silence says it already; a device without such a rule has the link's alarm."""
    links = {"one": [f"{DISTRICT}/lamp-1"], "two": [f"{DISTRICT}/tank-1"]}
    found = stage(SILENT % "", None, links)
    hear(found, "lamp-1", "tank-1")
    found.link("one", up=False, words="no route")
    found.link("two", up=False)
    found.wait(5)

    assert found.announced() == [("lamp-silent", "lamp-1"), ("link-down", "two")]
    assert found.changes[0].words == "lamp-1 is not heard: the link to the device is down (no route)"


def test_a_feeder_explains_links(stage):
    """Where power fails, the gateways behind it go too."""
    links = {LINK: [f"{DISTRICT}/{name}" for name in names(1, 10)]}
    rule = (
        "alarms:\n  - {id: dark, on: tank-1, point: level, below: 10 %, "
        "explains: {rules: [link-down], through: [feeds, controls]}}\n"
    )
    found = stage(rule, lamps(10), links)
    found.say("tank-1/level", 5.0)
    found.link(LINK, up=False)
    found.wait(10)

    assert found.announced() == [("dark", "tank-1")]
    assert found.state("link-down", LINK) == "suppressed"


def test_links_that_nobody_announced_before_get_alarms_when_they_speak(stage):
    """A link may come when the platform runs already."""
    found = stage(SILENT % "", lamps(10))
    hear(found, *names(1, 10))
    found.links = {LINK: [f"{DISTRICT}/{name}" for name in names(1, 10)]}
    found.link(LINK, up=False)
    found.wait(5)

    assert found.announced() == [("link-down", LINK)]


def test_five_thousand_devices_are_one_alarm_within_five_seconds(street):
    """The work is linear and the memory flat."""
    count = 5_000
    found = street(SILENT % TOGETHER, count, 50)
    found.wait(1)
    tracemalloc.start()
    begun = time.process_time()
    found.link(LINK, up=False)
    found.wait(5)
    used = time.process_time() - begun
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found.announced() == [("link-down", LINK)]
    assert found.standing()["link-down", LINK].count == count + 50
    assert peak < 40e6
    assert used < 30


def test_a_shelved_cause_still_explains(street):
    """Who put the link aside does not want four hundred lamps instead."""
    found = street(SILENT % "")
    found.link(LINK, up=False)
    found.wait(5)
    number = found.standing()["link-down", LINK].number
    found.alarms.shelve(number, found.clock.now_ns() + 3600 * 10**9, "ana")
    found.wait(30)

    assert found.announced() == [("link-down", LINK)]
