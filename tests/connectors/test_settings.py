"""From what a person asks for to the device and back: limits checked, scale and unit undone, set, and read back."""

import pytest

from connectors.abilities import Done, Setting, Writes
from connectors.conformance.recording import RecordingSink, bind_all, running
from connectors.home import Home
from connectors.modbus import connector
from tests.connectors.modbus.bank import Bank, over_tcp
from twin.model.loader import load_district
from twin.model.setting import NotAllowed, raw_of

FILES = {
    "district.yaml": """\
district: little
name: Little
timezone: UTC
location: {lat: 20.5, lon: -100.3}
sites: [{id: house}]
""",
    "devices.yaml": """\
devices:
  - {id: room, profile: room, site: house, endpoint: "modbus+tcp://127.0.0.1:PORT/1"}
""",
    "profiles/room.yaml": """\
profile: room
protocol: modbus
kind: RoomController
options: {insecure: "a cable on the bench"}
points:
  wanted:
    {quantity: temperature_setpoint, register: "holding:3", scale: 0.1, unit: "[degF]", minimum: 50, maximum: 86,
     writable: true}
  fan: {quantity: fan_state, register: "coil:0", states: {0: "off", 1: "on"}, writable: true}
""",
}


def controller(folder, port):
    """A room controller as its files say, bound."""
    (folder / "profiles").mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text.replace("PORT", str(port)))
    return bind_all(list(load_district(folder, {"modbus": connector}, ()).devices.values()))[0]


async def test_what_is_asked_for_is_what_the_device_gets(tmp_path):
    """A temperature in Celsius arrives in tenths of Fahrenheit, a state as its code; what is not allowed never does."""
    bank = Bank()
    async with over_tcp(bank) as port:
        bound = controller(tmp_path, port)
        points = {item.point.name: item for item in bound.points}
        (link,) = connector.links([bound], Home())
        assert isinstance(link, Writes)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            asked: dict[str, float | str] = {"wanted": 21.5, "fan": "on"}
            outcomes = await link.write(
                [Setting(points[name], raw_of(points[name].point, value)) for name, value in asked.items()]
            )
            with pytest.raises(NotAllowed, match="takes 10 to 30 Cel, found 31"):
                raw_of(points["wanted"].point, 31)

    assert [(outcome.done, outcome.read_back) for outcome in outcomes] == [
        (Done.WRITTEN, 707),
        (Done.WRITTEN, 1),
    ]
    assert (bank.registers[3], bank.coils[0]) == (707, 1)
