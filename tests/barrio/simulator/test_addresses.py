from dataclasses import replace

import pytest
import yaml

from barrio.simulator.addresses import load_overrides, mapping, overrides, peers, rewritten
from twin.errors import ConfigError, StartError


def test_each_peer_has_a_port_in_the_order_of_the_files(small):
    """Devices behind one server share its port."""
    found = mapping(small, 21_000)

    assert found == {
        "modbus+tcp://10.0.0.1:502": ("127.0.0.1", 21_000),
        "coap://10.0.0.2:5683": ("127.0.0.1", 21_001),
        "coap://10.0.0.3:5683": ("127.0.0.1", 21_002),
        "opc.tcp://10.0.0.4:4840": ("127.0.0.1", 21_003),
    }


def test_rewriting_keeps_scheme_and_path(small):
    """Only host and port change, the unit id stays; the district given is not touched."""
    served = rewritten(small, mapping(small, 21_000))

    assert str(served.devices["tank"].endpoint) == "modbus+tcp://127.0.0.1:21000/7"
    assert served.devices["room"].endpoint == served.devices["ahu"].endpoint
    assert str(small.devices["tank"].endpoint) == "modbus+tcp://10.0.0.1:502/7"
    assert replace(served, devices=small.devices) == small


def test_a_peer_that_is_not_simulated_stays(small):
    """A mapping of one peer leaves the others."""
    served = rewritten(small, {"coap://10.0.0.2:5683": ("127.0.0.1", 5)})

    assert [str(device.endpoint.port) for device in served.devices.values()] == [
        "502",
        "5",
        "5683",
        "4840",
        "4840",
    ]


def test_an_override_file_says_the_same(small, tmp_path):
    """What is written is read back as the same mapping."""
    places = mapping(small, 21_000)
    file = tmp_path / "endpoints.yaml"
    file.write_text(yaml.safe_dump({"endpoints": overrides(small, places)}))

    assert load_overrides(file) == places
    assert overrides(small, places)["modbus+tcp://10.0.0.1:502"] == "modbus+tcp://127.0.0.1:21000"


@pytest.mark.parametrize("base_port", [0, 65_534])
def test_ports_that_do_not_exist_are_refused(small, base_port):
    """Too few ports above the base port is one clear line."""
    with pytest.raises(StartError, match="small needs 4 ports"):
        mapping(small, base_port)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "endpoints: {'coap://10.0.0.2:5683': 'coap://127.0.0.1'}",
            "is not a peer, expected coap://HOST:PORT",
        ),
        ("endpoints: {'coap://10.0.0.2:5683': 'opc.tcp://127.0.0.1:5'}", "is not a peer"),
        ("endpoints: {'coap://10.0.0.2:5683': 'coap://127.0.0.1:99999'}", "is not a peer"),
        ("endpoints: [1]", "must hold one key"),
        ("{}", "must hold one key"),
        ("endpoints: {a: [", "is not YAML"),
    ],
)
def test_a_wrong_override_file_is_named_with_its_line(tmp_path, text, words):
    """Each mistake is a ConfigError with file, line and what was meant."""
    file = tmp_path / "endpoints.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=words) as found:
        load_overrides(file)
    assert found.value.faults[0].line == 1


def test_a_missing_override_file_is_named(tmp_path):
    """No file is a ConfigError, not a traceback."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load_overrides(tmp_path / "none.yaml")


def test_peers_are_those_of_the_files(maderas):
    """The demo district is served at as many ports as it has peers."""
    assert len(peers(maderas)) == len(mapping(maderas, 21_000)) == 61
