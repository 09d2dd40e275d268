"""Against libcoap, without special cases: its server as the device, its client as the device that pushes."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from connectors.conformance.recording import RecordingSink, supervised
from tests.connectors.coap.pushing import listening, pack
from tests.connectors.coap.test_connector import linked
from tests.servers import LOOPBACK, free_port, need
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def libcoap(folder: Path) -> AsyncIterator[str]:
    """Run libcoap's example server."""
    need("coap-client")
    program = shutil.which("coap-server-notls") or shutil.which("coap-server")
    assert program, "libcoap3-bin without its server"
    port = free_port()
    with (folder / "coap.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, "-A", LOOPBACK, "-p", str(port), stdout=log, stderr=log
        )
    try:
        yield f"coap://{LOOPBACK}:{port}"
    finally:
        process.kill()
        await process.wait()


async def test_libcoap_is_observed(tmp_path):
    """The clock of libcoap's server notifies every second, and a text resource is no number."""
    async with libcoap(tmp_path) as endpoint:
        link, one = linked(
            endpoint, {"clock": {"resource": "/time?ticks"}, "index": {"resource": "/"}}, poll_s=0.3
        )
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: "index" in sink.by_name(one), timeout=10)
            await sink.wait_for(lambda: sum(reading.id == 0 for reading in sink.readings()) >= 4, timeout=10)
            said = await link.probe()

    ticks = [reading.value for reading in sink.readings() if reading.id == 0]
    assert sink.latest(one)["index"].reason is Reason.WRONG_TYPE
    assert all(later >= earlier for earlier, later in pairwise(ticks))
    assert len(set(ticks)) >= 3
    assert "</" in said


async def client(*arguments: str, payload: bytes | None = None, folder: Path | None = None) -> str:
    """Run libcoap's client, with a payload from a file if there is one, and return what it says."""
    program = shutil.which("coap-client-notls") or str(need("coap-client"))
    if payload is not None and folder is not None:
        file = folder / "payload"
        await asyncio.to_thread(file.write_bytes, payload)
        arguments = (*arguments[:-1], "-f", str(file), arguments[-1])
    process = await asyncio.create_subprocess_exec(
        program, "-B", "10", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(20):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode("utf-8", "replace")


@pytest.mark.parametrize("kind", [(), ("-N",)])
async def test_libcoap_pushes_readings(tmp_path, kind):
    """A pack from libcoap's client is kept, confirmable or not."""
    need("coap-client")
    async with listening("lamp-1") as field:
        uri = f"coap://{LOOPBACK}:{field.port}/readings?ep=lamp-1"
        payload = pack({"bn": "lamp-1:", "n": "temp", "v": 21.5})
        said = await client(*kind, "-m", "post", "-t", "110", uri, payload=payload, folder=tmp_path)
        await field.sink.wait_for(lambda: field.sink.frames)

    assert not said.strip()
    assert field.sink.by_name(field.devices[0]) == {"t": 21.5}


async def test_libcoap_pushes_in_blocks(tmp_path):
    """A pack of several blocks (Block1) is put together."""
    need("coap-client")
    records = [{"n": "temp", "v": value, "t": value - 200} for value in range(200)]
    async with listening("lamp-1") as field:
        uri = f"coap://{LOOPBACK}:{field.port}/readings?ep=lamp-1"
        said = await client(
            "-m", "post", "-t", "110", "-b", "64", uri, payload=pack(*records), folder=tmp_path
        )
        await field.sink.wait_for(lambda: len(field.sink.frames) == 2)

    assert not said.strip()
    assert [len(frame.ids) for frame in field.sink.frames] == [199, 1]
    assert field.sink.by_name(field.devices[0]) == {"t": 199}


async def test_libcoap_is_told_why(tmp_path):
    """A refusal reaches the person at the client, in words."""
    need("coap-client")
    async with listening("lamp-1") as field:
        uri = f"coap://{LOOPBACK}:{field.port}/readings?ep=lamp-9"
        said = await client("-m", "post", "-t", "110", uri, payload=pack({"n": "t", "v": 1}), folder=tmp_path)

    assert "4.03" in said
    assert "no device here has this endpoint name" in said


async def test_libcoap_registers_and_looks_up(tmp_path):
    """Its client finds the directory, registers, is found and recognised by its address."""
    need("coap-client")
    async with listening("lamp-1", "lamp-2") as field:
        here = f"coap://{LOOPBACK}:{field.port}"
        listed = await client("-m", "get", f"{here}/.well-known/core")
        links = b'</temp>;rt="temperature";ct=110'
        made = await client("-m", "post", "-t", "40", f"{here}/rd?ep=lamp-1", payload=links, folder=tmp_path)
        found = await client("-m", "get", f"{here}/rd-lookup/res")
        payload = pack({"n": "temp", "v": 3})
        said = await client("-m", "post", "-t", "110", f"{here}/readings", payload=payload, folder=tmp_path)

    assert '</rd>;rt="core.rd";ct=40' in listed
    assert (made.strip(), said.strip()) == ("", "")
    assert '/temp>;rt="temperature"' in found
    assert field.sink.by_name(field.devices[0]) == {"t": 3}
