"""Devices that push, and those that nobody can stand in for."""

import asyncio
from dataclasses import replace

import pytest

from barrio.assembly import profiles_folder
from barrio.simulator.addresses import rewritten
from barrio.simulator.faults import parse_faults
from barrio.simulator.field import Field
from barrio.simulator.process import SimulatorProcess, ready_line
from connectors.registry import Connectors
from tests.barrio.simulator.test_field import START_S, differences, read_all
from twin.model.loader import load_district

PROFILE = """\
profile: bin
protocol: coap
kind: WasteContainer
poll: 200ms
points:
  level: {quantity: waste_level_ratio, name: level, unit: "1"}
  heat:  {quantity: waste_temperature, name: temp, unit: Cel}
"""
DEVICES = """\
devices:
  - {id: bin-1, profile: bin, site: tower, endpoint: "coap+listen://0.0.0.0:5683/bin-1"}
  - {id: bin-2, profile: bin, site: tower, endpoint: "coap+listen://0.0.0.0:5683/bin%202"}
  - {id: safe, profile: bin, site: tower, endpoint: "coap+listen://0.0.0.0:5683/safe",
     overrides: {options: {oscore: {sender_id: "01", recipient_id: "02", secret: "${secret:safe}"}}}}
  - {id: air, profile: air-quality-mqtt, site: tower, endpoint: "mqtt://10.0.0.9/air"}
"""
ABSENT = "pushed: 1 coap+listen, 1 mqtt not simulated: safe, air"


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """A district of two devices that push, one that does so with a secret, and one behind a broker."""
    folder = tmp_path_factory.mktemp("pushed")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "bin.yaml").write_text(PROFILE)
    (folder / "district.yaml").write_text(
        "district: pushed\nname: Pushed\ntimezone: America/Mexico_City\nlocation: {lat: 20.56, lon: -100.26}\n"
        "sites: [{id: tower, kind: ResidentialTower}]\n"
    )
    (folder / "devices.yaml").write_text(DEVICES)
    return load_district(folder, Connectors(), [profiles_folder()])


def without(district, *names):
    """The district as the platform has it, with only the devices that it can hear."""
    kept = {name: device for name, device in district.devices.items() if name not in names}
    return replace(district, devices=kept)


async def test_what_devices_push_is_read_as_simulated(pushed, base_port):
    """Each posts under its own name to where the platform listens, also when that begins only later."""
    async with Field(pushed, base_port=base_port, speed=0.0, start_s=START_S) as field:
        await asyncio.sleep(0.5)
        heard = without(rewritten(pushed, field.endpoints), "safe", "air")
        sink, points, names = await read_all(heard, 4)

    assert sink.troubles == []
    assert len(sink.values) == 4
    assert list(differences(field, sink, points, names)) == []


async def test_who_is_not_simulated_is_said_once(pushed, base_port):
    """Devices behind a broker, or with a secret, are named and counted; the others are served."""
    async with Field(pushed, base_port=base_port) as field:
        said = ready_line(field)["remark"]
        peers = [server.devices[0].id for server in field._started]

    assert said == ABSENT
    assert peers == ["bin-1"]


async def test_the_process_starts_with_devices_that_it_cannot_simulate(pushed, base_port):
    """It says so in its ready line and stops as usual."""
    async with await SimulatorProcess.start(pushed.folder, base_port=base_port) as simulator:
        said = simulator.ready["remark"]

    assert said == ABSENT
    assert simulator.process.returncode == 0


async def test_faults_of_any_device_do_no_harm(pushed, base_port):
    """One that is silent pushes nothing, a restart of one that is not simulated is none."""
    faults = parse_faults(["silent:bin-1", "restart:air@0s", "exception:bin-2/level"], pushed)
    async with Field(pushed, base_port=base_port, faults=faults) as field:
        heard = without(rewritten(pushed, field.endpoints), "safe", "air")
        sink, points, _ = await read_all(heard, 4, within_s=2.0)

    assert {points[number][1].path for number in sink.values} == {"pushed/bin-2/heat"}
