"""Links against a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any

import pytest

from connectors.abilities import Discovers, Done, Explains, Setting, Writes
from connectors.conformance.recording import (
    RecordingSink,
    bind,
    bind_all,
    device,
    running,
    supervised,
)
from connectors.home import Home
from connectors.mqtt import connector, discovery
from connectors.mqtt.config import Place
from connectors.mqtt.sparkplug import BD_SEQ, REBIRTH, DataType, decode, encode
from tests.connectors.mqtt.broker import PASSWORD, USER, Mosquitto, make_tls
from tests.servers import LOOPBACK, free_port
from twin.errors import StartError, TransientError
from twin.model.protocol import parse_endpoint
from twin.quality import Reason

QUICK: dict[str, Any] = {"timeout": "5s", "keepalive": "5s"}


@pytest.fixture
def broker(tmp_path):
    """A broker that is open to everybody."""
    with Mosquitto(tmp_path) as server:
        yield server


def linked(url: str, points: dict[str, Any], home: Home | None = None, **options: Any):
    """A link to one device below `plant`, and the device."""
    one = bind(device(connector, f"{url}/plant", points, options=QUICK | options))
    (link,) = connector.links([one], home or Home())
    return link, one


T = {"t": {"topic": "t"}}


def _never(name: str) -> str:
    raise AssertionError(f"{name} was asked for")


async def test_discovery_shows_no_password_to_the_network():
    """Over mqtt:// a password is not even looked up, unless somebody said why showing it is acceptable."""
    endpoint = parse_endpoint(f"mqtt://{LOOPBACK}:{free_port()}", connector.schemes)
    options = {"user": USER, "password": "${secret:broker}"}

    with pytest.raises(StartError, match="can be read on the way"):
        await connector.discover(endpoint, options, Home(secret=_never))
    with pytest.raises(TransientError, match="refused"):
        await connector.discover(endpoint, options | {"insecure": "loopback"}, Home(secret=_never))


def heard(sink: RecordingSink) -> list[float]:
    return [reading.value for reading in sink.readings()]


async def test_topics_become_readings(broker):
    """Text and JSON are read as they are published, with QoS 0 and 1, retained or not."""
    link, one = linked(broker.url, T | {"j": {"topic": "{device}/j", "key": "a.b"}})
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.ups)
        await broker.say("plant/t", "0", qos=0)
        await broker.say("plant/device/j", '{"a": {"b": -4.5}}')
        await sink.wait_for(lambda: sink.by_name(one) == {"t": 0.0, "j": -4.5})

    assert not sink.downs
    assert {reading.reason for reading in sink.readings()} == {Reason.GOOD}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_nothing_is_lost_while_the_link_is_away(broker, version):
    """Messages with QoS 1 that are published while nobody listens all come afterwards, once, in order."""
    home = Home()
    link, _ = linked(broker.url, T, home, version=version)
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.ups)
    async with broker.client() as client:
        for number in range(300):
            await client.publish("plant/t", str(number), qos=1)
    again, _ = linked(broker.url, T, home, version=version)
    async with supervised(again, sink):
        await sink.wait_for(lambda: len(sink.frames) >= 300, 20)
        await asyncio.sleep(0.2)

    assert heard(sink) == list(range(300))
    assert not sink.downs


async def test_nothing_is_lost_over_a_restart_of_the_broker(broker):
    """What the broker had for us when it was stopped comes when it is back; the link is down and up by itself."""
    home = Home()
    link, _ = linked(broker.url, T, home)
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.ups)
    async with broker.client() as client:
        for number in range(100):
            await client.publish("plant/t", str(number), qos=1)
    broker.stop()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.downs)
        broker.start()
        await sink.wait_for(lambda: len(sink.frames) >= 100, 20)
        await broker.say("plant/t", "100")
        await sink.wait_for(lambda: len(sink.frames) >= 101, 20)

    assert heard(sink) == list(range(101))
    assert "connection refused" in str(sink.downs[0])


