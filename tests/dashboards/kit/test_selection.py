"""Series are picked by as few words as tell them from the others."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.kit.inventory import Inventory, Seen
from dashboards.kit.selection import picked_from
from twin.model.catalogue import CATALOGUE


@pytest.fixture(scope="module")
def inventory(maderas):
    return Inventory(maderas)


def test_all_need_no_condition(inventory):
    """What is the only one of its quantity is not narrowed."""
    points = inventory.points("level_ratio")

    assert picked_from(points, points) == ""


def test_points_of_a_name_are_told_by_it(inventory):
    """The outlet's flow is not the inlet's."""
    wanted = inventory.points("water_flow", point="outlet_flow")

    assert picked_from(wanted, inventory.points("water_flow")) == "\"point\" = 'outlet_flow'"


def test_the_same_name_elsewhere_is_told_by_the_site_or_else_by_the_device(inventory):
    """Whatever is shorter: those that are wanted, or those that are not."""
    energy = inventory.points("active_energy_import")
    feeders = [seen for seen in energy if seen.owner.startswith("feeder")]
    others = [seen for seen in energy if seen.owner.startswith("meter")]

    assert picked_from(others, energy) == "\"point\" = 'import' AND \"site\" != 'substation'"
    assert picked_from(feeders[:1], energy) == "\"point\" = 'import' AND \"device\" = 'feeder-1'"


def seen(owner: str, site: str, point: str) -> Seen:
    """Return a point of which only the tags matter."""
    return Seen(
        owner, owner, point, f"d/{owner}/{point}", CATALOGUE["active_power"], site, "Meter", "meter", 5.0, 60.0,
        0.0, 1.0, (), False, False,
    )  # fmt: skip


def test_five_thousand_are_told_by_the_shape_of_their_ids():
    """The condition does not grow with the district."""
    lamps = [seen(f"lamp-{n}", f"street-{n % 40}", "power") for n in range(5000)]
    rooms = [seen(f"room-{n}", f"street-{n % 40}", "power") for n in range(300)]

    assert picked_from(lamps, [*lamps, *rooms]) == '"point" = \'power\' AND "device" =~ /^(lamp-[0-9]+)$/'


OWNERS = st.sampled_from([f"{kind}-{n}" for kind in ("lamp", "room", "m.x") for n in range(8)])
CELLS = st.lists(st.tuples(OWNERS, st.sampled_from(["a", "b", "c"])), min_size=1, max_size=60, unique=True)


@given(cells=CELLS, data=st.data())
@settings(max_examples=200, deadline=None)
def test_exactly_those_that_are_wanted_are_picked(cells, data):
    """Whatever is wanted among whatever there is."""
    site = {owner: data.draw(st.sampled_from(["north", "south", "east"]), owner) for owner, _ in cells}
    among = [seen(owner, site[owner], point) for owner, point in cells]
    wanted = data.draw(st.lists(st.sampled_from(among), min_size=1, unique=True))

    condition = picked_from(wanted, among)
    found = [one for one in among if holds(condition, one)]

    assert {one.path for one in found} == {one.path for one in wanted}


def holds(condition: str, one: Seen) -> bool:
    """Whether a condition holds for the tags of a point: the words of InfluxQL as those of Python."""
    if not condition:
        return True
    tags = {"site": one.site, "device": one.owner, "point": one.point}
    text = re.sub(r'"(\w+)" =~ /(.*?)/', r"bool(re.search(r'\2', tags['\1']))", condition)
    text = re.sub(r'"(\w+)" !~ /(.*?)/', r"not re.search(r'\2', tags['\1'])", text)
    text = re.sub(r'"(\w+)" (!?)= ', lambda found: f"tags['{found[1]}'] {found[2] or '='}= ", text)
    return bool(eval(text.replace(" AND ", " and ").replace(" OR ", " or "), {"re": re, "tags": tags}))  # noqa: S307
