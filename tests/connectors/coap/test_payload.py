"""Payloads to frames and back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.coap import connector
from connectors.coap.config import CoapPoint, Format, resources_of
from connectors.coap.payload import CONTENT_FORMATS, encode, serve
from connectors.coap.reader import Reader
from connectors.conformance.recording import bind, device
from connectors.payloads.decoding import MOST_BYTES, Wire, decode, shown
from twin.model.bound import BoundPoint
from twin.model.quantities import Quantity
from twin.quality import FIRST_BAD, Reason

NOW = 1_790_000_000_000_000_000
KEYS = st.text("abcdef_", min_size=1, max_size=8)
SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), st.text(max_size=20)
)


def reader(fallback: Format | None = None, **points: dict[str, Any]) -> Reader:
    return Reader(bind(device(connector, "coap://h", points)).points, fallback)


def one(payload: bytes, content_format: int | None = None, **keys: Any) -> tuple[float, Reason, str]:
    """Read one point at /x."""
    frame = reader(p={"resource": "/x", **keys}).read(payload, content_format, NOW)
    reason = Reason.GOOD if frame.quality is None else Reason(int(frame.quality[0]))
    return float(frame.values[0]), reason, frame.details.get(0, "")


@pytest.mark.parametrize(
    ("payload", "content_format", "keys", "value"),
    [
        (b"21.5", 0, {}, 21.5),
        (b" -3 \r\n", None, {}, -3.0),
        (b"1e3", 0, {}, 1000.0),
        (b"7", 0, {"format": "json"}, 7.0),
        (b"21.5", 50, {}, 21.5),
        (b'{"t": 4}', 50, {"key": "t"}, 4.0),
        (b'{"t": 4}', None, {"key": "t"}, 4.0),
        (b'{"a": {"t": 4}}', 50, {"key": "a.t"}, 4.0),
        (b'{"a.t": 5, "a": {"t": 4}}', 50, {"key": "a.t"}, 5.0),
        (b'{"a": [{"t/c": 6}]}', 50, {"key": "/a/0/t~1c"}, 6.0),
        (cbor2.dumps({"t": 4}), 60, {"key": "t"}, 4.0),
        (cbor2.dumps({"t": 4}), None, {"key": "t"}, 4.0),
        (cbor2.dumps({5: 4.25}), 60, {"key": "5"}, 4.25),
        (b'[{"n":"t","v":8}]', 110, {"name": "t"}, 8.0),
        (b'[{"n":"t","v":8}]', None, {"name": "t"}, 8.0),
        (b'[{"n":"t","v":8}]', None, {"format": "senml"}, 8.0),
        (cbor2.dumps([{0: "t", 2: 8}]), 112, {"name": "t"}, 8.0),
        (cbor2.dumps([{0: "t", 2: 8}]), None, {"format": "senml"}, 8.0),
    ],
)
def test_a_number_is_found_where_the_profile_says(payload, content_format, keys, value):
    """Text, JSON, CBOR and SenML, with and without Content-Format."""
    assert one(payload, content_format, **keys) == (value, Reason.GOOD, "")


@pytest.mark.parametrize(
    ("wire", "keys"),
    [
        (Wire.TEXT, {}),
        (Wire.JSON, {"key": "v"}),
        (Wire.CBOR, {"key": "v"}),
        (Wire.SENML_JSON, {"name": "v"}),
        (Wire.SENML_CBOR, {"name": "v"}),
    ],
)
def test_zero_is_a_value(wire, keys):
    """Zero is read as zero, good and without words, in every way of writing."""
    payload = encode(wire, {keys.get("key") or keys.get("name") or "": 0})

    assert one(payload, CONTENT_FORMATS[wire], **keys) == (0.0, Reason.GOOD, "")


@pytest.mark.parametrize(
    ("payload", "content_format", "keys", "words"),
    [
        (b"", 0, {}, "an empty answer"),
        (b"  ", 0, {}, "the answer holds no value"),
        (b"null", 50, {}, "the answer holds no value"),
        (b'{"t": null}', 50, {"key": "t"}, "the answer holds no value"),
        (b"\xf7", 60, {}, "the answer holds no value"),
        (
            b'{"hum": 1, "temperature": 2}',
            50,
            {"key": "temp"},
            "no key 'temp' in the answer, it has: hum, temperature",
        ),
        (b"[1]", 50, {"key": "/3"}, "no key '/3' in the answer, the list ends at 1"),
        (b"4", 50, {"key": "t"}, "no key 't' in the answer, it is 4"),
        (b'[{"n":"h","v":1}]', 110, {"name": "t"}, "no record 't' in the answer, it has: h"),
        (b'[{"n":"t","s":1}]', 110, {"name": "t"}, "the record holds a sum and no value"),
    ],
)
def test_absence_is_absence(payload, content_format, keys, words):
    """What the device did not say is NaN and not available, never a default."""
    value, reason, found = one(payload, content_format, **keys)

    assert math.isnan(value)
    assert (reason, found) == (Reason.NOT_AVAILABLE, words)


@pytest.mark.parametrize(
    ("payload", "content_format", "keys", "reason", "words"),
    [
        (b"warm", 0, {}, Reason.WRONG_TYPE, "no number: warm"),
        (b"21,5", 0, {}, Reason.WRONG_TYPE, "no number: 21,5"),
        (b"1_000", 0, {}, Reason.WRONG_TYPE, "no number: 1_000"),
        (b'"21"', 50, {}, Reason.WRONG_TYPE, "no number: 21"),
        (b"true", 50, {}, Reason.WRONG_TYPE, "no number: True"),
        (b'{"t": {}}', 50, {"key": "t"}, Reason.WRONG_TYPE, "no number: an empty map"),
        (b"1" + b"0" * 400, 50, {}, Reason.WRONG_TYPE, "an integer too large for a number"),
        (b"{oops", 50, {}, Reason.UNDECODABLE, "not json: b'{oops'"),
        (b"[" * 60_000, 50, {}, Reason.UNDECODABLE, None),
        (b"\x81" * 60_000, 60, {}, Reason.UNDECODABLE, None),
        (b"\xff\xfe", 0, {}, Reason.UNDECODABLE, "not text: b'\\xff\\xfe'"),
        (
            b"1" * (MOST_BYTES + 1),
            0,
            {},
            Reason.UNDECODABLE,
            "65537 bytes, more than the 65536 that are read",
        ),
        (b"<t/>", 41, {}, Reason.UNDECODABLE, "Content-Format 41 is not one that barrio reads"),
        (b"{}", 110, {}, Reason.UNDECODABLE, "a SenML pack is a list of records"),
    ],
)
def test_what_is_no_number_is_bad_with_words(payload, content_format, keys, reason, words):
    """A value that cannot be is NaN, and at most 60 printable characters say what was found."""
    value, found_reason, found = one(payload, content_format, **keys)

    assert math.isnan(value)
    assert found_reason is reason
    assert words is None or found == words
    assert len(found) < 120
    assert found.isprintable()


def nested(levels: int, depth: int = 0) -> bytes:
    """A CBOR list that holds the list below it twice, once by reference (tags 28 and 29)."""
    if levels == 0:
        return b"\xd8\x1c\x81\x00"
    return b"\xd8\x1c\x82" + nested(levels - 1, depth + 1) + b"\xd8\x1d" + cbor2.dumps(depth + 1)


HUGE = cbor2.dumps(10**6000)


@pytest.mark.parametrize(
    "payload",
    [
        nested(60),
        b"\xa1" + nested(60) + b"\x00",
        b"\xa1\x61t" + nested(60),
        HUGE,
        b"\x81" + HUGE,
        b"\xa1" + HUGE + b"\x00",
        b"\xa1\x61t\x81" + HUGE,
        b"\x81\xa2" + HUGE + b"\x00\x02\x01",
        cbor2.dumps(cbor2.CBORTag(35, "(a*)*" * 5_000)),
    ],
)
@pytest.mark.parametrize("keys", [{}, {"key": "t"}, {"name": "t"}, {"states": {0: "dark"}}])
def test_a_payload_that_means_to_harm_is_bad_and_bounded(payload, keys):
    """Integers of 20,000 bits and structures of 2^60 elements in 400 bytes are refused in short words."""
    value, reason, words = one(payload, 112 if "name" in keys else 60, **keys)

    assert math.isnan(value)
    assert reason >= FIRST_BAD
    assert len(words) < 140


def test_text_from_a_device_is_shown_short_and_printable():
    """Control characters and long texts of a device do not reach a person."""
    assert shown("a\x1b[2J\n" + "b" * 100) == "a?[2J?" + "b" * 53 + "…"


def test_nan_is_passed_on_for_ingest_to_judge():
    """NaN and infinities that the device itself writes are values here; ingest marks them."""
    assert math.isnan(one(b"NaN", 0)[0])
    assert one(b"NaN", 0)[1] is Reason.GOOD
    assert one(b'{"t": Infinity}', 50, key="t")[:2] == (math.inf, Reason.GOOD)


def test_an_integer_above_2_to_53_is_marked():
    """A counter too large for a float is kept, with a doubt."""
    assert one(b"9007199254740993", 0)[1] is Reason.IMPRECISE
    assert one(b"9007199254740994", 50)[1] is Reason.GOOD


@pytest.mark.parametrize(
    ("payload", "content_format", "states", "state"),
    [
        (b"on", 0, {"on": "lit", "off": "dark"}, "lit"),
        (b"1", 0, {0: "dark", 1: "lit"}, "lit"),
        (b"1.0", 50, {0: "dark", 1: "lit"}, "lit"),
        (b"true", 50, {False: "dark", True: "lit"}, "lit"),
        (b"true", 0, {0: "dark", 1: "lit"}, "lit"),
        (b'"on"', 50, {"on": "lit", "off": "dark"}, "lit"),
    ],
)
def test_states_are_known_by_word_number_or_truth(payload, content_format, states, state):
    """One code is one state, however the format writes it."""
    (bound,) = bind(device(connector, "coap://h", {"s": {"resource": "/s", "states": states}})).points
    frame = Reader([bound]).read(payload, content_format, NOW)

    assert frame.quality is None
    assert frame.values[0] == next(bound.state_ids[code] for code in states if states[code] == state)


def test_a_state_that_the_profile_does_not_name_is_bad():
    """An unknown word is no state."""
    assert one(b"broken", 0, states={0: "dark", 1: "lit"})[1:] == (Reason.UNKNOWN_STATE, "no state: broken")


def test_one_answer_is_one_frame_for_all_points_of_a_resource():
    """A missing key spoils its own point only."""
    whole = reader(
        a={"resource": "/x", "key": "a"}, b={"resource": "/x", "key": "b"}, c={"resource": "/x", "key": "c"}
    )
    frame = whole.read(b'{"a": 1, "c": 3}', 50, NOW)

    assert frame.ids is whole.ids
    assert np.array_equal(frame.values, [1, math.nan, 3], equal_nan=True)
    assert frame.quality is not None
    assert frame.quality.tolist() == [0, Reason.NOT_AVAILABLE, 0]
    assert (frame.received, frame.time, list(frame.details)) == (NOW, 0, [1])


def test_senml_gives_each_value_the_device_s_own_time():
    """Times of records are the frame's, one for all where they agree."""
    whole = reader(a={"resource": "/x", "name": "a"}, b={"resource": "/x", "name": "b"})
    same = whole.read(b'[{"bt":1700000000,"n":"a","v":1},{"n":"b","v":2}]', 110, NOW)
    apart = whole.read(b'[{"bt":1700000000,"n":"a","v":1},{"n":"b","v":2,"t":1}]', 110, NOW)

    assert same.time == 1_700_000_000_000_000_000
    assert np.asarray(apart.time).tolist() == [1_700_000_000_000_000_000, 1_700_000_001_000_000_000]


