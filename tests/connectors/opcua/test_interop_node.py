"""A server that others wrote: node-opcua with security on, trusted in both directions."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.conformance.recording import RecordingSink, bind, device, running
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.certificates import TRUSTED, load_certificate, make, names_of
from connectors.opcua.security import POLICIES
from tests.connectors.opcua.node import URI, NodeServer
from tests.connectors.opcua.pki import DER, identity
from twin.errors import TransientError
from twin.model.protocol import parse_endpoint
from twin.quality import Reason

QUICK = {"publishing": "100ms", "sampling": "50ms", "keep_alive": "1s", "timeout": "5s", "namespace": URI}
SECRETS = {"bms": "open sesame", "wrong": "guess"}
USER = identity("urn:barrio:test:user", name="user", use=ExtendedKeyUsageOID.CLIENT_AUTH)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with NodeServer(tmp_path_factory.mktemp("node")) as server:
        yield server


@pytest.fixture(scope="module")
def home(node, tmp_path_factory):
    """A home that trusts the server, and is trusted by it."""
    folder = tmp_path_factory.mktemp("opcua")
    ours = make(folder, "urn:barrio:test:client", ["localhost"])
    node.trust(load_certificate(ours.certificate))
    node.trust_user(USER.certificate)
    (folder / TRUSTED).mkdir()
    (folder / TRUSTED / "node.der").write_bytes(node.certificate.public_bytes(DER))
    USER.write(folder, "user")
    return Home(folder, SECRETS.__getitem__)


def named(node):
    """The options with which this server is dialled by its address: its certificate names the machine only."""
    return {**QUICK, "certificate_host": names_of(node.certificate, x509.DNSName)[0]}


def link_to(node, home, points, **options):
    one = bind(device(connector, node.endpoint, points, options={**named(node), **options}))
    (link,) = connector.links([one], home)
    return one, link


@pytest.mark.parametrize(
    ("login", "options"),
    [
        ("anonymous", {}),
        ("user operator", {"user": "operator", "password": "${secret:bms}"}),
        ("user certificate", {"user_certificate": "user.der", "user_key": "user.pem"}),
    ],
)
@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
@pytest.mark.parametrize("policy", POLICIES)
async def test_every_policy_in_every_mode_as_everybody(node, home, policy, mode, login, options):
    """A value arrives over each policy, signed and encrypted, as nobody, by password and by certificate."""
    points = {"supply": {"node": "s=Plant.SupplyTemperature"}}
    one, link = link_to(node, home, points, policy=policy, security=mode, **options)
    sink = RecordingSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.frames, timeout=20)
        security = link.security

    assert sink.by_name(one) == {"supply": 21.5}
    assert security == f"{mode} {policy}, {login}"


async def test_values_arrays_states_and_bad_status(node, home):
    """Numbers, an element of an array, a state, a bad status and a missing node arrive as the server has them."""
    points = {
        "supply": {"node": "s=Plant.SupplyTemperature"},
        "zone": {"node": "s=Plant.Zones", "index": 2},
        "zero": {"node": "s=Plant.Count"},
        "mode": {"node": "s=Plant.Mode", "states": {0: "off", 1: "auto", 2: "manual"}},
        "bad": {"node": "s=Plant.Bad"},
        "missing": {"node": "s=Plant.Nowhere"},
    }
    one, link = link_to(node, home, points)
    sink = RecordingSink()
    async with running(link, sink):
        await sink.wait_for(lambda: set(points) <= set(sink.latest(one)), timeout=20)
    found = sink.latest(one)

    assert {name: found[name].value for name in ("supply", "zone", "zero", "mode")} == {
        "supply": 21.5,
        "zone": 20.0,
        "zero": 0.0,
        "mode": 1.0,
    }
    assert (found["bad"].reason, found["bad"].detail) == (Reason.BAD_STATUS, "BadSensorFailure")
    assert (found["missing"].reason, found["missing"].detail) == (Reason.BAD_STATUS, "BadNodeIdUnknown")


async def test_a_wrong_password_is_refused(node, home):
    """The server's refusal is told without the password."""
    points = {"supply": {"node": "s=Plant.SupplyTemperature"}}
    _, link = link_to(node, home, points, user="operator", password="${secret:wrong}")
    with pytest.raises(TransientError) as caught:
        await link.run(RecordingSink())

    assert "guess" not in str(caught.value)
    assert caught.value.words.startswith("the server refused: Bad")


async def test_a_stranger_is_refused_by_the_server(node, home, tmp_path):
    """A certificate of ours that the server does not trust ends in words, not in a hang."""
    make(tmp_path, "urn:barrio:test:stranger", ["localhost"])
    (tmp_path / TRUSTED).mkdir()
    (tmp_path / TRUSTED / "node.der").write_bytes(node.certificate.public_bytes(DER))
    _, link = link_to(node, Home(tmp_path), {"supply": {"node": "s=Plant.SupplyTemperature"}})

    with pytest.raises(TransientError):
        await link.probe()


async def test_discovery_drafts_a_profile(node, home):
    """Types, units, ranges, states, arrays and writability stand in the draft as the server says."""
    endpoint = parse_endpoint(node.endpoint, connector.schemes)
    draft = await connector.discover(endpoint, named(node), home)
    lines = {line.split(":")[0].strip(): line for line in draft.text.splitlines() if line.startswith("  ")}

    assert draft.remarks == ()
    assert (
        'nsu=urn:barrio:node:plant;s=Plant.SupplyTemperature", unit: "Cel", minimum: -20.0, maximum: 60.0'
        in (lines["supply_temperature"])
    )
    assert "index: 0" in lines["zones"]
    assert 'states: {0: "off", 1: "auto", 2: "manual"}' in lines["mode"]
    assert "writable: true" in lines["setpoint"]
    assert "writable" not in lines["count"]
    assert "label" not in lines
    assert all(f"number{at}" in lines for at in range(450)), "what continuation points hold"
