"""The page on datasets says what the models read, and the demo district is one of what it describes."""

import re
import shutil
from pathlib import Path

import pytest

from barrio.assembly import load_all, profiles_folder
from connectors.registry import Connectors
from twin.access.scope import Tier
from twin.datasets.meters import is_metered
from twin.model.loader import built_in_districts
from twin.model.reference import BEGIN_DATASETS, END, datasets_reference
from twin.resolution import Resolution

PAGE = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8")
EXAMPLE, FIGURES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def maderas():
    """The district that comes with barrio."""
    [found] = load_all(["ciudad-maderas"], Path(), Connectors(), profiles_folder())
    return found


def test_page_has_every_key():
    """The tables of keys are those of the models, with their defaults and descriptions."""
    start, end = PAGE.index(BEGIN_DATASETS), PAGE.index(END) + len(END)

    assert PAGE[start:end] == datasets_reference()


def test_the_example_of_the_page_is_taken(tmp_path):
    """Its keys mean what it says, in the demo district, which has six such meters."""
    shutil.copytree(built_in_districts() / "ciudad-maderas", tmp_path / "town")
    text = EXAMPLE + FIGURES.replace("at_least: 10", "at_least: 6")
    (tmp_path / "town" / "datasets.yaml").write_text(text)
    [town] = load_all([str(tmp_path / "town")], Path(), Connectors(), profiles_folder())
    assert town.datasets is not None
    weather, cisterns, meters, use = town.datasets.datasets
    assert use.figures is not None

    assert [len(one.members) for one in (weather, cisterns, use)] == [24, 9, 6]
    assert (cisterns.finest, meters.listed, meters.tier) == (Resolution.QUARTER, True, Tier.PARTNER)
    assert [one.id for one in use.figures.groups] == ["district"]


def test_everybody_sees_something_of_the_demo_district_and_no_meter_of_a_building(maderas):
    """Weather, air, traffic, lamps, tanks and places without a token; meters and buildings with one; the rest never."""
    points = {point.path: point for _, point in maderas.points()}
    seen = {
        tier: {
            path
            for one in maderas.datasets.datasets
            if one.figures is None and one.tier is tier
            for path in one.members
        }
        for tier in Tier
    }
    open_kinds = {
        maderas.devices[path.split("/")[1]].kind
        for path in seen[Tier.OPEN]
        if path.split("/")[1] in maderas.devices
    }

    assert open_kinds >= {
        "WeatherStation",
        "AirQualityStation",
        "TrafficCounter",
        "Streetlight",
        "WaterTank",
        "ParkingLot",
    }
    assert len(seen[Tier.OPEN]) > 200
    shown = {
        maderas.devices[path.split("/")[1]].kind
        for path in seen[Tier.OPEN]
        if path in points and is_metered(points[path].quantity)
    }
    assert shown == {"Streetlight", "LightingCabinet", "Transformer", "Inverter"}
    assert "ciudad-maderas/meter-a/active_power" in seen[Tier.PARTNER]
    assert (
        "ciudad-maderas/hospital-door-1/lock"
        not in seen[Tier.OPEN] | seen[Tier.PARTNER] | seen[Tier.OPERATOR]
    )
