"""One connection: what a broker may do to it."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from connectors.mqtt.access import Access
from connectors.mqtt.guard import GuardedSocket
from connectors.mqtt.session import Session, connected
from tests.servers import LOOPBACK
from twin.errors import TransientError
from twin.model.protocol import parse_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CONNACK = {"3.1.1": b"\x20\x02\x00\x00", "5": b"\x20\x03\x00\x00\x00"}


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[Access]:
    """A server that does as it is told; yields how to reach it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1000)
            await answer(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    endpoint = parse_endpoint(f"mqtt://{LOOPBACK}:{port}", {"mqtt": 1883})
    async with server:
        yield Access(endpoint, "barriotest", timeout_s=3.0, keepalive_s=5.0, keep_s=60.0)


async def drained(session: Session, *, acknowledge: bool = False) -> int:
    """Take until the connection is lost; returns how many messages came."""
    count = 0
    try:
        while True:
            some = await session.take()
            count += len(some)
            for arrival in some if acknowledge else ():
                session.ack(arrival)
    except TransientError:
        return count


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_random_packets_end_in_a_transient_error(version):
    """Whatever stands in packets of a right length, nothing but TransientError comes of it, and all is let go."""
    chance = random.Random(3)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK[version])
        for _number in range(chance.randrange(1, 6)):
            body = chance.randbytes(chance.randrange(40))
            writer.write(
                bytes([chance.choice((0x20, 0x30, 0x32, 0x40, 0x90, 0xB0, 0xD0, 0xE0)), len(body)]) + body
            )
        await writer.drain()

    async with answering(answer) as access:
        for _ in range(250):
            async with connected(replace(access, version=version), time.time_ns) as session:
                async with asyncio.timeout(5):
                    await drained(session)
                assert session.lost
    await asyncio.sleep(0.05)

    assert {task.get_name() for task in asyncio.all_tasks()} == {asyncio.current_task().get_name()}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "closed the connection"),
        (b"\x20\x02\x00\x05", "refuses us: Not authorized"),
        (b"\x20\x02\x00\x03", "refuses us: Server unavailable"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "type 4 with|no broker may|closed|cannot be read"),
        (b"\x30\xff\xff\xff\xff\xff", "four bytes"),
    ],
)
async def test_who_is_no_broker_is_said(said, words):
    """A refusal has the broker's words, and what is no broker is called so, at once."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    began = time.monotonic()
    async with answering(answer) as access:
        with pytest.raises(TransientError, match=words):
            async with connected(access, time.time_ns):
                pass

    assert time.monotonic() - began < 2


@pytest.mark.parametrize(("code", "again_s"), [(3, None), (4, 60), (5, 60)])
async def test_wrong_credentials_are_not_tried_again_and_again(code, again_s):
    """What the broker says of a password is true a second later as well, and an account may be locked."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes([0x20, 2, 0, code]))
        await writer.drain()

    async with answering(answer) as access:
        with pytest.raises(TransientError, match="refuses us") as caught:
            async with connected(access, time.time_ns):
                pass

    assert caught.value.retry_after_s == again_s


async def test_a_broker_that_never_answers_a_subscription_is_given_up():
    """No SUBACK in time is a TransientError."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK["3.1.1"])
        await reader.read()

    async with (
        answering(answer) as access,
        connected(replace(access, timeout_s=0.3), time.time_ns) as session,
    ):
        with pytest.raises(TransientError, match="no answer to SUBSCRIBE"):
            await session.follow(["a/#"])


async def test_a_broker_that_does_not_read_is_given_up(monkeypatch):
    """Acknowledgements that cannot be sent are not gathered in memory without end."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK["3.1.1"])
        for number in range(15_000):
            writer.write(b"\x32\x06\x00\x01t" + (number + 1).to_bytes(2, "big") + b"1")
            await writer.drain()
        await reader.read()

    def full(_: object, data: bytes) -> int:
        raise BlockingIOError

    async with answering(answer) as access, connected(access, time.time_ns) as session, asyncio.timeout(30):
        monkeypatch.setattr(GuardedSocket, "send", full)
        monkeypatch.setattr("connectors.mqtt.session._MOST_UNSENT", 10_000)
        count = await drained(session, acknowledge=True)

    assert session.lost == "the broker sends and does not read what it is sent"
    assert 10_000 < count <= 15_000


async def test_a_mute_broker_is_given_up():
    """Nothing after the connection is made is a TransientError when the time is over."""

    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with answering(answer) as access:
        with pytest.raises(TransientError, match=r"no answer within 0\.3 s"):
            async with connected(replace(access, timeout_s=0.3), time.time_ns):
                pass


async def test_a_broker_that_falls_silent_is_noticed():
    """No answer to a ping within the keep-alive is a lost connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK["3.1.1"])
        await writer.drain()
        while await reader.read(100):
            pass

    async with (
        answering(answer) as access,
        connected(replace(access, keepalive_s=1.0), time.time_ns) as session,
        asyncio.timeout(6),
    ):
        with pytest.raises(TransientError, match="mute"):
            await session.take()


async def test_a_flood_is_not_gathered_in_memory():
    """A broker that sends without end is read only as far as there is room; the rest stays with it."""
    sent = 0

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(CONNACK["3.1.1"])
        body = b"\x00\x01t" + bytes(997)
        for _number in range(20_000):
            writer.write(b"\x30\xe8\x07" + body)
            await writer.drain()
            sent += 1

    async with answering(answer) as access, connected(access, time.time_ns) as session:
        stopped = -1
        while stopped != sent:
            stopped = sent
            await asyncio.sleep(0.3)
        held = len(session._inbox)
        assert stopped < 20_000
        assert held < 2_200
        assert await drained(session) == 20_000


async def test_a_second_connack_changes_nothing():
    """A broker that greets twice is read on."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK["3.1.1"] * 2 + b"\x30\x04\x00\x01t1")
        await writer.drain()
        await reader.read()

    async with answering(answer) as access, connected(access, time.time_ns) as session:
        (arrival,) = await session.take()

    assert (arrival.topic, arrival.payload) == ("t", b"1")


def test_a_secret_is_not_shown():
    """How a broker is reached can be printed without the password."""
    endpoint = parse_endpoint("mqtt://h", {"mqtt": 1883})

    assert "hunter2" not in repr(Access(endpoint, "id", user="u", secret=lambda: "hunter2"))
