from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.model.folders import load, write
from twin.model.graph import ALL_TYPES, Graph, ends
from twin.model.relations import Ends, check_relations
from twin.model.source import Faults, Place, Source
from twin.model.spec import RelationSpec, SiteSpec

SITES = {
    "tower": None,
    "floor-1": "tower",
    "room": "floor-1",
    "street": None,
    "south": "street",
    "yard": None,
}
DEVICES = {
    "transformer": "yard",
    "feeder-1": "yard",
    "feeder-2": "yard",
    "cabinet": "yard",
    "ahu": "floor-1",
    "chiller": "tower",
    "thermostat": "room",
    "lamp-1": "street",
    "lamp-2": "south",
    "lamp-3": "south",
    "meter": "tower",
    "pump": "yard",
}
RELATIONS = [
    ("feeds", "transformer", "feeder-1"),
    ("feeds", "transformer", "feeder-2"),
    ("feeds", "feeder-1", "meter"),
    ("feeds", "feeder-1", "tower"),
    ("feeds", "feeder-2", "cabinet"),
    ("controls", "cabinet", "street"),
    ("measures", "meter", "tower"),
    ("feeds", "chiller", "ahu"),
    ("feeds", "ahu", "room"),
    ("part_of", "thermostat", "ahu"),
]


def graph(relations=(), sites=None, devices=None) -> Graph:
    """Return a graph of `(type, from, to)`, sites with the site around each, and devices with theirs."""
    found: Any = {name: SimpleNamespace(id=name, site=site) for name, site in (devices or {}).items()}
    return Graph(
        [RelationSpec(type=kind, source=one, target=two) for kind, one, two in relations],
        {name: SiteSpec(id=name, within=within) for name, within in (sites or {}).items()},
        found,
    )


@pytest.fixture
def town():
    return graph(RELATIONS, SITES, DEVICES)


def test_all_that_a_transformer_feeds(town):
    """Through feeders and meters into the buildings, with what stands in their rooms; not what stands apart."""
    found = town.devices_below("transformer", ("feeds",))

    assert set(found) == {"feeder-1", "feeder-2", "meter", "cabinet", "chiller", "ahu", "thermostat"}
    assert found[:2] == ["feeder-1", "feeder-2"]


def test_all_lamps_of_a_cabinet(town):
    """A cabinet controls a street, and so the lamps in it and in its stretches."""
    assert town.devices_below("cabinet", ("controls",)) == ["lamp-1", "lamp-2", "lamp-3"]
    assert "lamp-3" in town.devices_below("transformer", ("feeds", "controls"))
    assert "lamp-3" not in town.devices_below("transformer", ("feeds",))


def test_everything_upstream_of_a_room(town):
    """What feeds the room and what feeds the storeys around it, up to the transformer; nothing of the next building."""
    found = town.above("room", ("feeds", "controls"))

    assert set(found) == {"ahu", "chiller", "feeder-1", "transformer"}
    assert found[0] == "ahu"
    assert found[-1] == "transformer"


def test_what_holds_for_a_site_holds_for_what_stands_in_it(town):
    """A thermostat hangs on what its room hangs on, and its room and storey are above it as places."""
    assert set(town.above("thermostat", ("feeds",))) == {"ahu", "chiller", "feeder-1", "transformer"}
    assert town.above("thermostat", ("located_in",)) == ["room", "floor-1", "tower"]


def test_what_stands_in_a_site_is_below_it_as_a_place_only(town):
    """A building feeds nothing, and holds what stands in it."""
    assert town.below("tower", ("feeds",)) == []
    assert set(town.devices_below("tower", ("located_in",))) == {"ahu", "chiller", "thermostat", "meter"}


def test_a_part_is_below_its_whole(town):
    """`part_of` is written from the part, and walked from the whole."""
    assert town.below("ahu", ("part_of",)) == ["thermostat"]
    assert town.above("thermostat", ("part_of",)) == ["ahu"]


def test_a_place_that_is_written_is_like_the_site_of_a_device():
    """`located_in` says where something is, besides its site: all questions about places see it."""
    found = graph([("located_in", "pump", "pit")], {"yard": None, "pit": "yard"}, {"pump": "yard"})

    assert found.below("pit", ("located_in",)) == ["pump"]
    assert found.below("yard", ("located_in",)) == ["pit", "pump"]
    assert found.places_of("pump") == ["yard", "pit"]


def test_places_nearest_first(town):
    """Sites within sites, from the inside to the outside and back."""
    assert town.places_of("thermostat") == ["room", "floor-1", "tower"]
    assert town.within("tower") == ["tower", "floor-1", "room"]


def test_somebody_unknown_has_nothing(town):
    """A name that is neither device nor site leads nowhere."""
    assert town.below("nobody") == town.above("nobody") == town.places_of("nobody") == []


def test_a_ring_ends():
    """Where relations go round, a walk comes to its end, and nobody is below itself."""
    found = graph([("feeds", "a", "b"), ("feeds", "b", "a")], {"s": None}, {"a": "s", "b": "s"})

    assert found.below("a", ("feeds",)) == ["b"]
    assert found.above("a", ("feeds",)) == ["b"]


