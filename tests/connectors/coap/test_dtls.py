"""DTLS with a pre-shared key, where the extra is installed: against libcoap's server, and its client against ours."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
from contextlib import asynccontextmanager

import pytest

from connectors.coap import connector, dtls
from connectors.coap.client import CoapLink
from connectors.conformance.recording import RecordingSink, bind, device, running, supervised
from connectors.home import Home
from tests.connectors.coap.pushing import POINTS, pack
from tests.servers import LOOPBACK, free_port, need

pytestmark = pytest.mark.skipif(not dtls.available(), reason=dtls.EXTRA)

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


@asynccontextmanager
async def secured(folder, port: int):
    """Run libcoap's server with the key; its DTLS port is the one above `port`."""
    with (folder / "coap.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            tls("coap-server"), "-A", LOOPBACK, "-p", str(port), "-k", KEY, "-d", "10", stdout=log, stderr=log
        )
    try:
        await asyncio.sleep(0.5)
        yield f"coaps://{LOOPBACK}:{port + 1}"
    finally:
        process.kill()
        await process.wait()


def linked(endpoint: str, points) -> tuple[CoapLink, object]:
    one = bind(device(connector, endpoint, points, options=OPTIONS, poll_s=0.5))
    (link,) = connector.links([one], home())
    assert isinstance(link, CoapLink)
    return link, one


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
