from __future__ import annotations

import asyncio
import gc
import math
import socket
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua
from asyncua.client import ua_session
from asyncua.ua.ua_binary import struct_from_binary
from structlog.testing import capture_logs

from connectors.base import CLOSE_WITHIN_S
from connectors.conformance.recording import bind, bind_all, device, running, supervised
from connectors.home import Home
from connectors.opcua import connector
from connectors.opcua.codec import ns_of
from connectors.opcua.session import Session
from tests.connectors.opcua.servers import URI, Bms, free_port, wire
from tests.connectors.opcua.sinks import PatientSink, until
from twin.errors import TransientError
from twin.quality import Reason

MANY = 1000
BAD_SENSOR_FAILURE = 0x808C_0000
BAD_TIMEOUT = 0x800A_0000
UNCERTAIN_LAST_USABLE = 0x4090_0000

Type = ua.VariantType
VARIABLES = {
    "AHU.Supply": ua.Variant(21.5, Type.Double),
    "AHU.Zero": ua.Variant(0.0, Type.Double),
    "AHU.Float": ua.Variant(0.5, Type.Float),
    "AHU.Byte": ua.Variant(200, Type.Byte),
    "AHU.Int16": ua.Variant(-7, Type.Int16),
    "AHU.UInt64": ua.Variant(2**63, Type.UInt64),
    "AHU.Flag": ua.Variant(True, Type.Boolean),
    "AHU.Zones": ua.Variant([18.0, 19.0, 20.0], Type.Double),
    "AHU.Nothing": ua.Variant(None, Type.String),
    "AHU.Text": ua.Variant("n/a", Type.String),
    "AHU.Running": ua.Variant(False, Type.Boolean),
    "AHU.Mode": ua.Variant(2, Type.Int32),
    "AHU.Command": ua.Variant("AUTO", Type.String),
    "AHU.Label": ua.Variant(ua.LocalizedText("Open", "en"), Type.LocalizedText),
    "AHU.Alien": ua.Variant(9, Type.Int32),
    "AHU.Good": ua.Variant(1.0, Type.Double),
    "AHU.Status": ua.Variant(1.0, Type.Double),
    "AHU.Stamped": ua.Variant(1.0, Type.Double),
    "AHU.Late": ua.Variant(1.0, Type.Double),
    "Room.Supply": ua.Variant(19.0, Type.Double),
    **{f"Many.{number}": ua.Variant(float(number), Type.Double) for number in range(MANY)},
}
QUICK = {
    "publishing": "50ms",
    "sampling": "10ms",
    "keep_alive": "1s",
    "timeout": "10s",
    "namespace": URI,
    "insecure": "a test",
}


@pytest.fixture(scope="module")
def bms():
    with Bms(VARIABLES) as server:
        yield server


def ahu(endpoint, *names, states=None, name="AHU", **options):
    """A device with points named like its nodes, lower case."""
    keys = {"states": states} if states else {}
    points = {one.lower(): {"node": f"s={{prefix}}.{one}", **keys} for one in names}
    return device(connector, endpoint, points, name=name, options={**QUICK, **options})


def link_of(*devices):
    (link,) = connector.links(devices, Home())
    return link


@asynccontextmanager
async def at(server):
    await asyncio.to_thread(server.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.__exit__)


async def alone(server):
    """Wait until the server has noticed that all clients are gone."""
    await until(lambda: not server.sessions)


async def heard(bound, sink, *names):
    await sink.wait_for(lambda: set(names) <= set(sink.latest(bound)))
    return sink.latest(bound)


async def test_values_of_every_type(bms):
    """Numbers of all sizes, flags and array elements arrive as they are on the server."""
    names = ("Supply", "Float", "Byte", "Int16", "UInt64", "Flag", "Zones")
    one = ahu(bms.endpoint, *names)
    zones = one.points["zones"]
    element = replace(zones, address=zones.address.model_copy(update={"index": 2}))
    bound = bind(replace(one, points={**one.points, "zones": element}))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await heard(bound, sink, *one.points)

    assert sink.by_name(bound) == {
        "supply": 21.5,
        "float": 0.5,
        "byte": 200.0,
        "int16": -7.0,
        "uint64": 2.0**63,
        "flag": 1.0,
        "zones": 20.0,
    }
    assert sink.latest(bound)["uint64"].reason is Reason.IMPRECISE
    assert sink.ups == 1


