"""Devices that push: readings, who may send them, and what is refused."""

from __future__ import annotations

import asyncio
import socket

import aiocoap
import cbor2
import numpy as np
import pytest

from connectors.coap import connector, exchange, wire
from connectors.coap.line import line_to
from connectors.conformance.recording import RecordingSink, bind, device, running
from connectors.home import Home
from tests.connectors.coap.pushing import CBOR, JSON, LINKS, Field, listening, pack
from tests.servers import LOOPBACK, free_port
from twin.errors import TransientError
from twin.quality import Reason

HOT = pack({"bn": "lamp-1/", "n": "temp", "u": "Cel", "v": 21.5})


async def test_pushed_readings_are_acknowledged_when_they_are_durable():
    """A pack is a frame of the points that it names, and 2.04 comes after the commit."""
    async with listening("lamp-1", "lamp-2") as field:
        answer = await field.post("/readings?ep=lamp-2", pack({"n": "hum", "v": 40}), content_format=JSON)
        heard = [field.sink.by_name(one) for one in field.devices]

    assert answer.code is aiocoap.CHANGED
    assert heard == [{}, {"h": 40}]


async def test_zero_is_a_value_and_cbor_is_read():
    """Zero comes as zero, in CBOR with its integer labels."""
    payload = cbor2.dumps([{-2: "lamp-1/", 0: "temp", 2: 0}, {0: "hum", 2: 40.5}])
    async with listening("lamp-1") as field:
        answer = await field.post("/readings?ep=lamp-1", payload, content_format=CBOR)

    assert answer.code is aiocoap.CHANGED
    assert field.sink.by_name(field.devices[0]) == {"t": 0, "h": 40.5}


class Slow(RecordingSink):
    """Takes its time to make a frame durable."""

    async def commit(self, frame):
        await asyncio.sleep(0.3)
        await super().commit(frame)


class Full(RecordingSink):
    """Cannot keep anything."""

    async def commit(self, frame):
        raise TransientError("buffer", "full", retry_after_s=7)


async def test_a_retransmission_is_not_stored_twice():
    """A confirmable message that comes again while it is stored, or afterwards, is answered once more and kept once."""
    async with listening("lamp-1", sink=Slow()) as field:
        line = line_to(LOOPBACK, field.port)
        async with line as other:
            message = exchange.request("/readings?ep=lamp-1", LOOPBACK, aiocoap.POST)
            message.payload = HOT
            message.opt.content_format = JSON
            begun = other.begin(message, b"1", exchange.Tuning(0.05))
            answer, _ = await begun.answer(5)

    assert answer.code is aiocoap.CHANGED
    assert len(field.sink.frames) == 1


async def test_a_repeated_message_gets_the_same_answer():
    """The same message id within its lifetime is the same request (RFC 7252, section 4.5)."""
    async with listening("lamp-1") as field:
        message = exchange.request("/readings?ep=lamp-1", LOOPBACK, aiocoap.POST)
        message.payload = HOT
        message.opt.content_format = JSON
        data = wire.encode(message, wire.CON, 4711, b"x")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            first = await asked(field, data, own)
            second = await asked(field, data, own)

    assert first.mid == second.mid == 4711
    assert first.code is aiocoap.CHANGED
    assert len(field.sink.frames) == 1


async def asked(field: Field, data: bytes, own: socket.socket | None = None) -> aiocoap.Message:
    """Send a datagram and return what comes back, from a socket of its own if none is given."""
    return wire.decode(await reply(field, data, own))


async def reply(field: Field, data: bytes, own: socket.socket | None = None) -> bytes:
    """Return the datagram that `asked` makes a message of."""
    loop = asyncio.get_running_loop()
    sock = own or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0)
    try:
        await loop.sock_sendto(sock, data, (LOOPBACK, field.port))
        async with asyncio.timeout(5):
            answer, _ = await loop.sock_recvfrom(sock, 4096)
    finally:
        if own is None:
            sock.close()
    return answer


