"""How points, lines and polygons lie to each other; the expected intersections are those of OGC 06-103r4, 6.1.15."""

import math

import pytest

from barrio.sta.functions import FUNCTIONS
from barrio.sta.geometry import distance, fits, length, of_geojson, parse_wkt, relation

SQUARE = "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))"
LINE = "LINESTRING (0 0, 4 0, 4 4)"
RING = "LINESTRING (0 0, 4 0, 4 4, 0 0)"
CASES = [
    ("POINT (1 1)", "POINT (1 1)", "0FFFFFFF2"),
    ("POINT (1 1)", "POINT (1 2)", "FF0FFF0F2"),
    ("POINT (2 0)", LINE, "0FFFFF102"),
    ("POINT (0 0)", LINE, "F0FFFF102"),
    ("POINT (1 1)", LINE, "FF0FFF102"),
    ("POINT (0 0)", RING, "0FFFFF1F2"),
    ("POINT (3 3)", SQUARE, "0FFFFF212"),
    ("POINT (4 2)", SQUARE, "F0FFFF212"),
    ("POINT (1 1.5)", SQUARE, "F0FFFF212"),
    ("POINT (1.5 1.5)", SQUARE, "FF0FFF212"),
    ("POINT (9 9)", SQUARE, "FF0FFF212"),
]


@pytest.mark.parametrize(("one", "other", "expected"), CASES)
def test_the_nine_intersections(one, other, expected):
    """Of a point and each shape, and the other way round with rows and columns changed."""
    here, there = parse_wkt(one), parse_wkt(other)
    found = relation(here, there)

    assert found == expected
    assert relation(there, here) == "".join(expected[row::3] for row in range(3))
    assert FUNCTIONS["st_relate"](here, there, expected) is True


@pytest.mark.parametrize(
    ("name", "one", "other", "expected"),
    [
        ("st_within", "POINT (3 3)", SQUARE, True),
        ("st_within", "POINT (1.5 1.5)", SQUARE, False),
        ("st_within", "POINT (4 2)", SQUARE, False),
        ("st_within", "POINT (1 1)", "POINT (1 1)", True),
        ("st_within", SQUARE, "POINT (3 3)", False),
        ("st_contains", SQUARE, "POINT (3 3)", True),
        ("st_contains", "POINT (3 3)", SQUARE, False),
        ("st_contains", "POINT (1 1)", "POINT (1 1)", True),
        ("st_touches", "POINT (4 2)", SQUARE, True),
        ("st_touches", SQUARE, "POINT (4 2)", True),
        ("st_touches", "POINT (3 3)", SQUARE, False),
        ("st_touches", "POINT (0 0)", LINE, True),
        ("st_disjoint", "POINT (9 9)", SQUARE, True),
        ("st_disjoint", "POINT (4 2)", SQUARE, False),
        ("st_intersects", "POINT (4 2)", SQUARE, True),
        ("geo.intersects", "POINT (9 9)", SQUARE, False),
        ("st_equals", "POINT (1 1)", "POINT (1 1)", True),
        ("st_equals", "POINT (1 1)", SQUARE, False),
        ("st_crosses", "POINT (1 1)", LINE, False),
        ("st_overlaps", "POINT (1 1)", SQUARE, False),
        ("st_overlaps", SQUARE, SQUARE, None),
        ("st_within", SQUARE, LINE, None),
        ("geo.distance", SQUARE, LINE, None),
    ],
)
def test_relations(name, one, other, expected):
    """By their names; two shapes of which none is a point have no relation here."""

    assert FUNCTIONS[name](parse_wkt(one), parse_wkt(other)) is expected


def test_distances_and_lengths():
    """In degrees: to the nearest part of a shape, none within a polygon."""

    assert distance(parse_wkt("POINT (7 4)"), parse_wkt(SQUARE)) == 3
    assert distance(parse_wkt(SQUARE), parse_wkt("POINT (3 3)")) == 0
    assert distance(parse_wkt("POINT (1.5 1.5)"), parse_wkt(SQUARE)) == 0.5
    assert distance(parse_wkt("POINT (0 0)"), parse_wkt("POINT (3 4)")) == 5
    assert math.isnan(distance(parse_wkt(LINE), parse_wkt(SQUARE)))
    assert length(parse_wkt(LINE)) == 8
    assert length(parse_wkt("POINT (1 1)")) == 0


def test_wkt_and_geojson():
    """Lower case and a reference system are taken; what is no geometry is none."""

    assert parse_wkt("SRID=4326;point(1 -2.5)") == of_geojson({"type": "Point", "coordinates": [1, -2.5]})
    assert of_geojson({"type": "Polygon", "coordinates": [[[1, 2]] * 4]}) == parse_wkt("POINT (1 2)")
    assert of_geojson({"kind": "Plaza"}) is None
    assert not fits("", "*********")
