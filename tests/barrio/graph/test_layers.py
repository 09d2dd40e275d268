from __future__ import annotations

import time
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from barrio.graph.heights import heights, rising
from barrio.graph.layers import Bend, _crossings, layered

NAMES = st.integers(0, 12).map(str)
EDGES = st.lists(st.tuples(NAMES, NAMES).filter(lambda one: one[0] != one[1]), max_size=25, unique=True)


def names_of(edges):
    return sorted({name for edge in edges for name in edge} | {"0"})


@settings(max_examples=200, deadline=None)
@given(EDGES)
def test_everybody_stands_once_and_edges_pass_every_layer(edges):
    """Each box has one place; an edge goes from layer to layer without a jump, whatever rings there are."""
    found = layered(names_of(edges), edges)
    places = [place for layer in found.layers for place in layer]
    rank = {place: number for number, layer in enumerate(found.layers) for place in layer}

    assert len(places) == len(set(places))
    assert {place for place in places if isinstance(place, str)} == set(names_of(edges))
    for (one, two), route in zip(edges, found.routes, strict=True):
        assert (route[0], route[-1]) == (one, two)
        steps = {rank[right] - rank[left] for left, right in pairwise(route)}
        assert steps in ({1}, {-1})


@settings(max_examples=200, deadline=None)
@given(EDGES)
def test_without_rings_every_edge_goes_to_the_right(edges):
    """Who is above stands left."""
    downwards = [edge for edge in edges if int(edge[0]) < int(edge[1])]
    found = layered(names_of(downwards), downwards)
    rank = {place: number for number, layer in enumerate(found.layers) for place in layer}

    assert all(rank[one] < rank[two] for one, two in downwards)


def test_sorting_takes_crossings_away():
    """Two trees whose leaves are named crosswise are drawn without a crossing."""
    edges = [("a", f"x{number}") if number % 2 else ("b", f"x{number}") for number in range(20)]
    found = layered(["a", "b", *(f"x{number}" for number in range(20))], edges)
    after: dict[str | Bend, list[str | Bend]] = {}
    for one, two in edges:
        after.setdefault(one, []).append(two)

    assert _crossings(found.layers, after) == 0


def test_crossings_are_counted():
    """Two edges that change sides cross once; edges that meet do not."""
    assert _crossings([["a", "b"], ["x", "y"]], {"a": ["y"], "b": ["x"]}) == 1
    assert _crossings([["a", "b"], ["x", "y"]], {"a": ["x"], "b": ["x"]}) == 0
    assert _crossings([["a", "b"], ["x", "y"]], {"a": ["x", "y"], "b": ["x", "y"]}) == 1


@settings(max_examples=200, deadline=None)
@given(EDGES)
def test_nothing_lies_upon_another(edges):
    """Within a layer each place has its room, in the order of the layer."""
    found = layered(names_of(edges), edges)
    at = heights(found, lambda place: 5.0 if isinstance(place, Bend) else 50.0)
    for layer in found.layers:
        for one, two in pairwise(layer):
            room = sum(2.5 if isinstance(place, Bend) else 25.0 for place in (one, two))
            assert at[two] - at[one] >= room - 1e-6
    assert min(at.values()) >= 2.5 - 1e-6


NUMBERS = st.lists(st.tuples(st.floats(-100, 100), st.floats(0.1, 10)), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(NUMBERS, st.lists(st.floats(-5, 5), min_size=6, max_size=6))
def test_rising_numbers_are_the_nearest(pairs, moves):
    """They never fall, and no other rising numbers are nearer to those that were wanted."""
    wanted, weights = [one for one, _ in pairs], [two for _, two in pairs]
    found = rising(wanted, weights)
    others = sorted(value + move for value, move in zip(found, moves, strict=False))

    def far(numbers):
        return sum(w * (n - v) ** 2 for n, v, w in zip(numbers, wanted, weights, strict=True))

    assert all(one <= two + 1e-9 for one, two in pairwise(found))
    assert far(found) <= far(others) + 1e-6


def test_a_thousand_boxes_are_laid_out_in_a_moment():
    """A large district does not make its drawing wait."""
    random = Random(1)
    names = [str(number) for number in range(1_000)]
    edges = list({(str(random.randrange(number)), str(number)) for number in range(1, 1_000)})
    began = time.process_time()
    found = layered(names, edges)
    heights(found, lambda _: 50.0)
    lasted = time.process_time() - began

    assert lasted < 10
