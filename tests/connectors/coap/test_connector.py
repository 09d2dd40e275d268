"""Links against real servers on loopback: aiocoap's, and libcoap's where it is installed."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import aiocoap
import cbor2
import numpy as np
import pytest

from connectors.base import CLOSE_WITHIN_S
from connectors.coap import connector, wire
from connectors.coap.client import CoapLink
from connectors.coap.line import open_lines
from connectors.coap.observation import Pace
from connectors.conformance.recording import RecordingSink, bind, bind_all, device, running, supervised
from connectors.home import Home
from tests.connectors.coap.server import Device, Proxy, Thing, serving, through
from tests.servers import LOOPBACK, free_port
from twin.errors import TransientError
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connectors.base import Link
    from twin.model.bound import BoundDevice

QUICK = Pace(margin_s=0.2, shortest_s=0.2)


def linked(
    endpoint: str, points: dict[str, Any], *, pace: Pace = QUICK, poll_s: float = 0.1, **options: Any
) -> tuple[CoapLink, BoundDevice]:
    one = bind(device(connector, endpoint, points, poll_s=poll_s, options=options))
    (link,) = connector.links([one], Home(), pace)
    assert isinstance(link, CoapLink)
    return link, one


async def test_a_value_and_its_changes_arrive():
    """An observed resource is heard at once and whenever it changes; the link says that it is up, once."""
    async with serving(temp=Thing(b"21.5")) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/temp"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 21.5})
            field.things["/temp"].say(b"22.5")
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 22.5})

    assert (sink.ups, len(sink.frames)) == (1, 2)


async def test_only_content_is_an_answer():
    """A success that is not 2.05 holds no value, whatever stands in it."""
    async with serving(temp=Thing(b"21.5", code=aiocoap.DELETED)) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/temp"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            heard = sink.latest(one)["t"]

    assert np.isnan(heard.value)
    assert (heard.reason, heard.detail) == (Reason.DEVICE_EXCEPTION, "2.02 Deleted: 21.5")


class Torn(asyncio.DatagramProtocol):
    """A device whose every answer is a first block of 1024 bytes that holds 16, with more to come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = aiocoap.Message.decode(data)
        if request.code is aiocoap.GET:
            answer = aiocoap.Message(code=aiocoap.CONTENT, payload=b"x" * 16, block2=(0, True, 6))
            answer.mtype, answer.mid, answer.token = aiocoap.ACK, request.mid, request.token
            self.transport.sendto(answer.encode(), addr)


async def test_blocks_that_do_not_fit_together_are_undecodable():
    """A block that is smaller than it says is a bad reading, and no failure of ours."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Torn, local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    try:
        link, one = linked(f"coap://{host}:{port}", {"t": {"resource": "/temp"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            heard = sink.latest(one)["t"]
    finally:
        transport.close()

    assert heard.reason is Reason.UNDECODABLE
    assert "do not fit together" in heard.detail


async def test_zero_is_a_value():
    """Zero comes as zero, from the answer and from the notification."""
    async with serving(temp=Thing(b"0")) as field:
        link, _ = linked(field.endpoint, {"t": {"resource": "/temp"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            field.things["/temp"].say(b"0.0")
            await sink.wait_for(lambda: len(sink.frames) == 2)

    assert [(reading.value, reading.reason) for reading in sink.readings()] == [(0.0, Reason.GOOD)] * 2


async def test_absence_is_absence():
    """A resource that is not there is an exception of the device, a key that is not there is not available."""
    async with serving(air=Thing(b'{"hum": 40}', content_format=50)) as field:
        points = {"t": {"resource": "/air", "key": "temp"}, "x": {"resource": "/nothing"}}
        link, one = linked(field.endpoint, points)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.latest(one)) == 2)
            heard = sink.latest(one)

    assert np.isnan([heard["t"].value, heard["x"].value]).all()
    assert (heard["t"].reason, heard["t"].detail) == (
        Reason.NOT_AVAILABLE,
        "no key 'temp' in the answer, it has: hum",
    )
    assert (heard["x"].reason, heard["x"].detail) == (Reason.DEVICE_EXCEPTION, "4.04 Not Found")


async def test_late_is_normal():
    """A value measured long ago comes with the device's own time, and nothing is wrong with it."""
    payload = b'[{"n":"t","bt":1700000000,"v":4}]'
    async with serving(t=Thing(payload, content_format=110)) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/t", "name": "t"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            heard = sink.latest(one)["t"]

    assert (heard.value, heard.reason, heard.time) == (4.0, Reason.GOOD, 1_700_000_000_000_000_000)
    assert heard.received > 1_700_000_000_000_000_000


