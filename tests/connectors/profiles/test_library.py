"""The profiles that come with barrio: each loads with its connector, names its source, and is listed for users."""

import re
from pathlib import Path

import pytest

import connectors
from connectors.registry import Connectors
from twin.model.loader import load_district
from twin.model.reference import BEGIN_LIBRARY, END_LIBRARY, library
from twin.model.source import Faults
from twin.model.yaml_source import parse_yaml

FOLDER = Path(connectors.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "district.md"
FILES = sorted((FOLDER / "profiles").glob("*.yaml"))
NAMES = [path.stem for path in FILES]
ENDPOINTS = {
    "modbus": "modbus+tcp://10.0.0.1:502/1",
    "coap": "coap://10.0.0.1",
    "mqtt": "mqtt://10.0.0.1/plant",
    "opcua": "opc.tcp://10.0.0.1:4840",
}

# Makers whose name a profile may carry only with the source of its addresses.
MAKERS = re.compile(
    r"abb|alfen|beca|bender|breezart|carlo|danfoss|eastron|elsner|grundfos|janitza|keba|schneider|teltonika|thies"
)
KINDS = {
    "AirHandlingUnit",
    "AirQualityStation",
    "ElectricityMeter",
    "EvCharger",
    "GasMeter",
    "GasTank",
    "Inverter",
    "LightingCabinet",
    "PeopleCounter",
    "Pump",
    "RoomController",
    "Streetlight",
    "TrafficCounter",
    "WasteContainer",
    "WaterMeter",
    "WaterTank",
    "WeatherStation",
    "WifiController",
}


@pytest.fixture(scope="module")
def district(tmp_path_factory):
    """One district with a device of every profile, read with the connectors that are installed."""
    folder = tmp_path_factory.mktemp("library")
    rows = [_device(name) for name in NAMES]
    (folder / "district.yaml").write_text(
        "district: library\nname: All\ntimezone: UTC\nlocation: {lat: 0, lon: 0}\nsites: [{id: here}]\n"
    )
    (folder / "devices.yaml").write_text("devices:\n" + "".join(rows))
    return load_district(folder, Connectors(), [FOLDER / "profiles"])


OPTIONS = {
    "opcua": "prefix: Plant",
    "secure": "oscore: {sender_id: '01', recipient_id: '02', secret: '${secret:lamps}'}",
}


def _device(name):
    """A device of a profile as `devices.yaml` has it, with what its protocol cannot do without."""
    *_, variant, protocol = name.split("-")
    options = OPTIONS.get(variant) or OPTIONS.get(protocol) or ""
    return (
        f"  - {{id: {name}, profile: {name}, site: here, endpoint: '{ENDPOINTS[protocol]}', "
        f"overrides: {{options: {{{options}}}}}}}\n"
    )


def test_every_profile_loads(district):
    """A device of each profile is read without a fault, and every point of it is asked for."""

    assert sorted(district.devices) == NAMES
    assert all(device.points for device in district.devices.values())


def test_the_library_is_wide(district):
    """Every kind of device that the first districts have is there."""

    assert len(NAMES) >= 60
    assert {device.kind for device in district.devices.values()} >= KINDS


def test_the_name_tells_the_protocol(district):
    """A profile is called after what it is and how it is spoken to."""

    assert [
        name for name, device in district.devices.items() if not name.endswith(f"-{device.protocol}")
    ] == []


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_profile_says_its_source(path):
    """A profile says in its own file what it was checked against; one that says generic names no maker."""
    source = parse_yaml(path, path.read_text(encoding="utf-8"), Faults())

    assert source is not None
    assert source.data.get("source")
    assert source.data["source"] != "generic" or not MAKERS.search(path.stem)
    assert source.data["source"] == "generic" or re.search(r"/|pysunspec2|registry", source.data["source"])


def test_limits_hold_after_conversion(district):
    """No profile narrows a range to nothing or to something without zero by a slip of its unit."""
    odd = [
        point.path
        for _, point in district.points()
        if not point.minimum <= 0 <= point.maximum and (point.minimum <= 0 or point.minimum > 20_000)
    ]

    assert odd == []


def test_the_page_lists_every_profile():
    """The table for users is that of the files."""
    page = PAGE.read_text(encoding="utf-8")
    start, end = page.index(BEGIN_LIBRARY), page.index(END_LIBRARY) + len(END_LIBRARY)

    assert page[start:end] == library(FOLDER, Connectors())
