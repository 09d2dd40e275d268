"""A platform that was killed is gone without a word: the simulator's devices answer the next one."""

import asyncio
import socket

import uvloop

from barrio.simulator.field import Field

OBSERVE = bytes([0x51, 0x01, 0x12, 0x34, 0x55, 0x60, 0x54]) + b"lamp"
"""A GET of /lamp with Observe 0 and a token of one byte, as NON."""

CONTENT = 0x45


async def asked(port: int) -> bytes:
    """Ask once from a socket of our own, and be gone with the answer."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.setblocking(False)
        ours.connect(("127.0.0.1", port))
        ours.send(OBSERVE)
        async with asyncio.timeout(5):
            return await loop.sock_recv(ours, 2048)


def test_an_observer_that_is_gone_stops_no_device(small, base_port):
    """What the network says of a port at which nobody listens any more leaves the device answering.

    On uvloop, as the simulator runs: libuv gives a socket up that has an error waiting.
    """

    async def journey() -> bytes:
        async with Field(small, base_port=base_port, speed=60.0):
            await asked(base_port + 2)
            await asyncio.sleep(1.5)
            return await asked(base_port + 2)

    assert uvloop.run(journey())[1] == CONTENT
