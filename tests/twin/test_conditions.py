from __future__ import annotations

from dataclasses import replace

import pytest

from twin.conditions import DeviceEvents
from twin.events import DeviceEvent

ALARM = DeviceEvent(
    "salinas/chiller",
    "AlarmConditionType",
    10,
    11,
    700,
    "Compressor",
    "too hot",
    "k1",
    active=True,
    acknowledged=False,
)
PLAIN = DeviceEvent("salinas/chiller", "AuditEventType", 12, 13, 100, "Server", "somebody logged in")


@pytest.fixture
def book(tmp_path):
    found = DeviceEvents(tmp_path / "devices.sqlite")
    found.open()
    yield found
    found.close()


def test_events_come_back_as_they_were_newest_first(book):
    """Every field is kept, also where there is none."""
    book.put([ALARM, PLAIN])

    assert book.events(0, 100, 10) == [PLAIN, ALARM]
    assert book.events(0, 13, 10) == [ALARM]
    assert book.events(0, 100, 1) == [PLAIN]


def test_a_condition_stands_as_its_newest_change_says(book):
    """A condition keeps its number through its changes, and is listed until it is over and acknowledged."""
    book.put([ALARM])
    [first] = book.ongoing(10)
    over = replace(ALARM, at=20, received=21, active=False)
    book.put([over])
    [second] = book.ongoing(10)
    book.put([replace(over, received=31, acknowledged=True)])

    assert (first.id, first.event) == (second.id, ALARM)
    assert second.event == over
    assert book.ongoing(10) == []
    assert book.condition(first.id).event.acknowledged


def test_the_gravest_condition_is_first(book):
    """The list is in the order in which a person should look."""
    book.put([replace(ALARM, key="mild", severity=200), ALARM])

    assert [found.event.key for found in book.ongoing(10)] == ["k1", "mild"]


def test_a_plain_event_is_no_condition(book):
    """Without a key nothing is ongoing."""
    book.put([PLAIN])

    assert book.ongoing(10) == []
    assert book.condition(1) is None


def test_old_events_are_forgotten_but_not_how_a_condition_stands(book):
    """An alarm of last year that still lasts is still an alarm."""
    book.put([ALARM, PLAIN])

    assert book.prune(100) == 1
    assert [found.event for found in book.ongoing(10)] == [ALARM]


def test_a_condition_that_is_over_is_forgotten_and_its_number_not_given_again(book):
    """Servers that name each alarm anew fill no disk, and an old number never names another's alarm."""
    over = replace(ALARM, active=False, acknowledged=True)
    book.put([replace(over, key=str(number)) for number in range(5)])
    kept = book.prune(11)
    gone = book.prune(12)
    book.put([ALARM])

    assert (kept, gone) == (0, 5)
    assert [book.condition(number) for number in range(1, 6)] == [None] * 5
    assert [found.id for found in book.ongoing(10)] == [6]
