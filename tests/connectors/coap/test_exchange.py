"""Exchanges over lines, a socket for each peer."""

from __future__ import annotations

import asyncio
import socket
from itertools import islice
from typing import TYPE_CHECKING

import aiocoap
import pytest
import uvloop

from connectors.coap import connector, datagrams, exchange, wire
from connectors.coap.exchange import NoAnswer, Unreachable
from connectors.coap.line import line_to, open_lines
from connectors.conformance.recording import RecordingSink, bind, device, running
from connectors.home import Home
from tests.connectors.coap.answering import answering
from tests.connectors.coap.server import Thing, serving
from tests.servers import LOOPBACK, free_port

if TYPE_CHECKING:
    from connectors.coap.server import Request


def test_retransmissions_keep_a_distance_and_never_pause_for_long():
    """The first comes after 1 to 1.4 s, each later one after 2 s."""
    waits = [list(islice(exchange.USUAL.waits(), 8)) for _ in range(100)]

    assert all(1 <= one[0] <= 1.4 and one[1:] == [2] * 7 for one in waits)


async def test_an_error_of_one_peer_is_not_blamed_on_another():
    """An ICMP error ends only the exchanges of the line that it belongs to."""
    async with serving(t=Thing(b"4")) as field, line_to(LOOPBACK, field.port) as live:
        for _ in range(5):
            async with line_to(LOOPBACK, free_port()) as dead:
                wrong = dead.begin(exchange.request("/t", LOOPBACK), b"1", exchange.USUAL)
                answer = await exchange.ask(live, exchange.request("/t", LOOPBACK), 1)
                with pytest.raises(Unreachable, match=r"^connection refused$"):
                    await wrong.answer(1)

            assert answer.payload == b"4"
        assert live.pending == 0
    assert open_lines() == 0


@pytest.fixture
def peer():
    """A socket that answers only what the test says."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK, 0))
        sock.setblocking(False)
        yield sock


async def received(peer):
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recvfrom(peer, 2048)


async def test_a_stopped_exchange_sends_nothing_more(peer):
    """What was ended is not retransmitted, and its answer is not taken."""
    async with line_to(LOOPBACK, peer.getsockname()[1]) as line:
        begun = line.begin(exchange.request("/t", LOOPBACK), b"1", exchange.Tuning(0.05))
        await received(peer)
        begun.stop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.get_running_loop().sock_recvfrom(peer, 2048)

        assert line.pending == 0


async def test_a_message_is_sent_again_until_it_is_over(peer):
    """Retransmissions are the same datagram, and the next message waits for its turn (NSTART)."""
    async with line_to(LOOPBACK, peer.getsockname()[1]) as line:
        tuned = exchange.Tuning(0.05)
        first = line.begin(exchange.request("/a", LOOPBACK), b"1", tuned)
        line.begin(exchange.request("/b", LOOPBACK), b"2", tuned)
        with pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
            await first.answer(0.3)
        first.stop()
        datagrams = [(await received(peer))[0] for _ in range(4)]

    assert datagrams[0] == datagrams[1] == datagrams[2]
    assert wire.decode(datagrams[3]).opt.uri_path == ("b",)


async def answered(peer, line, **options):
    """Begin a question and answer it with a piggybacked 2.05 that has these options; returns the exchange."""
    begun = line.begin(exchange.request("/t", LOOPBACK), b"1", exchange.USUAL)
    data, addr = await received(peer)
    asked = wire.decode(data)
    answer = aiocoap.Message(code=aiocoap.CONTENT, payload=b"4", **options)
    peer.sendto(wire.encode(answer, wire.ACK, asked.mid, asked.token), addr)
    return begun


async def test_an_unknown_critical_option_is_no_answer(peer):
    """An answer that must be understood and is not is rejected (RFC 7252, section 5.4.1), and counted."""
    async with line_to(LOOPBACK, peer.getsockname()[1]) as line:
        begun = await answered(peer, line, if_match=[b"x"])
        with pytest.raises(NoAnswer, match="critical option 1, which is not understood"):
            await begun.answer(1)

    assert line.dropped["an answer with a critical option that is not understood"] == 1


async def test_an_unknown_elective_option_is_ignored(peer):
    """What need not be understood changes nothing."""
    async with line_to(LOOPBACK, peer.getsockname()[1]) as line:
        begun = await answered(peer, line, size2=7)
        answer, _ = await begun.answer(1)

    assert answer.payload == b"4"


async def test_a_device_that_floods_harms_no_neighbour(peer, monkeypatch):
    """A peer that sends without end is read in its share only; the neighbour's answers come all the same."""
    monkeypatch.setattr(datagrams, "_PER_S", 200.0)
    monkeypatch.setattr(datagrams, "_BURST", 200.0)
    loop = asyncio.get_running_loop()
    async with (
        serving(t=Thing(b"4")) as field,
        line_to(LOOPBACK, field.port) as good,
        line_to(LOOPBACK, peer.getsockname()[1]) as bad,
    ):
        bad.begin(exchange.request("/t", LOOPBACK), b"1", exchange.USUAL)
        _, addr = await received(peer)
        junk = b"\x50\x45\x00\x01" + bytes(60)
        slowest = 0.0
        for _ in range(30):
            for _ in range(200):
                peer.sendto(junk, addr)
            began = loop.time()
            answer = await exchange.ask(good, exchange.request("/t", LOOPBACK), 5)
            slowest = max(slowest, loop.time() - began)

            assert answer.payload == b"4"
    assert slowest < 1
    assert bad.floods > 0
    assert 0 < bad.dropped.total() < 4_000