class Slow(RecordingSink):
    """A sink that makes nothing durable until `durable` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.durable = asyncio.Event()
        self.came = asyncio.Event()

    async def commit(self, frame) -> None:
        self.came.set()
        await self.durable.wait()
        self.frames.append(frame)
        self._news.set()


async def test_acknowledged_means_durable(broker):
    """A message that was received and not made durable is not acknowledged: it comes again to the next run."""
    home = Home()
    link, _ = linked(broker.url, T, home)
    stuck, sink = Slow(), RecordingSink()
    async with running(link, stuck):
        await stuck.wait_for(lambda: stuck.ups)
        await broker.say("plant/t", "42")
        async with asyncio.timeout(5):
            await stuck.came.wait()
        await asyncio.sleep(0.2)
    async with running(link, sink):
        await sink.wait_for(lambda: sink.frames)

    assert stuck.frames == []
    assert heard(sink) == [42]


class Full(RecordingSink):
    """A sink that has no room for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0

    async def commit(self, frame) -> None:
        if self.full:
            self.refusals += 1
            raise TransientError("spool", "the buffer is full", 0.05)
        await super().commit(frame)


async def test_a_full_buffer_leaves_messages_with_the_broker(broker):
    """While there is no room nothing is acknowledged and little is taken; afterwards everything comes."""
    link, _ = linked(broker.url, T)
    sink = Full()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.ups)
        sink.full = True
        async with broker.client() as client:
            for number in range(3_000):
                await client.publish("plant/t", str(number), qos=1)
        assert link._live is not None
        waiting = len(link._live._inbox)
        sink.full = False
        await sink.wait_for(lambda: len(sink.frames) >= 3_000, 30)

    assert sink.refusals
    assert waiting <= 2_000
    assert heard(sink) == list(range(3_000))


async def test_a_retained_message_is_uncertain_until_there_is_news(broker):
    """What the broker kept is of unknown age; what is published is good; a reconnect does not bring it again."""
    await broker.say("plant/t", "17", retain=True)
    home = Home()
    link, one = linked(broker.url, T, home)
    sink = RecordingSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.frames)
        await asyncio.sleep(0.1)
    assert sink.latest(one)["t"].reason is Reason.AGE_UNKNOWN
    async with running(link, sink):
        await sink.wait_for(lambda: sink.ups == 2)
        await broker.say("plant/t", "18", retain=True)
        await sink.wait_for(lambda: sink.by_name(one) == {"t": 18})

    assert sink.latest(one)["t"].reason is Reason.GOOD
    assert heard(sink) == [17, 18]


async def test_what_was_measured_while_we_were_away_is_backfilled(broker):
    """A message whose own time lies in our absence is a backfill at that time; one from now is news."""
    home = Home()
    link, _ = linked(broker.url, {"t": {"key": "v", "time": "at"}}, home)
    sink = RecordingSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.ups)
    await asyncio.sleep(0.05)
    then = time.time()
    await broker.say("plant", json.dumps({"v": 1, "at": then}))
    await asyncio.sleep(0.05)
    async with running(link, sink):
        await sink.wait_for(lambda: sink.frames)
        await broker.say("plant", json.dumps({"v": 2, "at": time.time()}))
        await sink.wait_for(lambda: len(sink.frames) == 2)

    assert [frame.backfilled for frame in sink.frames] == [True, False]
    assert sink.frames[0].time == pytest.approx(then * 1e9, abs=2_000)


async def test_a_message_that_comes_twice_is_delivered_once(broker):
    """A repeated message (DUP) that was durable before the connection broke is acknowledged and not delivered again."""
    link, _ = linked(broker.url, T)
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.ups)
        assert link._live is not None
        session = link._live
        session.ack = lambda arrival: None
        await broker.say("plant/t", "5")
        await sink.wait_for(lambda: sink.frames)
        session._guarded._sock.shutdown(2)
        await sink.wait_for(lambda: sink.ups == 2)
        await broker.say("plant/t", "6")
        await sink.wait_for(lambda: len(sink.frames) == 2)

    assert heard(sink) == [5, 6]