async def test_zero_is_a_value(bms):
    """A zero on the server is a good zero."""
    bound = bind(ahu(bms.endpoint, "Zero"))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        reading = (await heard(bound, sink, "zero"))["zero"]

    assert (reading.value, reading.reason) == (0.0, Reason.GOOD)


async def test_absence_is_absence(bms):
    """A null, a text and a missing node are no values, each with its reason, and their neighbour goes on."""
    bound = bind(ahu(bms.endpoint, "Nothing", "Text", "Missing", "Supply"))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        found = await heard(bound, sink, "nothing", "text", "missing", "supply")

    assert all(math.isnan(found[name].value) for name in ("nothing", "text", "missing"))
    assert {name: reading.reason for name, reading in found.items()} == {
        "nothing": Reason.NOT_AVAILABLE,
        "text": Reason.WRONG_TYPE,
        "missing": Reason.BAD_STATUS,
        "supply": Reason.GOOD,
    }
    assert found["missing"].detail == "BadNodeIdUnknown"
    assert "'n/a'" in found["text"].detail


async def test_late_is_normal(bms):
    """A value older than the last one is delivered with its own time."""
    bound = bind(ahu(bms.endpoint, "Late"))
    now = datetime.now(UTC)
    bms.write("AHU.Late", ua.Variant(1.0, Type.Double), source=now)
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await heard(bound, sink, "late")
        bms.write("AHU.Late", ua.Variant(2.0, Type.Double), source=now - timedelta(hours=1))
        await sink.wait_for(lambda: sink.by_name(bound)["late"] == 2.0)

    assert [reading.time for reading in sink.readings()] == [ns_of(now), ns_of(now - timedelta(hours=1))]


async def test_states(bms):
    """Flags, numbers and texts become states; a code without a name is bad and says so."""
    states: dict[int | str, str] = {0: "off", 1: "on", 2: "heating", "AUTO": "automatic", "Open": "open"}
    bound = bind(ahu(bms.endpoint, "Running", "Mode", "Command", "Label", "Alien", states=states))
    ids = bound.points[0].state_ids
    sink = PatientSink()
    async with running(link_of(bound), sink):
        found = await heard(bound, sink, "running", "mode", "command", "label", "alien")

    assert {name: found[name].value for name in ("running", "mode", "command", "label")} == {
        "running": ids[0],
        "mode": ids[2],
        "command": ids["AUTO"],
        "label": ids["Open"],
    }
    assert found["alien"].reason is Reason.UNKNOWN_STATE


async def test_status_codes(bms):
    """Uncertain keeps its value, bad has none, both carry the server's word."""
    bound = bind(ahu(bms.endpoint, "Status"))
    bms.write("AHU.Status", ua.Variant(1.0, Type.Double), source=datetime.now(UTC))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await heard(bound, sink, "status")
        bms.write("AHU.Status", ua.Variant(3.0, Type.Double), UNCERTAIN_LAST_USABLE)
        await sink.wait_for(lambda: sink.latest(bound)["status"].value == 3.0)
        bms.write("AHU.Status", ua.Variant(4.0, Type.Double), BAD_SENSOR_FAILURE)
        await sink.wait_for(lambda: math.isnan(sink.latest(bound)["status"].value))

    told = [(reading.reason, reading.detail) for reading in sink.readings()]
    assert told == [
        (Reason.GOOD, ""),
        (Reason.UNCERTAIN_STATUS, "UncertainLastUsableValue"),
        (Reason.BAD_STATUS, "BadSensorFailure"),
    ]


async def test_source_times_are_kept(bms):
    """The time of a reading is the one that the source gave it."""
    bound = bind(ahu(bms.endpoint, "Stamped"))
    measured = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
    bms.write("AHU.Stamped", ua.Variant(7.0, Type.Double), source=measured)
    sink = PatientSink()
    async with running(link_of(bound), sink):
        reading = (await heard(bound, sink, "stamped"))["stamped"]

    assert reading.time == ns_of(measured)
    assert abs(reading.received - time.time_ns()) < 60e9


async def test_many_devices_share_a_session(bms):
    """All devices behind one endpoint are read over one session, each under its own prefix."""
    one, other = bind_all(
        [ahu(bms.endpoint, "Supply"), ahu(bms.endpoint, "Supply", name="room", prefix="Room")]
    )
    await alone(bms)
    sink = PatientSink()
    async with running(link_of(one, other), sink):
        await heard(one, sink, "supply")
        await heard(other, sink, "supply")
        during = bms.sessions

    assert (sink.by_name(one), sink.by_name(other)) == ({"supply": 21.5}, {"supply": 19.0})
    assert during == 1


