"""Exchanges over the one shared socket."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from connectors.coap import connector, exchange
from connectors.coap.exchange import NoAnswer, Unreachable
from connectors.conformance.recording import RecordingSink, bind, device, running
from connectors.home import Home
from tests.connectors.coap.server import Thing, serving
from tests.servers import LOOPBACK, free_port


@pytest.mark.parametrize("timeout_s", [1.0, 1.5, 5.0, 10.0, 30.0, 93.0, 600.0])
def test_retransmissions_end_within_the_timeout(timeout_s):
    """The last retransmission has been given up when the timeout ends, and none comes after less than 0.7 s."""
    tuned = exchange.tuning(timeout_s)
    longest = tuned.ACK_TIMEOUT * tuned.ACK_RANDOM_FACTOR * (2 ** (tuned.MAX_RETRANSMIT + 1) - 1)

    assert longest <= timeout_s * 1.0001
    assert tuned.ACK_TIMEOUT > 0.7
    assert (exchange.tuning(10).MAX_RETRANSMIT, exchange.tuning(93).MAX_RETRANSMIT) == (2, 4)


async def test_an_error_of_one_peer_is_not_blamed_on_another():
    """An ICMP error that surfaces while sending to a neighbour ends only the exchange that it belongs to."""
    async with serving(t=Thing(b"4")) as field, exchange.shared_endpoint() as endpoint:
        live = await endpoint.resolve(LOOPBACK, field.port)
        for _ in range(20):
            dead = await endpoint.resolve(LOOPBACK, free_port())
            wrong = endpoint.begin(exchange.request("/t", LOOPBACK, dead), endpoint.new_token())
            right = endpoint.begin(exchange.request("/t", LOOPBACK, live), endpoint.new_token())
            answer, _ = await right.answer(1)
            with pytest.raises(Unreachable, match=r"^connection refused$"):
                await wrong.answer(1)

            assert answer.payload == b"4"
            right.stop()
            wrong.stop()
        assert endpoint.pending == 0


async def test_a_stopped_registration_registers_nothing():
    """What is sent of a request after its end no longer asks to be notified."""
    async with exchange.shared_endpoint() as endpoint:
        remote = await endpoint.resolve(LOOPBACK, free_port())
        message = exchange.request("/t", LOOPBACK, remote)
        message.opt.observe = 0
        begun = endpoint.begin(message, endpoint.new_token())
        begun.stop()

        assert message.opt.observe is None
        assert endpoint.pending == 0
        with pytest.raises(NoAnswer, match=r"no answer within 0\.1 s"):
            await begun.answer(0.1)


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
    opt = exchange.request(resource, host, None).opt

    assert (opt.uri_path, opt.uri_query) == (path, query)
    assert opt.uri_host == ("lamp-1" if host == "lamp-1" else None)


def test_uvloop_runs_it_as_well():
    """The platform's event loop drives the same socket, refusals included."""

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