def test_every_edge_is_said_once(town):
    """Edges are those that are written, upper end first, and the places."""
    edges = list(town.edges())

    assert len(edges) == len(set(edges)) == len(RELATIONS) + len(DEVICES) + 3
    assert ("part_of", "ahu", "thermostat") in edges
    assert ("located_in", "floor-1", "room") in edges
    assert list(town.edges(("part_of",))) == [("part_of", "ahu", "thermostat")]


def test_a_district_keeps_its_graph(tmp_path):
    """Made once; a district with other relations has another one."""
    district = load(write(tmp_path))
    other = replace(district, relations=())

    assert district.graph is district.graph
    assert district.graph.below("tank-1", ("feeds",)) == ["tower", "roof", "lamp-1", "lamp-2"]
    assert other.graph.below("tank-1", ("feeds",)) == []
    assert other != district


def test_five_thousand_devices_are_walked_at_once():
    """Many meters of one large building: each edge is walked once, not once for each way that leads to it."""
    sites = {"town": None, **{f"s{number}": "town" for number in range(100)}}
    devices = {f"d{number}": f"s{number % 100}" for number in range(5_000)}
    relations = [("measures", f"d{number}", "town") for number in range(1, 2_000)]
    relations += [("feeds", "d0", f"d{number}") for number in range(1, 2_000)]
    began = time.process_time()
    found = graph(relations, sites, devices)
    for _ in range(5):
        assert len(found.below("d0")) == 5_100
        assert len(found.above("d4999")) == 2_101
    lasted = time.process_time() - began

    assert lasted < 2


# --- against a naive reading ------------------------------------------------------------------------------------

NAMES = st.sampled_from(("a", "b", "c", "d", "s", "t", "u"))


@st.composite
def districts(draw):
    """Some sites, some devices in them, and relations without any sense at all."""
    sites = {"s": None, "t": draw(st.sampled_from((None, "s"))), "u": draw(st.sampled_from((None, "s", "t")))}
    devices = {name: draw(st.sampled_from(("s", "t", "u"))) for name in ("a", "b", "c", "d")}
    edge = st.tuples(st.sampled_from(ALL_TYPES), NAMES, NAMES)
    located = edge.filter(lambda one: one[0] != "located_in" or one[2] in sites)
    return draw(st.lists(located, max_size=10)), sites, devices


def reachable(start, types, relations, sites, devices):
    """Return all below a start by trying every path: a relation of the types first, then those and places."""
    related = {
        ends(RelationSpec(type=kind, source=one, target=two))
        for kind, one, two in relations
        if kind in types and kind != "located_in"
    }
    places = {(within, site) for site, within in sites.items() if within}
    places |= {(site, device) for device, site in devices.items()}
    places |= {(two, one) for kind, one, two in relations if kind == "located_in"}
    found = {two for one, two in related | (places if "located_in" in types else set()) if one == start}
    while more := {two for one, two in related | places if one in found} - found:
        found |= more
    return found - {start}


@settings(max_examples=300, deadline=None)
@given(districts(), NAMES, st.sets(st.sampled_from(ALL_TYPES), min_size=1))
def test_below_is_what_can_be_reached(district, start, types):
    """The walk down finds what a search of all paths finds, each once, whatever the relations are."""
    found = graph(*district).below(start, tuple(types))

    assert len(found) == len(set(found))
    assert set(found) == reachable(start, types, *district)


@settings(max_examples=300, deadline=None)
@given(districts(), NAMES, NAMES, st.sets(st.sampled_from(ALL_TYPES), min_size=1))
def test_above_is_the_other_way_round(district, one, two, types):
    """Whoever is below another has that one above it."""
    found = graph(*district)

    assert (one in found.below(two, tuple(types))) == (two in found.above(one, tuple(types)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(NAMES, NAMES).filter(lambda one: one[0] != one[1]), max_size=12, unique=True),
    st.sampled_from(("feeds", "part_of")),
)
def test_a_ring_is_found_if_there_is_one(pairs, kind):
    """Relations are faulty exactly when somebody can reach itself, and the words are a ring that is written."""
    source = Source(Path("district.yaml"), {}, {})
    faults = Faults()
    written = [
        (Place(source, ("relations", number)), RelationSpec(type=kind, source=one, target=two))
        for number, (one, two) in enumerate(pairs)
    ]
    known = Ends(frozenset(), frozenset("abcdstu"), {}, {}, complete=True)
    check_relations(written, known, faults)
    reach = set(pairs)
    while more := {(one, four) for one, two in reach for three, four in reach if two == three} - reach:
        reach |= more

    assert bool(len(faults)) == any(one == two for one, two in reach)
    verb = {"feeds": " feeds ", "part_of": " is part of "}[kind]
    for fault in faults.found:
        ring = fault.message.partition(": ")[2].split(verb)
        assert ring[0] == ring[-1]
        assert all(pair in pairs for pair in pairwise(ring))
