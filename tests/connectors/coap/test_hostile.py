"""Bad input, to client and to server: never a wrong value, never a crash, a counted reason."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING

import aiocoap
import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.coap import connector, wire
from connectors.coap.asked import Asked
from connectors.coap.blocks import MOST_UPLOADS, Refused, Uploads
from connectors.coap.config import Format
from connectors.coap.directory import Directory
from connectors.coap.dtls import Channel, Session
from connectors.coap.reader import Reader
from connectors.coap.server import Address, Server, _least_known
from connectors.coap.site import Site
from connectors.coap.wire import NotCoap
from connectors.conformance.recording import RecordingSink, bind, device, running
from connectors.home import Home
from connectors.payloads.decoding import NoValue
from tests.connectors.coap.pushing import JSON, listening, pack
from tests.connectors.coap.server import Proxy, Thing, serving, through
from tests.servers import LOOPBACK

if TYPE_CHECKING:
    from twin.frame import Frame

HOT = pack({"n": "temp", "v": 21.5})
NOW = 1_790_000_000_000_000_000
BAD = {
    "shorter than a header": b"\x40\x01\x00",
    "another version": b"\x80\x01\x00\x01",
    "a token above 8 bytes": b"\x49\x01\x00\x01" + bytes(9),
    "an empty message that is not empty": b"\x40\x00\x00\x01\xff\x01",
    "shorter than its token": b"\x48\x01\x00\x01\x01",
    "a payload marker without payload": b"\x40\x01\x00\x01\xff",
    "a reserved option delta or length": b"\x40\x01\x00\x01\xf1\x00",
    "an option that is cut off": b"\x40\x01\x00\x01\xb5te",
    "an option number above 65535": b"\x40\x01\x00\x01\xe0\xff\xff",
    "more than 64 options": b"\x40\x01\x00\x01" + bytes(60_000),
    "an option that cannot be read": b"\x40\x01\x00\x01\xb1\xff",
}


@pytest.mark.parametrize(("reason", "data"), BAD.items(), ids=list(BAD))
def test_each_format_error_has_its_reason(reason, data):
    """What RFC 7252 section 3 forbids is no message, and its reason can be counted."""
    with pytest.raises(NotCoap) as caught:
        wire.decode(data)

    assert str(caught.value) == reason


@given(st.binary(max_size=80))
def test_any_datagram_is_a_message_or_not_coap(data):
    """Decoding never fails otherwise."""
    try:
        message = wire.decode(data)
    except NotCoap:
        return

    assert len(message.token) <= 8


@given(
    st.integers(0, 3),
    st.sampled_from([aiocoap.GET, aiocoap.POST, aiocoap.CONTENT]),
    st.integers(0, 65_535),
    st.binary(max_size=8),
    st.binary(max_size=30),
    st.lists(st.text(max_size=9), max_size=4),
)
def test_messages_come_back_as_they_were_written(kind, code, mid, token, payload, path):
    """Our own reading of a datagram agrees with what was encoded."""
    message = aiocoap.Message(code=code, payload=payload, uri_path=path)

    read = wire.decode(wire.encode(message, kind, mid, token))

    assert (read.mtype, read.code, read.mid, read.token, read.payload) == (kind, code, mid, token, payload)
    assert read.opt.uri_path == tuple(path)


class Junk(Proxy):
    """Puts every bad datagram in front of each answer."""

    def down(self, data: bytes) -> None:
        for junk in BAD.values():
            super().down(junk)
        super().down(data)


async def test_bad_datagrams_to_a_client_are_counted():
    """Each is counted under its reason, and the value behind them arrives."""
    async with serving(t=Thing(b"4")) as field, through(Junk(field.port)) as endpoint:
        one = bind(device(connector, endpoint, {"t": {"resource": "/t"}}))
        (link,) = connector.links([one], Home())
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 4})
            dropped = dict(link.dropped)

    assert dropped.keys() == BAD.keys()


async def test_bad_datagrams_to_a_server_are_counted():
    """Each is counted under its reason, and a device behind them is served."""
    async with listening("lamp-1") as field:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            for data in BAD.values():
                own.sendto(data, (LOOPBACK, field.port))
            own.sendto(b"\x50\x02\x00\x05\xb8readings\xff" + bytes(65_000), (LOOPBACK, field.port))
        answer = await field.post("/readings?ep=lamp-1", HOT, content_format=JSON)
        dropped = dict(field.link.dropped)

    assert answer.code is aiocoap.CHANGED
    assert BAD.keys() <= dropped.keys()
    assert len(field.sink.frames) == 1


class Deaf:
    """A transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendto(self, data: bytes, _addr: object) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return False