class Overtaken(Proxy):
    """Sends the first answer a second time, after the notification that replaced it."""

    first = b""

    def down(self, data: bytes) -> None:
        super().down(data)
        if not self.first:
            self.first = data
        elif b"\xff2" in data:
            # As a non-confirmable message with an id of its own (RFC 7252, section 3), else it is no notification.
            super().down(bytes([self.first[0] & 0xCF | 0x10, self.first[1], 0xAB, 0xCD]) + self.first[4:])


async def test_the_newest_notification_stands():
    """A notification overtaken on the way is not news (RFC 7641, section 3.4)."""
    async with serving(t=Thing(b"1")) as field, through(Overtaken(field.port)) as endpoint:
        link, one = linked(endpoint, {"t": {"resource": "/t"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            field.things["/t"].say(b"2")
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 2})
            await asyncio.sleep(0.05)
            field.things["/t"].say(b"3")
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 3})

    assert [reading.value for reading in sink.readings()] == [1, 2, 3]


async def test_points_of_one_resource_share_one_observation():
    """Three keys of one resource are one question and one frame."""
    async with serving(air=Thing(b'{"a":1,"b":2,"c":3}', content_format=50)) as field:
        link, one = linked(field.endpoint, {name: {"resource": "/air", "key": name} for name in "abc"})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            observers, asked = field.things["/air"].observers, field.things["/air"].asked

    assert sink.by_name(one) == {"a": 1, "b": 2, "c": 3}
    assert (len(sink.frames), observers, asked) == (1, 1, 1)


@pytest.mark.parametrize(("observable", "observe"), [(False, True), (True, False)])
async def test_a_resource_without_observation_is_polled(observable, observe):
    """Where the server takes no observers, or nobody asks for it, the schedule is kept."""
    async with serving(t=Thing(b"5", observable=observable)) as field:
        link, _ = linked(field.endpoint, {"t": {"resource": "/t", "poll": 0.1}}, poll_s=60, observe=observe)
        sink = RecordingSink()
        async with running(link, sink):
            started = time.monotonic()
            await sink.wait_for(lambda: len(sink.frames) == 6)
            took = time.monotonic() - started

    assert 0.35 < took < 1.5
    assert field.things["/t"].observers == 0


async def test_an_unchanged_value_is_heard_again_before_the_twin_misses_it():
    """Nothing changes, nothing is notified; asking anew after Max-Age is the heartbeat."""
    async with serving(t=Thing(b"5", max_age=1)) as field:
        link, _ = linked(field.endpoint, {"t": {"resource": "/t"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) == 2, timeout=3)

    first, second = (frame.received for frame in sink.frames)
    assert 1.0 < (second - first) / 1e9 < 1.5


async def test_hundreds_of_renewals_leave_one_observer():
    """Asking anew renews the observation under its token; neither server nor client gathers anything."""
    busy = Pace(margin_s=0.002, shortest_s=0.001)
    async with serving(t=Thing(b"5", max_age=0)) as field:
        link, _ = linked(field.endpoint, {"t": {"resource": "/t"}}, pace=busy)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) == 20)
            assert link._session is not None
            line = link._session.line
            tasks, pipes = len(asyncio.all_tasks()), line.pending
            await sink.wait_for(lambda: len(sink.frames) == 320, timeout=20)

            assert field.things["/t"].observers == 1
            assert abs(len(asyncio.all_tasks()) - tasks) <= 2
            assert line.pending <= max(pipes, 1)
        await asyncio.sleep(0.05)

    assert field.things["/t"].observers == 0


async def test_a_restarted_server_is_observed_again():
    """A server that has forgotten its observers is asked anew when Max-Age has passed."""
    async with serving(t=Thing(b"1", max_age=1)) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/t"}})
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: sink.frames)
            await field.stop()
            await field.start()
            await sink.wait_for(lambda: field.things["/t"].observers == 1 or len(sink.frames) > 1, timeout=5)
            field.things["/t"].say(b"2")
            await sink.wait_for(lambda: sink.by_name(one)["t"] == 2)


