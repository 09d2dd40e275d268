"""DTLS with a pre-shared key: against libcoap where the extra is installed, and with a stand-in for it everywhere."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiocoap
import pytest

from connectors.abilities import Done, Setting
from connectors.coap import connector, dtls, exchange, server, wire
from connectors.coap.client import CoapLink
from connectors.coap.exchange import NoAnswer
from connectors.coap.line import line_to
from connectors.conformance.recording import RecordingSink, bind, device, running, supervised
from connectors.home import Home
from tests.connectors.coap import tinydtls
from tests.connectors.coap.answering import answering
from tests.connectors.coap.pushing import JSON, POINTS, pack
from tests.servers import LOOPBACK, free_port, need
from twin.errors import TransientError
from twin.model.protocol import parse_endpoint

real = pytest.mark.skipif(not dtls.available(), reason=dtls.EXTRA)

KEY = "sesame-open"
OPTIONS = {"psk_identity": "barrio", "psk": "${secret:key}", "timeout": 3}


def home() -> Home:
    return Home(None, {"key": KEY}.__getitem__)


def tls(program: str) -> str:
    """Return libcoap's program with DTLS in it."""
    need(program)
    found = shutil.which(f"{program}-openssl") or shutil.which(f"{program}-gnutls")
    if found is None:
        pytest.skip(f"{program} without DTLS")
    return found


def is_bound(port: int) -> bool:
    """Whether somebody has a UDP port of this machine (proc_net_udp(5))."""
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(int(row.split()[1].partition(":")[2], 16) == port for row in rows)