def test_a_unit_against_the_profile_s_is_not_believed():
    """A SenML unit that means another number is undecodable, and the words name both; the profile may insist."""
    celsius = Quantity("air_temperature", unit="Cel", title="t", titulo="t")

    def read(**keys: Any) -> tuple[float, str]:
        (bound,) = bind(device(connector, "coap://h", {"p": {"resource": "/x", "name": "t", **keys}})).points
        warm = BoundPoint(bound.id, replace(bound.point, quantity=celsius), {})
        frame = Reader([warm]).read(b'[{"n":"t","u":"degF","v":70}]', 110, NOW)
        return float(frame.values[0]), frame.details.get(0, "")

    assert read()[1] == "the device's unit is 'degF', the profile's makes 'Cel'"
    assert read(senml_unit="degF") == (70.0, "")


def test_an_older_sample_that_cannot_be_believed_keeps_its_time():
    """In what a device had kept, a bad sample is bad for its own time, and the good ones around it stand."""
    celsius = Quantity("air_temperature", unit="Cel", title="t", titulo="t")
    (bound,) = bind(device(connector, "coap://h", {"p": {"resource": "/x", "name": "t"}})).points
    warm = BoundPoint(bound.id, replace(bound.point, quantity=celsius), {})
    pack = (
        b'[{"bn":"t","bt":1700000000,"u":"degF","v":70},'
        b'{"t":1,"u":"Cel","v":20},{"t":2,"s":5},{"t":3,"u":"Cel","v":21}]'
    )
    samples = Reader([warm]).pushed(pack, 110, NOW)

    assert samples.kept is not None
    assert np.array_equal(samples.kept.values, [math.nan, 20, math.nan], equal_nan=True)
    assert np.asarray(samples.kept.time).tolist() == [
        1_700_000_000_000_000_000 + at * 10**9 for at in range(3)
    ]
    assert samples.kept.details[2] == "the record holds a sum and no value"
    assert samples.newest is not None
    assert samples.newest.values.tolist() == [21]


