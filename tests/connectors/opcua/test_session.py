from __future__ import annotations

import asyncio
import logging

import pytest

from connectors.home import Home
from connectors.opcua.access import Access
from connectors.opcua.config import OpcUaOptions
from connectors.opcua.nodes import NodeAddress
from connectors.opcua.security import Door
from connectors.opcua.session import Session, node_id, session_of


def _session():
    return Session(Door(Access(), Home(), "opc.tcp://h:4840"), 4.0, 4.0)


def test_the_librarys_own_log_is_quiet_unless_somebody_wants_it():
    """What the library logs it raises as well; a level that somebody has set stays."""
    library = logging.getLogger("asyncua")
    before = library.level
    try:
        library.setLevel(logging.NOTSET)
        session_of("opc.tcp://h:4840", OpcUaOptions(), Home())
        quiet = library.level
        library.setLevel(logging.INFO)
        session_of("opc.tcp://h:4840", OpcUaOptions(), Home())
        wanted = library.level
    finally:
        library.setLevel(before)

    assert quiet > logging.CRITICAL
    assert wanted == logging.INFO


async def test_a_cancellation_that_meets_the_end_of_connecting_is_not_lost(monkeypatch):
    """Cancelled in the moment in which the connection stands, a session ends and does not begin to speak."""
    heard = bytearray()
    done = asyncio.Event()

    async def listen(reader, writer):
        heard.extend(await reader.read())
        writer.close()
        done.set()

    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def connected(*args, **named):
        made = await connect(*args, **named)
        loop.call_soon(opening.cancel)
        return made

    monkeypatch.setattr(loop, "create_connection", connected)
    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        door = Door(Access(insecure="a test"), Home(), f"opc.tcp://127.0.0.1:{port}")
        session = Session(door, 4.0, 4.0)
        opening = asyncio.create_task(session.open())
        with pytest.raises(asyncio.CancelledError):
            await opening
        await session.close()
        await done.wait()

    assert b"HEL" not in heard


async def test_closing_what_was_never_opened():
    """A session that never connected closes without a word."""
    await _session().close()


@pytest.mark.parametrize(
    ("address", "index"),
    [(NodeAddress("x", "urn:a"), 4), (NodeAddress("x", 2), 2), (NodeAddress("x", "urn:b"), None)],
)
def test_namespaces_are_resolved_by_the_servers_own_table(address, index):
    """A URI becomes the index that this server gives it, none where it has none."""
    found = node_id(address, {"urn:a": 4})

    assert (found.NamespaceIndex if found else None) == index
