"""Where panels stand, and what their ids are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.kit.page import laid_out, panel_id


def test_panels_stand_in_lines():
    """From left to right, and below when there is no room."""
    places = laid_out([(12, 8), (12, 8), (8, 4)])

    assert [(one["x"], one["y"]) for one in places] == [(0, 0), (12, 0), (0, 8)]


def test_a_panel_stands_under_one_of_its_width_where_there_is_room():
    """A map with two lists beside it is one line."""
    places = laid_out([(14, 14), (10, 7), (10, 7), (24, 5)])

    assert [(one["x"], one["y"]) for one in places] == [(0, 0), (14, 0), (14, 7), (0, 14)]


def test_a_line_ends_at_one_edge():
    """The lower panel of two is made as tall as the other."""

    assert [one["h"] for one in laid_out([(12, 8), (12, 5), (24, 3)])] == [8, 8, 3]


def test_a_line_reaches_from_edge_to_edge():
    """What a district lacks leaves no hole: what stands in its line becomes wider, a small number not too wide."""
    figures = laid_out([(4, 4)] * 5 + [(24, 1), (12, 8), (24, 1), (4, 4)])

    assert [(one["x"], one["w"]) for one in figures if one["y"] == 0] == [
        (0, 5),
        (5, 5),
        (10, 4),
        (14, 5),
        (19, 5),
    ]
    assert [one["w"] for one in figures[5:]] == [24, 24, 24, 12]


@given(st.lists(st.tuples(st.integers(1, 24), st.integers(1, 20)), max_size=40))
def test_no_place_is_given_twice(sizes):
    """Whatever the sizes, panels stay in the grid and apart."""
    taken: set[tuple[int, int]] = set()
    for place in laid_out(sizes):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }

        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize(("key", "number"), [("Power now", 808675964), ("Silent now, and why", 12587975)])
def test_an_id_follows_from_the_key_alone(key, number):
    """Links to panels stay right between versions."""

    assert panel_id(key) == number
