"""Simulated OPC UA servers hold whatever a profile can name: paths, elements, fields and methods."""

import asyncio

import pytest

from barrio.assembly import profiles_folder
from barrio.simulator.addresses import rewritten
from barrio.simulator.field import Field
from connectors.abilities import Done, Setting, Writes
from connectors.home import Home
from connectors.registry import Connectors
from tests.barrio.scripted import until
from tests.barrio.simulator.test_field import START_S, Gathering, bind, differences
from twin.errors import StartError
from twin.model.loader import load_district

POINTS = """\
  path: {quantity: air_temperature, path: "/Objects/Hall/North/Temperature"}
  beside: {quantity: relative_humidity, path: "/Objects/Hall/North/Humidity"}
  element: {quantity: air_temperature, node: "s={prefix}.Zones", index: 3}
  neighbour: {quantity: air_temperature, node: "s={prefix}.Zones", index: 1}
  rate: {quantity: water_flow, node: "s={prefix}.Status", field: Flow.Rate}
  mode: {quantity: pump_state, node: "s={prefix}.Status", field: Flow.Mode, states: {0: "off", 1: "on"}}
  text: {quantity: pump_state, node: "s={prefix}.Status", field: Name, states: {OFF: "off", ON: "on"}}
  part: {quantity: water_flow, node: "s={prefix}.Parts", index: 1, field: Rate}
  other: {quantity: air_temperature, node: "s={prefix}.Parts", index: 2, field: Warmth}
  written: {quantity: temperature_setpoint, node: "s={prefix}.Setpoint", minimum: 10, maximum: 30, writable: true}
  set: {quantity: pump_state, method: "s={prefix}.Set", object: "s={prefix}", arguments: ["{value}", 30, slow],
    writable: true, states: {0: "off", 1: "on"}}
  go: {quantity: temperature_setpoint, method: "s={prefix}.Go", object: "s=Shared", writable: true,
    minimum: 10, maximum: 30}
"""
ABOVE = 'options: {namespace: "urn:test:plant", publishing: 200ms, sampling: 100ms, insecure: "a test"}\n'


def district_of(folder, points, **devices):
    folder.mkdir()
    (folder / "profiles").mkdir()
    (folder / "district.yaml").write_text(
        "district: small\nname: Small\ntimezone: America/Mexico_City\nlocation: {lat: 20.56, lon: -100.26}\n"
        "sites: [{id: tower, kind: ResidentialTower}]\n"
    )
    text = f"profile: odd\nprotocol: opcua\nkind: Odd\npoll: 1s\n{ABOVE}points:\n{points}"
    (folder / "profiles" / "odd.yaml").write_text(text)
    listed = (devices or {"one": ""}).items()
    same = "profile: odd, site: tower, endpoint: 'opc.tcp://h'"
    lines = [f"  - {{id: {name}, {same}{more}}}\n" for name, more in listed]
    (folder / "devices.yaml").write_text("devices:\n" + "".join(lines))
    return load_district(folder, Connectors(), [profiles_folder()])


async def test_every_kind_of_address_is_served(tmp_path, base_port):
    """Points by path, element, field and method are read as simulated, and what is written is what is read then."""
    district = district_of(tmp_path / "d", POINTS)
    async with Field(district, base_port=base_port, speed=0.0, start_s=START_S) as field:
        devices, points, names = bind(rewritten(district, field.endpoints))
        (link,) = Connectors()["opcua"].links(devices, Home())
        sink = Gathering()
        by_name = {item.point.name: item for item in devices[0].points}
        task = asyncio.create_task(link.run(sink))
        await until(lambda: len(sink.values) == 10)
        found = list(differences(field, sink, points, names))
        asked = {"set": 1, "go": 21.5, "written": 12.0}
        assert isinstance(link, Writes)
        outcomes = await link.write([Setting(by_name[name], raw) for name, raw in asked.items()])
        (beyond,) = await link.write([Setting(by_name["go"], 99.0)])
        await asyncio.sleep(1.0)
        world, one = field.desk.world, district.devices["one"]
        held = {name: world.value(one, one.points[name]) for name in asked}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert (sink.troubles, found) == ([], [])
    assert [each.done for each in outcomes] == [Done.WRITTEN] * 3
    assert held == {"set": "on", "go": 21.5, "written": 12.0}
    assert (beyond.done, beyond.words.split(":")[0]) == (Done.REFUSED, "BadOutOfRange")


async def test_devices_may_share_a_node(tmp_path, base_port):
    """Elements of one array that belong to several devices stand in one node."""
    points = '  it: {quantity: air_temperature, node: "s=All", index: 0}\n'
    more = ", overrides: {points: {it: {index: 2}}}"
    district = district_of(tmp_path / "d", points, one="", two=more)
    async with Field(district, base_port=base_port, speed=0.0, start_s=START_S) as field:
        devices, bound, names = bind(rewritten(district, field.endpoints))
        sink = Gathering()
        (link,) = Connectors()["opcua"].links(devices, Home())
        task = asyncio.create_task(link.run(sink))
        await until(lambda: len(sink.values) == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert list(differences(field, sink, bound, names)) == []


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (
            '  a: {quantity: air_temperature, node: "s=X"}\n  b: {quantity: air_temperature, node: "s=X", index: 1}\n',
            "odd.yaml:8: small/one/b: the simulator cannot serve it: its node is no array for small/one/a",
        ),
        (
            """  a: {quantity: air_temperature, node: "s=X", field: A}
  b: {quantity: air_temperature, node: "s=X", field: A.B}
""",
            "odd.yaml:8: small/one/b: the simulator cannot serve it: the field A is of another kind",
        ),
        (
            '  a: {quantity: air_temperature, node: "ns=0;i=2258"}\n',
            "odd.yaml:7: small/one/a: the simulator cannot serve it: ns=0;i=2258 is the server's own",
        ),
        (
            '  a: {quantity: air_temperature, path: "/Types/X"}\n',
            "odd.yaml:7: small/one/a: the simulator cannot serve it: its path does not begin with /Objects",
        ),
    ],
)
async def test_what_cannot_be_served_is_named_with_file_and_line(tmp_path, base_port, points, words):
    """Points that contradict each other, or stand in for the server itself, stop the start with words."""
    district = district_of(tmp_path / "d", points)

    with pytest.raises(StartError) as caught:
        await Field(district, base_port=base_port).start()
    assert str(caught.value).startswith(words)
