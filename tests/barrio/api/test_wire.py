"""Connections that ask nothing, or never finish asking: over real sockets, with the server as the platform has it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from barrio.api import wire
from barrio.api.server import Server, bind
from barrio.settings import Listen

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def says(_scope, receive, send):
    """Answer when the whole request is there."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served(most=None):
    """Serve on loopback; yields the server and what opens a connection."""
    listening = bind(Listen("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = Server(says, listening)
    server.config.limit_concurrency = most or server.config.limit_concurrency
    work = asyncio.create_task(server.run_until_stopped())
    opened = []

    async def connect(first=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        writer.write(first)
        return reader, writer

    try:
        yield connect
    finally:
        for writer in opened:
            writer.close()
        server.stop()
        await work
        listening.close()


async def answer(reader):
    async with asyncio.timeout(5):
        return (await reader.read(4096)).decode("latin-1")


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"\r\n"])
async def test_a_head_that_never_ends_is_not_waited_for(monkeypatch, first):
    monkeypatch.setattr(wire, "LONGEST_S", 0.2)
    async with served() as connect:
        reader, _ = await connect(first)
        said = await answer(reader)

    assert said.startswith("HTTP/1.1 408 ")
    assert "was not complete after 0.2 s" in said


async def test_nor_is_one_that_comes_byte_by_byte(monkeypatch):
    monkeypatch.setattr(wire, "LONGEST_S", 0.3)
    async with served() as connect:
        reader, writer = await connect(b"GET / HTTP/1.1\r\n")
        drip = asyncio.create_task(_drip(writer))
        said = await answer(reader)
        drip.cancel()

    assert said.startswith("HTTP/1.1 408 ")


async def _drip(writer):
    for _ in range(100):
        writer.write(b"X: a\r\n")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("between", [b"\r\n", b"G"])
async def test_a_connection_that_asked_once_is_no_exception(monkeypatch, between):
    """Also where what comes next is nothing that a request begins with."""
    monkeypatch.setattr(wire, "LONGEST_S", 0.3)
    async with served() as connect:
        reader, writer = await connect(ASK)
        async with asyncio.timeout(5):
            await reader.readuntil(b"\n\r\nok")
        writer.write(between)
        said = await answer(reader)

    assert said.startswith("HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "head", [b"X-A: %b\r\n" % (b"a" * 200_000), b"X: a\r\n" * 30_000], ids=["one line", "many lines"]
)
async def test_a_head_that_is_too_long_is_refused(head):
    async with served() as connect:
        reader, _ = await connect(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + head)
        said = await answer(reader)

    assert said.startswith("HTTP/1.1 431 ")
    assert '"detail":"the head of a request has at most 65,536 bytes"' in said


async def test_lines_after_a_body_are_counted_too():
    chunked = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    async with served() as connect:
        reader, _ = await connect(chunked + b"X: a\r\n" * 30_000)
        said = await answer(reader)

    assert said.startswith("HTTP/1.1 431 ")


async def test_a_target_of_many_names_fits():
    """A thousand points may be named in one question."""
    async with served() as connect:
        reader, _ = await connect(b"GET /?%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 60_000))
        said = await answer(reader)

    assert said.startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "first",
    [b"", b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_whoever_waits_makes_room_for_whoever_asks(first):
    """However many of them come; each is one more than there is room for."""
    async with served(most=100) as connect:
        for _ in range(300):
            await connect(first)
        for _ in range(5):
            reader, _writer = await connect(ASK)
            said = await answer(reader)
            assert said.startswith("HTTP/1.1 200 ")


async def test_two_requests_at_once_are_answered_in_order():
    async with served() as connect:
        reader, writer = await connect(ASK + ASK)
        async with asyncio.timeout(5):
            both = await reader.readuntil(b"\n\r\nok") + await reader.readuntil(b"\n\r\nok")
            writer.write(ASK)
            third = await reader.readuntil(b"\n\r\nok")

    assert both.count(b"HTTP/1.1 200") == 2
    assert third.startswith(b"HTTP/1.1 200")


async def test_what_is_no_request_is_a_problem():
    async with served() as connect:
        reader, _ = await connect(b"\x16\x03\x01 hello\r\n\r\n")
        said = await answer(reader)

    assert said.startswith("HTTP/1.1 400 ")
    assert "application/problem+json" in said
