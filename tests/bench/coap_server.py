"""A field of CoAP devices for benchmarks: small and quick, so that it is not what is measured.

`python -m tests.bench.coap_server PORT DEVICES PERIOD_S MAX_AGE_S` has a device at each of the ports from PORT on. Each
resource notifies once a period. On SIGUSR1 all observers are forgotten without a word; from then on each resource that
is asked again is noted, and when stdin ends, the seconds from its last notification until then are printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from typing import cast

import uvloop

from tests.servers import LOOPBACK

_TICK_S = 0.01
Address = tuple[str, int]


class Device(asyncio.DatagramProtocol):
    """One device: answers every GET with a number, and notifies whoever asked for it."""

    def __init__(self, max_age: int) -> None:
        self.observers: dict[bytes, tuple[Address, bytes]] = {}
        self.last: dict[bytes, float] = {}
        self.lapses: list[float] = []
        # Max-Age (option 14) stands 8 above Observe (6); both have one-byte option headers.
        self._max_age = b"\x81%c\xff" % max_age
        self._mid = random.randrange(2**16)
        self._count = 1
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Answer a confirmable GET with the piggybacked value and begin to observe."""
        kind, length, code = data[0] >> 4 & 3, data[0] & 15, data[1]
        if kind != 0 or code != 1:
            return
        token, path = data[4 : 4 + length], data[4 + length :]
        if path in self.last and token not in self.observers:
            self.lapses.append(self._loop.time() - self.last.pop(path))
        self.observers[token] = (addr, path)
        self._transport.sendto(bytes([0x60 | length, 0x45]) + data[2:4] + token + self._rest(), addr)

    def _rest(self) -> bytes:
        self._count += 1
        number = (self._count % 2**24).to_bytes(3, "big")
        return b"\x63" + number + self._max_age + b"%d" % (self._count % 1000)

    def notify(self, token: bytes) -> None:
        """Send a notification."""
        addr, _ = self.observers[token]
        self._mid = (self._mid + 1) % 2**16
        head = bytes([0x50 | len(token), 0x45]) + self._mid.to_bytes(2, "big")
        self._transport.sendto(head + token + self._rest(), addr)

    def forget(self) -> None:
        """Forget all observers, and when each was served last."""
        now = self._loop.time()
        self.last = {path: now for _, path in self.observers.values()}
        self.observers = {}


async def field(port: int, devices: int, period_s: float, max_age: int) -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    made = []
    for number in range(devices):
        _, device = await loop.create_datagram_endpoint(
            lambda: Device(max_age), local_addr=(LOOPBACK, port + number)
        )
        made.append(device)
    quiet = asyncio.Event()

    def forget() -> None:
        quiet.set()
        for device in made:
            device.forget()

    loop.add_signal_handler(signal.SIGUSR1, forget)
    print("ready", flush=True)
    ended = loop.run_in_executor(None, sys.stdin.read)
    await _notify(made, period_s, quiet)
    await ended
    print(json.dumps([round(lapse, 3) for device in made for lapse in device.lapses]), flush=True)


async def _notify(devices: list[Device], period_s: float, quiet: asyncio.Event) -> None:
    """Let each resource notify once a period, evenly, until they are to be quiet."""
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    while not quiet.is_set():
        await asyncio.sleep(_TICK_S)
        everything = [(device, token) for device in devices for token in device.observers]
        due = int((loop.time() - began) / period_s * len(everything))
        for number in range(sent, due if due - sent < len(everything) else sent):
            device, token = everything[number % len(everything)]
            device.notify(token)
        sent = due


if __name__ == "__main__":
    uvloop.run(field(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
