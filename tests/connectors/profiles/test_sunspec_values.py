"""SunSpec profiles read registers that pysunspec2 wrote: the values come out in our units."""

import math
import struct
from pathlib import Path

import pytest

import connectors
from connectors.conformance.recording import RecordingSink, bind, running
from connectors.home import Home
from connectors.modbus import connector as modbus
from tests.connectors.modbus.servers import LOOPBACK, constant, scripted
from twin.model.loader import load_district
from twin.quality import Reason

sunspec = pytest.importorskip("sunspec2.device")

BUILT_IN = Path(connectors.__file__).parent / "profiles"
# What a device holds, by the names of the model, and what is read of it, by ours.
CASES = {
    "inverter-103": (
        {
            "W": -1234,
            "W_SF": 1,
            "WH": 4_000_000_000,
            "WH_SF": -1,
            "PhVphA": 2301,
            "V_SF": -1,
            "St": 4,
            "PF": -98,
            "PF_SF": 0,
        },
        {"power": -12_340.0, "energy": 400_000.0, "voltage_l1": 230.1, "power_factor": -0.98},
    ),
    "inverter-103-short": (
        {"Hz": 5998, "Hz_SF": -2, "DCV": 0, "DCV_SF": -1},
        {"frequency": 59.98, "dc_voltage": 0.0},
    ),
    "inverter-113": (
        {"W": 5500.5, "WH": 1000.0, "TmpCab": 41.5},
        {"power": 5500.5, "energy": 1.0, "temperature": 41.5},
    ),
    "meter-203": (
        {"W": 320, "W_SF": 2, "TotWhImp": 77, "TotWh_SF": 3, "AphB": -15, "A_SF": -1},
        {"active_power": 32_000.0, "import": 77.0, "current_l2": -1.5},
    ),
    "der-701": (
        {"W": 100, "W_SF": 0, "TotWhInj": 2**40, "TotWh_SF": 0},
        {"power": 100.0, "export": 2**40 / 1000},
    ),
    "battery-802": (
        {"SoC": 875, "SoC_SF": -1, "W": -40, "W_SF": 2},
        {"state_of_charge": 87.5, "power": -4000.0},
    ),
    "weather-307": ({"TmpAmb": -35, "WndDir": 270}, {"air_temperature": -3.5, "wind_direction": 270.0}),
}


def registers(name, values):
    """The registers of a model that a device holds, everything else not implemented."""
    number = int(name.split("-")[1])
    model = sunspec.Model(number, model_len=None)
    for key, value in values.items():
        model.points[key].value = value
    data = model.get_mb()
    start = 40069 if name.endswith("short") else 40070
    return {start + index: word for index, word in enumerate(struct.unpack(f">{len(data) // 2}H", data))}


def device_of(folder, name, port):
    """A device of a profile at a port, as a district's files have it."""
    (folder / "district.yaml").write_text(
        "district: d\nname: D\ntimezone: UTC\nlocation: {lat: 0, lon: 0}\nsites: [{id: here}]\n"
    )
    (folder / "devices.yaml").write_text(
        f"devices:\n  - {{id: a, profile: sunspec-{name}-modbus, site: here, endpoint: 'modbus+tcp://{LOOPBACK}:{port}/1'}}\n"
    )
    return load_district(folder, {"modbus": modbus}, [BUILT_IN]).devices["a"]


@pytest.mark.parametrize("name", CASES)
async def test_values_come_out_in_our_units(name, tmp_path):
    """What pysunspec2 encodes is read with its scale factor and unit; what it leaves out has no value."""
    held, expected = CASES[name]
    async with scripted(constant(registers(name, held))) as server:
        device = device_of(tmp_path, name, server.port)
        bound = bind(device)
        (link,) = modbus.links([bound], Home())
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.latest(bound)) == len(device.points), timeout=10.0)
    latest = sink.latest(bound)

    for point, value in expected.items():
        of = device.points[point]
        assert latest[point].reason is Reason.GOOD
        assert latest[point].value * of.scale + of.offset == pytest.approx(value), point
    assert sum(not math.isnan(reading.value) for reading in latest.values()) < len(latest)