async def test_poison_is_passed_by(broker):
    """A message too large to be read is acknowledged, named and counted; what comes behind it is read."""
    link, one = linked(broker.url, T, discover="#")
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.ups)
        await broker.say("plant/t", b"x" * (3 << 20), retain=True)
        await sink.wait_for(lambda: sink.frames, 20)
        await broker.say("plant/other", b"y" * (2 << 20))
        await sink.wait_for(lambda: sink.strangers, 20)
        await broker.say("plant/t", "1")
        await sink.wait_for(lambda: sink.by_name(one) == {"t": 1})

    first = next(sink.readings())
    assert (first.reason, math.isnan(first.value)) == (Reason.UNDECODABLE, True)
    assert "3145728" in first.detail or "31457" in first.detail
    assert sink.strangers.keys() == {"plant/other"}
    assert not sink.downs


async def test_strangers_are_listed_and_nothing_comes_twice(broker):
    """Below the filter of `discover` a topic that nobody reads is a stranger, once; others are read once."""
    link, _ = linked(broker.url, T, discover="plant/#")
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.ups)
        for _ in range(3):
            await broker.say("plant/unknown/x", "1")
            await broker.say("plant/t", "1")
        await sink.wait_for(lambda: len(sink.frames) >= 3)
        await asyncio.sleep(0.1)

    assert sink.strangers == {"plant/unknown/x": "publishes 1 bytes, no device of the district reads them"}
    assert len(sink.frames) == 3


async def test_a_topic_without_end_is_listed_in_short(broker):
    """A topic of 60,000 characters is a stranger by its beginning, and remembered by no more."""
    link, _ = linked(broker.url, T, discover="plant/#")
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.ups)
        await broker.say("plant/" + "x" * 60_000, "1")
        await sink.wait_for(lambda: sink.strangers)

    assert [len(one) for one in sink.strangers] == [201]


async def test_a_last_will_makes_silent(broker):
    """When the availability topic says offline, the device's points are silent with that reason."""
    link, one = linked(broker.url, T, availability="status", offline="gone")
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: sink.ups)
        await broker.say("plant/status", "here", retain=True)
        await broker.say("plant/status", "gone", retain=True)
        await sink.wait_for(lambda: sink.silences)

    (silence,) = sink.silences
    assert (silence.ids, silence.reason) == ((one.points[0].id,), Reason.SILENT)
    assert "'gone'" in silence.words


async def test_devices_of_a_broker_share_a_connection():
    """One link per broker and credentials; another user is another link."""
    ends = ["mqtt://h/a", "mqtt://h/b", "mqtt://h:1884/c"]
    same = [device(connector, end, T, name=f"d{n}") for n, end in enumerate(ends)]
    other = device(connector, "mqtt://h/d", T, name="d3", options={"user": "x"})

    links = connector.links(bind_all([*same, other]), Home())

    assert [[one.device.id for one in link.devices] for link in links] == [["d0", "d1"], ["d2"], ["d3"]]


