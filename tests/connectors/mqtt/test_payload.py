"""Payloads to frames."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.mqtt import connector
from connectors.mqtt.config import MqttOptions
from connectors.mqtt.payload import OF_UNKNOWN_AGE, Reader
from twin.model.bound import BoundDevice, BoundPoint
from twin.model.quantities import Quantity
from twin.quality import Level, Reason

NOW = 1_772_366_400_000_000_000


def reader(points: dict[str, Any], **options: Any) -> Reader:
    made = bind(device(connector, "mqtt://h/t", points, options=options))
    return Reader(made.points, MqttOptions.model_validate(options))


def read(points: dict[str, Any], payload: bytes, *, retained: bool = False, **options: Any):
    """Values, reasons and details of the frame."""
    frame = reader(points, **options).read(payload, NOW, retained=retained)
    if frame is None:
        return None
    reasons = (
        [Reason.GOOD] * len(frame.ids) if frame.quality is None else [Reason(int(q)) for q in frame.quality]
    )
    return list(frame.values), reasons, dict(frame.details)


def test_text_is_a_value():
    """A payload in text is the value, a zero as well."""

    assert read({"p": {}}, b" 21.5\n") == ([21.5], [Reason.GOOD], {})
    assert read({"p": {}}, b"0") == ([0.0], [Reason.GOOD], {})


@pytest.mark.parametrize(
    ("form", "payload"),
    [("json", b'{"a": {"b": 4}, "c": null}'), ("cbor", cbor2.dumps({"a": {"b": 4}, "c": None}))],
)
def test_structures_are_followed(form, payload):
    """Each point has its place; null and a missing key are `not_available`, with words for the key."""
    points = {name: {"format": form, "key": key} for name, key in (("x", "a.b"), ("y", "c"), ("z", "d"))}

    values, reasons, details = read(points, payload)

    assert values[0] == 4
    assert all(math.isnan(value) for value in values[1:])
    assert reasons == [Reason.GOOD, Reason.NOT_AVAILABLE, Reason.NOT_AVAILABLE]
    assert "no key 'd' in the answer, it has: a, c" in details[2]


def test_a_partial_message_leaves_the_rest_alone():
    """Where messages may be partial, a missing key says nothing, and a message without any is no frame."""
    points = {"x": {"key": "a"}, "y": {"key": "b"}}
    frame = reader(points, partial=True).read(b'{"b": 0}', NOW)

    assert frame is not None
    assert (frame.ids.tolist(), frame.values.tolist()) == ([1], [0.0])
    assert read(points, b'{"c": 1}', partial=True) is None


def test_senml_by_name():
    """Records are found by name, with their own time; a unit that makes another number is refused."""
    pack = b'[{"bn":"s1/","bt":1772366000,"n":"t","u":"Cel","v":21},{"n":"h","vs":"wet"}]'
    frame = reader({"t": {"name": "s1/t"}, "h": {"name": "h"}}).read(pack, NOW)

    assert frame is not None
    assert frame.values[0] == 21
    assert list(frame.time) == [1_772_366_000_000_000_000, 0]  # type: ignore[arg-type]
    assert frame.quality is not None
    assert Reason(int(frame.quality[1])) is Reason.WRONG_TYPE


def test_own_time_is_read():
    """The device's own time goes with the value; one that cannot be read makes no value."""
    points = {"p": {"key": "v", "time": "at"}}
    frame = reader(points).read(b'{"v": 1, "at": 1772366000}', NOW)

    assert frame is not None
    assert frame.time == 1_772_366_000_000_000_000
    assert read(points, b'{"v": 1, "at": "yesterday"}')[1] == [Reason.UNDECODABLE]
    assert "`time`" in read(points, b'{"v": 1}')[2][0]


def test_a_retained_message_is_of_unknown_age():
    """Retained without a time of its own is uncertain; with one it is what it is; the option decides otherwise."""
    undated, dated = {"p": {"key": "v"}}, {"p": {"key": "v", "time": "at"}}
    payload = b'{"v": 1, "at": 1772366000}'

    assert read(undated, payload, retained=True) == ([1], [Reason.AGE_UNKNOWN], {0: OF_UNKNOWN_AGE})
    assert read(dated, payload, retained=True) == ([1], [Reason.GOOD], {})
    assert read(undated, b'{"v": null}', retained=True)[1] == [Reason.NOT_AVAILABLE]


@pytest.mark.parametrize(("option", "expected"), [("good", ([1.0], [Reason.GOOD], {})), ("ignore", None)])
def test_an_option_says_what_retained_means(option, expected):
    """`good` takes a retained message as it is, `ignore` leaves it alone."""
    made = reader({"p": {}}, retained=option).read(b"1", NOW, retained=True)

    assert (made is None) is (expected is None)
    assert made is None or (list(made.values), made.quality) == ([1.0], None)


def test_a_deleted_retained_message_says_nothing():
    """An empty retained message only takes the old one away."""

    assert read({"p": {}}, b"", retained=True) is None
    assert read({"p": {}}, b"")[1] == [Reason.NOT_AVAILABLE]


@pytest.mark.parametrize("form", ["text", "json", "cbor", "senml"])
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(payload=st.binary(max_size=200))
def test_any_payload_is_a_frame(form, payload):
    """Whatever bytes come, every point has a value, or none with a reason; nothing else is raised."""
    keys: dict[str, Any] = {"format": form}
    if form in {"json", "cbor"}:
        keys |= {"key": "a", "time": "t"}
    frame = reader({"p": keys, "q": keys}).read(payload, NOW)

    assert frame is not None
    for at, value in enumerate(frame.values):
        reason = Reason.GOOD if frame.quality is None else Reason(int(frame.quality[at]))
        assert reason.level is not Level.BAD or math.isnan(value)


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"9" * 60_000,
        b'{"a": 1' + b"0" * 5_000 + b"}",
        b" " * 70_000,
        b"\xff\xfe",
    ],
)
def test_poison_is_undecodable_or_no_number(payload):
    """Depth, length and endless digits neither break the reader nor become a value."""
    values, reasons, details = read({"p": {"key": "a"}}, payload)

    assert math.isnan(values[0])
    assert reasons[0] in {Reason.UNDECODABLE, Reason.WRONG_TYPE, Reason.NOT_AVAILABLE}
    assert len(details[0]) < 200


@pytest.mark.parametrize(
    ("pack", "reason", "words"),
    [
        (b'[{"n":"a","v":1}]', Reason.NOT_AVAILABLE, "no record 'p' in the message, it has: a"),
        (b'[{"n":"p","s":1}]', Reason.NOT_AVAILABLE, "a sum and no value"),
        (b'[{"n":"p"', Reason.UNDECODABLE, "not senml"),
    ],
)
def test_a_record_that_is_no_value(pack, reason, words):
    """A missing record, a sum and half a pack say what is there instead."""
    _, (found,), details = read({"p": {"name": "p"}}, pack)

    assert found is reason
    assert words in details[0]


def test_a_unit_that_makes_another_number_is_refused():
    """A SenML unit must be what the profile makes of it, unless the profile names the device's own."""
    made = device(connector, "mqtt://h/t", {"p": {"name": "p"}})
    warm = replace(made.points["p"], quantity=Quantity("t", unit="Cel", title="T", titulo="T"))
    bound = BoundDevice(made, (BoundPoint(0, warm, {}),))
    frame = Reader(bound.points, MqttOptions()).read(b'[{"n":"p","u":"K","v":294}]', NOW)

    assert frame is not None
    assert math.isnan(frame.values[0])
    assert "do not make 'Cel' of it" in frame.details[0]