@pytest.mark.parametrize(
    ("wire", "value", "payload"),
    [(Wire.TEXT, b"raw", b"raw"), (Wire.JSON, 21.5, b"21.5"), (Wire.CBOR, 4, b"\x04")],
)
def test_one_value_without_a_key_is_the_payload(wire, value, payload):
    """What has no name stands alone; bytes in text are written as they are."""
    assert encode(wire, {"": value}) == payload


@given(st.dictionaries(KEYS, SCALARS, min_size=1, max_size=5))
def test_structures_come_back_as_they_were_written(values):
    """JSON and CBOR hold every value under its key."""
    assert decode(Wire.JSON, encode(Wire.JSON, values)) == values
    assert decode(Wire.CBOR, encode(Wire.CBOR, values)) == values


@given(st.one_of(st.integers(-(2**53), 2**53), st.floats()))
def test_numbers_in_text_come_back_as_they_were_written(value):
    """Every float and exact integer survives text."""
    found, reason, _ = one(encode(Wire.TEXT, {"": value}), 0)

    assert (math.isnan(found) and math.isnan(value)) or found == value
    assert reason is Reason.GOOD


@given(st.sampled_from(Wire), st.binary(max_size=200))
def test_no_payload_breaks_the_reader(wire, payload):
    """Whatever bytes come, there is a value or a reason."""
    value, reason, _ = one(payload, CONTENT_FORMATS[wire])

    assert reason < Reason.NOT_AVAILABLE or math.isnan(value)


