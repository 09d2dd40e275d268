"""SenML packs, with examples made after RFC 8428."""

from __future__ import annotations

import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.payloads import senml

NOW = 1_790_000_000_000_000_000
NAMES = st.text("abcXYZ019-:./_", min_size=1, max_size=20)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.binary(max_size=20),
)


def test_base_fields_apply_to_their_own_record_and_all_after_it():
    """Base name, time, unit and value run on until they change (RFC 8428, sections 4.1 and 4.6)."""
    pack = [
        {"bn": "lamp:", "bt": 1.7e9, "bu": "W", "bv": 100, "n": "a", "v": 1, "t": -2.5},
        {"n": "b", "u": "V", "v": 0},
        {"bn": "pole:", "bv": 0, "n": "c", "vs": "on"},
    ]

    first, second, third = senml.resolve(pack, NOW)

    assert (first.name, first.own, first.unit, first.value) == ("lamp:a", "a", "W", 101)
    assert first.time_ns == 1_699_999_997_500_000_000
    assert (second.name, second.unit, second.value) == ("lamp:b", "V", 100)
    assert (third.name, third.unit, third.value) == ("pole:c", "W", "on")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, 0),
        (-5, NOW - 5_000_000_000),
        (2**28 - 1, NOW + (2**28 - 1) * 10**9),
        (2**28, 2**28 * 10**9),
        (1_276_020_076.5, 1_276_020_076_500_000_000),
    ],
)
def test_small_times_are_relative_to_now(seconds, expected):
    """Below 2^28 a time counts from now, zero is no time at all (RFC 8428, section 4.5.3)."""
    (record,) = senml.resolve([{"n": "a", "v": 1, "t": seconds}], NOW)

    assert record.time_ns == expected


def test_a_sum_is_not_a_value():
    """The sum is an integral over time; a record may hold it alone, and then has no value."""
    (record,) = senml.resolve([{"n": "a", "bs": 10, "s": 5}], NOW)

    assert (record.value, record.total) == (None, 15.0)


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        ({"n": "a"}, "list of records"),
        ([1], "is a map"),
        ([{"n": "a", "v": "21"}], "v holds no number"),
        ([{"n": "a", "v": True}], "v holds no number"),
        ([{"n": 1, "v": 1}], "n holds no text"),
        ([{"bver": 11, "n": "a", "v": 1}], "version 11"),
        ([{"n": "a", "v": 1, "new_": 1}], "new_ must be understood"),
        ([{"n": "a", "v": 1, "t": float("nan")}], "is no time"),
        ([{"n": "a", "vd": "%%"}], "no base64"),
        ([{"n": "a", "vb": 1}], "vb holds no bool"),
    ],
)
def test_a_pack_against_the_standard_is_refused(pack, words):
    """What RFC 8428 forbids, or demands to be understood, gives no records at all."""
    with pytest.raises(senml.SenmlError, match=words):
        senml.resolve(pack, NOW)


def test_a_record_is_found_by_its_whole_name_or_its_own():
    """Of several records of one name the newest stands; without a name there must be only one."""
    records = senml.resolve(
        [{"bn": "dev/", "n": "t", "v": 1, "t": -10}, {"n": "t", "v": 2, "t": -5}, {"n": "h", "v": 3}], NOW
    )

    assert [found.value for name in ("t", "dev/t", "h") if (found := senml.find(records, name))] == [2, 2, 3]
    assert senml.find(records, "dev/") is None
    assert senml.find(records, None) is None
    assert senml.find(records[:2], None) == records[1]


@pytest.mark.parametrize(
    ("unit", "wanted", "scale", "fits"),
    [
        ("Cel", "Cel", 1, True),
        ("%RH", "%", 1, True),
        ("/", "%", 100, True),
        ("/", "%", 1, False),
        ("%", "%", 1, False),
        ("W", "kW", 0.001, True),
        ("W", "kW", 1, False),
        ("K", "Cel", 1, False),
        ("degF", "Cel", 1, False),
        ("count", "{people}", 1, True),
    ],
)
def test_a_unit_fits_when_it_leads_to_the_quantity_by_the_same_factor(unit, wanted, scale, fits):
    """A registered unit is compared by what it makes of a number, not by its spelling; `%` is a ratio there."""
    assert senml.fits(unit, wanted, scale, 0.0) is fits


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=5), st.integers(10**18, 2 * 10**18))
def test_packs_come_back_as_they_were_written(values, time_ns):
    """JSON and CBOR packs hold every kind of value, the base name and the time to a microsecond."""
    pack = senml.build(values, base_name="dev:", time_ns=time_ns)

    for read in (json.loads(json.dumps(senml.to_json(pack))), cbor2.loads(cbor2.dumps(senml.to_cbor(pack)))):
        records = senml.resolve(read, NOW)

        assert {record.own: record.value for record in records} == values
        assert all(record.name == "dev:" + record.own for record in records)
        assert all(abs(record.time_ns - time_ns) <= 1_000 for record in records)