@asynccontextmanager
async def secured(folder, port: int):
    """Run libcoap's server with the key; its DTLS port is the one above `port`."""
    with (folder / "coap.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            tls("coap-server"), "-A", LOOPBACK, "-p", str(port), "-k", KEY, "-d", "10", stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(30):
            while not is_bound(port + 1):  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(0.02)
        yield f"coaps://{LOOPBACK}:{port + 1}"
    finally:
        process.kill()
        await process.wait()


def linked(endpoint: str, points) -> tuple[CoapLink, object]:
    one = bind(device(connector, endpoint, points, options=OPTIONS, poll_s=0.5))
    (link,) = connector.links([one], home())
    assert isinstance(link, CoapLink)
    return link, one


@real
async def test_libcoap_is_observed_over_dtls_and_comes_back(tmp_path):
    """Its clock is notified over DTLS; when the server was restarted a new session is made."""
    port = free_port()
    link, _ = linked(f"coaps://{LOOPBACK}:{port + 1}", {"clock": {"resource": "/time?ticks"}})
    sink = RecordingSink()
    async with supervised(link, sink, wait_s=0.3):
        async with secured(tmp_path, port):
            await sink.wait_for(lambda: len(sink.frames) >= 3, timeout=20)
        await sink.wait_for(lambda: sink.downs, timeout=40)
        before = len(sink.frames)
        async with secured(tmp_path, port):
            await sink.wait_for(lambda: len(sink.frames) >= before + 3, timeout=30)

    assert link.security == "DTLS-PSK"
    assert all(reading.value > 0 for reading in sink.readings())


@real
async def test_libcoap_pushes_over_dtls(tmp_path):
    """A device is recognised by the identity of its key."""
    port = free_port()
    one = bind(device(connector, f"coaps+listen://{LOOPBACK}:{port}/lamp-1", POINTS, options=OPTIONS))
    (link,) = connector.links([one], home())
    sink = RecordingSink()
    file = tmp_path / "payload"
    file.write_bytes(pack({"n": "temp", "v": 21.5}))
    async with running(link, sink):
        await sink.wait_for(lambda: sink.ups)
        process = await asyncio.create_subprocess_exec(
            tls("coap-client"), "-B", "10", "-u", "barrio", "-k", KEY, "-m", "post", "-t", "110",
            "-f", str(file), f"coaps://{LOOPBACK}:{port}/readings",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(20):
            said, _ = await process.communicate()

    assert not said.strip()
    assert sink.by_name(one) == {"t": 21.5}


@real
async def test_garbage_instead_of_a_handshake_harms_nobody(tmp_path):
    """Datagrams that are no DTLS make no session of many, and the link goes on."""
    port = free_port()
    one = bind(device(connector, f"coaps+listen://{LOOPBACK}:{port}/lamp-1", POINTS, options=OPTIONS))
    (link,) = connector.links([one], home())
    sink = RecordingSink()
    chance = random.Random(3)
    async with running(link, sink) as task:
        await sink.wait_for(lambda: sink.ups)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            for size in range(300):
                head = chance.choice([b"", b"\x16\xfe\xfd", b"\x16\xfe\xff" + bytes(8), b"\x17\xfe\xfd"])
                own.sendto(head + chance.randbytes(size), (LOOPBACK, port))
        await asyncio.sleep(0.5)
        alive = not task.done()

    assert alive
    assert not sink.frames


@asynccontextmanager
async def taking_pushes():
    """Listen for lamp-1, whose identity is `barrio`; yields the port, the sink and the link."""
    port = free_port()
    one = bind(device(connector, f"coaps+listen://{LOOPBACK}:{port}/lamp-1", POINTS, options=OPTIONS))
    (link,) = connector.links([one], home())
    sink = RecordingSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.ups)
        yield port, sink, link


def psk(identity: str = "barrio", key: str = KEY) -> dtls.Psk:
    return dtls.Psk(identity.encode(), {identity.encode(): key.encode()})


def reading(query: str = "", value: float = 21.5) -> aiocoap.Message:
    message = exchange.request(f"/readings{query}", LOOPBACK, aiocoap.POST)
    message.payload = pack({"n": "temp", "v": value})
    message.opt.content_format = JSON
    return message


async def test_a_device_is_who_its_key_says(monkeypatch):
    """After the handshake readings need no name, and under another's name they are refused."""
    tinydtls.install(monkeypatch)
    async with taking_pushes() as (port, sink, link), line_to(LOOPBACK, port, psk()) as line:
        own = await exchange.ask(line, reading(), 5)
        other = await exchange.ask(line, reading("?ep=lamp-2"), 5)

    assert own.code is aiocoap.CHANGED
    assert (other.code, other.payload) == (aiocoap.FORBIDDEN, b"its key is that of lamp-1")
    assert [one.value for one in sink.readings()] == [21.5]
    assert link.security == "DTLS-PSK"


@pytest.mark.parametrize(
    ("identity", "key", "alert"),
    [
        ("lamp-9", KEY, tinydtls.HANDSHAKE_FAILURE),
        ("barrio", "sesame-shut", tinydtls.DECRYPT_ERROR),
    ],
)
async def test_a_handshake_that_fails_is_no_answer_at_once(monkeypatch, identity, key, alert):
    """An unknown identity or another key ends the session with its alert, nothing is taken, and others are served."""
    tinydtls.install(monkeypatch)
    async with taking_pushes() as (port, sink, _):
        async with line_to(LOOPBACK, port, psk(identity, key)) as line:
            with pytest.raises(NoAnswer, match=rf"^the DTLS session was ended \(alert {alert}\)$"):
                await exchange.ask(line, reading(value=1), 20)
        async with line_to(LOOPBACK, port, psk()) as line:
            answer = await exchange.ask(line, reading(value=2), 5)

    assert answer.code is aiocoap.CHANGED
    assert [one.value for one in sink.readings()] == [2]


async def test_new_sessions_push_out_none_that_has_a_key(monkeypatch):
    """Beyond the most sessions those go first that have shown no identity."""
    tinydtls.install(monkeypatch)
    monkeypatch.setattr(server, "_MOST_SESSIONS", 4)
    async with taking_pushes() as (port, _, _), line_to(LOOPBACK, port, psk()) as line:
        await exchange.ask(line, reading(value=1), 5)
        for _ in range(10):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                own.sendto(b"junk", (LOOPBACK, port))
        answer = await exchange.ask(line, reading(value=2), 5)

    assert answer.code is aiocoap.CHANGED


class Lamp:
    """A device behind DTLS: `/level` can be set; keeps the identities that it was asked under."""

    def __init__(self) -> None:
        self.level = b"40"
        self.identities: set[bytes | None] = set()

    async def handle(self, request: server.Request) -> aiocoap.Message:
        self.identities.add(request.identity)
        message = request.message
        if message.opt.uri_path == (".well-known", "core"):
            return aiocoap.Message(code=aiocoap.CONTENT, payload=b"</level>", content_format=40)
        if message.code is aiocoap.PUT:
            self.level = message.payload
            return aiocoap.Message(code=aiocoap.CHANGED)
        return aiocoap.Message(code=aiocoap.CONTENT, payload=self.level, content_format=0)


KEYS = dtls.Psk(b"lamp", {b"barrio": KEY.encode()}, serves=True)


async def test_a_device_is_read_and_set_over_dtls(monkeypatch):
    """Values come and points are set through the session, all of it under our identity."""
    tinydtls.install(monkeypatch)
    lamp = Lamp()
    async with answering(lamp.handle, KEYS) as port:
        one = bind(
            device(
                connector,
                f"coaps://{LOOPBACK}:{port}",
                {"level": {"resource": "/level", "format": "text", "writable": True}},
                options=OPTIONS,
            )
        )
        (link,) = connector.links([one], home())
        assert isinstance(link, CoapLink)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"level": 40})
            (outcome,) = await link.write([Setting(one.points[0], 70.0)])

    assert (outcome.done, outcome.read_back, lamp.level) == (Done.WRITTEN, 70, b"70")
    assert lamp.identities == {b"barrio"}


