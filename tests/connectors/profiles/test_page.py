"""The examples on the page for integrators are read as they stand, with the connectors as they are."""

import re
from pathlib import Path

import pytest

import connectors
from connectors.registry import Connectors
from twin.model.loader import load_district

BUILT_IN = Path(connectors.__file__).parent / "profiles"
PAGE = (Path(__file__).parents[3] / "docs" / "district.md").read_text(encoding="utf-8")
FENCE = r"```(?:yaml|csv)\n(.*?)```"
NAMED = dict(re.findall(r"`([\w./-]+)`\n\n" + FENCE, PAGE, re.DOTALL))
RANGES = next(
    text for text in re.findall(FENCE, PAGE, re.DOTALL) if text.startswith('devices:\n  - {id: "lamp')
)
OVERRIDES = next(text for text in re.findall(FENCE, PAGE, re.DOTALL) if text.startswith("id,endpoint,poll"))


@pytest.fixture
def folder(tmp_path):
    """The files of the page's first example, and the variant of its profile."""
    for name, text in NAMED.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def load(folder):
    return load_district(folder, Connectors(), [BUILT_IN])


def test_the_first_example_loads(folder):
    """Two cisterns, four hundred lamps in one line and two in a table, as the page says."""
    devices = load(folder).devices

    assert len(devices) == 404
    assert str(devices["post-400"].endpoint) == "coap://10.20.6.200:5683"
    assert set(NAMED) >= {"district.yaml", "devices.yaml", "lamps.csv", "profiles/water-tank-v2.yaml"}


def test_the_variant_is_what_the_page_says(folder):
    """The newer firmware has its level elsewhere, no volume, and an alarm."""
    (folder / "devices.yaml").write_text(
        NAMED["devices.yaml"].replace("profile: water-tank\n", "profile: water-tank-v2\n")
    )
    points = load(folder).devices["cistern-north"].points

    assert list(points) == ["level", "inlet", "alarm"]
    assert points["level"].address.model_dump(by_alias=True)["register"] == "holding:10"


def test_the_ranges_load(folder):
    """Lamps, meters behind one gateway and rooms of one server, each with what counts with it."""
    (folder / "devices.yaml").write_text(RANGES)
    district = (folder / "district.yaml").read_text()
    (folder / "district.yaml").write_text(
        district.replace("  - {type: feeds, from: cistern-north, to: tower-a}\n", "").replace(
            "relations:\n", ""
        )
    )
    devices = load(folder).devices

    assert len(devices) == 400 + 32 + 20
    assert str(devices["lamp-201"].endpoint) == "coap://10.20.5.1:5683"
    assert devices["meter-32"].endpoint.path == "/32"
    assert devices["room-107"].options.model_dump()["prefix"] == "Floor1.Room107"


def test_the_overrides_of_a_table_load(folder):
    """The second tank is polled otherwise and scaled otherwise."""
    (folder / "devices.yaml").write_text(
        NAMED["devices.yaml"].replace(
            "tables:\n", "tables:\n  - {file: tanks.csv, profile: water-tank, site: tower-a}\n"
        )
    )
    (folder / "tanks.csv").write_text(OVERRIDES)
    devices = load(folder).devices

    assert (devices["tank-1"].poll_s, devices["tank-2"].poll_s) == (5.0, 30.0)
    assert (devices["tank-1"].points["level"].scale, devices["tank-2"].points["level"].scale) == (0.01, 0.1)
