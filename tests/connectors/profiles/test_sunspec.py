"""SunSpec profiles against the models that pysunspec2 carries: every register, type, scale factor, unit and state."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

import connectors
from connectors.modbus import connector as modbus
from twin.model.profiles import Profiles
from twin.model.reading import Reading
from twin.model.source import Place, Source

PACKAGE = find_spec("sunspec2")
MODELS = Path(PACKAGE.origin if PACKAGE and PACKAGE.origin else "").parent / "models" / "json"
FOLDER = Path(connectors.__file__).parent
NAMES = sorted(path.stem for path in (FOLDER / "profiles").glob("sunspec-*.yaml"))

# Where the map begins, and the registers before the model: the two of "SunS", then model 1 with its id and length.
SUNS, BEFORE, HEADER = 40000, 2, 2
LENGTH_OF_MODEL_1 = {False: 66, True: 65}

# SunSpec Device Information Model Specification 1.1, "Value Types": types and their patterns for "not implemented".
# An accumulator that is not implemented is 0, which a counter may be as well.
TYPES = {
    "int16": ("int16", (0x8000,)),
    "uint16": ("uint16", (0xFFFF,)),
    "enum16": ("uint16", (0xFFFF,)),
    "uint32": ("uint32", (0xFFFFFFFF,)),
    "uint64": ("uint64", (0xFFFFFFFFFFFFFFFF,)),
    "acc32": ("uint32", ()),
    "float32": ("float32", ()),
}
UNITS = {
    "A": "A",
    "C": "Cel",
    "HPa": "hPa",
    "Hz": "Hz",
    "PF": "1",
    "Pct": "%",
    "%": "%",
    "%WHRtg": "%",
    "V": "V",
    "VA": "V.A",
    "Var": "V.A{reactive}",
    "W": "W",
    "Wh": "W.h",
    "deg": "deg",
    "mps": "m/s",
    "var": "V.A{reactive}",
}

# What a point of ours is called in the models.
MEANT = {
    "active_power": {"W"},
    "active_power_l1": {"WphA"},
    "active_power_l2": {"WphB"},
    "active_power_l3": {"WphC"},
    "air_temperature": {"TmpAmb"},
    "ambient_temperature": {"TmpAmb"},
    "apparent_power": {"VA"},
    "current": {"A"},
    "current_l1": {"AphA"},
    "current_l2": {"AphB"},
    "current_l3": {"AphC"},
    "dc_current": {"DCA"},
    "dc_power": {"DCW"},
    "dc_voltage": {"DCV"},
    "energy": {"WH"},
    "export": {"TotWhExp", "TotWhInj"},
    "frequency": {"Hz"},
    "humidity": {"RH"},
    "import": {"TotWhImp", "TotWhAbs"},
    "line_voltage": {"LLV"},
    "power": {"W"},
    "power_factor": {"PF"},
    "pressure": {"Pres"},
    "reactive_power": {"VAr", "VAR", "Var"},
    "state": {"St", "InvSt", "ChaSt"},
    "state_of_charge": {"SoC"},
    "state_of_health": {"SoH"},
    "temperature": {"TmpCab"},
    "voltage": {"PhVphA", "LNV", "V"},
    "voltage_l1": {"PhVphA"},
    "voltage_l2": {"PhVphB"},
    "voltage_l3": {"PhVphC"},
    "wind_direction": {"WndDir"},
    "wind_speed": {"WndSpd"},
}


def profile_of(name):
    reading = Reading()
    profiles = Profiles(FOLDER, [], {"modbus": modbus}, reading)
    found = profiles.get(name, Place(Source(Path("test"), None, {}), ()))

    assert reading.faults.found == []
    assert found is not None
    return found.spec


def number_of(name):
    """The model that a profile is called after: sunspec-meter-203-modbus."""
    return name.split("-")[2]


def model_of(name):
    """The points of a profile's model by their offset in it, and the offsets of all by name."""
    group = json.loads((MODELS / f"model_{number_of(name)}.json").read_text())["group"]
    by_offset, offsets, at = {}, {}, 0
    for point in group["points"]:
        by_offset[at], offsets[point["name"]] = point, at
        at += point["size"]
    return by_offset, offsets


def start_of(name):
    return SUNS + BEFORE + HEADER + LENGTH_OF_MODEL_1["-short-" in name]


def register(text):
    table, _, address = text.partition(":")
    assert table == "holding"
    return int(address)


@pytest.mark.parametrize("name", NAMES)
def test_profile_is_the_model(name):
    """Every point is the one that it is called after, with the place, type, unit and scale factor of the model."""
    by_offset, offsets = model_of(name)
    start = start_of(name)

    for point, keys in profile_of(name).points.items():
        found = by_offset[register(keys["register"]) - start]
        kind, nulls = TYPES[found["type"]]
        assert found["name"] in MEANT[point], point
        assert (keys["type"], tuple(keys.get("null_values", ()))) == (kind, nulls), point
        scale = found.get("sf")
        if isinstance(scale, str):
            assert register(keys["scale_factor"]) == start + offsets[scale], point
        else:
            assert keys.get("scale", 1.0) == 10.0 ** (scale or 0), point
        if "states" in keys:
            assert {symbol["value"] for symbol in found["symbols"]} == set(keys["states"]), point
        elif found["name"] != "PF" or "units" in found:
            assert keys["unit"] == UNITS[found["units"]], point


@pytest.mark.parametrize("name", NAMES)
def test_profile_says_where_it_is_and_from_what(name):
    """A profile names its model and the length of model 1 on which its addresses rest."""
    spec = profile_of(name)
    number = number_of(name)

    assert f"model {number}" in spec.description
    assert f"length of {LENGTH_OF_MODEL_1['-short-' in name]}" in spec.description
    assert f"model_{number}.json" in spec.source


def test_the_variants_are_the_common_ones():
    """Inverters as integers and as floats, meters of one and three phases, a battery and a weather station."""
    numbers = {number_of(name) for name in NAMES}

    assert numbers >= {"101", "103", "111", "113", "201", "203", "211", "213", "701", "802", "307"}
