from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from barrio.graph.dot import dot, quoted
from barrio.graph.layout import laid_out
from barrio.graph.part import parts
from barrio.graph.picture import picture
from barrio.graph.style import STYLES
from barrio.graph.svg import svg
from tests.barrio.graph.town import DEVICES, district
from twin.model.graph import ALL_TYPES

HOSTILE = '<script>alert("x")</script> & ]]> \x00\x1b[2J \ud800\'\\N\\" ; }'


def drawn(*districts, of=None, fold=True):
    return [picture(part, fold=fold) for part in parts(districts or [district()], of, "both", ALL_TYPES)]


def elements(text, name):
    return ET.fromstring(text).iter(f"{{http://www.w3.org/2000/svg}}{name}")  # noqa: S314 - made right here


def test_a_drawing_has_everybody_and_every_edge():
    """A box for each, a line for each edge, a legend of the relations that occur and no others."""
    [found] = drawn()
    text = svg([found])
    words = [one.text for one in elements(text, "text")]

    assert {"transformer", "tower", "10 Streetlight", "lamp-1 … lamp-10", "Little Town"} <= set(words)
    assert "17 devices, 6 sites" in words
    assert {"feeds", "controls", "holds"} <= set(words)
    assert "measures" not in words
    lines = [one for one in elements(text, "path") if one.get("class") == "edge"]
    assert len(lines) == len(found.edges) + 3


def test_relations_are_told_apart_without_colours():
    """Each has its own dashes or width."""
    assert len({(style.dashes, style.width) for style in STYLES.values()}) == len(STYLES)
    assert tuple(STYLES) == ("feeds", "controls", "measures", "part_of", "located_in")


def test_boxes_do_not_lie_upon_each_other():
    """Of the boxes of a drawing no two share a spot, nor does one leave the drawing."""
    [found] = drawn(fold=False)
    laid = laid_out(found)
    boxes = list(laid.boxes.values())
    for number, (x, y, width) in enumerate(boxes):
        assert 0 <= x <= x + width <= laid.width + 1
        assert 0 <= y <= laid.height
        for other_x, other_y, other_width in boxes[number + 1 :]:
            beside = x + width <= other_x or other_x + other_width <= x
            assert beside or abs(y - other_y) >= 38


def test_edges_begin_and_end_at_their_boxes():
    """An edge leaves its upper box at the right and arrives at its lower box at the left, in rings the other way."""
    [found] = drawn()
    laid = laid_out(found)
    for (_, upper, lower), points in laid.edges:
        left, right = laid.boxes[upper], laid.boxes[lower]
        assert points[0] == (left[0] + left[2], left[1])
        assert points[-1] == (right[0], right[1])


def test_several_relations_of_the_same_two_lie_beside_each_other():
    """A cabinet that feeds and controls a street has two lines to it."""
    both = [("feeds", "cabinet", "street"), ("controls", "cabinet", "street")]
    [found] = drawn(district(relations=both))
    lines = {
        points
        for edge, points in ((edge, tuple(points)) for edge, points in laid_out(found).edges)
        if edge[1] == "cabinet"
    }

    assert len(lines) == 2


def test_names_cannot_leave_their_place_in_a_drawing():
    """Markup, control characters and halves of characters in names are text, or left out."""
    town = district(title=HOSTILE, sites={"town": None}, devices={"a": ("town", HOSTILE)}, relations=())
    text = svg(drawn(town))

    assert list(elements(text, "script")) == []
    assert "\x1b" not in text
    assert '<script>alert("x")</script> & ]]> ' in "".join(ET.fromstring(text).itertext())  # noqa: S314 - ours
    text.encode("utf-8")


def test_a_drawing_asks_for_nothing():
    """No scripts, fonts, pictures or links of others."""
    text = svg(drawn())

    assert not re.search(r"href|url\((?!#)|@import|<script|<image", text)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


def test_several_districts_are_one_drawing():
    """They stand below each other, under their own titles."""
    text = svg(drawn(district("east", title="East"), district("west", title="West")))
    titles = [
        (one.text, float(one.get("y", 0))) for one in elements(text, "text") if one.get("class") == "title"
    ]

    assert [title for title, _ in titles] == ["East", "West"]
    assert titles[0][1] < titles[1][1]


def test_an_empty_district_is_a_drawing():
    """Without devices and sites there is a title and nothing else."""
    text = svg(drawn(district(sites={}, devices={}, relations=())))

    assert "0 devices, 0 sites" in [one.text for one in elements(text, "text")]


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|->|[{}\[\];=,+]|[A-Za-z0-9_.]+|\s+')


@pytest.mark.parametrize("title", ["Little Town", HOSTILE])
def test_dot_is_read_back_as_it_was_meant(title):
    """Every sign belongs to a token of the language, braces match, and the edges are those of the picture."""
    town = district(title=title, devices={**DEVICES, "odd": ("yard", title)})
    pictures = drawn(town, district("west"))
    text = dot(pictures)
    tokens = TOKEN.findall(text)
    edges = re.findall(r'^  "([^"\\]+)" -> "([^"\\]+)" \[', text, re.MULTILINE)

    assert "".join(tokens) == text
    assert tokens.count("{") == tokens.count("}") == 3
    assert edges == [
        (f"{one.district}/{a}", f"{one.district}/{b}") for one in pictures for _, a, b in one.edges
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [('a"b', '"a\\"b"'), ("a\\", '"a\\\\"'), ("\\N", '"\\\\N"'), ("a\nb\x00", '"ab"'), ("…é", '"…é"')],
)
def test_texts_of_dot(text, found):
    """Quotes and the escapes of Graphviz stand for themselves."""
    assert quoted(text) == found


def test_the_drawing_of_the_documentation_is_up_to_date():
    """`docs/graph-ciudad-maderas.svg` is what the command beside it draws."""
    from barrio.assembly import load_all, profiles_folder
    from connectors.registry import Connectors

    found = load_all(["ciudad-maderas"], Path(), Connectors(), profiles_folder())
    page = Path(__file__).parents[3] / "docs" / "graph-ciudad-maderas.svg"

    assert svg([picture(part) for part in parts(found, None, "both", ALL_TYPES)]) == page.read_text("utf-8")
