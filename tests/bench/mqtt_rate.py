"""Messages from a real mosquitto to a sink: how many a second, and what CPU each costs in our process.

The broker, and the process that publishes, are not counted. Payloads are JSON with two values each; a message is
acknowledged when the sink says that it is durable, which here costs nothing.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from pathlib import Path

import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

from connectors.conformance.recording import RecordingSink, bind, device, running
from connectors.home import Home
from connectors.mqtt import connector
from tests.bench.result import median_of, print_results
from tests.connectors.mqtt.broker import Mosquitto
from tests.servers import LOOPBACK

RUNS, MESSAGES, DEVICES = 3, 20_000, 50
WITHIN_S = 120.0


class Counting(RecordingSink):
    """A sink that keeps nothing but the count."""

    taken = 0

    def offer(self, frame) -> bool:
        """Count."""
        self.taken += len(frame.ids)
        return True

    async def commit(self, frame) -> None:
        """Count; at once durable."""
        self.taken += len(frame.ids)


def publish(port: int, qos: int) -> None:
    """Publish all messages as quickly as the broker takes them."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(200)
    client.connect(LOOPBACK, port)
    client.loop_start()
    for number in range(MESSAGES):
        sent = client.publish(f"plant/d{number % DEVICES}", b'{"a": {"t": 21.5}, "h": %d}' % number, qos)
    sent.wait_for_publish(WITHIN_S)
    client.disconnect()
    client.loop_stop()


async def measure(broker: Mosquitto, qos: int) -> tuple[float, float]:
    """Return messages a second and microseconds of CPU a message."""
    points = {"t": {"key": "a.t"}, "h": {"key": "h"}}
    bound = [
        bind(device(connector, f"{broker.url}/plant/d{n}", points, name=f"d{n}"), 2 * n)
        for n in range(DEVICES)
    ]
    (link,) = connector.links(bound, Home())
    sink = Counting()
    publisher = multiprocessing.get_context("spawn").Process(target=publish, args=(broker.port, qos))
    async with running(link, sink):
        await sink.wait_for(lambda: sink.ups)
        publisher.start()
        while not sink.taken:
            await asyncio.sleep(0.001)
        begun, used = time.monotonic(), time.process_time()
        async with asyncio.timeout(WITHIN_S):
            while sink.taken < 2 * MESSAGES:
                await asyncio.sleep(0.02)
        took, used = time.monotonic() - begun, time.process_time() - used
    publisher.join(WITHIN_S)
    return MESSAGES / took, used / MESSAGES * 1e6


def main() -> None:
    """Run and print."""
    results = []
    for qos in (0, 1):
        with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
            runs = [uvloop.run(measure(broker, qos)) for _ in range(RUNS)]
        rates, costs = zip(*runs, strict=True)
        facts = {"messages": MESSAGES, "devices": DEVICES, "values_a_message": 2}
        results.append(median_of(f"mqtt_qos{qos}_rate", "messages/s", "", rates, **facts))
        results.append(median_of(f"mqtt_qos{qos}_cpu", "us/message", "", costs, **facts))
    print_results(results)


if __name__ == "__main__":
    main()