async def test_requests_to_a_client_are_refused(peer):
    """We serve nothing on a client's socket: a confirmable request gets a reset, and nothing is kept of it."""
    async with line_to(LOOPBACK, peer.getsockname()[1]) as line:
        line.begin(exchange.request("/t", LOOPBACK), b"1", exchange.USUAL)
        _, addr = await received(peer)
        peer.sendto(wire.encode(aiocoap.Message(code=aiocoap.GET), wire.CON, 77, b""), addr)
        reset, _ = await received(peer)

    assert reset == wire.empty(wire.RST, 77)


@pytest.mark.parametrize(
    ("resource", "path", "query", "host"),
    [
        ("/", (), (), "127.0.0.1"),
        ("/a/b%20c?x=1&y", ("a", "b c"), ("x=1", "y"), "[::1]"),
        ("/a/", ("a", ""), (), "lamp-1"),
    ],
)
def test_a_resource_becomes_options(resource, path, query, host):
    """Path and query are options, and so is a host that is not an address (RFC 7252, section 6.4)."""
    opt = exchange.request(resource, host).opt

    assert (opt.uri_path, opt.uri_query) == (path, query)
    assert opt.uri_host == ("lamp-1" if host == "lamp-1" else None)


def test_uvloop_runs_it_as_well():
    """The platform's event loop drives the same sockets, refusals included."""

    async def main() -> dict[str, float]:
        async with serving(t=Thing(b"4", max_age=1)) as field:
            one = bind(device(connector, field.endpoint, {"t": {"resource": "/t"}}))
            (link,) = connector.links([one], Home())
            sink = RecordingSink()
            async with running(link, sink):
                await sink.wait_for(lambda: sink.frames)
                field.things["/t"].say(b"5")
                await sink.wait_for(lambda: len(sink.frames) == 2)
            return sink.by_name(one)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == {"t": 5.0}


async def test_a_reset_is_no_answer(peer):
    """A device that resets a question has refused it, and the next one goes out at once."""
    async with line_to(LOOPBACK, peer.getsockname()[1]) as line:
        first = line.begin(exchange.request("/a", LOOPBACK), b"1", exchange.USUAL)
        line.begin(exchange.request("/b", LOOPBACK), b"2", exchange.USUAL)
        data, addr = await received(peer)
        peer.sendto(wire.empty(wire.RST, wire.decode(data).mid), addr)
        with pytest.raises(NoAnswer, match="refused the request with a reset"):
            await first.answer(5)
        following, _ = await received(peer)

    assert wire.decode(following).opt.uri_path == ("b",)


async def test_an_answer_stands_for_its_lost_acknowledgement(peer):
    """A separate answer ends the retransmissions (RFC 7252, section 5.2.2), and the next question goes out."""
    async with line_to(LOOPBACK, peer.getsockname()[1]) as line:
        first = line.begin(exchange.request("/a", LOOPBACK), b"1", exchange.USUAL)
        line.begin(exchange.request("/b", LOOPBACK), b"2", exchange.USUAL)
        data, addr = await received(peer)
        answer = aiocoap.Message(code=aiocoap.CONTENT, payload=b"4")
        peer.sendto(wire.encode(answer, wire.NON, 7, wire.decode(data).token), addr)
        message, _ = await first.answer(5)
        following, _ = await received(peer)

    assert message.payload == b"4"
    assert wire.decode(following).opt.uri_path == ("b",)


class Open:
    """A guard that protects nothing."""

    def protect(self, message: aiocoap.Message) -> tuple[aiocoap.Message, object]:
        return message, None

    def unprotect(self, message: aiocoap.Message, _asked: object) -> aiocoap.Message:
        return message


async def test_a_challenge_is_answered_with_its_nonce_once():
    """A device that wants to see that we are alive gets its Echo back (RFC 8613, appendix B.1.2), and then answers."""
    echoes: list[bytes | None] = []

    async def handle(request: Request) -> aiocoap.Message:
        echoes.append(request.message.opt.echo)
        if request.message.opt.echo == b"nonce":
            return aiocoap.Message(code=aiocoap.CONTENT, payload=b"4")
        return aiocoap.Message(code=aiocoap.UNAUTHORIZED, echo=b"nonce")

    async with answering(handle) as port, line_to(LOOPBACK, port) as line:
        answer = await exchange.ask(line, exchange.request("/long-enough", LOOPBACK), 5, Open())

    assert echoes == [None, b"nonce"]
    assert answer.payload == b"4"


async def test_a_device_that_challenges_without_end_is_refused():
    """The second challenge is the answer, so that nobody goes round in circles."""
    asked = 0

    async def handle(_request: Request) -> aiocoap.Message:
        nonlocal asked
        asked += 1
        return aiocoap.Message(code=aiocoap.UNAUTHORIZED, echo=bytes([asked]))

    async with answering(handle) as port, line_to(LOOPBACK, port) as line:
        answer = await exchange.ask(line, exchange.request("/long-enough", LOOPBACK), 5, Open())

    assert (answer.code, asked) == (aiocoap.UNAUTHORIZED, 2)
