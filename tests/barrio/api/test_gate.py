"""The gate before the application: over real sockets, with an application that says what came through."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from barrio.api import gate
from barrio.api.gate import MOST_BYTES, Gate, is_local
from barrio.api.server import Server, bind
from barrio.settings import Listen


async def says(scope, receive, send):
    """Answer with the length of the body."""
    message = await receive()
    assert not message.get("more_body")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{len(message['body'])} bytes".encode()})


@asynccontextmanager
async def served():
    """Serve on loopback as the platform does; yields what sends raw bytes and returns the answer."""
    listening = bind(Listen("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = Server(says, listening)
    work = asyncio.create_task(server.run_until_stopped())

    async def ask(*pieces):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(20):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                return (await reader.read(4096)).decode("latin-1")
        finally:
            writer.close()

    try:
        yield ask
    finally:
        server.stop()
        await work
        listening.close()


def get(host):
    line = f"Host: {host}\r\n" if host else ""
    return f"GET / HTTP/1.{int(bool(host))}\r\n{line}Connection: close\r\n\r\n".encode()


def post(size, body=b"", how=""):
    given = how or f"Content-Length: {size}"
    return f"POST / HTTP/1.1\r\nHost: localhost\r\n{given}\r\nConnection: close\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost", "LOCALHOST:80", "[::1]:8080", "10.0.0.7", None]
)
async def test_addresses_and_localhost_are_ours(host):
    """What a program on this machine asks for is answered, also when it is too old to say whom it asks."""
    async with served() as ask:
        assert " 200 " in await ask(get(host))


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io"]
)
async def test_a_name_that_leads_here_is_refused(host):
    """The page of a stranger whose name leads to this machine reads nothing, and the words say what to ask for."""
    async with served() as ask:
        answer = await ask(get(host))

    assert " 421 " in answer
    assert "http://127.0.0.1" in answer


async def test_a_surface_for_the_network_answers_to_its_name():
    """Whoever opened it knows by which names it is reached."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    await Gate(says, local=False)(
        {"type": "http", "headers": [(b"host", b"barrio.city.example")]}, receive, send
    )

    assert sent[0]["status"] == 200


async def test_a_large_body_is_refused_before_it_is_kept():
    """Whether its length was said or not."""
    piece = b"8000\r\n" + bytes(0x8000) + b"\r\n"
    async with served() as ask:
        fits = await ask(post(MOST_BYTES, bytes(MOST_BYTES)))
        said = await ask(post(10**12, bytes(MOST_BYTES + 1)))
        unsaid = await ask(post(0, how="Transfer-Encoding: chunked"), *([piece] * 3))

    assert f"{MOST_BYTES} bytes" in fits
    assert " 413 " in said
    assert " 413 " in unsaid


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    """A request holds its connection for a bounded time."""
    monkeypatch.setattr(gate, "LONGEST_S", 0.2)
    async with served() as ask:
        assert " 408 " in await ask(post(10, b"{"))


@pytest.mark.parametrize("host", ["", "a b", "[", "localhost.localdomain", "\x00"])
def test_odd_hosts_are_not_ours(host):
    """What is neither an address nor localhost is somebody else, whatever it is."""
    assert not is_local(host)


async def test_a_body_that_says_it_is_too_large_is_not_waited_for(monkeypatch):
    """It is refused before anything of it came."""
    monkeypatch.setattr(gate, "LONGEST_S", 1_000.0)
    async with asyncio.timeout(60), served() as ask:
        said = await ask(post(10**12))

    assert said.startswith("HTTP/1.1 413 ")