async def test_non_confirmable_readings_are_taken():
    """A non-confirmable message is stored as well, and its answer is non-confirmable."""
    async with listening("lamp-1") as field:
        message = exchange.request("/readings?ep=lamp-1", LOOPBACK, aiocoap.POST)
        message.payload = HOT
        message.opt.content_format = JSON
        answer = await asked(field, wire.encode(message, wire.NON, 9, b"x"))

    assert (answer.mtype, answer.code, answer.token) == (wire.NON, aiocoap.CHANGED, b"x")
    assert field.sink.by_name(field.devices[0]) == {"t": 21.5}


async def test_a_full_buffer_says_when_to_come_again():
    """5.03 with the buffer's own wait; nothing is acknowledged that is not kept."""
    async with listening("lamp-1", sink=Full()) as field:
        answer = await field.post("/readings?ep=lamp-1", HOT, content_format=JSON)

    assert (answer.code, answer.opt.max_age) == (aiocoap.SERVICE_UNAVAILABLE, 7)


async def test_older_samples_of_a_pack_come_first_and_with_their_own_times():
    """What a device had kept is committed before what is new, in order, as kept."""
    records = [{"n": "temp", "v": value, "t": -10.0 * (3 - value)} for value in (1, 2)]
    async with listening("lamp-1") as field:
        answer = await field.post(
            "/readings?ep=lamp-1", pack(*records, {"n": "temp", "v": 3}), content_format=JSON
        )
        kept, newest = field.sink.frames

    assert answer.code is aiocoap.CHANGED
    assert (kept.backfilled, kept.values.tolist()) == (True, [1, 2])
    assert np.diff(kept.time).tolist() == [10_000_000_000]
    assert (newest.backfilled, newest.values.tolist()) == (False, [3])


