from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from connectors.conformance.recording import bind, device
from connectors.opcua import connector
from connectors.opcua.subscription import Subscription, confirm_period_s, items_of
from tests.connectors.opcua.sinks import PatientSink
from twin.quality import Reason

S = 1_000_000_000
NOW = 1_800_000_000 * S
BAD_SENSOR = 0x808C_0000


def _subscription(*names, **options):
    points = {name: {"node": f"ns=1;s={name}"} for name in names}
    one = device(connector, "opc.tcp://h", points, poll_s=1, options=options)
    (items,) = items_of([bind(one, first=40)]).values()
    return Subscription(items)


def _readings(frame):
    sink = PatientSink()
    if frame is not None:
        sink.offer(frame)
    return [(reading.id, reading.value, reading.reason, reading.time) for reading in sink.readings()]


def test_items_are_grouped_by_publishing_interval():
    """Devices that want other publishing intervals get subscriptions of their own."""
    fast, slow = (
        bind(device(connector, "opc.tcp://h", {"a": {"node": "ns=1;i=1"}}, options={"publishing": period}))
        for period in ("1s", "10s")
    )

    assert {period: len(items) for period, items in items_of([fast, slow, fast]).items()} == {1.0: 2, 10.0: 1}


def test_one_response_is_one_frame():
    """All changes of a publish response travel together, each with its own time."""
    frame = _subscription("a", "b").take([(1, 5.0, 0, NOW - S), (0, 0.0, 0, 0)], NOW)

    assert frame.quality is None
    assert _readings(frame) == [(41, 5.0, Reason.GOOD, NOW - S), (40, 0.0, Reason.GOOD, 0)]


def test_a_handle_of_somebody_else_is_not_taken():
    """A notification for a handle that was never given changes nothing."""
    assert _subscription("a").take([(7, 5.0, 0, NOW)], NOW) is None


@pytest.mark.parametrize(("source", "kept"), [(NOW - S, 0), (NOW - 2 * S, 0), (NOW, NOW)])
def test_a_bad_status_does_not_overwrite_the_last_good_value(source, kept):
    """A status that turns bad under the time of the last value counts from its receipt."""
    subscription = _subscription("a")
    subscription.take([(0, 5.0, 0, NOW - S)], NOW)

    ((_, value, reason, time),) = _readings(subscription.take([(0, 5.0, BAD_SENSOR, source)], NOW))

    assert np.isnan(value)
    assert (reason, time) == (Reason.BAD_STATUS, kept)


def test_an_unchanged_value_is_confirmed_by_a_response():
    """A response without news proves the last value up to its publish time less the sampling interval."""
    subscription = _subscription("a")
    subscription.take([(0, 5.0, 0, NOW - 3600 * S)], NOW)

    assert subscription.confirm(NOW, NOW) is None
    later = NOW + 10 * S
    assert _readings(subscription.confirm(later, later)) == [(40, 5.0, Reason.GOOD, later - S)]
    assert subscription.confirm(later + 3 * S, later + 3 * S) is None


def test_a_confirmation_is_never_newer_than_a_change_to_come():
    """The clock of the confirmation is the server's, however far it is off from ours."""
    subscription = _subscription("a")
    behind = 60 * S
    subscription.take([(0, 5.0, 0, NOW - behind)], NOW)

    later = NOW + 10 * S

    assert _readings(subscription.confirm(later - behind, later)) == [
        (40, 5.0, Reason.GOOD, later - behind - S)
    ]


def test_a_value_without_device_time_is_confirmed_at_receipt():
    """Where the server gives no source time, none is made up."""
    subscription = _subscription("a")
    subscription.take([(0, 5.0, 0, 0)], NOW)

    assert _readings(subscription.confirm(NOW + 10 * S, NOW + 10 * S)) == [(40, 5.0, Reason.GOOD, 0)]


def test_a_value_just_heard_is_not_confirmed():
    """Only what was not heard from for a while is repeated."""
    subscription = _subscription("a", "b")
    subscription.take([(0, 5.0, 0, NOW), (1, 6.0, 0, NOW)], NOW)
    later = NOW + 10 * S
    subscription.take([(1, 7.0, 0, later)], later)

    assert [reading[0] for reading in _readings(subscription.confirm(later, later))] == [40]


def test_a_value_never_heard_is_never_confirmed():
    """Absence stays absence, however many responses arrive."""
    assert _subscription("a").confirm(NOW, NOW) is None


def test_a_lost_response_ends_confirmation():
    """After a response that was not understood, only what is heard anew counts."""
    subscription = _subscription("a")
    subscription.take([(0, 5.0, 0, NOW)], NOW)
    subscription.forget()
    later = NOW + 10 * S

    assert subscription.confirm(later, later) is None
    subscription.take([(0, 6.0, 0, later)], later)
    assert _readings(subscription.confirm(later + 10 * S, later + 10 * S))[0][:2] == (40, 6.0)


def test_a_refused_node_is_bad_with_the_words_of_the_server():
    """A refusal is a bad reading, kept up until the server serves the node."""
    subscription = _subscription("a", "b")
    frame = subscription.refuse({1: "BadNodeIdUnknown"}, NOW)
    later = NOW + 10 * S
    again = subscription.confirm(later, later)
    subscription.accept([1])

    assert [(reading[0], reading[2], reading[3]) for reading in _readings(frame)] == [
        (41, Reason.BAD_STATUS, 0)
    ]
    assert (list(again.ids), again.details) == ([41], {0: "BadNodeIdUnknown"})
    assert subscription.refused == {}


def test_words_go_when_the_value_is_good_again():
    """A confirmed good value carries no words of its bad past."""
    subscription = _subscription("a")
    subscription.take([(0, "n/a", 0, NOW)], NOW)
    subscription.take([(0, 5.0, 0, NOW + S)], NOW + S)
    frame = subscription.confirm(NOW + 20 * S, NOW + 20 * S)

    assert (frame.details, frame.quality) == ({}, None)


def test_patience_of_the_points_sets_the_period():
    """A third of the shortest heartbeat or silence, ten seconds at most."""
    (item,) = _subscription("a").items
    impatient = replace(item, bound=replace(item.bound, point=replace(item.bound.point, silent_after_s=3.0)))

    assert confirm_period_s([item]) == 10.0
    assert confirm_period_s([item, impatient]) == 1.0
