from __future__ import annotations

import re
import string

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, nodeid_to_binary
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import device
from connectors.opcua import connector
from connectors.opcua.nodes import NodeAddress, fill, node_of, parse_node, sampling_of

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