async def test_a_refused_subscription_silences_only_its_points():
    """A topic that the broker does not let us read is named, with its points; the others are read."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x20\x02\x00\x00")
        asked = await reader.read(1000)
        writer.write(b"\x90\x04" + asked[2:4] + b"\x01\x80" + b"\x30\x0a\x00\x07plant/t1")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link, one = linked(f"mqtt://127.0.0.1:{port}", T | {"s": {"topic": "secret"}})
    sink = RecordingSink()
    async with server, running(link, sink):
        await sink.wait_for(lambda: sink.by_name(one) == {"t": 1})

    (silence,) = sink.silences
    assert (silence.ids, silence.reason) == ((1,), Reason.NO_ANSWER)
    assert "refuses the subscription to plant/secret" in silence.words


async def test_credentials(tmp_path):
    """The right password is taken; a wrong one is a TransientError whose words are the broker's, not the password."""
    with Mosquitto(tmp_path, password=True) as broker:
        secrets = {"good": PASSWORD, "bad": "wrong-wrong"}
        options = {"user": USER, "insecure": "test"}
        for name, password in secrets.items():
            home = Home(None, secrets.__getitem__)
            link, _ = linked(broker.url, T, home, password=f"${{secret:{name}}}", **options)
            if name == "good":
                assert "takes us" in await link.probe()
                assert link.security == "none: test"
            else:
                with pytest.raises(TransientError, match=r"refuses us: (Not authorized|Bad user)") as caught:
                    await link.probe()
                assert password not in str(caught.value)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_tls_with_a_client_certificate(tmp_path, version):
    """Over TLS both sides prove who they are."""
    tls = make_tls(tmp_path, client_needed=True)
    files: dict[str, Any] = {
        "ca": str(tls.ca),
        "certificate": str(tls.client),
        "private_key": str(tls.client_key),
    }
    with Mosquitto(tmp_path, tls=tls) as broker:
        link, _ = linked(broker.url, T, version=version, **files)
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: sink.ups, 10)
        without, _ = linked(broker.url, T, ca=str(tls.ca))
        with pytest.raises(TransientError):
            await without.probe()

    assert link.security == "TLS with client certificate"


@pytest.mark.parametrize(("name", "trusted"), [("localhost", True), ("loopback", False)])
async def test_a_broker_that_is_somebody_else_is_refused(tmp_path, name, trusted):
    """A certificate of another name, or of an authority that we do not trust, ends the connection with words."""
    tls = make_tls(tmp_path, name=name)
    with Mosquitto(tmp_path, tls=tls) as broker:
        authority: dict[str, Any] = {"ca": str(tls.ca)} if trusted else {}
        link, _ = linked(broker.url, T, **authority)

        with pytest.raises(TransientError, match="certificate is not trusted"):
            await link.probe()


async def test_certificates_that_cannot_be_read_are_named(tmp_path):
    """A missing file is said by name before anything connects."""
    link, _ = linked("mqtts://127.0.0.1:1", T, ca=str(tmp_path / "nowhere.pem"))

    with pytest.raises(TransientError, match=r"nowhere\.pem"):
        await link.probe()


COMMANDED = {
    "set": {
        "topic": "state",
        "key": "t",
        "command": "set",
        "template": '{"t": {value}}',
        "writable": True,
    }
}


async def test_a_setting_is_published_and_read_back(broker):
    """What is set goes out as the template says; the next value of the point tells that it was done."""
    link, one = linked(broker.url, COMMANDED, insecure="test")
    sink = RecordingSink()
    async with supervised(link, sink), broker.client() as thing:
        await sink.wait_for(lambda: sink.ups)
        await thing.subscribe("plant/set", 1)
        task = asyncio.create_task(link.write([Setting(one.points[0], 21.0)]))
        command = await anext(aiter(thing.messages))
        await thing.publish("plant/state", '{"t": 20}', qos=1)
        await thing.publish("plant/state", '{"t": 21}', qos=1)
        (outcome,) = await task

    assert command.payload == b'{"t": 21}'
    assert (outcome.done, outcome.read_back) == (Done.WRITTEN, 21.0)


async def test_a_setting_that_nobody_confirms_is_unknown(broker):
    """Without a report in time the outcome is unknown, with what the device has; it is sent once."""
    link, one = linked(broker.url, COMMANDED, insecure="test", timeout="1s")
    sink = RecordingSink()
    async with supervised(link, sink), broker.client() as thing:
        await sink.wait_for(lambda: sink.ups)
        await thing.subscribe("plant/set", 1)
        task = asyncio.create_task(link.write([Setting(one.points[0], 21.0)]))
        await anext(aiter(thing.messages))
        await thing.publish("plant/state", '{"t": 20}', qos=1)
        (outcome,) = await task
        rest = len(thing.messages)

    assert (outcome.done, outcome.read_back, rest) == (Done.UNKNOWN, 20.0, 0)