async def test_another_endpoint_is_another_link():
    """Path and port make an endpoint, and so do the times of its session."""
    devices = bind_all(
        [
            ahu("opc.tcp://h:4840/a", "Supply"),
            ahu("opc.tcp://h:4840/b", "Supply"),
            ahu("opc.tcp://h:4840/b", "Zero"),
            ahu("opc.tcp://h:4840/b", "Zero", timeout="9s"),
        ]
    )

    links = connector.links(devices, Home())

    assert [(link.name, len(link.devices)) for link in links] == [
        ("opc.tcp://h:4840/a", 1),
        ("opc.tcp://h:4840/b", 2),
        ("opc.tcp://h:4840/b", 1),
    ]


async def test_a_thousand_nodes_in_chunks(bms, monkeypatch):
    """More nodes than a request may hold are asked for in several."""
    bound = bind(ahu(bms.endpoint, *(str(number) for number in range(MANY)), name="Many", chunk=300))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: len(sink.latest(bound)) == MANY)

    assert sink.by_name(bound) == {str(number): float(number) for number in range(MANY)}


async def test_a_server_that_takes_fewer_nodes_gets_fewer(bms, monkeypatch):
    """A request that the server calls too large is halved until it fits."""
    service = bms.server.iserver.subscription_service
    create, sizes = service.create_monitored_items, []

    async def limited(params):
        sizes.append(len(params.ItemsToCreate))
        if len(params.ItemsToCreate) > 30:
            raise ua.uaerrors.BadTooManyOperations
        return await create(params)

    monkeypatch.setattr(service, "create_monitored_items", limited)
    bound = bind(ahu(bms.endpoint, *(str(number) for number in range(100)), name="Many"))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await sink.wait_for(lambda: len(sink.latest(bound)) == 100)

    assert sizes == [100, 50, 25, 25, 25, 25]


async def test_an_unknown_namespace_is_told_and_the_rest_goes_on(bms):
    """Points in a namespace that the server lacks are bad with its name, the others are read."""
    one = ahu(bms.endpoint, "Supply")
    lost = one.points["supply"].address.model_copy(update={"node": "nsu=urn:elsewhere;s=x"})
    bound = bind(
        replace(one, points={**one.points, "lost": replace(one.points["supply"], name="lost", address=lost)})
    )
    sink = PatientSink()
    async with running(link_of(bound), sink):
        found = await heard(bound, sink, "supply", "lost")

    assert found["supply"].value == 21.5
    assert (found["lost"].reason, found["lost"].detail) == (
        Reason.BAD_STATUS,
        "the server has no namespace urn:elsewhere",
    )


async def test_a_refused_node_is_asked_for_again(bms):
    """A node that appears on the server later is read without a new session."""
    bound = bind(ahu(bms.endpoint, "Later", recheck="200ms"))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await heard(bound, sink, "later")
        bms.add("AHU.Later", ua.Variant(5.0, Type.Double))
        await sink.wait_for(lambda: sink.by_name(bound)["later"] == 5.0)

    assert sink.ups == 1


async def test_an_unchanged_value_is_confirmed_while_the_server_lives(bms):
    """A value that does not change is heard from again and again, until the server falls silent."""
    async with wire(bms.port) as line:
        one = ahu(f"opc.tcp://127.0.0.1:{line.port}", "Supply")
        impatient = replace(one.points["supply"], silent_after_s=0.6)
        bound = bind(replace(one, points={"supply": impatient}))
        sink = PatientSink()
        async with supervised(link_of(bound), sink):
            await sink.wait_for(lambda: len(sink.frames) >= 4)
            line.freeze()
            await asyncio.sleep(0.2)
            frozen = len(sink.frames)
            await sink.wait_for(lambda: sink.downs)
            silent = len(sink.frames)

    readings = list(sink.readings())
    assert {(reading.value, reading.reason) for reading in readings} == {(21.5, Reason.GOOD)}
    assert sorted(reading.time for reading in readings) == [reading.time for reading in readings]
    assert readings[-1].time > readings[0].time
    assert silent == frozen