@pytest.mark.parametrize(
    ("query", "payload", "content_format", "code", "words"),
    [
        ("", HOT, JSON, aiocoap.UNAUTHORIZED, "say who you are"),
        ("?ep=lamp-9", HOT, JSON, aiocoap.FORBIDDEN, "no device here has this endpoint name"),
        ("?ep=lamp-2", HOT, JSON, aiocoap.FORBIDDEN, "the base name is that of lamp-1"),
        ("?ep=lamp-1", HOT, 50, aiocoap.UNSUPPORTED_CONTENT_FORMAT, "110 or 112"),
        ("?ep=lamp-1", HOT, None, aiocoap.UNSUPPORTED_CONTENT_FORMAT, "110 or 112"),
        ("?ep=lamp-1", b"{", JSON, aiocoap.BAD_REQUEST, "not senml+json"),
        ("?ep=lamp-1", b"", JSON, aiocoap.BAD_REQUEST, "an empty answer"),
        ("?ep=lamp-1", pack({"n": "x", "v": 1}), JSON, aiocoap.BAD_REQUEST, "no point has these names: x"),
        ("?ep=lamp-1", pack({"n": "temp", "v": 1, "x_": 1}), JSON, aiocoap.BAD_REQUEST, "must be understood"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_words(query, payload, content_format, code, words):
    """Each refusal has the code of its reason and says in words what was meant; nothing is kept."""
    async with listening("lamp-1", "lamp-2") as field:
        answer = await field.post(f"/readings{query}", payload, content_format=content_format)

    assert answer.code is code
    assert words in answer.payload.decode()
    assert not field.sink.frames


async def test_a_wrong_value_is_a_bad_reading_with_its_reason():
    """A text where a number belongs is kept as what it is: bad."""
    async with listening("lamp-1") as field:
        answer = await field.post(
            "/readings?ep=lamp-1", pack({"n": "temp", "vs": "hot"}), content_format=JSON
        )

    assert answer.code is aiocoap.CHANGED
    assert field.sink.latest(field.devices[0])["t"].reason is Reason.WRONG_TYPE


async def test_strangers_are_listed_with_what_they_send():
    """A device that nobody configured is told to the integrator by name, address and what it has."""
    async with listening("lamp-1") as field:
        await field.post("/readings?ep=lamp-9", HOT, content_format=JSON)
        await field.post("/rd?ep=lamp-8", b"</temp>;rt=t", content_format=LINKS)

    (one, two) = field.sink.strangers.items()
    assert one[0].startswith("lamp-9 at 127.0.0.1:")
    assert one[1] == "posts readings: lamp-1/temp"
    assert two[0].startswith("lamp-8 at ")
    assert two[1] == "registers: </temp>;rt=t"


async def test_strangers_are_bounded():
    """However many names are tried, a few hundred are told."""
    async with listening("lamp-1") as field:
        for number in range(400):
            await field.post(f"/readings?ep=x{number}", HOT, content_format=JSON)

    assert len(field.sink.strangers) == 256


async def upload(field: Field, payload: bytes, size_exponent: int = 2) -> list[aiocoap.Message]:
    """Post in blocks, and return the answers."""
    size = 2 ** (size_exponent + 4)
    answers = []
    for number, start in enumerate(range(0, len(payload), size)):
        block = (number, start + size < len(payload), size_exponent)
        answers.append(
            await field.post(
                "/readings?ep=lamp-1", payload[start : start + size], content_format=JSON, block1=block
            )
        )
        if not answers[-1].code.is_successful():
            break
    return answers


async def test_a_pack_may_come_in_blocks():
    """Blocks are put together (RFC 7959), and only the last is acknowledged as stored."""
    payload = pack(*({"n": name, "v": 7} for name in ("temp", "hum")), {"n": "pad", "vs": "x" * 200})
    async with listening("lamp-1") as field:
        answers = await upload(field, payload)

    assert {answer.code for answer in answers[:-1]} == {aiocoap.CONTINUE}
    assert answers[-1].code is aiocoap.CHANGED
    assert field.sink.by_name(field.devices[0]) == {"t": 7, "h": 7}


async def test_an_upload_has_its_bounds():
    """More than 64 KiB is 4.13, a block that is missing is 4.08, one of another size is 4.00."""
    async with listening("lamp-1") as field:
        too_large = await field.post(
            "/readings?ep=lamp-1", bytes(1024), content_format=JSON, block1=(2**20 - 1, False, 6)
        )
        missing = await field.post(
            "/readings?ep=lamp-1", bytes(16), content_format=JSON, block1=(3, False, 0)
        )
        small = await field.post("/readings?ep=lamp-1", bytes(7), content_format=JSON, block1=(0, True, 0))
        reserved = await field.post("/readings?ep=lamp-1", b"x", content_format=JSON, block1=(0, False, 7))

    assert [one.code for one in (too_large, missing, small, reserved)] == [
        aiocoap.REQUEST_ENTITY_TOO_LARGE,
        aiocoap.REQUEST_ENTITY_INCOMPLETE,
        aiocoap.BAD_REQUEST,
        aiocoap.BAD_REQUEST,
    ]


@pytest.mark.parametrize(
    ("code", "path", "expected"),
    [
        (aiocoap.GET, "/readings", aiocoap.METHOD_NOT_ALLOWED),
        (aiocoap.GET, "/nothing", aiocoap.NOT_FOUND),
        (aiocoap.PUT, "/rd", aiocoap.METHOD_NOT_ALLOWED),
        (aiocoap.GET, "/.well-known/core?rt=core.rd", aiocoap.CONTENT),
    ],
)
async def test_what_is_not_served_is_refused(code, path, expected):
    """Only what is listed is served."""
    async with listening("lamp-1") as field:
        answer = await field.ask(code, path)

    assert answer.code is expected


SERVED = ["/.well-known/core", "/rd-lookup/ep", "/rd-lookup/res", "/rd-lookup/ep?count=1"]
REFUSED = ["/", "/x", "/rd", "/rd/1", "/rd?ep=n", "/readings", "/readings?ep=n", "/rd-lookup"]


@pytest.mark.parametrize("path", SERVED + REFUSED)
async def test_answers_to_strangers_are_small(path):
    """No answer to an address without proof has more than three times the bytes of its question, whatever it asks."""
    async with listening("lamp-1") as field:
        await field.post(
            "/rd?ep=lamp-1", b"</s/temp>;rt=temp;title=" + b'"' + b"x" * 900 + b'"', content_format=LINKS
        )
        sizes = []
        for mid, (code, kind, token) in enumerate(
            (code, kind, token)
            for code in (aiocoap.GET, aiocoap.POST, aiocoap.PUT, aiocoap.DELETE, aiocoap.FETCH)
            for kind in (wire.CON, wire.NON)
            for token in (b"", b"12345678")
        ):
            data = wire.encode(exchange.request(path, LOOPBACK, code), kind, mid, token)
            sizes.append((len(await reply(field, data)), len(data)))

    assert all(size <= 3 * asked for size, asked in sizes)


async def test_a_question_that_comes_again_shorter_gets_no_answer():
    """The answer to a long message is not sent again to a short one of the same number: it may be somebody else's."""
    async with listening("lamp-1") as field:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            long = wire.encode(
                exchange.request(f"/.well-known/core?title={'x' * 200}", LOOPBACK), wire.CON, 9, b""
            )
            await reply(field, long, own)
            own.sendto(b"\x40\x01\x00\x09", (LOOPBACK, field.port))
            await reply(field, wire.encode(exchange.request("/x", LOOPBACK), wire.CON, 10, b""), own)

    assert field.link.dropped == {"a message number that came again with less of a message": 1}


async def test_a_list_comes_whole_in_small_pieces():
    """Whoever asks on gets all of it, block by block."""
    async with listening("lamp-1") as field:
        body, number, more = b"", 0, True
        while more:
            message = exchange.request("/.well-known/core", LOOPBACK)
            message.opt.block2 = (number, False, 0)
            answer = await asked(field, wire.encode(message, wire.CON, 100 + number, b""))
            body, number, more = body + answer.payload, number + 1, answer.opt.block2.more

    assert body.startswith(b"</readings>")
    assert body.endswith(b"ct=40")


async def test_unknown_critical_options_are_refused():
    """What must be understood and is not is 4.02 (RFC 7252, section 5.4.1), and counted."""
    async with listening("lamp-1") as field:
        data = b"\x40\x02\x00\x09" + b"\xd9\xf0longenough"[:11]  # option 253, nine bytes
        answer = await asked(field, data)

    assert (answer.code, answer.payload) == (aiocoap.BAD_OPTION, b"option 253 is not understood")


async def test_a_taken_port_is_transient_with_words_and_free_afterwards():
    """The port is somebody else's until it is not; a link that ended has given it back."""
    port = free_port()
    one = bind(device(connector, f"coap+listen://{LOOPBACK}:{port}/lamp-1", {"t": {"name": "temp"}}))
    (link,) = connector.links([one], Home())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, port))
        with pytest.raises(TransientError, match="cannot listen here: address already in use"):
            await link.run(RecordingSink())
    for _ in range(3):
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda sink=sink: sink.ups)  # type: ignore[misc]

    assert await link.probe() == "can be listened at, for 1 devices: lamp-1"
    assert link.security == "none"


async def test_a_flood_of_requests_is_answered_within_bounds():
    """A source that sends without end is dropped and counted; a device from elsewhere is still served."""
    async with listening("lamp-1") as field:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            flood.bind(("127.0.0.2", 0))
            ping = wire.encode(aiocoap.Message(code=aiocoap.GET), wire.NON, 1, b"")
            for _ in range(5_000):
                flood.sendto(ping, (LOOPBACK, field.port))
        answer = await field.post("/readings?ep=lamp-1", HOT, content_format=JSON)

    assert answer.code is aiocoap.CHANGED
    assert field.sink.by_name(field.devices[0]) == {"t": 21.5}
