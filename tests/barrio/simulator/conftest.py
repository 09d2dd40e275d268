import socket

import pytest

from barrio.assembly import profiles_folder
from connectors.registry import Connectors
from twin.model.loader import built_in_districts, load_district


@pytest.fixture(scope="session")
def maderas():
    """The demo district."""
    return load_district(built_in_districts() / "ciudad-maderas", Connectors(), [profiles_folder()])


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A district of four devices, one of each protocol and a second behind the same OPC UA server."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "district.yaml").write_text(
        "district: small\nname: Small\ntimezone: America/Mexico_City\nlocation: {lat: 20.56, lon: -100.26}\n"
        "sites: [{id: tower, kind: ResidentialTower}]\n"
    )
    (folder / "devices.yaml").write_text(
        "devices:\n"
        "  - {id: tank, profile: water-tank-modbus, site: tower, endpoint: 'modbus+tcp://10.0.0.1:502/7'}\n"
        "  - {id: met, profile: weather-station-coap, site: tower, endpoint: 'coap://10.0.0.2'}\n"
        "  - {id: lamp, profile: streetlight-secure-coap, site: tower, endpoint: 'coap://10.0.0.3', overrides: "
        "{options: {oscore: {sender_id: '01', recipient_id: '02', secret: '${secret:lamp}'}}}}\n"
        "  - {id: room, profile: room-opcua, site: tower, endpoint: 'opc.tcp://10.0.0.4'}\n"
        "  - {id: ahu, profile: ahu-opcua, site: tower, endpoint: 'opc.tcp://10.0.0.4'}\n"
    )
    return load_district(folder, Connectors(), [profiles_folder()])


@pytest.fixture
def base_port():
    """The first of a hundred ports that nobody uses at the moment."""
    for first in range(23_000, 32_000, 100):
        if all(
            _is_free(kind, first + offset)
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
            for offset in range(70)
        ):
            return first
    raise AssertionError("no hundred free ports")


def _is_free(kind, port):
    with socket.socket(socket.AF_INET, kind) as found:
        try:
            found.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