async def test_a_server_that_is_gone_is_transient_and_comes_back():
    """A closed port ends the link with words; when the server is back, so is the value."""
    async with serving(t=Thing(b"1", max_age=1)) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/t"}})
        sink = RecordingSink()
        async with supervised(link, sink, wait_s=0.2):
            await sink.wait_for(lambda: sink.frames)
            await field.stop()
            await sink.wait_for(lambda: sink.downs, timeout=5)
            field.things["/t"].payload = b"2"
            await field.start()
            await sink.wait_for(lambda: sink.by_name(one)["t"] == 2)

    assert str(sink.downs[0]) == f"{field.endpoint}: connection refused"
    assert not sink.silences


class Mute(Proxy):
    """Passes nothing while `mute`."""

    mute = True

    def up(self, data: bytes) -> None:
        if not self.mute:
            super().up(data)


async def test_a_peer_that_does_not_answer_is_transient():
    """Silence ends the link after the timeout, however many resources wait."""
    async with serving(a=Thing(), b=Thing(), c=Thing()) as field, through(Mute(field.port)) as endpoint:
        link, _ = linked(endpoint, {name: {"resource": f"/{name}"} for name in "abc"}, timeout=1)
        started = time.monotonic()
        with pytest.raises(TransientError, match=r"coap://127.0.0.1:\d+: no answer within 1 s") as caught:
            async with asyncio.timeout(5):
                await link.run(RecordingSink())

    assert caught.value.peer == endpoint
    assert time.monotonic() - started < 2


async def test_one_mute_resource_does_not_stop_its_neighbours():
    """A resource that never answers is silent; the others of the device go on."""
    async with serving(good=Thing(b"1"), bad=Thing(hangs=True)) as field:
        points = {"g": {"resource": "/good", "observe": False}, "b": {"resource": "/bad"}}
        link, one = linked(field.endpoint, points, timeout=1)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.silences) == 2)
            before = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > before)

    (silence,) = set(sink.silences)
    assert (silence.ids, silence.reason, silence.words) == ((1,), Reason.NO_ANSWER, "no answer within 1 s")
    assert sink.by_name(one) == {"g": 1}


async def test_a_busy_device_is_left_alone_as_long_as_it_asks():
    """5.03 with Max-Age is a bad reading, and the next question waits that long."""
    async with serving(t=Thing(b"calibrating", code=aiocoap.SERVICE_UNAVAILABLE, max_age=1)) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/t"}}, poll_s=0.05)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) == 2)

    first, second = (frame.received for frame in sink.frames)
    assert sink.latest(one)["t"].detail == "5.03 Service Unavailable: calibrating"
    assert 0.9 < (second - first) / 1e9 < 1.5