async def test_a_frozen_server_is_noticed_and_heard_again(bms):
    """A connection that stands but says nothing ends with the seconds of silence, and comes back."""
    async with wire(bms.port) as line:
        bound = bind(ahu(f"opc.tcp://127.0.0.1:{line.port}", "Supply", keep_alive="200ms", timeout="5s"))
        sink = PatientSink()
        async with supervised(link_of(bound), sink):
            await heard(bound, sink, "supply")
            line.freeze()
            await sink.wait_for(lambda: sink.downs)
            line.thaw()
            before = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > before)

    assert sink.downs[0].words.startswith("no keep-alive for 1.25 s")
    assert sink.ups >= 2


async def test_cancelling_is_bounded_while_the_server_hangs(bms):
    """A link ends in time and leaves no task behind, though its goodbye is never answered."""
    async with wire(bms.port) as line:
        bound = bind(ahu(f"opc.tcp://127.0.0.1:{line.port}", "Supply", keep_alive="20s", timeout="20s"))
        sink = PatientSink()
        before = asyncio.all_tasks()
        task = asyncio.create_task(link_of(bound).run(sink))
        await heard(bound, sink, "supply")
        wired = asyncio.all_tasks() - before - {task}
        line.freeze()
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        took = time.monotonic() - started
        left = {one for one in asyncio.all_tasks() - before - wired if not one.done()}

    assert took < CLOSE_WITHIN_S
    assert left == set()


async def test_nothing_is_left_behind(bms, caplog):
    """A link that was cancelled leaves no task, no session and no word on the console."""
    bound = bind(ahu(bms.endpoint, "Supply"))
    before = asyncio.all_tasks()
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await heard(bound, sink, "supply")
    gc.collect()

    assert asyncio.all_tasks() == before
    await alone(bms)
    assert [record.message for record in caplog.records] == []


async def test_a_cut_wire_comes_back(bms):
    """A connection that breaks ends the run with words, the next one reads again."""
    async with wire(bms.port) as line:
        bound = bind(ahu(f"opc.tcp://127.0.0.1:{line.port}", "Supply"))
        sink = PatientSink()
        async with supervised(link_of(bound), sink):
            await heard(bound, sink, "supply")
            line.cut()
            await sink.wait_for(lambda: sink.ups == 2)

    assert [down.words for down in sink.downs] == ["connection closed by the server"]


async def test_a_cancellation_that_meets_a_loss_is_a_cancellation(bms):
    """Cancelled in whatever moment of losing its server, a link ends as cancelled: nobody is to start it again."""
    ends = []
    async with wire(bms.port) as line:
        bound = bind(ahu(f"opc.tcp://127.0.0.1:{line.port}", "Supply"))
        for steps in range(12):
            sink = PatientSink()
            task = asyncio.create_task(link_of(bound).run(sink))
            await heard(bound, sink, "supply")
            line.cut()
            for _ in range(steps):
                await asyncio.sleep(0)
            asked = task.cancel()
            await asyncio.wait([task])
            ends.append((asked, task.cancelled()))

    assert all(cancelled for asked, cancelled in ends if asked)
    assert ends[0] == (True, True)


async def test_a_subscription_that_the_server_ends_is_made_anew(bms):
    """A server that drops the subscription says why, and is subscribed to again."""
    bound = bind(ahu(bms.endpoint, "Supply"))
    sink = PatientSink()
    async with supervised(link_of(bound), sink):
        await heard(bound, sink, "supply")
        bms.end_subscriptions(BAD_TIMEOUT)
        await sink.wait_for(lambda: sink.ups == 2)

    assert [down.words for down in sink.downs] == ["subscription ended by the server: BadTimeout"]


async def test_a_session_that_the_server_forgets_is_made_anew(bms, monkeypatch):
    """A server that no longer knows the session is logged in to again."""
    service = bms.server.iserver.subscription_service
    create = service.create_monitored_items

    async def forgotten(params):
        monkeypatch.setattr(service, "create_monitored_items", create)
        raise ua.uaerrors.BadSessionIdInvalid

    monkeypatch.setattr(service, "create_monitored_items", forgotten)
    bound = bind(ahu(bms.endpoint, "Supply"))
    sink = PatientSink()
    async with supervised(link_of(bound), sink):
        await heard(bound, sink, "supply")

    assert [down.words for down in sink.downs] == ["session closed by the server: BadSessionIdInvalid"]