async def test_a_setting_that_the_broker_refuses_is_refused(tmp_path):
    """In version 5 the broker says that we may not publish, and that is the outcome."""
    with Mosquitto(tmp_path, acl="topic read plant/#\n") as broker:
        link, one = linked(broker.url, COMMANDED, insecure="test", version="5")
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: sink.ups)
            (outcome,) = await link.write([Setting(one.points[0], 21.0)])

    assert outcome.done is Done.REFUSED
    assert "plant/set" in outcome.words


async def test_no_setting_while_the_link_is_down(broker):
    """Without a connection nothing is sent, and that is said."""
    link, one = linked(broker.url, COMMANDED, insecure="test")

    with pytest.raises(TransientError, match="the link is down"):
        await link.write([Setting(one.points[0], 21.0)])


async def test_an_edge_node_is_read_and_commanded(broker):
    """Sparkplug B: a rebirth is asked for, births and data by alias are read, a DCMD goes out with the birth's type."""
    place = Place("g", "n", "d")
    points = {"t": {"metric": "T", "writable": True}}
    one = bind(
        device(
            connector,
            f"{broker.url}/spBv1.0/g/n/d",
            points,
            options=QUICK | {"rebirth": True, "insecure": "test"},
        )
    )
    (link,) = connector.links([one], Home())
    sink = RecordingSink()

    def made(seq, *metrics, named=True):
        return encode(metrics, time_ns=time.time_ns(), seq=seq, aliases={"T": 9}, named=named)

    async with supervised(link, sink), broker.client() as node:
        await sink.wait_for(lambda: sink.ups)
        await node.subscribe("spBv1.0/g/NCMD/n")
        await node.subscribe("spBv1.0/g/DCMD/n/d")
        await node.publish("spBv1.0/g/DDATA/n/d", made(5, ("T", DataType.INT16, -1), named=False))
        request = decode((await anext(aiter(node.messages))).payload)
        await node.publish("spBv1.0/g/NBIRTH/n", made(0, (BD_SEQ, DataType.INT64, 1)))
        await node.publish("spBv1.0/g/DBIRTH/n/d", made(1, ("T", DataType.INT16, -2)))
        await node.publish("spBv1.0/g/DDATA/n/d", made(2, ("T", DataType.INT16, -3), named=False))
        await sink.wait_for(lambda: sink.by_name(one) == {"t": -3})
        task = asyncio.create_task(link.write([Setting(one.points[0], -7.0)]))
        command = await anext(aiter(node.messages))
        await node.publish("spBv1.0/g/DDATA/n/d", made(3, ("T", DataType.INT16, -7), named=False))
        (outcome,) = await task
        await node.publish("spBv1.0/g/NDEATH/n", made(None, (BD_SEQ, DataType.INT64, 1)), qos=1)
        await sink.wait_for(lambda: sink.silences)

    metric = decode(command.payload).metrics[0]
    assert request.metrics[0].name == REBIRTH
    assert request.metrics[0].value is True
    assert (str(command.topic), metric.name, metric.datatype) == (place.command(), "T", DataType.INT16)
    assert (outcome.done, outcome.read_back) == (Done.WRITTEN, -7.0)
    assert [value for value in heard(sink) if not math.isnan(value)] == [-2, -3, -7]