class Clock:
    """The time as the test says it, in seconds."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s


async def test_what_a_server_remembers_is_bounded(monkeypatch):
    """However many messages come from however many addresses, a fixed number is kept, and served at a time."""

    async def never(_request: object) -> aiocoap.Message:
        await asyncio.Event().wait()
        raise AssertionError

    ping = aiocoap.Message(code=aiocoap.GET)
    clock = Clock()
    async with asyncio.TaskGroup() as tasks:
        server = Server(never, tasks)
        # Within three seconds, however fast this machine is: time for 16,000 of them, and for no more.
        clock.now_s = server._loop.time()
        monkeypatch.setattr(server, "_loop", clock)
        transport = Deaf()
        server.connection_made(transport)  # type: ignore[arg-type]
        for number in range(20_000):
            clock.now_s += 3 / 20_000
            host = f"10.{number % 250}.{number // 250 % 250}.1"
            server.datagram_received(wire.encode(ping, wire.CON, number % 65_536, b""), (host, 5683))
        kept, busy = len(server._recent), len(asyncio.all_tasks())
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    assert kept == 8_192
    assert busy <= 260
    assert 3_900 < server.dropped["more than a source's share"] < 4_100
    assert wire.decode(transport.sent[0]).code is aiocoap.SERVICE_UNAVAILABLE


def test_uploads_are_bounded():
    """Whoever begins uploads without end drives out older ones, and memory stays."""
    uploads = Uploads()
    for number in range(1_000):
        message = aiocoap.Message(code=aiocoap.POST, payload=bytes(1024), block1=(0, True, 6))
        uploads.take(number, message, float(number) / 1_000)

    assert len(uploads) == MOST_UPLOADS


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 5), st.booleans(), st.integers(0, 7), st.binary(max_size=40)
        ),
        max_size=20,
    )
)
def test_any_order_of_blocks_is_a_body_or_refused(blocks):
    """A body that is put together is never longer than its blocks, whatever their numbers."""
    uploads = Uploads()
    for at, (key, number, more, exponent, payload) in enumerate(blocks):
        message = aiocoap.Message(code=aiocoap.POST, payload=payload, block1=(number, more, exponent))
        try:
            body = uploads.take(key, message, float(at))
        except Refused:
            continue
        assert body is None or body.endswith(payload)


BOMBS = {
    "deep JSON": (50, b"[" * 60_000),
    "deep CBOR": (60, b"\x81" * 60_000),
    "huge CBOR": (60, b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
    "shared CBOR": (60, b"\xd8\x1c\x82\xd8\x1d\x00\xd8\x1d\x00"),
    "huge integer": (50, b"9" * 60_000),
    "big CBOR number": (60, b"\xc2\x59\xff\x00" + b"\xff" * 65_000),
    "many records": (110, b"[" + b'{"n":"a","v":1},' * 4_000 + b'{"n":"a","v":1}]'),
    "decimal fraction": (112, cbor2.dumps([{0: "t", 2: cbor2.CBORTag(4, [2**30, 1])}])),
    "time out of range": (110, b'[{"n":"t","v":1,"t":1e300}]'),
    "base value overflow": (110, b'[{"bv":1e308,"n":"t","v":1e308}]'),
    "not a number": (110, b'[{"n":"t","v":NaN}]'),
}


@pytest.mark.parametrize(("number", "payload"), BOMBS.values(), ids=list(BOMBS))
def test_a_bomb_is_read_in_time(number, payload):
    """Whatever a payload unfolds to, it is a bad reading or none within a moment."""
    one = bind(device(connector, "coap://h", {"t": {"resource": "/t", "name": "t"}}))
    reader = Reader(one.points)

    frame = reader.samples(payload, number, NOW).newest

    assert frame is not None
    assert not any(value == value and abs(value) < 1e300 for value in frame.values.tolist())  # noqa: PLR0124 - NaN


RECORDS = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "x_", "q"]
        ),
        st.one_of(
            st.sampled_from(["t", "lamp-1/", "Cel", "", "%"]),
            st.floats(),
            st.integers(),
            st.booleans(),
            st.none(),
        ),
        max_size=5,
    ),
    max_size=6,
)


@settings(max_examples=200)
@given(
    st.one_of(st.binary(max_size=60), RECORDS.map(cbor2.dumps)), st.sampled_from([0, 50, 60, 110, 112, None])
)
def test_any_payload_is_readings_or_a_reason(payload, number):
    """A reading is a finite thing of the wire or NaN with its reason; older samples are in order and have times."""
    one = bind(
        device(
            connector,
            "coap://h",
            {"t": {"resource": "/t", "name": "t"}, "u": {"resource": "/t", "name": "u"}},
        )
    )
    reader = Reader(one.points, Format.SENML)
    pushed = reader.pushed(payload, number, NOW)
    asked = reader.samples(payload, number, NOW)

    for frame in (pushed.newest, pushed.kept, asked.newest, asked.kept):
        if frame is not None:
            hold(frame)
    for frame in (pushed.kept, asked.kept):
        if frame is not None:
            times = np.atleast_1d(frame.time).tolist()
            assert times == sorted(times)
            assert times[0] > 0


def hold(frame: Frame) -> None:
    reasons = [0] * len(frame.ids) if frame.quality is None else frame.quality.tolist()
    for value, reason in zip(frame.values.tolist(), reasons, strict=True):
        assert reason == 0 or reason >= 64 or value == value  # noqa: PLR0124 - NaN is not itself
        if reason >= 128:
            assert value != value  # noqa: PLR0124 - NaN is not itself


class Storm(Proxy):
    """Puts a hundred datagrams that mean nothing in front of each answer."""

    def down(self, data: bytes) -> None:
        for number in range(50):
            other = wire.encode(
                aiocoap.Message(code=aiocoap.CONTENT, payload=b"99"), wire.NON, number, bytes([9, number])
            )
            super().down(other)
            super().down(wire.empty(wire.RST, number))
        super().down(data)


async def test_tokens_and_resets_of_nobody_are_counted():
    """Answers under tokens that nobody has, and resets of what was never sent, change nothing and leave nothing."""
    async with serving(t=Thing(b"4", max_age=0)) as field, through(Storm(field.port)) as endpoint:
        one = bind(
            device(connector, endpoint, {"t": {"resource": "/t"}}, poll_s=0.1, options={"observe": False})
        )
        (link,) = connector.links([one], Home())
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) >= 5)

    assert {reading.value for reading in sink.readings()} == {4}
    assert link.dropped["an answer that nobody waits for"] >= 200
    assert len(link.dropped) == 1


async def test_uploads_without_a_key_push_out_none_with_one():
    """Ten thousand uploads that somebody begins and never ends leave those of devices with keys alone."""
    site = Site([], Directory([], {}, ""), RecordingSink(), {}, "coap")

    def part(number: int, more: bool, **who):
        message = aiocoap.Message(code=aiocoap.POST, payload=b"x" * 16, uri_path=("readings",))
        message.opt.block1 = (number, more, 0)
        return site._body(Asked(message, **{"proven": None, "source": "h:1", "room": None} | who))

    assert part(0, more=True, proven="lamp-1") is None
    for number in range(10_000):
        part(0, more=True, source=f"h:{number}")

    assert len(site.uploads) == MOST_UPLOADS
    assert part(1, more=False, proven="lamp-1") == b"x" * 32


def test_sessions_without_a_key_go_first():
    """A flood of handshakes that nobody ends pushes out no device that has shown its key."""

    def session(identity: bytes | None) -> Session:
        made = Session.__new__(Session)
        made._store = SimpleNamespace(identity=identity)  # type: ignore[assignment]
        return made

    known: dict[Address, Channel] = {
        ("a", 1): session(b"lamp-1"),
        ("b", 1): session(None),
        ("c", 1): session(None),
    }

    assert _least_known(known) == ("b", 1)
    assert _least_known({("a", 1): session(b"lamp-1"), ("d", 1): session(b"lamp-2")}) == ("a", 1)


async def test_a_discovery_storm_is_answered_in_small_pieces():
    """Thousands of questions for the list get small answers or none, and readings still come through."""
    async with listening("lamp-1") as field:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as storm:
            storm.bind(("127.0.0.3", 0))
            storm.settimeout(0)
            asked = received = 0
            for mid in range(3_000):
                data = wire.encode(
                    aiocoap.Message(code=aiocoap.GET, uri_path=(".well-known", "core")), wire.NON, mid, b""
                )
                asked += storm.sendto(data, (LOOPBACK, field.port))
            answer = await field.post("/readings?ep=lamp-1", HOT, content_format=JSON)
            try:
                while True:
                    received += len(storm.recv(2048))
            except BlockingIOError:
                pass

    assert answer.code is aiocoap.CHANGED
    assert received <= 3 * asked


def test_no_value_is_a_value_error():
    """What a payload does not hold is told apart from faults of ours."""
    assert issubclass(NoValue, ValueError)
