"""The TCP proxy does to a stream what it says."""

import asyncio
import gc
import socket
from contextlib import asynccontextmanager

import pytest

from connectors.conformance.proxy import LOOPBACK, TcpProxy


@asynccontextmanager
async def echo():
    """A server that says what it hears; yields its port."""

    async def serve(reader, writer):
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def proxy():
    async with echo() as port, TcpProxy(port, seed=5) as made:
        yield made


@asynccontextmanager
async def client(proxy):
    """A client of the proxy."""
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def asked(proxy, text=b"question", seconds=0.2):
    """Return what comes back for `text` on a new connection, as far as it comes in time."""
    async with client(proxy) as (reader, writer):
        writer.write(text)
        return await heard(reader, seconds)


async def heard(reader, seconds=0.2):
    found = b""
    try:
        async with asyncio.timeout(seconds):
            while data := await reader.read(4096):
                found += data
    except TimeoutError:
        pass
    return found


async def test_passes_everything_on(proxy):
    """Without a trouble both sides hear each other."""

    assert await asked(proxy) == b"question"
    assert proxy.arrivals == 1
    assert proxy.replies == 1


async def test_refuses_and_allows_at_the_same_port(proxy):
    """A refused client gets ECONNREFUSED, one that is there an RST; afterwards the same port serves."""
    async with client(proxy) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        await proxy.refuse()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
    with pytest.raises(ConnectionRefusedError):
        await asked(proxy)
    await proxy.allow()

    assert await asked(proxy) == b"question"


async def test_reset_is_one(proxy):
    """A reset is an RST, not an end in good order; new clients are served."""
    async with client(proxy) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)

    assert await asked(proxy) == b"question"


async def test_hangs_up_in_good_order(proxy):
    """Who is hung up on reads the end of the stream."""
    async with client(proxy) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        proxy.hang_up()

        assert await reader.read() == b""


async def test_half_open_connection_is_mute_for_ever(proxy):
    """An old connection gets nothing more, no end either, not even after the calm; a new one is served."""
    async with client(proxy) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        proxy.half_open()
        proxy.calm()
        writer.write(b"b")

        assert await heard(reader) == b""
        assert not reader.at_eof()
        assert await asked(proxy) == b"question"


async def test_silence_swallows_replies_until_the_calm(proxy):
    """Nothing comes while it is silent, and what was swallowed does not come later."""
    async with client(proxy) as (reader, writer):
        proxy.silence()
        writer.write(b"a")
        swallowed = await heard(reader)
        proxy.calm()
        writer.write(b"b")

        assert swallowed == b""
        assert await reader.readexactly(1) == b"b"


async def test_drips_byte_by_byte(proxy):
    """Each byte comes by itself, in order, with its pause."""
    proxy.drip(0.01)
    loop = asyncio.get_running_loop()
    async with client(proxy) as (reader, writer):
        began = loop.time()
        writer.write(b"abcdef")
        first = await reader.read(100)
        rest = await reader.readexactly(5)

    assert (first, rest) == (b"a", b"bcdef")
    assert loop.time() - began >= 0.05


async def test_delays(proxy):
    """A delayed reply comes whole, and late."""
    proxy.delay(0.1)
    loop = asyncio.get_running_loop()
    async with client(proxy) as (reader, writer):
        began = loop.time()
        writer.write(b"abc")

        assert await reader.readexactly(3) == b"abc"
        assert loop.time() - began >= 0.09


async def test_cuts_in_the_middle_and_resets(proxy):
    """The beginning of a reply comes, then the connection is reset."""
    proxy.cut()
    async with client(proxy) as (reader, writer):
        writer.write(b"abcdef")
        beginning = await reader.readexactly(3)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)

    assert beginning == b"abc"


async def test_mutates_replies(proxy):
    """A client hears what the mutation makes of a reply."""
    proxy.mutate(lambda data: data[::-1])

    assert await asked(proxy, b"abc") == b"cba"


async def test_answers_with_garbage_in_turn(proxy):
    """Each reply is replaced by the next piece."""
    proxy.answer_with([b"one", b"two"])

    assert [await asked(proxy) for _ in range(3)] == [b"one", b"two", b"one"]


async def test_corrupts_one_bit(proxy):
    """A corrupted reply differs in one bit."""
    proxy.corrupt()
    found = int.from_bytes(await asked(proxy, b"abcd"))

    assert (found ^ int.from_bytes(b"abcd")).bit_count() == 1


async def losses(seed):
    async with echo() as port, TcpProxy(port, seed) as made:
        made.drop(0.5)
        return [await asked(made, seconds=0.05) for _ in range(8)]


async def test_same_seed_gives_the_same_troubles():
    """What is lost depends on the seed alone."""
    first, again, other = [await losses(seed) for seed in (3, 3, 4)]

    assert first == again != other
    assert {b"", b"question"} == set(first)


async def test_refusal_meets_a_client_that_is_just_coming(proxy):
    """A connection that is accepted while the proxy closes is reset; nothing of it is left open."""
    loop = asyncio.get_running_loop()
    for turns in range(6):
        with socket.socket() as coming:
            coming.setblocking(False)
            await loop.sock_connect(coming, (LOOPBACK, proxy.port))
            for _ in range(turns):
                await asyncio.sleep(0)
            await proxy.refuse()
            await asyncio.sleep(0.01)
            await proxy.allow()
    gc.collect()

    assert proxy.connections == 0
    assert await asked(proxy) == b"question"
