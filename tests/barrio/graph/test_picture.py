from __future__ import annotations

from itertools import pairwise

from barrio.graph.part import parts
from barrio.graph.picture import MOST_ALIKE, picture
from barrio.graph.tree import tree
from tests.barrio.graph.town import DEVICES, district
from twin.model.graph import ALL_TYPES


def drawn(of=None, direction="both", types=ALL_TYPES, fold=True, **given):
    [part] = parts([district(**given)], of, direction, types)
    return picture(part, fold=fold)


def test_equal_ones_are_one_box():
    """Ten lamps of a street are one box that says so; what differs in kind or neighbours is not."""
    found = drawn()
    lamps = found.boxes["lamp-1"]

    assert (lamps.head, lamps.tail, lamps.count) == ("10 Streetlight", "lamp-1 … lamp-10", 10)
    assert "lamp-2" not in found.boxes
    assert {"feeder-1", "feeder-2"} <= found.boxes.keys()
    assert [edge for edge in found.edges if edge[2] == "lamp-1"] == [("located_in", "street", "lamp-1")]


def test_a_few_are_drawn_one_by_one():
    """Up to three side by side are not worth a box of their own."""
    few = {name: DEVICES[name] for name in DEVICES if not name.startswith("lamp") or name <= "lamp-2"}

    assert len(few) == len(DEVICES) - 10 + MOST_ALIKE
    assert "lamp-2" in drawn(devices=few).boxes


def test_one_by_one_where_that_is_asked_for():
    """Without folding every device has its box."""
    assert len(drawn(fold=False).boxes) == 23


def test_the_one_that_was_asked_for_is_never_among_others():
    """A lamp that somebody asks for stands by itself, in its own box."""
    found = drawn(of="lamp-3")

    assert found.boxes["lamp-3"].is_asked
    assert found.start == "lamp-3"


def test_places_are_drawn_of_what_hangs_on_nothing_else():
    """A feeder that is fed is not drawn in its yard as well, nor a tank in the tower that it feeds."""
    edges = drawn().edges

    assert ("located_in", "yard", "feeder-1") not in edges
    assert ("located_in", "tower", "tank") not in edges
    assert ("located_in", "yard", "transformer") in edges


def test_a_tree_of_a_district():
    """Roots first, what hangs below them indented; what hangs below several is written out once."""
    assert tree(drawn()).splitlines() == [
        "little: Little Town",
        "town  (Site)",
        "└─ holds yard  (Site · town)",
        "   └─ holds transformer  (Transformer · yard)",
        "      ├─ feeds feeder-1  (Meter · yard)",
        "      │  └─ feeds tower  (Site · town)",
        "      │     └─ holds floor  (Site · tower)",
        "      │        └─ holds ahu  (AirHandlingUnit · floor)",
        "      │           └─ feeds room  (Site · floor)",
        "      │              └─ holds sensor  (Room · room)",
        "      └─ feeds feeder-2  (Meter · yard)",
        "         └─ feeds cabinet  (Cabinet · yard)",
        "            └─ controls street  (Site · town)",
        "               └─ holds 10 Streetlight  (lamp-1 … lamp-10)",
        "tank  (WaterTank · tower)",
        "└─ feeds tower  (Site · town) (above)",
    ]


def test_a_tree_of_one():
    """What is above it, then what is below it, each with its own words."""
    assert tree(drawn(of="cabinet", types=("feeds", "controls"))).splitlines() == [
        "cabinet  (Cabinet · yard)",
        "└─ fed by feeder-2  (Meter · yard)",
        "   └─ fed by transformer  (Transformer · yard)",
        "",
        "cabinet  (Cabinet · yard)",
        "└─ controls street  (Site · town)",
        "   └─ holds 10 Streetlight  (lamp-1 … lamp-10)",
    ]


def test_one_with_nothing_around_it():
    """A site that nothing is related to is a line."""
    assert tree(drawn(of="town", types=("controls",))) == "town  (Site)"


def test_a_ring_has_a_tree_too():
    """Two that feed each other are drawn, each once."""
    ring = [("feeds", "a", "b"), ("feeds", "b", "a")]
    found = drawn(sites={"s": None}, devices={"a": ("s", "A"), "b": ("s", "B")}, relations=ring)

    assert tree(found).splitlines()[1:] == [
        "s  (Site)",
        "a  (A · s)",
        "└─ feeds b  (B · s)",
        "   └─ feeds a  (A · s) (above)",
    ]


def test_a_chain_may_be_as_long_as_people_write_it():
    """Two thousand in a row are no problem of depth."""
    names = [f"n{number}" for number in range(2_000)]
    relations = [("feeds", one, two) for one, two in pairwise(names)]
    found = drawn(sites={"s": None}, devices=dict.fromkeys(names, ("s", "Pump")), relations=relations)

    assert len(tree(found).splitlines()) == 2_002
