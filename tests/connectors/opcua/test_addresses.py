from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import device
from connectors.opcua import connector
from connectors.opcua.addresses import BrowsePath, address_of, method_of, notifiers_of, parse_path
from connectors.opcua.nodes import NodeAddress

names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
spaces = st.integers(0, 2**16 - 1) | st.sampled_from(["urn:a", "http://plant.example/UA/", "urn:x:y"])


def _written(space, name):
    escaped = name.replace("&", "&&").replace("/", "&/")
    return f"/nsu={space};{escaped}" if isinstance(space, str) else f"/{space}:{escaped}"


@given(st.lists(st.tuples(spaces, names), min_size=1, max_size=6))
def test_a_path_reads_back_as_it_was_written(elements):
    """Names with any letters, and namespaces with slashes in their URI, come back element by element."""
    text = "".join(_written(space, name) for space, name in elements)

    assert parse_path(text).elements == tuple(elements)


@given(st.text(string.printable, max_size=40))
def test_any_text_is_a_path_or_a_value_error(text):
    """No text makes anything else of it."""
    try:
        found = parse_path(text, "urn:a")
    except ValueError:
        return

    assert all(name for _, name in found.elements)


def test_names_belong_to_the_namespace_of_the_options_after_the_standard_folders():
    """`Objects` is the standard's, the rest the option's, unless it says otherwise."""
    assert parse_path("/Objects/Boiler/0:Server/nsu=urn:b;x", "urn:a").elements == (
        (0, "Objects"),
        ("urn:a", "Boiler"),
        (0, "Server"),
        ("urn:b", "x"),
    )
    assert parse_path("/Objects/Boiler").elements == ((0, "Objects"), (0, "Boiler"))


@pytest.mark.parametrize("text", ["", "Objects", "/", "/a//b", "/a/", "/nsu=;x", "/a&", "/x" * 51])
def test_what_is_no_path_says_what_was_meant(text):
    """A path that cannot be is refused with the form that is expected."""
    with pytest.raises(ValueError, match="expected /Objects/Boiler/Temperature"):
        parse_path(text)


def _device(points, **options):
    return device(connector, "opc.tcp://h", points, name="b1", options={"namespace": "urn:a", **options})


def test_placeholders_stand_in_every_address():
    """Paths, methods, their objects and notifiers take the device's id and prefix."""
    points = {
        "here": {"path": "/Objects/{prefix}/Level"},
        "there": {"node": "s={device}.Level"},
        "start": {"method": "s={prefix}.Start", "object": "s={device}", "writable": True},
    }
    one = _device(points, prefix="P7", events=["s={prefix}"])

    assert address_of(one, one.points["here"]) == BrowsePath(
        ((0, "Objects"), ("urn:a", "P7"), ("urn:a", "Level"))
    )
    assert address_of(one, one.points["there"]) == NodeAddress("b1.Level", "urn:a")
    assert method_of(one, one.points["start"]) == (
        NodeAddress("b1", "urn:a"),
        NodeAddress("P7.Start", "urn:a"),
    )
    assert notifiers_of(one) == [NodeAddress("P7", "urn:a")]


@pytest.mark.parametrize(("events", "nodes"), [(False, []), (True, [NodeAddress(2253)])])
def test_all_events_are_those_of_the_server_object(events, nodes):
    """`events: true` asks the Server object, where all events arrive; without it none are asked for."""
    assert notifiers_of(_device({"a": {"node": "i=1"}}, events=events)) == nodes
