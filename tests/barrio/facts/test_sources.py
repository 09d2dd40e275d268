"""The journals as they are read: rows of their own for what happens at one moment, and few for what flaps."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from barrio.facts.alarms import AlarmSource
from barrio.facts.commands import CommandSource
from barrio.facts.devices import AGAIN_S, Devices
from barrio.facts.events import EventSource
from barrio.facts.gaps import GapSource
from barrio.facts.places import Places, tag
from barrio.facts.requests import RequestSource
from barrio.facts.source import sentence
from barrio.facts.teller import _DROPPED
from twin.alarms.alarm import Key
from twin.alarms.change import Change
from twin.alarms.journal import Journal
from twin.alarms.states import Happening, State
from twin.audit import Audit
from twin.facts import MEASUREMENTS, NOTHING
from twin.ledger import MOST_TOUCHED, Ledger
from twin.quality import Reason
from twin.services.journal import ServiceJournal
from twin.services.request import Request, Step
from twin.services.request import State as RequestState
from twin.store.lineprotocol import line_of

S = 1_000_000_000
T0 = 1_800_000_000 * S
HERE = SimpleNamespace(lat=1.0, lon=2.0)


def device(name, site="house", location=None):
    """Return a stand-in for a device: what is asked of one here."""
    return SimpleNamespace(
        id=name, district="d", site=site, name=name.title(), kind="Thing", location=location
    )


def bound(name, *ids, **more):
    """Return a stand-in for a bound device with these series."""
    points = tuple(SimpleNamespace(id=one, point=SimpleNamespace(readable=True)) for one in ids)
    return SimpleNamespace(device=device(name, **more), points=points)


@pytest.fixture
def places():
    """A district of two devices."""
    sites = {
        "house": SimpleNamespace(location=None, within="town"),
        "town": SimpleNamespace(location=SimpleNamespace(lat=5.0, lon=6.0), within=None),
        "yard": SimpleNamespace(location=None, within=None),
    }
    devices = {"a": device("a"), "b": device("b", "yard")}
    district: Any = SimpleNamespace(
        id="d", devices=devices, sites=sites, location=HERE, retention_raw_s=None, zone=None
    )
    return Places([district])


@pytest.fixture
def opened(tmp_path):
    """Open a book in the folder of the test, closed at its end."""
    made = []

    def open_book(kind, name="book.sqlite"):
        made.append(kind(tmp_path / name))
        made[-1].open()
        return made[-1]

    yield open_book
    for one in made:
        one.close()


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self):
        self.now = T0

    def now_ns(self):
        return self.now

    def monotonic_s(self):
        return self.now / S


def keys(facts):
    """Return what a database tells rows apart by."""
    return {(fact.measurement, tuple(sorted(fact.tags.items())), fact.time) for fact in facts}


def all_of(source, limit=700):
    """Return what a source tells in portions, from the beginning to its end."""
    cursor, found, more = "", [], True
    while more:
        portion = source.read(cursor, limit)
        source.told()
        found += portion.facts
        cursor, more = portion.cursor, portion.more
    assert not source.read(cursor, limit).facts
    for fact in found:
        known = MEASUREMENTS[fact.measurement]
        assert fact.tags.keys() == set(known.tags)
        assert fact.fields.keys() <= known.fields.keys()
        assert line_of(fact)
    return found


# --- events of one moment -----------------------------------------------------------------------------------


def change(number, before=State.NORMAL, after=State.ACTIVE, happening=Happening.RAISED, **more):
    """Return a step of an alarm of the device `a` at one moment."""
    key = Key("d", f"rule-{number}", "a")
    facts: dict[str, Any] = {
        "active": True,
        "raised": T0,
        "priority": "high",
        "what": "d/a/level",
        "words": "too low",
    }
    return Change(number, key, T0, happening, before, after, **facts | more)


def alarm_source(journal, places) -> Any:
    alarms: Any = SimpleNamespace(register=SimpleNamespace(all=SimpleNamespace(places={})))
    return AlarmSource(journal, alarms, places)


def test_alarms_of_one_moment_are_rows_of_their_own(opened, places):
    """Two thousand alarms of a device and a priority that are raised at once are as many events."""
    journal = opened(Journal)
    journal.put([change(number) for number in range(1, 2_001)])

    events = [fact for fact in all_of(alarm_source(journal, places)) if fact.measurement == "barrio_events"]

    assert len(keys(events)) == len(events) == 2_000
    assert max(fact.time for fact in events) - T0 < S // 100


def test_what_an_alarm_explains_is_one_event_with_their_number(opened, places):
    """A link that is lost suppresses hundreds: nobody scrolls past them, the count and the cause are told."""
    journal = opened(Journal)
    hidden = {"after": State.SUPPRESSED, "happening": Happening.SUPPRESSED, "cause": 7}
    journal.put([change(7), *(change(number, **hidden) for number in range(100, 400))])

    portion = alarm_source(journal, places).read("", 5_000)
    events = [fact for fact in portion.facts if fact.measurement == "barrio_events"]

    assert [fact.fields["title"] for fact in events] == ["raised: too low", "300 alarms suppressed"]
    assert events[1].fields["text"] == "300 alarms suppressed because of alarm 7."
    assert portion.folded == 299
    assert sum(fact.measurement == "barrio_alarms" for fact in portion.facts) == 1


def test_an_alarm_that_gets_a_cause_stands_no_more(opened, places):
    """Whoever counts what stands does not count it twice."""
    journal = opened(Journal)
    journal.put([change(7), change(7, State.ACTIVE, State.SUPPRESSED, Happening.SUPPRESSED, cause=3)])

    rows = [fact for fact in all_of(alarm_source(journal, places)) if fact.measurement == "barrio_alarms"]

    assert [fact.fields["standing"] for fact in rows] == [1, 0]


@pytest.mark.parametrize("cursor", ["99", ""])
def test_a_journal_that_began_anew_is_told_from_its_beginning(opened, places, cursor):
    """A cursor behind its end is that of another journal."""
    journal = opened(Journal)
    journal.put([change(1), change(2)])

    portion = alarm_source(journal, places).read(cursor, 5_000)

    assert portion.cursor == "2"
    assert len(portion.facts) == 4


# --- the platform's own -------------------------------------------------------------------------------------


def test_an_event_is_told_where_it_belongs(opened, places):
    """That of a link to the districts that it reads, that of an owner to its device, others to all districts."""
    ledger = opened(Ledger)
    ledger.event("link_down", T0, "no route to host", "modbus://1")
    ledger.event("refill_noticed", T0, "it rose", "d/a/water")
    ledger.event("platform_started", T0, "")
    ledger.event("supply_escalated", T0, "told as a step of its request", "d/a/water")
    ledger.event("link_up", T0, "", "modbus://2")

    links = {"modbus://1": ("d",), "modbus://2": ()}
    facts = all_of(EventSource(ledger, links, places))

    assert [(fact.fields["what"], fact.tags["device"]) for fact in facts] == [
        ("link_down", NOTHING),
        ("refill_noticed", "a"),
        ("platform_started", NOTHING),
    ]
    assert facts[0].fields["title"] == "link modbus://1 is down"
    assert facts[0].fields["text"] == "Link modbus://1 is down: no route to host."
    assert len(keys(facts)) == 3


# --- commands -----------------------------------------------------------------------------------------------


@pytest.fixture
def audit(tmp_path):
    """An audit log with a command that was asked for and sent."""
    found = Audit(tmp_path / "audit.log")
    found.open()
    yield found
    found.close()


def step(name, number=1, **more):
    """Return an entry of the audit log."""
    return {"at": "2027-01-15T08:00:00.000001Z", "step": name, "id": number, "path": "d/a/pump", **more}


def test_the_audit_log_is_told_from_where_it_was_told(audit, places):
    """Line by line; what is appended later follows, steps of one microsecond are rows of their own."""
    audit.append([step("accepted", value="on", who="ana", why="dry"), step("sending", value="on", who="ana")])
    source = CommandSource(audit.path, {}, places)
    first = source.read("", 10)
    audit.append([step("confirmed", value="on", who="ana", shown="on"), {**step("started"), "path": ""}])
    second = source.read(first.cursor, 10)
    facts = [*first.facts, *second.facts]

    assert [fact.fields["what"] for fact in facts] == ["accepted", "sending", "confirmed", "started"]
    assert facts[0].fields["text"] == "Command 1: A, pump on: asked for (ana: dry)."
    assert facts[2].fields["text"] == "Command 1: A, pump on: read back (ana), it shows on."
    assert facts[3].tags["device"] == NOTHING
    assert len({fact.time for fact in facts}) == 4
    assert not source.read(second.cursor, 10).facts


def test_a_log_that_begins_anew_is_told_from_its_beginning(audit, places, tmp_path):
    """The one before was moved aside, longer or shorter than the new one."""
    audit.append([step("accepted"), step("sending")])
    source = CommandSource(audit.path, {}, places)
    long, short = source.read("", 10).cursor, source.read("", 1).cursor
    audit.close()
    audit.path.rename(tmp_path / "aside")
    audit.path.with_name("audit.head").unlink()
    other = Audit(audit.path)
    other.open()
    other.append([step("refused", words="no")])
    try:
        for cursor in (long, short):
            assert [fact.fields["what"] for fact in source.read(cursor, 10).facts] == ["refused"], cursor
    finally:
        other.close()


def test_a_line_that_cannot_be_read_is_passed(audit, places):
    """It is not told, and what follows it is."""
    audit.append([step("accepted")])
    with audit.path.open("ab") as file:
        file.write(
            b'not json\n{"n": 2}\n{"n": 2, "at": 5, "step": "no"}\n'
            + json.dumps(step("sending") | {"n": 2}).encode()
            + b"\n"
        )
    source, cursor, said = CommandSource(audit.path, {}, places), "", []
    for _ in range(4):
        portion = source.read(cursor, 10)
        said += [fact.fields["what"] for fact in portion.facts]
        cursor = portion.cursor

    assert said == ["accepted", "sending"]


# --- requests -----------------------------------------------------------------------------------------------


def request(number, *states):
    """Return a request that went through these states."""
    steps = tuple(Step(T0 + at, state, "aguas", str(state)) for at, state in enumerate(states))
    return Request(
        number,
        "d/a/water",
        "aguas",
        "water",
        T0,
        T0 + S,
        "low",
        20.0,
        95.0,
        45,
        (3.0, 2.0, 4.0),
        states[-1],
        steps=steps,
    )


def test_the_steps_of_a_request_are_told_once(opened, places):
    """An open one is looked at again, one that ended is not; the row of its last step says that it is not open."""
    journal = opened(ServiceJournal)
    source = RequestSource(journal, places)
    journal.requests.put(request(1, RequestState.REQUESTED))
    first = source.read("", 10)
    journal.requests.put(request(1, RequestState.REQUESTED, RequestState.ACKNOWLEDGED, RequestState.CLOSED))
    journal.requests.put(request(2, RequestState.REQUESTED))
    second = source.read(first.cursor, 10)

    told = [(fact.fields["number"], fact.fields["what"]) for fact in second.facts if "priority" in fact.tags]
    rows = [
        (fact.tags["number"], fact.fields["open"]) for fact in second.facts if "priority" not in fact.tags
    ]

    assert [fact.fields.get("hours_left") for fact in first.facts] == [None, 3.0]
    assert told == [(1, "acknowledged"), (1, "closed"), (2, "requested")]
    assert rows == [("1", 1), ("1", 0), ("2", 1)]
    assert json.loads(second.cursor) == {"floor": 2, "open": {"2": 1}}
    assert len(keys(all_of(RequestSource(journal, places)))) == 8


# --- gaps ---------------------------------------------------------------------------------------------------


def test_a_gap_of_all_points_is_one_row_and_ends_as_one(opened):
    """Told when it begins, when the last point is heard again, and when its readings were read later."""
    ledger, clock = opened(Ledger), Clock()
    source = GapSource(ledger, [bound("a", 1, 2, 3), bound("b", 4)], 5, clock)
    assert not source.read("", 100).facts
    ledger.open_gaps([1, 2, 3], T0 + S, Reason.LINK_DOWN, "refused")
    ledger.open_gaps([4], T0 + 2 * S, Reason.SILENT)
    clock.now += 60 * S

    def read():
        found = source.read(str(T0), 100).facts
        source.told()
        return [
            (
                one.tags["device"],
                one.fields["open"],
                one.fields["points"],
                one.fields["seconds"],
                one.fields["filled"],
            )
            for one in found
        ]

    assert read() == [("a", 1, 3, 59.0, 0), ("b", 1, 1, 58.0, 0)]
    ledger.close_gaps([1, 2], T0 + 30 * S)
    assert read() == [("a", 1, 3, 59.0, 0)]
    ledger.close_gaps([3], T0 + 40 * S)
    assert read() == [("a", 0, 3, 39.0, 0)]
    ledger.fill([1, 2, 3], T0, T0 + 100 * S)
    assert read() == [("a", 0, 3, 39.0, 1)]
    assert read() == []


def test_points_that_flap_make_a_row_and_are_counted(opened):
    """A hundred gaps within ten seconds are one row; what is in it beyond the first is said to be folded."""
    ledger, clock = opened(Ledger), Clock()
    source = GapSource(ledger, [bound("a", 1)], 2, clock)
    source.read("", 100)
    for number in range(100):
        at = T0 + number * S // 20
        ledger.open_gaps([1], at, Reason.OUT_OF_RANGE)
        ledger.close_gaps([1], at + 10)

    portion = source.read(str(T0), 100)

    assert len(portion.facts) == 1
    assert portion.folded == 99
    assert portion.facts[0].fields["points"] == 1
    assert portion.facts[0].fields["open"] == 0


def test_a_gap_that_lasted_no_time_is_taken_back(opened):
    """The ledger forgets it; the row that was told says that nothing was missing."""
    ledger, clock = opened(Ledger), Clock()
    source = GapSource(ledger, [bound("a", 1)], 2, clock)
    source.read("", 100)
    ledger.open_gaps([1], T0, Reason.SILENT)
    assert source.read(str(T0), 100).facts[0].fields["open"] == 1
    source.told()
    ledger.close_gaps([1], T0)

    [fact] = source.read(str(T0), 100).facts

    assert (fact.fields["open"], fact.fields["points"], fact.fields["seconds"]) == (0, 0, 0.0)


def test_a_start_tells_what_changed_since_the_last_acknowledgement(opened):
    """What lasts, what began and what ended since; nothing of what had been over for long."""
    ledger, clock = opened(Ledger), Clock()
    ledger.open_gaps([1], T0 - 8_000 * S, Reason.SILENT)
    ledger.close_gaps([1], T0 - 7_000 * S)
    ledger.open_gaps([2], T0 - 9_000 * S, Reason.LINK_DOWN)
    ledger.open_gaps([3], T0 - 6_000 * S, Reason.NO_ANSWER)
    ledger.close_gaps([3], T0 - 50 * S)
    source = GapSource(ledger, [bound("a", 1), bound("b", 2), bound("c", 3)], 4, clock)

    facts = source.read(str(T0 - 100 * S), 100).facts

    assert [(one.tags["device"], one.fields["open"]) for one in facts] == [("b", 1), ("c", 0)]


def test_more_changes_than_are_remembered_are_found_in_the_file(opened, monkeypatch):
    """While the database is away nothing grows without bound: afterwards the ledger is looked through."""
    monkeypatch.setattr("twin.ledger.MOST_TOUCHED", 10)
    ledger, clock = opened(Ledger), Clock()
    source = GapSource(ledger, [bound("a", *range(1, 21))], 21, clock)
    source.read("", 100)
    for number in range(1, 21):
        ledger.open_gaps([number], T0 + number * 20 * S, Reason.SILENT)
    clock.now += 1_000 * S

    facts = source.read(str(T0), 100).facts

    assert len(facts) == 20
    assert MOST_TOUCHED > 10


def test_a_portion_that_was_not_acknowledged_is_told_again(opened):
    """The database was away between: the same rows come, and the cursor stands until they are told."""
    ledger, clock = opened(Ledger), Clock()
    source = GapSource(ledger, [bound("a", 1)], 2, clock)
    source.read("", 100)
    ledger.open_gaps([1], T0, Reason.SILENT)

    assert source.read(str(T0), 100).facts == source.read(str(T0), 100).facts != []


# --- how devices are ----------------------------------------------------------------------------------------


def devices_of(places, *bounds, links=()):
    size = 1 + max(item.id for one in bounds for item in one.points)
    live: Any = SimpleNamespace(received=np.full(size, T0, np.int64))
    gaps: Any = SimpleNamespace(reason=np.zeros(size, np.uint8), words={})
    settler: Any = SimpleNamespace(skew=np.zeros(size, np.int64))
    return Devices(bounds, places, live, gaps, settler, links), live, gaps, settler


def test_only_what_changed_is_told(places):
    """At first all, then those that changed, and each once in five minutes."""
    found, _, gaps, settler = devices_of(places, bound("a", 1, 2), bound("b", 3, site="yard"))
    rows = found.look((), 0.0)
    assert rows.tolist() == [0, 1]
    found.told(rows, 0.0)
    assert not len(found.look((), 1.0))
    gaps.reason[3], gaps.words[3], settler.skew[3] = Reason.NO_ANSWER, "timeout", -3 * S

    [fact] = found.facts(found.look((), 2.0), T0 + 5 * S)

    assert fact.tags == {"district": "d", "site": "yard", "device": "b"}
    assert (fact.fields["up"], fact.fields["state"]) == (0, "no_answer")
    assert fact.fields["words"] == "the device does not answer (timeout)"
    assert (fact.fields["silent_s"], fact.fields["skew_s"]) == (5.0, -3.0)
    assert (fact.fields["lat"], fact.fields["lon"]) == (1.0, 2.0)
    assert sorted(found.look((), AGAIN_S + 1.0).tolist()) == [0, 1]


def test_a_device_of_which_some_points_are_silent_is_up(places):
    """It says how many and why; its place is that of the site around its own."""
    found, _, gaps, _ = devices_of(places, bound("a", 1, 2))
    gaps.reason[2] = Reason.OUT_OF_RANGE

    [fact] = found.facts(found.look(["d/a", "d/a", "d/other"], 0.0), T0)

    assert (fact.fields["up"], fact.fields["state"], fact.fields["alarms"]) == (1, "partly", 2)
    assert fact.fields["words"] == "1 of 2 points: outside the plausible range of its quantity"
    assert (fact.fields["lat"], fact.fields["lon"]) == (5.0, 6.0)


def test_a_device_of_commands_only_is_as_its_link(places):
    """Nothing of it can be heard."""
    link = SimpleNamespace(owners=("d/b",), up=False, words="refused")
    found, *_ = devices_of(places, bound("a", 1), bound("b"), links=[link])

    facts = found.facts(found.look((), 0.0), T0)

    assert [(one.fields["up"], one.fields["state"]) for one in facts] == [(1, "up"), (0, "link_down")]
    assert facts[1].fields["words"] == "the link to the device is down (refused)"


# --- words --------------------------------------------------------------------------------------------------


def test_words_and_tags():
    """Sentences begin and end as such; what a tag cannot carry is replaced."""
    assert sentence("it rose") == "It rose."
    assert sentence("Is it?") == "Is it?"
    assert (tag("a\\b"), tag(""), tag("x\ny")) == ("a/b", NOTHING, "x\ufffdy")


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("answered 400: partial write: points beyond retention policy dropped=12", "12"),
        ("answered 400: partial write of line protocol occurred", None),
    ],
)
def test_of_a_partial_write_the_others_are_stored(words, count):
    """InfluxDB says how many it left out; 3 Core does not."""
    found = _DROPPED.search(words)

    assert found is not None
    assert found["count"] == count
    assert _DROPPED.search("answered 400: unable to parse") is None
