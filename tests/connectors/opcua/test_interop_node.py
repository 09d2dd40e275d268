"""A server that others wrote: node-opcua with security on, trusted in both directions."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.abilities import Done, Setting
from connectors.conformance.recording import bind, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.certificates import load_certificate, names_of
from connectors.opcua.folders import TRUSTED
from connectors.opcua.own import make
from connectors.opcua.security import POLICIES
from tests.connectors.opcua.node import URI, NodeServer
from tests.connectors.opcua.pki import DER, identity
from tests.connectors.opcua.servers import wire
from tests.connectors.opcua.sinks import PatientSink
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
    sink = PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.frames)
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
    sink = PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: set(points) <= set(sink.latest(one)))
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
        await link.run(PatientSink())

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


def setting(bound, name, raw):
    return Setting(next(one for one in bound.points if one.point.name == name), raw)


async def test_what_was_missed_is_read_from_history(node, home):
    """After a cut, each of the server's ticks is there exactly once, and the stretch is called filled."""
    async with wire(node.port) as line:
        endpoint = f"opc.tcp://127.0.0.1:{line.port}/plant"
        points = {"counter": {"node": "s=Plant.Counter"}}
        one = bind(device(connector, endpoint, points, options={**named(node), "queue_size": 100}))
        (link,) = connector.links([one], home)
        sink = PatientSink()
        async with supervised(link, sink, wait_s=1.0):
            await sink.wait_for(lambda: len(sink.frames) > 3)
            last = sink.latest(one)["counter"].time
            line.cut()
            await sink.wait_for(lambda: sink.ups == 2)
            await sink.wait_for(lambda: any(start <= last < stop for _, start, stop in sink.fills))

    live = [reading.value for reading in sink.readings()]
    kept = [value for frame in sink.backfilled for value in frame.values.tolist()]
    cut = [value for value in kept if value > live[0]]
    assert len(cut) >= 5
    assert sorted(set(live) | set(cut)) == [live[0] + step for step in range(int(live[-1] - live[0]) + 1)]


async def test_a_method_and_a_float_are_written(node, home):
    """A method is called with the type of its argument, and a Float takes what fits it and is read back."""
    points = {
        "reset": {"method": "s=Plant.Reset", "object": "s=Plant", "writable": True},
        "setpoint": {"node": "s=Plant.Setpoint", "writable": True},
        "count": {"node": "s=Plant.Count", "writable": True},
        "counter": {"node": "s=Plant.Counter"},
    }
    one, link = link_to(node, home, points)
    sink = PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: len(sink.latest(one)) == 3)
        wanted = {"reset": 5000.0, "setpoint": 22.5, "count": 1.0}
        done = await link.write([setting(one, name, raw) for name, raw in wanted.items()])
        await sink.wait_for(lambda: sink.by_name(one)["counter"] >= 5000.0)

    assert [(each.done, each.read_back) for each in done[:2]] == [(Done.WRITTEN, None), (Done.WRITTEN, 22.5)]
    assert (done[2].done, done[2].words.split(":")[0]) == (Done.REFUSED, "BadNotWritable")


async def test_an_alarm_arrives_and_is_acknowledged(node, home):
    """A level beyond its limit is an alarm here; acknowledged here, the server tells that it is, and later its end."""
    one, link = link_to(node, home, {"level": {"node": "s=Plant.Level", "writable": True}}, events=True)
    sink = PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.latest(one))
        await link.write([setting(one, "level", 50.0)])
        await sink.wait_for(lambda: any(event.active for event in sink.events))
        raised = next(event for event in sink.events if event.active)
        words = await link.acknowledge(raised.device, raised.key, "seen")
        await sink.wait_for(lambda: any(event.acknowledged for event in sink.events))
        await link.write([setting(one, "level", 1.0)])
        await sink.wait_for(lambda: sink.events[-1].active is False)

    assert (raised.kind, raised.acknowledged, words) == ("ExclusiveLimitAlarmType", False, "")
    assert raised.key == f"nsu={URI};s=Plant.LevelAlarm"


async def test_a_dead_band_in_percent_is_the_servers(node, home):
    """Changes under a share of the EURange are not reported; those beyond it are."""
    supply = {"node": "s=Plant.SupplyTemperature"}
    points = {"all": {**supply, "writable": True}, "coarse": {**supply, "deadband": "5%"}}
    one, link = link_to(node, home, points)
    sink = PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: len(sink.latest(one)) == 2)
        for value in (23.0, 40.0, 21.5):
            await link.write([setting(one, "all", value)])
            await sink.wait_for(lambda value=value: sink.by_name(one)["all"] == value)  # type: ignore[misc]
        await sink.wait_for(lambda: sink.by_name(one)["coarse"] == 21.5)

    heard = [reading.value for reading in sink.readings() if reading.id == one.points[1].id]
    assert 23.0 not in heard
    assert 40.0 in heard


async def test_fields_of_structures_by_browse_path(node, home):
    """Structures of the standard, inner ones and an enumeration among them, are read at the end of a path."""
    points = {
        "low": {"path": "/Objects/Plant/SupplyTemperature/0:EURange", "field": "Low"},
        "high": {"path": "/Objects/Plant/SupplyTemperature/0:EURange", "field": "High"},
        "state": {
            "path": "/Objects/0:Server/0:ServerStatus",
            "field": "State",
            "states": {0: "running", 1: "failed"},
        },
        "product": {
            "path": "/Objects/0:Server/0:ServerStatus",
            "field": "BuildInfo.ProductName",
            "states": {"other": "other", "node-opcua peer": "peer"},
        },
    }
    one, link = link_to(node, home, points)
    sink = PatientSink()
    async with running(link, sink):
        await sink.wait_for(lambda: len(sink.latest(one)) == 4)
    found = sink.by_name(one)
    states = {bound.point.name: bound.state_ids for bound in one.points}

    assert (found["low"], found["high"]) == (-20.0, 60.0)
    assert found["state"] == states["state"][0]
    assert found["product"] == states["product"]["node-opcua peer"]
