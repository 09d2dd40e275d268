"""A district without what the simulator does not speak."""

import re

import pytest

from barrio.assembly import load_all, profiles_folder
from barrio.homes import Secrets, check_secrets
from barrio.simulator.plain import WHY
from barrio.simulator.stand_in import stood_in
from connectors.conformance.recording import bind
from connectors.home import Home
from connectors.registry import Connectors
from twin.errors import ConfigError

DISTRICT = """\
district: town
name: Town
timezone: UTC
location: {lat: 20.5, lon: -100.3}
sites: [{id: here, kind: Building}]
"""
DEVICES = """\
devices:
  - id: meter
    profile: energy-meter-modbus
    site: here
    endpoint: modbus+tls://10.0.0.1:802/3
    overrides: {options: {ca: ca.pem, certificate: own.pem, key: own.key}}
  - {id: line, profile: energy-meter-modbus, site: here, endpoint: "modbus+rtu:///dev/ttyUSB0/7"}
  - {id: gateway, profile: energy-meter-modbus, site: here, endpoint: "modbus+rtu+tcp://10.0.0.2:4001/5"}
  - {id: first, profile: energy-meter-modbus, site: here, endpoint: "modbus+tcp://10.0.0.3"}
  - {id: hall, profile: hall, site: here, endpoint: "opc.tcp://10.0.0.4/bms"}
  - {id: lamp, profile: lamp, site: here, endpoint: "coap://10.0.0.5"}
  - {id: air, profile: air-quality-mqtt, site: here, endpoint: "mqtts://10.0.0.6/air"}
"""
HALL = """\
profile: hall
protocol: opcua
kind: AirHandlingUnit
options: {namespace: "urn:x", user: barrio, password: "${secret:hall}"}
points:
  supply: {quantity: air_temperature, node: "s=T"}
"""
LAMP = """\
profile: lamp
protocol: coap
kind: Streetlight
options: {oscore: {sender_id: "01", recipient_id: "02", secret: "${secret:lamp}"}}
points:
  level: {quantity: dimming_level, resource: /light, format: text, unit: "%"}
"""


@pytest.fixture
def town(tmp_path):
    """A district with every kind of security and of line."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "district.yaml").write_text(DISTRICT)
    (tmp_path / "devices.yaml").write_text(DEVICES)
    (tmp_path / "profiles" / "hall.yaml").write_text(HALL)
    (tmp_path / "profiles" / "lamp.yaml").write_text(LAMP)
    return load_all([str(tmp_path)], tmp_path, Connectors(), profiles_folder())


def test_every_device_is_dialled_as_the_simulator_speaks(town):
    """TLS, serial lines and RTU framing become Modbus TCP with the unit that they had."""
    [there] = stood_in(town, 21_000)

    assert [str(device.endpoint) for device in there.devices.values()] == [
        "modbus+tcp://127.0.0.1:21000/3",
        "modbus+tcp://127.0.0.1:21001/7",
        "modbus+tcp://127.0.0.1:21002/5",
        "modbus+tcp://127.0.0.1:21003",
        "opc.tcp://127.0.0.1:21004/bms",
        "coap://127.0.0.1:21005",
        "mqtts://127.0.0.1:21006/air",
    ]


def test_links_say_that_it_is_the_simulator(town, tmp_path):
    """A server is read without encryption because it is the simulator, and health says so."""
    [there] = stood_in(town, 21_000)
    hall = bind(there.devices["hall"])
    [link] = Connectors()["opcua"].links([hall], Home(tmp_path))

    assert link.security == f"none: {WHY}"


def test_no_secret_is_asked_for(town):
    """A district can be tried before its passwords are known."""
    missing = re.compile("secret 'hall' is not set")
    with pytest.raises(ConfigError, match=missing):
        check_secrets(town, Secrets(None))

    check_secrets(stood_in(town, 21_000), Secrets(None))
