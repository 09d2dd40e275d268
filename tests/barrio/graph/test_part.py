from __future__ import annotations

import pytest

from barrio.errors import AskError, UnknownName
from barrio.graph.body import body
from barrio.graph.part import direction_of, parts, understood
from tests.barrio.graph.town import RELATIONS, district
from twin.model.graph import ALL_TYPES


def of(name, direction="both", types=ALL_TYPES):
    [found] = parts([district()], name, direction, types)
    return found


def test_the_whole_of_a_district():
    """Every device and site, every relation as written, and every place."""
    [found] = parts([district()], None, "both", ALL_TYPES)

    assert len(found.names) == len(set(found.names)) == 23
    assert len(found.edges) == len(RELATIONS) + 17 + 5
    assert found.of == ""


def test_only_some_relations():
    """Without places nothing stands anywhere."""
    [found] = parts([district()], None, "both", ("controls",))

    assert found.edges == (("controls", "cabinet", "street"),)


def test_what_hangs_below():
    """Down from a feeder: its cabinet, the cabinet's street and the lamps that stand in it."""
    found = of("feeder-2", "down", ("feeds", "controls"))

    assert found.names[:3] == ("feeder-2", "cabinet", "street")
    assert len(found.names) == 13
    assert found.above == ()
    assert ("located_in", "street", "lamp-7") in found.edges


def test_what_is_above_comes_down_through_places():
    """Up from a room: the feeder feeds the tower that the room lies in, so the tower and the floor are on the way."""
    found = of("room", "up", ("feeds",))

    assert set(found.above) == {"ahu", "feeder-1", "tank", "transformer"}
    assert set(found.names) == {*found.above, "tower", "floor", "room"}
    assert set(found.edges) == {
        ("feeds", "transformer", "feeder-1"),
        ("feeds", "feeder-1", "tower"),
        ("feeds", "tank", "tower"),
        ("located_in", "tower", "floor"),
        ("located_in", "floor", "room"),
        ("feeds", "ahu", "room"),
        ("located_in", "floor", "ahu"),
        ("located_in", "tower", "tank"),
    }


def test_a_place_that_nothing_reaches_is_not_on_the_way():
    """The yard of the transformer and the town feed nobody."""
    assert {"yard", "town"}.isdisjoint(of("room", "up", ("feeds",)).names)


def test_the_asked_place_reaches_nothing_on_the_way_up():
    """A tank on a floor feeds the whole tower: the floor is not a place that anything comes through."""
    town = district(devices={"tank": ("floor", "WaterTank")}, relations=[("feeds", "tank", "tower")])
    [found] = parts([town], "tower", "up", ("feeds",))

    assert found.names == ("tank", "tower")


def test_what_stands_in_the_asked_place_only_where_places_are_asked_for():
    """A tower feeds nothing; as a place it holds what stands in it."""
    assert of("tower", "down", ("feeds",)).edges == ()
    assert ("located_in", "tower", "floor") in of("tower", "down").edges


def test_a_name_may_have_its_district():
    """The same id in two districts needs one; a name that nothing has is said with the nearest."""
    two = [district("east"), district("west")]
    with pytest.raises(AskError, match="in east and in west: say east/tank"):
        parts(two, "tank", "both", ALL_TYPES)
    with pytest.raises(UnknownName, match=r"no device or site 'tanks' \(did you mean tank\?\)"):
        parts(two, "tanks", "both", ALL_TYPES)
    with pytest.raises(UnknownName):
        parts(two, "north/tank", "both", ALL_TYPES)
    [found] = parts(two, "west/tank", "both", ALL_TYPES)

    assert found.district.id == "west"


@pytest.mark.parametrize("text", ["fedes", "", " , ", "feeds controls"])
def test_relations_that_are_none(text):
    """Somebody who misspells a relation is told which there are."""
    with pytest.raises(AskError, match="controls"):
        understood(text)


def test_relations_and_directions_that_are():
    """Names with commas; all when none is named."""
    assert understood(None) == ALL_TYPES
    assert understood(" feeds, controls,") == ("feeds", "controls")
    assert direction_of("up") == "up"
    with pytest.raises(AskError, match=r"did you mean down\?"):
        direction_of("donw")


def test_json_reads_as_the_file_is_written():
    """Edges have the direction of `district.yaml`, nodes say what they are, above and below are in order."""
    [found] = body([of("floor", "both")])["graphs"]

    assert {"type": "located_in", "from": "ahu", "to": "floor"} in found["edges"]
    assert {"type": "feeds", "from": "tank", "to": "tower"} in found["edges"]
    assert {"id": "floor", "is": "site", "kind": "Site", "name": "floor", "site": "tower"} in found["nodes"]
    assert found["above"][0] == "tower"
    assert set(found["below"]) == {"ahu", "room", "sensor"}
    assert "of" not in body(parts([district()], None, "both", ALL_TYPES))["graphs"][0]
