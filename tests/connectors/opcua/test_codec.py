from __future__ import annotations

import math
import re
import string
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, nodeid_to_binary
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.opcua import connector
from connectors.opcua.codec import (
    BAD,
    UNCERTAIN,
    NodeAddress,
    Opaque,
    fill,
    judge,
    node_of,
    ns_of,
    parse_node,
    sampling_of,
    status_name,
    status_words,
)
from twin.quality import FIRST_BAD, Level, Reason

BAD_NODE_ID_UNKNOWN = 0x8034_0000
UNCERTAIN_LAST_USABLE = 0x4090_0000

names = st.text(
    st.characters(exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=60,
)
identifiers = st.integers(0, 2**32 - 1) | names | st.uuids() | st.binary(min_size=1, max_size=40)
namespaces = st.integers(0, 2**16 - 1) | names


@given(identifiers, namespaces)
def test_a_node_reads_back_as_it_was_written(identifier, namespace):
    """The text form of a node names the same node."""
    node = NodeAddress(identifier, namespace)

    assert parse_node(str(node)) == node


@given(identifiers, st.integers(0, 2**15 - 1))
def test_a_node_crosses_the_wire(identifier, index):
    """What a profile names is what the library's own encoding carries."""
    sent = ua.NodeId(identifier, index)

    found = nodeid_from_binary(Buffer(nodeid_to_binary(sent)))

    assert (found.Identifier, found.NamespaceIndex) == (identifier, index)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("nsu=urn:a;s=AHU1.Temp", NodeAddress("AHU1.Temp", "urn:a")),
        ("nsu=http://a/%3Bb%25;s=x", NodeAddress("x", "http://a/;b%")),
        ("ns=2;s=a;b=c", NodeAddress("a;b=c", 2)),
        ("i=2258", NodeAddress(2258, 0)),
        ("ns=3;i=0", NodeAddress(0, 3)),
        ("ns=1;b=AQI=", NodeAddress(b"\x01\x02", 1)),
    ],
)
def test_node_ids_of_the_standard(text, node):
    """Each form of OPC 10000-6, 5.1.12 is understood."""
    assert parse_node(text) == node


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("AHU1.Temp", "'AHU1.Temp' is not a node id, expected nsu=URI;s=NAME"),
        ("s=AHU1.Temp", "has no namespace: write nsu=URI; before it"),
        ("nsu=;s=a", "nsu= wants the URI"),
        ("ns=x;s=a", "ns=x is no namespace index"),
        ("ns=70000;s=a", "ns=70000 is no namespace index"),
        ("i=12x", "i= wants a number from 0 to 4294967295, found '12x'"),
        ("i=4294967296", "i= wants a number"),
        ("ns=1;g=123", "g= wants 8-4-4-4-12"),
        ("ns=1;b=!", "b= wants base64"),
        ("ns=1;s=a\tb", "without control characters"),
        ("ns=1;s=" + "a" * 4097, "at most 4096 characters"),
        ("ns=1;s=", "is not a node id"),
    ],
)
def test_a_wrong_node_id_says_what_was_meant(text, words):
    """A malformed node id is refused with what was found."""
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_node(text)


@given(st.text(string.printable))
def test_any_text_is_a_node_or_a_value_error(text):
    """No text does anything else than name a node or be refused."""
    try:
        node = parse_node(text, "urn:a")
    except ValueError:
        return

    assert parse_node(str(node)) == node


def test_the_namespace_of_the_options_is_the_default():
    """A node without a namespace takes the profile's, one with a namespace keeps its own."""
    assert parse_node("i=5", "urn:a") == NodeAddress(5, "urn:a")
    assert parse_node("ns=0;i=5", "urn:a") == NodeAddress(5, 0)


def test_placeholders():
    """Names in braces are replaced, doubled braces are braces."""
    assert fill("s={prefix}.{{x}}.{device}", {"device": "d", "prefix": "AHU-3"}) == "s=AHU-3.{x}.d"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{prefx}", "did you mean {prefix}?"),
        ("{}", "{} in '{}' stands for nothing"),
        ("a{b", "stands for nothing"),
    ],
)
def test_an_unknown_placeholder_says_which_there_are(text, words):
    """A placeholder that stands for nothing is refused, the nearest is offered."""
    with pytest.raises(ValueError, match="stands for nothing") as caught:
        fill(text, {"device": "d", "prefix": "p"})

    assert words in str(caught.value)


def _device(node="s={prefix}.T", options=None, **keys):
    options = {"namespace": "urn:a", **(options or {})}
    return device(
        connector, "opc.tcp://h", {"t": {"node": node, **keys}}, name="ahu-1", poll_s=7, options=options
    )


def test_the_prefix_is_the_id_of_the_device_unless_it_says_otherwise():
    """One profile serves several devices of a server."""
    plain, named = _device(), _device(options={"prefix": "AHU-3"})

    assert node_of(plain, plain.points["t"]) == NodeAddress("ahu-1.T", "urn:a")
    assert node_of(named, named.points["t"]) == NodeAddress("AHU-3.T", "urn:a")


def test_sampling_is_the_points_then_the_devices_then_the_poll():
    """The nearest of the three intervals stands."""
    cases = (
        _device(sampling="1s", options={"sampling": "2s"}),
        _device(options={"sampling": "2s"}),
        _device(),
    )

    assert [sampling_of(one, one.points["t"]) for one in cases] == [1.0, 2.0, 7.0]


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
    return bind(_device(**keys)).points[0]


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