async def test_discovery_drafts_what_was_heard(broker, monkeypatch):
    """Topics, keys and metrics are drafted; what carries the name of a quantity has it, the rest is marked."""
    monkeypatch.setattr(discovery, "LISTEN_S", 1.0)
    birth = encode([("co2", DataType.INT32, 400)], time_ns=1, seq=1)
    for topic, payload in (
        ("plant/air", b'{"pm25": 3.5, "deep": {"noise_level": 40, "mood": "fine"}}'),
        ("plant/pack", b'[{"n": "turbidity", "v": 1}]'),
        ("plant/junk", b"\xff\xfe\x00"),
        ("plant/battery_level", b"77"),
        ("spBv1.0/g/DBIRTH/n/d", birth),
    ):
        await broker.say(topic, payload, retain=True)
    endpoint = device(connector, broker.url, T).endpoint

    draft = await connector.discover(endpoint, QUICK, Home())

    assert 'air_pm25: {quantity: pm25, topic: "plant/air", key: "/pm25"}' in draft.text
    assert 'quantity: noise_level, topic: "plant/air", key: "/deep/noise_level"' in draft.text
    assert 'deep_mood: {quantity: CHOOSE, topic: "plant/air", key: "/deep/mood"}' in draft.text
    assert 'quantity: turbidity, topic: "plant/pack", name: "turbidity"' in draft.text
    assert 'quantity: battery_level, topic: "plant/battery_level"' in draft.text
    assert 'quantity: co2, metric: "co2"' in draft.text
    assert "a Sparkplug B device lives at /spBv1.0/g/n/d" in draft.remarks


async def test_discovery_says_what_it_could_not_see(broker, monkeypatch):
    """Data without a birth, text that is no JSON and too many topics are remarks, not points."""
    monkeypatch.setattr(discovery, "LISTEN_S", 0.8)
    monkeypatch.setattr(discovery, "_MOST_TOPICS", 3)
    for topic, payload in (
        ("spBv1.0/g/DDATA/n/d", b""),
        ("a/broken", b"{oops"),
        ("a/half", b'[{"n": "x"'),
        ("z/more", b"1"),
    ):
        await broker.say(topic, payload or encode([], time_ns=1, seq=1), retain=True)
    endpoint = device(connector, broker.url, T).endpoint

    draft = await connector.discover(endpoint, QUICK, Home())

    remarks = " ".join(draft.remarks)
    assert "no birth was heard" in remarks or "further topics are left out" in remarks
    assert "oops" not in draft.text


async def test_topics_that_are_no_longer_wanted_are_left(broker):
    """With another profile the broker is told which topics of the kept session are not wanted any more."""
    home = Home()
    before, _ = linked(broker.url, T | {"old": {"topic": "old"}}, home, client_id="barriotest")
    after, one = linked(broker.url, T, home, client_id="barriotest")
    sink = RecordingSink()
    async with running(before, sink):
        await sink.wait_for(lambda: sink.ups)
    async with running(after, sink):
        await sink.wait_for(lambda: sink.ups == 2)
        await broker.say("plant/old", "1")
        await broker.say("plant/t", "2")
        await sink.wait_for(lambda: sink.by_name(one) == {"t": 2})

    assert not sink.strangers
    assert heard(sink) == [2]


def test_an_edge_node_is_explained():
    """For Sparkplug B the filter and the metrics are said."""
    one = bind(device(connector, "mqtt://h/spBv1.0/g/n/d", {"t": {"metric": "T/x"}}))

    assert connector.explain(one, Home()).splitlines() == [
        "subscribes with QoS 1 to spBv1.0/g/+/n/#",
        "  t: metric T/x",
    ]


def test_what_it_can_do():
    """It writes, explains and discovers."""
    link, one = linked("mqtt://h", T | {"j": {"topic": "j", "key": "a"}})

    assert isinstance(link, Writes)
    assert isinstance(connector, Discovers)
    assert isinstance(connector, Explains)
    assert connector.explain(one, Home()).splitlines() == [
        "subscribes with QoS 1 to plant/t",
        "subscribes with QoS 1 to plant/j",
        "  t: the whole payload of plant/t",
        "  j: a of plant/j",
    ]
