"""What the connector's README shows is what barrio takes."""

import re
from pathlib import Path

import pytest

from barrio.assembly import load_all, profiles_folder
from connectors import modbus
from connectors.modbus.config import ModbusOptions, ModbusPoint
from connectors.modbus.registers import Order, ValueType
from connectors.modbus.transport import SCHEMES
from connectors.registry import Connectors

README = (Path(modbus.__file__).parent / "README.md").read_text()
EXAMPLE = re.compile(r"^```yaml\n# ([\w./-]+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
DISTRICT = """
district: example
name: Example
timezone: America/Mexico_City
location: {lat: 20.5, lon: -100.4}
sites: [{id: here}]
"""


def test_the_examples_are_a_district_without_faults(tmp_path):
    """Every profile and the devices, as they stand there; a profile that no device uses gets one."""
    (tmp_path / "district.yaml").write_text(DISTRICT)
    for name, text in EXAMPLE.findall(README):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with (tmp_path / "devices.yaml").open("a") as devices:
        for name in ("inverter", "pump"):
            devices.write(
                f"  - {{id: {name}, profile: {name}, site: here, endpoint: 'modbus+tcp://10.0.0.9:502/1'}}\n"
            )

    [district] = load_all([str(tmp_path)], Path(), Connectors(), profiles_folder())

    assert sorted(district.devices) == [
        "cistern-1",
        "cistern-2",
        "cistern-3",
        "cistern-4",
        "inverter",
        "pump",
    ]
    assert {device.endpoint.scheme for device in district.devices.values()} == set(SCHEMES)


def keys_of_tables():
    first_cells = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `")]
    return {key for cell in first_cells for key in re.findall(r"`([\w+]+)", cell)}


@pytest.mark.parametrize("model", [ModbusPoint, ModbusOptions])
def test_every_key_is_in_a_table(model):
    """The reference is complete."""
    keys = {field.alias or name for name, field in model.model_fields.items()}

    assert keys - keys_of_tables() == set()


def test_every_type_order_and_scheme_is_in_a_table():
    """And names nothing that is not there."""
    fields = {
        field.alias or name
        for model in (ModbusPoint, ModbusOptions)
        for name, field in model.model_fields.items()
    }
    known = {kind.value for kind in ValueType} | set(Order) | set(SCHEMES) | fields

    assert keys_of_tables() == known


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("timeout", "2s"),
        ("connect_timeout", "2s"),
        ("retry_after", "1h"),
        ("baudrate", "9600"),
        ("max_gap", "by cost"),
    ],
)
def test_defaults_are_the_models(key, default):
    """What the table calls the default is one."""
    row = next(
        line for line in README.splitlines() if line.startswith("| `") and f"`{key}`" in line.split("|")[1]
    )
    said = row.split("|")[2].split(",")[0].strip()
    value = None if said == "by cost" else said

    assert said == default
    assert ModbusOptions.model_validate({key: value} if value else {}) == ModbusOptions()
