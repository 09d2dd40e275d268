"""Streams: 1,000 listeners of server-sent events, 50 points of each at 1 Hz, from a platform on one core.

The platform polls 5,000 points once a second, stores them, and streams them; each listener has another 50 of them. The
listeners are real sockets on the other core, and count what they get: `stream_delivered` is their share of what the
platform took in meanwhile. `stream_lag_p99` is the time from the receipt of a reading by the platform to the moment at
which a listener has it, decoded.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from functools import partial
from typing import cast

import numpy as np
import uvloop

from tests.bench.live_server import Served, running
from tests.bench.result import median_of, print_results

DEVICES, POINTS = 50, 100
LISTENERS, EACH = 1_000, 50
WARM_S, MEASURED_S = 5.0, 20.0
RUNS = 3
_TIME = re.compile(rb'"time":"....-..-..T..:(..):(..\.\d+)Z"')


class Listener(asyncio.Protocol):
    """One listener: what it got, by when it was received by the platform."""

    def __init__(self, request: bytes, lags: list[np.ndarray]) -> None:
        self._request = request
        self._rest = b""
        self._lags = lags
        self.count = 0
        self.counts = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        data = self._rest + data
        cut = data.rfind(b"\n\n") + 2
        whole, self._rest = (data[:cut], data[cut:]) if cut > 1 else (b"", data)
        if not self.counts or not whole:
            return
        times = [int(minute) * 60 + float(second) for minute, second in _TIME.findall(whole)]
        self.count += len(times)
        self._lags.append((now % 3600 - np.array(times)) % 3600)


def request(served: Served, points: list[str]) -> bytes:
    """Return the request of a listener."""
    query = "&".join(f"point={point}" for point in points)
    head = f"GET /api/v1/stream?events=reading&{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    return f"{head}Authorization: Bearer {served.token}\r\nAccept: text/event-stream\r\n\r\n".encode()


async def measure(served: Served) -> dict[str, float]:
    """Listen and count."""
    rng = random.Random(7)
    every = [f"bench/device-{device + 1}/p{point}" for device in range(DEVICES) for point in range(POINTS)]
    loop = asyncio.get_running_loop()
    lags: list[np.ndarray] = []
    listeners: list[Listener] = []
    transports = []
    for _ in range(LISTENERS):
        line = request(served, rng.sample(every, EACH))
        transport, listener = await loop.create_connection(
            partial(Listener, line, lags), served.host, served.port
        )
        transports.append(transport)
        listeners.append(listener)
    await asyncio.sleep(WARM_S)
    for listener in listeners:
        listener.counts = True
    before = served.received()
    begun, used, own = time.monotonic(), served.cpu_s(), time.process_time()
    await asyncio.sleep(MEASURED_S)
    seconds, cpu = time.monotonic() - begun, served.cpu_s() - used
    due = (served.received() - before) * EACH / (DEVICES * POINTS)
    own = time.process_time() - own
    counts = [listener.count for listener in listeners]
    for transport in transports:
        transport.close()
    waits = np.concatenate(lags) * 1000
    return {
        "share": sum(counts) / (LISTENERS * due),
        "fewest": min(counts) / due,
        "per_second": sum(counts) / seconds,
        "p50": float(np.percentile(waits, 50)),
        "p99": float(np.percentile(waits, 99)),
        "core": cpu / seconds,
        "client": own / seconds,
        "rss_mb": served.rss_mb(),
    }


def main() -> None:
    """Run and print."""
    runs = []
    for _ in range(RUNS):
        with running(DEVICES, POINTS, DEVICES * POINTS) as served:
            runs.append(uvloop.run(measure(served)))
    facts = {"listeners": LISTENERS, "points_each": EACH, "points": DEVICES * POINTS}
    column = {name: [run[name] for run in runs] for name in runs[0]}
    print_results(
        [
            median_of(
                "stream_delivered", "share", ">= 0.99", column["share"], fewest=column["fewest"], **facts
            ),
            median_of("stream_rate", "readings/s to all", "", column["per_second"]),
            median_of("stream_lag_p50", "ms", "", column["p50"]),
            median_of("stream_lag_p99", "ms", "<= 1000", column["p99"]),
            median_of("stream_core", "of a core", "<= 1", column["core"], client=column["client"]),
            median_of("stream_memory", "MB", "", column["rss_mb"]),
        ]
    )


if __name__ == "__main__":
    main()
