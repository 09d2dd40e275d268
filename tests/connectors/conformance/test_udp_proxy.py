"""The UDP proxy does to datagrams what it says."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from connectors.conformance.proxy import LOOPBACK
from connectors.conformance.udp_proxy import UdpProxy


class Echo(asyncio.DatagramProtocol):
    """Says what it hears, and knows from whom."""

    def __init__(self):
        self.known = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.known += [addr] if addr not in self.known else []
        self.transport.sendto(data, addr)


class Client(asyncio.DatagramProtocol):
    """Keeps what it hears."""

    def __init__(self):
        self.heard = []
        self.errors = []
        self.news = asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.heard.append(data)
        self.news.set()

    def error_received(self, exc):
        self.errors.append(exc)

    async def gets(self, number, seconds=2.0):
        """Return the first `number` datagrams."""
        async with asyncio.timeout(seconds):
            while len(self.heard) < number:
                await self.news.wait()
                self.news.clear()
        return self.heard[:number]


@pytest.fixture
async def device():
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(Echo, local_addr=(LOOPBACK, 0))
    yield made
    transport.close()
    await asyncio.sleep(0)


@pytest.fixture
async def proxy(device):
    async with UdpProxy(device.transport.get_extra_info("sockname")[1], seed=5) as made:
        yield made


@asynccontextmanager
async def client(proxy):
    """A client of the proxy."""
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(Client, remote_addr=(LOOPBACK, proxy.port))
    yield made
    transport.close()
    await asyncio.sleep(0)


async def say(one, *texts):
    """Send datagrams, one after the other."""
    for text in texts:
        one.transport.sendto(text)
        await asyncio.sleep(0.01)


async def test_keeps_clients_apart(proxy):
    """Each client hears its own replies."""
    async with client(proxy) as one, client(proxy) as other:
        await say(one, b"a")
        await say(other, b"b")

        assert await one.gets(1) == [b"a"]
        assert await other.gets(1) == [b"b"]
    assert proxy.arrivals == 2


async def test_refuses_and_allows_at_the_same_port(proxy):
    """A closed port answers with ICMP; open again it serves."""
    async with client(proxy) as one:
        await proxy.refuse()
        await say(one, b"a", b"b")
        errors = list(one.errors)
        await proxy.allow()
        await say(one, b"c")

        assert await one.gets(1) == [b"c"]
    assert any(isinstance(error, ConnectionRefusedError) for error in errors)


async def test_half_open_forgets_who_spoke(proxy, device):
    """What the device says by itself to a forgotten client is lost; who speaks again is served."""
    async with client(proxy) as one:
        await say(one, b"a")
        await one.gets(1)
        proxy.half_open()
        device.transport.sendto(b"news", device.known[0])
        await asyncio.sleep(0.05)
        await say(one, b"b")

        assert await one.gets(2) == [b"a", b"b"]
    assert len(device.known) == 2


async def test_duplicates(proxy):
    """Each reply comes twice."""
    proxy.duplicate()
    async with client(proxy) as one:
        await say(one, b"a")

        assert await one.gets(2) == [b"a", b"a"]


async def test_reorders(proxy):
    """A reply that is held back comes after the next one."""
    proxy.reorder(1.0)
    async with client(proxy) as one:
        await say(one, b"a", b"b", b"c", b"d")

        assert await one.gets(4) == [b"b", b"a", b"d", b"c"]


async def test_loses_a_share(proxy):
    """About the share that was asked for is lost."""
    proxy.drop(0.5)
    async with client(proxy) as one:
        await say(one, *[b"a"] * 40)
        await asyncio.sleep(0.05)

        assert 5 < len(one.heard) < 35


async def test_cuts_datagrams(proxy):
    """Half of each reply comes."""
    proxy.cut()
    async with client(proxy) as one:
        await say(one, b"abcd")

        assert await one.gets(1) == [b"ab"]


async def test_forgets_clients_that_are_gone(proxy):
    """Nothing is open for clients once the proxy is emptied; it serves on."""
    async with client(proxy) as one:
        await say(one, b"a")
        await proxy.emptied()
        await say(one, b"b")

        assert await one.gets(2) == [b"a", b"b"]
