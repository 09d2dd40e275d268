"""`latest` while readings come in: 500 requests/s for 99 % within 50 ms, as 50,000 readings/s are being stored.

The platform has one core, and polls, stores and answers there. Requests are sent at fixed times over kept-alive
connections from the other core, whatever became of those before (open loop): a wait of the server makes later requests
wait, and counts. Half ask for one point, half for the newest of a device's 20 points. `latest_idle_p99` is the same
without readings, for comparison.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from typing import cast

import numpy as np
import uvloop

from tests.bench.live_server import Served, running
from tests.bench.result import median_of, print_results

DEVICES, POINTS = 250, 20
READINGS, REQUESTS = 50_000, 500
CONNECTIONS = 50
WARM_S, MEASURED_S = 5.0, 20.0
RUNS = 3


class Client(asyncio.Protocol):
    """One connection: requests go out when they are due, answers come in the same order."""

    def __init__(self, waits: list[float], served: Served) -> None:
        self._waits = waits
        self._due: deque[float] = deque()
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {served.token}\r\n\r\n"
        self._rest = b""
        self.failed = 0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    @property
    def open(self) -> int:
        """Requests without an answer."""
        return len(self._due)

    def ask(self, path: str, due: float) -> None:
        """Send a request that was due at a time on the clock of `time.perf_counter`."""
        self._due.append(due)
        self.transport.write(f"GET {path} HTTP/1.1\r\n{self._head}".encode())

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._rest) < end + 4 + length:
                return
            self.failed += not head.startswith(b"http/1.1 200")
            self._rest = self._rest[end + 4 + length :]
            self._waits.append(time.perf_counter() - self._due.popleft())


async def ask(served: Served) -> dict[str, float]:
    """Ask at the pace and return what was seen."""
    loop, rng, waits = asyncio.get_running_loop(), random.Random(7), list[float]()
    clients = []
    for _ in range(CONNECTIONS):
        _, client = await loop.create_connection(lambda: Client(waits, served), served.host, served.port)
        clients.append(client)
    seconds = WARM_S + MEASURED_S
    begun, number, used, before, cut = time.perf_counter(), 0, 0.0, 0, 0
    while (now := time.perf_counter() - begun) < seconds:
        if not used and now >= WARM_S:
            used, before, cut = served.cpu_s(), await asyncio.to_thread(served.received), len(waits)
        while number < now * REQUESTS:
            device = rng.randrange(DEVICES) + 1
            path = f"/api/v1/latest?under=bench/device-{device}"
            if number % 2:
                path = f"/api/v1/points/bench/device-{device}/p{rng.randrange(POINTS)}/latest"
            clients[number % CONNECTIONS].ask(path, begun + number / REQUESTS)
            number += 1
        await asyncio.sleep(0.001)
    cpu, rate = served.cpu_s() - used, (await asyncio.to_thread(served.received) - before) / MEASURED_S
    async with asyncio.timeout(30):
        while any(client.open for client in clients):
            await asyncio.sleep(0.01)
    for client in clients:
        client.transport.close()
    found = np.array(waits[cut:]) * 1000
    return {
        "p50": float(np.percentile(found, 50)),
        "p99": float(np.percentile(found, 99)),
        "worst": float(found.max()),
        "failed": float(sum(client.failed for client in clients)),
        "core": cpu / MEASURED_S,
        "readings": rate,
    }


def main() -> None:
    """Run and print."""
    runs: list[dict[str, float]] = []
    idle: list[dict[str, float]] = []
    for rate, into in [(READINGS, runs)] * RUNS + [(1, idle)]:
        with running(DEVICES, POINTS, rate) as served:
            into.append(uvloop.run(ask(served)))
    column = {name: [run[name] for run in runs] for name in runs[0]}
    facts = {"requests_per_second": REQUESTS, "connections": CONNECTIONS, "points": DEVICES * POINTS}
    print_results(
        [
            median_of(
                "latest_p99", "ms", "<= 50", column["p99"], p50=column["p50"], worst=column["worst"],
                failed=column["failed"], core=column["core"], **facts,
            ),
            median_of("latest_readings", "readings/s", ">= 49000", column["readings"]),
            median_of("latest_idle_p99", "ms", "", [one["p99"] for one in idle], core=[one["core"] for one in idle]),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    main()