async def test_a_notification_of_an_error_ends_the_observation_and_it_is_asked_again():
    """A resource that goes away and comes back is bad in between."""
    async with serving(t=Thing(b"1")) as field:
        thing = field.things["/t"]
        link, one = linked(field.endpoint, {"t": {"resource": "/t"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            thing.code = aiocoap.NOT_FOUND
            thing.say(b"")
            await sink.wait_for(lambda: sink.latest(one)["t"].reason is Reason.DEVICE_EXCEPTION)
            thing.code, thing.payload = None, b"3"
            await sink.wait_for(lambda: sink.by_name(one)["t"] == 3)
            await sink.wait_for(lambda: thing.observers == 1)


class Lossy(Proxy):
    """Loses 30 % of the datagrams of each direction."""

    random = random.Random(7)

    def down(self, data: bytes) -> None:
        if self.random.random() > 0.3:
            super().down(data)

    def up(self, data: bytes) -> None:
        if self.random.random() > 0.3:
            super().up(data)


async def test_values_come_over_a_lossy_network():
    """With 30 % of all datagrams lost, each value still arrives."""
    async with serving(t=Thing(b"0", max_age=1)) as field, through(Lossy(field.port)) as endpoint:
        link, one = linked(endpoint, {"t": {"resource": "/t"}}, timeout=1)
        sink = RecordingSink()
        async with supervised(link, sink):
            for value in range(1, 4):
                field.things["/t"].say(str(value).encode())
                await sink.wait_for(lambda value=value: sink.by_name(one).get("t") == value, timeout=20)  # type: ignore[misc]


async def test_a_cancelled_link_leaves_nothing_behind():
    """Cancelled, a link ends its observations at the server, its tasks and its socket, at once."""
    async with serving(a=Thing(), b=Thing()) as field:
        before = asyncio.all_tasks()
        link, _ = linked(field.endpoint, {"a": {"resource": "/a"}, "b": {"resource": "/b"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: len(sink.frames) == 2)
            assert [thing.observers for thing in field.things.values()] == [1, 1]
            started = time.monotonic()
        took = time.monotonic() - started
        await asyncio.sleep(0.05)

        assert [thing.observers for thing in field.things.values()] == [0, 0]
        assert asyncio.all_tasks() == before
    assert took < CLOSE_WITHIN_S / 5
    assert open_lines() == 0


async def test_sixty_devices_are_heard_within_two_seconds():
    """Links are many; dead neighbours harm nobody."""
    async with serving(t=Thing(b"4")) as field:
        alive = [
            device(connector, f"coap://127.0.1.{at}:{field.port}", {"t": {"resource": "/t"}})
            for at in range(1, 61)
        ]
        dead = [
            device(connector, f"coap://127.0.0.1:{free_port()}", {"t": {"resource": "/t"}}) for _ in range(5)
        ]
        await field.stop()
        everywhere = Device(field.things, field.port, host="0.0.0.0")  # noqa: S104 - all of 127/8
        await everywhere.start()
        sink, refused = RecordingSink(), RecordingSink()
        bound = bind_all([*alive, *dead])
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_supervise(link, sink if link.devices[0].device in alive else refused))
                    for link in connector.links(bound, Home(), QUICK)
                ]
                started = time.monotonic()
                await sink.wait_for(lambda: len({reading.id for reading in sink.readings()}) == 60)
                took = time.monotonic() - started
                await asyncio.sleep(0.5)
                for task in tasks:
                    task.cancel()
        finally:
            await asyncio.sleep(0.2)
            await everywhere.stop()

    assert took < 2
    assert open_lines() == 0
    assert not sink.downs
    assert {error.words for error in refused.downs} == {"connection refused"}


async def _supervise(link: Link, sink: RecordingSink) -> None:
    async with supervised(link, sink):
        await asyncio.Event().wait()


class Garbage(Proxy):
    """Sends three malformed datagrams ahead of each answer."""

    def down(self, data: bytes) -> None:
        for junk in (b"", b"\x40", b"\x60\x45\x00\x01\x31\xff\x31\xfe", b"\x4f\xff" + bytes(30)):
            super().down(junk)
        super().down(data)


async def test_garbage_on_the_wire_is_ignored(caplog):
    """Datagrams that are not CoAP neither stop a link nor become values."""
    async with serving(t=Thing(b"4")) as field, through(Garbage(field.port)) as endpoint:
        link, one = linked(endpoint, {"t": {"resource": "/t"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 4})

    assert not caplog.records


@pytest.mark.parametrize("observe", [True, False])
async def test_an_answer_of_several_blocks_is_read_whole(observe):
    """A representation larger than a block is fetched block by block (RFC 7959)."""

    def long(value: int) -> bytes:
        return b'{"pad":"' + b"x" * 3000 + b'","v":%d}' % value

    async with serving(t=Thing(long(1), content_format=50)) as field:
        link, one = linked(field.endpoint, {"v": {"resource": "/t", "key": "v"}}, observe=observe)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"v": 1})
            field.things["/t"].say(long(2))
            await sink.wait_for(lambda: sink.by_name(one) == {"v": 2})


async def test_older_samples_of_a_pack_go_ahead_as_what_the_device_had_kept():
    """Of several records of one name the newest is the reading, the older ones are backfilled with their own times."""

    def history(*values: int) -> bytes:
        return json.dumps([{"n": "t", "v": one, "t": 1_700_000_000 + one} for one in values]).encode()

    async with serving(t=Thing(history(2, 1, 3), content_format=110)) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/t", "name": "t"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 3})
            field.things["/t"].say(history(2, 3, 4, 5))
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 5})

    assert [frame.values.tolist() for frame in sink.backfilled] == [[1, 2], [4]]
    assert np.asarray(sink.backfilled[0].time).tolist() == [(1_700_000_000 + at) * 10**9 for at in (1, 2)]


async def test_the_profile_says_what_is_accepted():
    """The question carries Accept where the profile names a format, and none where the answer may choose."""
    seen: list[int | None] = []

    class Asked(Thing):
        async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
            seen.append(None if request.opt.accept is None else int(request.opt.accept))
            return await super().render_get(request)

    async with serving(t=Asked(b"4"), c=Asked(cbor2.dumps({"v": 5}), content_format=60)) as field:
        link, one = linked(
            field.endpoint, {"t": {"resource": "/t"}, "c": {"resource": "/c", "format": "cbor", "key": "v"}}
        )
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 4, "c": 5})

    assert set(seen) == {60, None}


