"""An OPC UA link by itself: how soon 5,000 items are subscribed to, and whether anything is lost in a minute.

`python -m tests.bench.opcua_link [SECONDS]`; nothing is lost when each variable's numbers arrive without a hole.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from typing import TYPE_CHECKING

import uvloop

from connectors.conformance.recording import RecordingSink, bind, device
from connectors.home import Home
from connectors.opcua import connector
from tests.bench.opcua_server import URI, Counting, running
from tests.bench.result import Result, median_of, print_results

if TYPE_CHECKING:
    from twin.frame import Frame
    from twin.model.bound import BoundDevice

MANY, RUNS = 5000, 5
VARIABLES, PER_S, SECONDS = 1000, 3000, 60.0
_WITHIN_S = 30.0


class CountingSink(RecordingSink):
    """Keeps how far each point has counted, and every number that did not follow from the one before it."""

    def expect(self, points: int) -> None:
        """Begin with `points` points, none of them heard of."""
        self.last = [math.nan] * points
        self.missing, self.changes, self.heard = 0, 0, 0
        self.all_heard = asyncio.Event()

    def offer(self, frame: Frame) -> bool:
        """Count a frame's numbers; confirmations repeat the last one."""
        last = self.last
        for point, value in zip(frame.ids.tolist(), frame.values.tolist(), strict=True):
            before = last[point]
            if before != before:  # noqa: PLR0124 (the first of this point)
                self.heard += 1
            elif value != before:
                self.changes += 1
                self.missing += int(abs(value - before - 1))
            last[point] = value
        if self.heard == len(last):
            self.all_heard.set()
        return True


def _plant(port: int, variables: int, publishing: str) -> BoundDevice:
    points = {f"v{number}": {"node": f"s=v{number}"} for number in range(variables)}
    options = {"namespace": URI, "publishing": publishing, "queue_size": 100, "insecure": "a benchmark"}
    return bind(device(connector, f"opc.tcp://127.0.0.1:{port}", points, poll_s=0.5, options=options))


async def subscribe(port: int) -> float:
    """Return how long it takes from the call of `run` to the last first value, seconds."""
    (link,) = connector.links([_plant(port, MANY, "100ms")], Home())
    sink = CountingSink()
    sink.expect(MANY)
    begun = time.monotonic()
    task = asyncio.create_task(link.run(sink))
    async with asyncio.timeout(_WITHIN_S):
        await sink.all_heard.wait()
    took = time.monotonic() - begun
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return took


async def listen(server: Counting, seconds: float) -> tuple[CountingSink, int]:
    """Listen while the server counts for `seconds`; returns what was heard, and the number of changes."""
    (link,) = connector.links([_plant(server.port, VARIABLES, "500ms")], Home())
    sink = CountingSink()
    sink.expect(VARIABLES)
    task = asyncio.create_task(link.run(sink))
    async with asyncio.timeout(_WITHIN_S):
        await sink.all_heard.wait()
    server.begin(seconds)
    changes = await asyncio.get_running_loop().run_in_executor(None, server.end)
    for _ in range(100):
        if task.done() or sink.changes >= changes:
            break
        await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return sink, changes


def main() -> None:
    """Run and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with running(MANY, 0) as server:
        took = [uvloop.run(subscribe(server.port)) for _ in range(RUNS)]
    with running(VARIABLES, PER_S) as server:
        sink, changes = uvloop.run(listen(server, seconds))
    rate = changes / seconds
    facts = {"changes": changes, "received": sink.changes, "seconds": seconds, "holes": sink.missing}
    print_results(
        [
            median_of("opcua_subscribe", "s", "<= 2", took, items=MANY),
            Result(
                "opcua_lost", float(changes - sink.changes + sink.missing), "changes", "<= 0", facts=facts
            ),
            Result("opcua_rate", round(rate, 1), "changes/s", f">= {0.98 * PER_S:g}", facts=facts),
        ]
    )


if __name__ == "__main__":
    main()