async def test_a_small_server_that_takes_one_publish_request(bms, monkeypatch):
    """A server that refuses a second publish request still delivers by the first."""
    publish = Session.publish
    waiting: set[Session] = set()

    async def only_one(session, acknowledged):
        if waiting:
            raise ua.uaerrors.BadTooManyPublishRequests
        waiting.add(session)
        try:
            return await publish(session, acknowledged)
        finally:
            waiting.clear()

    monkeypatch.setattr(Session, "publish", only_one)
    bound = bind(ahu(bms.endpoint, "Good"))
    sink = PatientSink()
    async with running(link_of(bound), sink):
        await heard(bound, sink, "good")
        bms.write("AHU.Good", ua.Variant(2.0, Type.Double))
        await sink.wait_for(lambda: sink.by_name(bound)["good"] == 2.0)

    assert sink.ups == 1


async def test_a_response_that_is_not_understood_is_said_and_survived(bms, monkeypatch):
    """A publish response that cannot be decoded costs its own content, neither the session nor the rest."""
    broken: list[type] = []

    def fail_once(kind, data):
        if kind is ua.PublishResponse and not broken:
            broken.append(kind)
            raise ValueError("array length 2147483647")
        return struct_from_binary(kind, data)

    monkeypatch.setattr(ua_session, "struct_from_binary", fail_once)
    bound = bind(ahu(bms.endpoint, "Good"))
    sink = PatientSink()
    with capture_logs() as logs:
        async with running(link_of(bound), sink):
            await until(lambda: broken)
            bms.write("AHU.Good", ua.Variant(3.0, Type.Double))
            await sink.wait_for(lambda: sink.by_name(bound).get("good") == 3.0)

    assert [(one["event"], one["error"]) for one in logs] == [
        ("opcua.response_not_understood", "array length 2147483647")
    ]
    assert sink.ups == 1


async def test_a_restarted_server_with_another_namespace_index():
    """After a restart that moved the namespace, the same points are read under its new index."""
    port = free_port()
    variables = {"AHU.Supply": ua.Variant(1.0, Type.Double)}
    bound = bind(ahu(f"opc.tcp://127.0.0.1:{port}", "Supply"))
    sink = PatientSink()
    async with supervised(link_of(bound), sink):
        async with at(Bms(variables, port=port)) as first:
            await heard(bound, sink, "supply")
        await sink.wait_for(lambda: sink.downs)
        changed = {"AHU.Supply": ua.Variant(2.0, Type.Double)}
        async with at(Bms(changed, ahead=3, port=port)) as second:
            await sink.wait_for(lambda: sink.by_name(bound)["supply"] == 2.0)

    assert second.index == first.index + 3
    assert any(down.words == "connection refused" for down in sink.downs)


async def test_nobody_listens():
    """A port where nothing listens is a refused connection."""
    link = link_of(bind(ahu(f"opc.tcp://127.0.0.1:{free_port()}", "Supply")))

    with pytest.raises(TransientError, match=r"opc\.tcp://127\.0\.0\.1:\d+: connection refused"):
        await link.run(PatientSink())


async def test_a_peer_that_accepts_and_says_nothing():
    """A connection without an answer ends after the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        link = link_of(bind(ahu(f"opc.tcp://127.0.0.1:{port}", "Supply", timeout="200ms")))

        with pytest.raises(TransientError, match=r"no answer within 0\.2 s"):
            await link.probe()


async def test_a_peer_that_speaks_something_else():
    """A server of another protocol is not mistaken for one."""

    gone = asyncio.Event()

    async def greet(reader, writer):
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        with suppress(ConnectionError):
            await reader.read()
        writer.transport.abort()
        gone.set()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        link = link_of(bind(ahu(f"opc.tcp://127.0.0.1:{port}", "Supply", timeout="300ms")))

        with pytest.raises(TransientError) as caught:
            await link.run(PatientSink())
        await gone.wait()

    assert caught.value.words == "the server sent b'SSH-' where a frame of OPC UA begins"


async def test_probe_says_what_the_server_is(bms):
    """A probe tells product, state and namespaces."""
    words = await link_of(bind(ahu(bms.endpoint, "Supply"))).probe()

    assert words == "FreeOpcUa Python Server 1.0pre (running), 3 namespaces"


def test_check_finds_every_wrong_node():
    """Each point whose node cannot be made out is named, the others are not."""
    nodes = {"good": "ns=1;s=a", "bare": "s=a", "typo": "ns=1;s={prefx}", "odd": "x=1"}
    one = device(connector, "opc.tcp://h", {name: {"node": node} for name, node in nodes.items()})

    found = dict(connector.check(one))

    assert list(found) == ["points.bare.node", "points.typo.node", "points.odd.node"]
    assert "did you mean {prefix}?" in found["points.typo.node"]