async def test_an_answer_without_end_is_cut_off():
    """A body that grows beyond 64 KiB is undecodable, whatever the device goes on to send."""
    async with serving(t=Thing(b"x" * 70_000)) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/t"}}, observe=False)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames, timeout=20)
            heard = sink.latest(one)["t"]

    assert heard.reason is Reason.UNDECODABLE
    assert "more than the 65536 bytes" in heard.detail


class Blocky(asyncio.DatagramProtocol):
    """A device whose resource takes blocks of 64 bytes, in answers and in notifications; `etag` names its state."""

    body = b""
    etag = b"0"
    observer: tuple[bytes, Any] | None = None
    number = 0
    changes_at = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = wire.decode(data)
        if asked.code is not aiocoap.GET:
            return
        number = 0 if asked.opt.block2 is None else asked.opt.block2.block_number
        if number == self.changes_at:
            self.etag = b"new"
        if asked.opt.observe == 0:
            self.observer = asked.token, addr
        answer = self.block(number, observe=asked.opt.observe == 0)
        self.transport.sendto(wire.encode(answer, wire.ACK, asked.mid, asked.token), addr)

    def block(self, number: int, *, observe: bool) -> aiocoap.Message:
        part = self.body[64 * number : 64 * number + 64]
        answer = aiocoap.Message(code=aiocoap.CONTENT, payload=part, content_format=50, etag=self.etag)
        answer.opt.block2 = (number, 64 * number + 64 < len(self.body), 2)
        if observe:
            self.number += 1
            answer.opt.observe = self.number
        return answer

    def say(self, body: bytes, etag: bytes) -> None:
        self.body, self.etag = body, etag
        assert self.observer is not None
        token, addr = self.observer
        self.transport.sendto(wire.encode(self.block(0, observe=True), wire.NON, 999, token), addr)


def long(value: int) -> bytes:
    return b'{"pad":"' + b"x" * 500 + b'","v":%d}' % value


@asynccontextmanager
async def blocky(field: Blocky) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: field, local_addr=(LOOPBACK, 0))
    try:
        yield f"coap://{LOOPBACK}:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


async def test_a_notification_of_several_blocks_is_read_whole():
    """The first block comes as the notification, the rest is fetched (RFC 7959, section 2.6)."""
    field = Blocky()
    field.body = long(1)
    async with blocky(field) as endpoint:
        link, one = linked(endpoint, {"v": {"resource": "/t", "key": "v"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"v": 1})
            for value in (2, 3):
                field.say(long(value), b"%d" % value)
                await sink.wait_for(lambda value=value: sink.by_name(one) == {"v": value})  # type: ignore[misc]


async def test_blocks_of_two_states_are_never_mixed():
    """A value that changes between its blocks gives none, and the next one is whole (RFC 7959, section 2.4)."""
    field = Blocky()
    field.body, field.changes_at = long(1), 3
    async with blocky(field) as endpoint:
        link, one = linked(endpoint, {"v": {"resource": "/t", "key": "v"}}, observe=False)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            mixed = sink.latest(one)["v"]
            await sink.wait_for(lambda: sink.by_name(one) == {"v": 1})

    assert mixed.reason is Reason.UNDECODABLE
    assert "the value changed while its blocks were read" in mixed.detail


async def test_a_full_buffer_holds_notifications_off_and_nothing_breaks():
    """A notification that finds the buffer full is refused by the sink; the next one is taken."""
    async with serving(t=Thing(b"1")) as field:
        link, one = linked(field.endpoint, {"t": {"resource": "/t"}})
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.frames)
            sink.full = True
            field.things["/t"].say(b"2")
            await asyncio.sleep(0.1)
            sink.full = False
            field.things["/t"].say(b"3")
            await sink.wait_for(lambda: sink.by_name(one) == {"t": 3})

    assert [reading.value for reading in sink.readings()] == [1, 3]


async def test_probe_says_what_the_peer_serves():
    """A probe names the resources, or says that nobody answers; an unknown name has no address."""
    async with serving(temp=Thing()) as field:
        link, _ = linked(field.endpoint, {"t": {"resource": "/temp"}})
        said = await link.probe()
    unknown, _ = linked("coap://no-such-host.invalid", {"t": {"resource": "/t"}}, timeout=1)

    assert said.startswith("serves </.well-known/core>")
    with pytest.raises(TransientError, match="connection refused"):
        await link.probe()
    with pytest.raises(TransientError, match=r"no address for 'no-such-host\.invalid'"):
        await unknown.probe()