@pytest.mark.parametrize(
    "points",
    [
        {"a": {"resource": "/x"}},
        {"a": {"resource": "/x", "key": "air.t"}, "b": {"resource": "/x", "key": "/air/h"}},
        {"a": {"resource": "/x", "format": "cbor", "key": "t"}, "b": {"resource": "/x", "key": "h"}},
        {"a": {"resource": "/x", "name": "t"}, "b": {"resource": "/x", "name": "h"}},
        {"a": {"resource": "/x", "format": "senml"}},
    ],
)
def test_what_a_simulator_serves_is_what_the_connector_reads(points):
    """`serve` writes a resource as its profile promises it."""
    made = device(connector, "coap://h", points)
    ((_, served),) = resources_of(made).items()
    values = {name: 1.5 + at for at, name in enumerate(points)}

    content_format, payload = serve(served, values, time_ns=NOW)
    frame = Reader(bind(made).points).read(payload, content_format, NOW)

    assert frame.values.tolist() == list(values.values())


def test_a_point_without_value_is_left_out_of_what_is_served():
    """A simulator that has nothing to say says nothing."""
    made = device(
        connector, "coap://h", {"a": {"resource": "/x", "key": "a"}, "b": {"resource": "/x", "key": "b"}}
    )
    text = device(connector, "coap://h", {"a": {"resource": "/x"}})

    assert serve(resources_of(made)["/x"], {"b": 2}) == (50, b'{"b":2}')
    assert serve(resources_of(text)["/x"], {}) == (0, b"")


def test_text_holds_one_value():
    """Two values do not fit into text."""
    with pytest.raises(ValueError, match="text holds one value, not 2"):
        encode(Wire.TEXT, {"a": 1, "b": 2})
    assert CoapPoint(resource="/x").format is None
