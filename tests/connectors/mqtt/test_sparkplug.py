"""Sparkplug B payloads and topics."""

from __future__ import annotations

import math
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.mqtt.config import Place
from connectors.mqtt.sparkplug import DataType, Kind, decode, encode, parse_topic, raw_of
from connectors.payloads.decoding import NoValue
from twin.quality import Reason

NOW = 1_772_366_400_000_000_000


def test_a_payload_by_the_published_schema():
    """Field numbers are those of the specification, and a signed integer in an unsigned field has its sign."""
    hand = bytes.fromhex("0801" + "120f" + "0a0154" + "1007" + "1802" + "2003" + "50fbffffff0f" + "1805")

    found = decode(hand)

    assert (found.time, found.seq) == (1_000_000, 5)
    metric = found.metric("T")
    assert metric is not None
    assert (metric.alias, metric.time, metric.datatype) == (7, 2_000_000, 3)
    assert raw_of(metric, metric.datatype) == -5


@pytest.mark.parametrize(
    ("payload", "words"),
    [(b"\x12\x00" * 500_000, "500000 metrics"), (b"\x12\xff\xff\xff\xff\x0f", "no Sparkplug B payload")],
)
def test_a_birth_of_a_million_bytes_is_refused_at_once(payload, words):
    """More metrics than anybody has, or a metric that does not end, is undecodable, and nobody waits for it."""
    began = time.process_time()
    with pytest.raises(NoValue, match=words):
        decode(payload)

    assert time.process_time() - began < 1


def test_a_name_that_is_no_text_is_read_past():
    """Bytes that are not UTF-8 in a name or a text are shown as such; the metrics beside them are read."""
    bad, good = b"\x0a\x01\xff\x7a\x02\xc3\x28", b"\x0a\x01T\x50\x05"

    first, second = decode(b"\x12\x07" + bad + b"\x12\x05" + good).metrics

    assert (first.name, first.value) == ("\ufffd", "\ufffd(")
    assert (second.name, second.value) == ("T", 5)


def test_a_metric_with_a_hundred_thousand_properties_is_read_at_once():
    """Properties beyond what anybody has are not looked at."""
    properties = b"\x0a\x00" * 100_000 + b"\x12\x00" * 100_000
    size = len(properties)
    head = b"\x4a" + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
    metric = b"\x0a\x01a" + head + properties + b"\x50\x07"
    size = len(metric)
    began = time.process_time()

    (found,) = decode(
        b"\x12" + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + metric
    ).metrics

    assert (found.value, found.quality) == (7, None)
    assert time.process_time() - began < 0.5


_NUMBERS = {
    DataType.INT8: st.integers(-128, 127),
    DataType.INT16: st.integers(-(2**15), 2**15 - 1),
    DataType.INT32: st.integers(-(2**31), 2**31 - 1),
    DataType.INT64: st.integers(-(2**63), 2**63 - 1),
    DataType.UINT8: st.integers(0, 255),
    DataType.UINT16: st.integers(0, 2**16 - 1),
    DataType.UINT32: st.integers(0, 2**32 - 1),
    DataType.UINT64: st.integers(0, 2**64 - 1),
    DataType.DATETIME: st.integers(0, 2**63),
    DataType.FLOAT: st.floats(width=32, allow_nan=False),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.BOOLEAN: st.booleans(),
    DataType.STRING: st.text(max_size=20),
}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(sorted(_NUMBERS)).flatmap(lambda kind: st.tuples(st.just(kind), _NUMBERS[kind])))
def test_what_is_written_is_read(case):
    """Every type comes back as it went, at the ends of its range as well."""
    datatype, value = case

    metric = decode(encode([("m", datatype, value)], time_ns=NOW, seq=3)).metrics[0]

    assert raw_of(metric, metric.datatype) == value


def test_eight_bits_in_eight_or_thirty_two():
    """Encoders differ in how far they carry the sign of a small integer; both are read."""
    for wire in (0xFB, 0xFFFF_FFFB):
        made = encode([("m", DataType.UINT32, wire)], time_ns=NOW)

        assert raw_of(decode(made).metrics[0], DataType.INT8) == -5


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (DataType.INT8, 128),
        (DataType.UINT8, -1),
        (DataType.UINT16, 1.5),
        (DataType.DOUBLE, "warm"),
        (DataType.UINT64, 2**64),
    ],
)
def test_what_does_not_fit_is_not_written(datatype, value):
    """A value outside its type is refused instead of wrapped."""
    with pytest.raises(ValueError, match=r"fit|whole|is no"):
        encode([("m", datatype, value)], time_ns=NOW)


@pytest.mark.parametrize("quality", [0, 500])
def test_bad_and_stale_are_said(quality):
    """The property Quality makes a value bad; 192 leaves it."""
    for code, fine in ((quality, False), (192, True)):
        held = b"\x0a\x07Quality" + b"\x12" + _sized(b"\x08\x03\x18" + _varint(code))
        metric = b"\x0a\x01T" + b"\x20\x0a" + b"\x4a" + _sized(held) + b"\x69" + bytes(8)
        found = decode(b"\x12" + _sized(metric)).metrics[0]

        if fine:
            assert raw_of(found, found.datatype) == 0.0
        else:
            with pytest.raises(NoValue) as caught:
                raw_of(found, found.datatype)
            assert caught.value.reason is Reason.BAD_STATUS


def _varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7]) if value > 127 else bytes([value])


def _sized(data: bytes) -> bytes:
    return _varint(len(data)) + data


def test_null_is_not_available():
    """A metric that is null has no value, whatever its type."""
    metric = decode(encode([("m", DataType.DOUBLE, None)], time_ns=NOW)).metrics[0]

    with pytest.raises(NoValue) as caught:
        raw_of(metric, metric.datatype)
    assert caught.value.reason is Reason.NOT_AVAILABLE


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("spBv1.0/g/NBIRTH/n", (Kind.NODE_BIRTH, Place("g", "n"))),
        ("spBv1.0/g/DDATA/n/d", (Kind.DEVICE_DATA, Place("g", "n", "d"))),
        ("spBv1.0/g/DDATA/n", None),
        ("spBv1.0/g/NDATA/n/d", None),
        ("spBv1.0/g/NCMD/n", None),
        ("spBv1.0/STATE/host", None),
        ("spBv1.0/g/NDATA/", None),
        ("spAv1.0/g/NDATA/n", None),
        ("", None),
    ],
)
def test_topics_of_edge_nodes(topic, expected):
    """Only what an edge node sends is taken for it; commands are not."""

    assert parse_topic(topic) == expected


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_not(data):
    """Whatever comes, each metric has a value or says why not; nothing else is raised."""
    with suppress(NoValue):
        for metric in decode(data).metrics:
            assert 0 <= metric.time < 2**63
            with suppress(NoValue):
                assert isinstance(raw_of(metric, metric.datatype), bool | int | float | str)


def test_a_double_that_is_no_number_stays_one():
    """NaN is passed on; ingest calls it `not_a_number`."""
    metric = decode(encode([("m", DataType.DOUBLE, math.nan)], time_ns=NOW)).metrics[0]

    assert math.isnan(float(raw_of(metric, metric.datatype)))
