from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.opcua import connector
from connectors.opcua.codec import BAD, UNCERTAIN, Opaque, judge, ns_of, status_name, status_words
from twin.quality import FIRST_BAD, Level, Reason

BAD_NODE_ID_UNKNOWN = 0x8034_0000
UNCERTAIN_LAST_USABLE = 0x4090_0000


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - made aware below
def test_times_are_nanoseconds(moment):
    """A time keeps its microseconds."""
    aware = moment.replace(tzinfo=UTC)

    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns_of(aware) // 1000) == aware


@pytest.mark.parametrize("year", [1601, 1969, 2400, 9999])
def test_what_servers_send_instead_of_a_time_is_none(year):
    """Times that nanoseconds cannot hold are no times."""
    assert ns_of(datetime(year, 6, 1, tzinfo=UTC)) == 0
    assert ns_of(None) == 0


def test_status_names():
    """Info bits do not hide the name, an unknown code shows itself."""
    assert status_name(BAD_NODE_ID_UNKNOWN | 0x0480) == "BadNodeIdUnknown"
    assert status_name(0x8FFF_0001) == "status 0x8FFF0001"


def _bound(**keys):
    one = device(connector, "opc.tcp://h", {"t": {"node": "s=T", **keys}}, options={"namespace": "urn:a"})
    return bind(one).points[0]


NUMBER = _bound()
STATE = _bound(states={0: "off", 1: "on", "AUTO": "automatic"})
THIRD = _bound(index=2)

raws = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.datetimes()
    | st.lists(st.floats(), max_size=4)
)
statuses = st.sampled_from([0, 0x0480, UNCERTAIN_LAST_USABLE, BAD_NODE_ID_UNKNOWN, 0xC000_0000])


@given(st.sampled_from([NUMBER, STATE, THIRD]), raws, statuses)
def test_a_reading_has_a_value_or_a_bad_reason(bound, raw, status):
    """Whatever a server sends: a number without a bad reason, or NaN with one and words."""
    value, reason, words = judge(bound, raw, status)

    assert math.isnan(value) == (reason >= FIRST_BAD)
    assert math.isnan(value) or math.isfinite(value)
    assert bool(words) == (reason != Reason.GOOD)
    assert status < BAD or reason == Reason.BAD_STATUS
    assert not UNCERTAIN <= status < BAD or Reason(reason).level is not Level.GOOD


@pytest.mark.parametrize(
    ("bound", "raw", "status", "value", "reason", "words"),
    [
        (NUMBER, 21.5, 0, 21.5, Reason.GOOD, ""),
        (NUMBER, True, 0, 1.0, Reason.GOOD, ""),
        (NUMBER, -(2**53), 0, -(2.0**53), Reason.GOOD, ""),
        (NUMBER, 2**53 + 1, 0, 2.0**53, Reason.IMPRECISE, "exactly 9007199254740993"),
        (NUMBER, "n/a", 0, math.nan, Reason.WRONG_TYPE, "a number is wanted, found str 'n/a'"),
        (NUMBER, math.inf, 0, math.nan, Reason.NOT_A_NUMBER, "found inf"),
        (NUMBER, None, 0, math.nan, Reason.NOT_AVAILABLE, "the server has no value"),
        (NUMBER, [1.0], 0, math.nan, Reason.WRONG_TYPE, "a number is wanted, found an array of 1"),
        (NUMBER, 5.0, UNCERTAIN_LAST_USABLE, 5.0, Reason.UNCERTAIN_STATUS, "UncertainLastUsableValue"),
        (NUMBER, "n/a", UNCERTAIN_LAST_USABLE, math.nan, Reason.WRONG_TYPE, "a number is wanted"),
        (NUMBER, 5.0, BAD_NODE_ID_UNKNOWN, math.nan, Reason.BAD_STATUS, "BadNodeIdUnknown"),
        (STATE, False, 0, 2.0, Reason.GOOD, ""),
        (STATE, 1, 0, 3.0, Reason.GOOD, ""),
        (STATE, "AUTO", 0, 1.0, Reason.GOOD, ""),
        (STATE, ua.LocalizedText("AUTO"), 0, 1.0, Reason.GOOD, ""),
        (STATE, 7, 0, math.nan, Reason.UNKNOWN_STATE, "the profile has no state int 7"),
        (STATE, b"x", 0, math.nan, Reason.WRONG_TYPE, "a state is a number or a text"),
        (THIRD, [1.0, 2.0, 3.0], 0, 3.0, Reason.GOOD, ""),
        (THIRD, [1.0], 0, math.nan, Reason.WRONG_TYPE, "an array of 1 has no element 2"),
        (THIRD, 3.0, 0, math.nan, Reason.WRONG_TYPE, "wants element 2 of an array"),
    ],
)
def test_values(bound, raw, status, value, reason, words):
    """Each kind of value becomes the reading that the profile promises, or says why not."""
    found, why, said = judge(bound, raw, status)

    assert found == value or (math.isnan(found) and math.isnan(value))
    assert why == reason
    assert words in said
    assert bool(words) == bool(said)


FIELD, BOTH = bind(
    device(
        connector,
        "opc.tcp://h",
        {"a": {"node": "i=1", "field": "Flow.Rate"}, "b": {"node": "i=1", "index": 1, "field": "Flow.Rate"}},
    )
).points
LEAVES = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=5), st.builds(Opaque, st.just("why"))
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Flow", "Rate", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.sampled_from([FIELD, BOTH]), TREES)
def test_no_structure_gives_a_wrong_value(bound, raw):
    """Only the number that stands at the field is a value; whatever else a structure holds is bad, with words."""
    value, reason, words = judge(bound, raw, 0)
    at = (
        raw[1]
        if bound is BOTH and isinstance(raw, list) and len(raw) > 1
        else raw
        if bound is FIELD
        else None
    )
    meant = at["Flow"].get("Rate") if isinstance(at, dict) and isinstance(at.get("Flow"), dict) else None

    if reason < FIRST_BAD:
        assert value == float(meant)
    else:
        assert math.isnan(value)
        assert words


def test_status_words_say_what_a_code_means():
    """A refusal comes with the standard's name and its sentence."""
    assert status_words(0x801F_0000).startswith("BadUserAccessDenied: User does not have permission")
    assert status_words(0x8FFF_0000) == "status 0x8FFF0000"