async def test_a_device_behind_dtls_is_drafted(monkeypatch):
    """Its list and values are asked for through a session; the draft says where the key belongs."""
    tinydtls.install(monkeypatch)
    async with answering(Lamp().handle, KEYS) as port:
        endpoint = parse_endpoint(f"coaps://{LOOPBACK}:{port}", connector.schemes)
        draft = await connector.discover(endpoint, OPTIONS, home())

    assert "# options.psk_identity and options.psk belong into the device's overrides" in draft.text
    assert 'resource: "/level"' in draft.text


async def test_a_server_that_goes_ends_the_session(monkeypatch):
    """Its good-bye ends what waits for an answer, long before the timeout."""
    tinydtls.install(monkeypatch)
    arrived = asyncio.Event()

    async def hang(_request: server.Request) -> aiocoap.Message:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with AsyncExitStack() as stack:
        async with answering(hang, KEYS) as port:
            line = await stack.enter_async_context(line_to(LOOPBACK, port, psk()))
            begun = line.begin(exchange.request("/level", LOOPBACK), b"1", exchange.USUAL)
            async with asyncio.timeout(5):
                await arrived.wait()
        with pytest.raises(NoAnswer, match="the DTLS session was ended"):
            await begun.answer(20)


async def test_what_waits_for_a_handshake_is_bounded_and_goes_out_in_order(monkeypatch):
    """Of what is sent before the peer has answered the first 64 messages are kept."""
    tinydtls.install(monkeypatch)
    sent: list[bytes] = []
    session = psk()(sent.append, lambda _: None, lambda _: None)
    for number in range(100):
        session.send(bytes([number]))
    before = list(sent)
    session.feed(tinydtls.WELCOME + tinydtls.digest(KEY.encode()))
    await asyncio.sleep(0)
    session.close()
    session.close()
    session.feed(tinydtls.DATA + b"late")

    assert before == [tinydtls.HELLO + b"barrio"]
    assert sent[1:] == [*(tinydtls.DATA + bytes([number]) for number in range(64)), tinydtls.END]


async def test_a_handshake_that_is_lost_is_tried_again(monkeypatch):
    """The first datagram is sent again after about a second, without anybody asking for it."""
    tinydtls.install(monkeypatch)
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    session = psk()(queue.put_nowait, lambda _: None, lambda _: None)
    async with asyncio.timeout(10):
        sent = [await queue.get() for _ in range(2)]
    session.close()

    assert sent == [tinydtls.HELLO + b"barrio"] * 2


async def test_garbage_through_a_session_is_counted(monkeypatch):
    """What arrives in the session and is no CoAP has its reason, and the session lives on."""
    tinydtls.install(monkeypatch)
    async with taking_pushes() as (port, _, link), line_to(LOOPBACK, port, psk()) as line:
        await exchange.ask(line, reading(), 5)
        line._channel.send(b"\x80\x01\x00\x01")
        line._channel.send(wire.empty(wire.ACK, 9))
        answer = await exchange.ask(line, reading(), 5)

    assert answer.code is aiocoap.CHANGED
    assert link.dropped == {"another version": 1, "a message that is no request": 1}


async def test_without_the_extra_a_link_says_what_to_install(monkeypatch):
    """`check` names the extra, and so does a link that is run all the same."""
    tinydtls.uninstall(monkeypatch)
    made = device(connector, "coaps://127.0.0.1", {"t": {"resource": "/t"}}, options=OPTIONS)
    (link,) = connector.links([bind(made)], home())

    assert ("endpoint", dtls.EXTRA) in list(connector.check(made))
    assert link.security == "DTLS-PSK"
    with pytest.raises(TransientError, match="needs the extra `dtls`"):
        await link.run(RecordingSink())


async def test_without_the_extra_nobody_listens_and_it_is_said(monkeypatch):
    """A link that should listen ends as one whose peer is away, so that the platform goes on without it."""
    monkeypatch.setattr(dtls, "available", lambda: False)
    options = {"psk_identity": "lamp", "psk": "${secret:lamp}"}
    one = bind(
        device(
            connector,
            f"coaps+listen://{LOOPBACK}:{free_port()}/lamp",
            {"a": {"resource": "/a"}},
            options=options,
        )
    )
    (link,) = connector.links([one], Home(secret=lambda _: "key"))

    with pytest.raises(TransientError, match="needs the extra `dtls`"):
        await link.run(RecordingSink())
