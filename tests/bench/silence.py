"""Five thousand devices fall silent at once: how soon there is one alarm at what they hang on, and what it costs.

Two ways of hanging on something: all on one connection that breaks (a broker, a concentrator), and each with a
connection of its own behind a gateway that is no thing with a network address, known by a relation only.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import uvloop

from barrio import logs, supervisor
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.home import Home
from connectors.registry import Connectors
from tests.bench.result import median_of, print_results
from tests.bench.synthetic import DISTRICT, NoAddress, write_district
from twin.alarms.alarm import Alarm
from twin.alarms.change import Change
from twin.alarms.states import Happening
from twin.clock import SystemClock
from twin.errors import TransientError
from twin.frame import Frame
from twin.model.bound import BoundDevice
from twin.model.district import Device
from twin.model.loader import load_district
from twin.model.spec import Spec

DEVICES = 5_000
RUNS = 3
HEARD_WITHIN_S, WATCHED_S = 60.0, 15.0
GATEWAY = {"id": "gateway", "kind": "Gateway"}


@dataclass(eq=False)
class HangingLink:
    """A stand-in for a connection: gives each device one reading, and breaks when it is told to."""

    name: str
    devices: Sequence[BoundDevice]
    broken: asyncio.Event
    security: str = "none"

    async def probe(self) -> str:
        return "a stand-in"

    async def run(self, sink) -> None:
        if not self.broken.is_set():
            sink.up()
            ids = np.array([point.id for device in self.devices for point in device.points], np.int32)
            await sink.submit(Frame(ids, np.full(len(ids), 20.0), sink.now_ns()))
            await self.broken.wait()
        raise TransientError(self.name, "the connection was cut")


@dataclass
class HangingConnector:
    """`connectors.base.Connector` of the stand-in: one link for each network peer."""

    name: str = "synthetic"
    schemes: Mapping[str, int] = field(default_factory=lambda: {"synthetic": 1})
    point_model: type[Spec] = NoAddress
    options_model: type[Spec] = NoAddress
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    def check(self, device: Device) -> Iterable[tuple[str, str]]:
        del device
        return ()

    def links(self, devices: Sequence[BoundDevice], home: Home) -> list[HangingLink]:
        peers: dict[str, list[BoundDevice]] = {}
        for device in devices:
            peers.setdefault(device.device.endpoint.peer, []).append(device)
        return [HangingLink(peer, found, self.broken) for peer, found in peers.items()]


def write_hanging(folder: Path, *, one_link: bool) -> Path:
    """Write the district: a rule for silent devices, and the gateway above them where each has its own link."""
    endpoint = "synthetic://127.0.0.1:1/{number}" if one_link else "synthetic://127.0.0.1:{number}"
    write_district(folder, DEVICES, 1, endpoint=endpoint)
    sites = [*DISTRICT["sites"], GATEWAY]
    relations = [{"type": "part_of", "from": "hall", "to": "gateway"}]
    (folder / "district.yaml").write_text(json.dumps({**DISTRICT, "sites": sites, "relations": relations}))
    rule = {"id": "silent", "for": {"kind": "Bench"}, "silent": "30s", "text": "{name} is silent"}
    if not one_link:
        rule["together"] = {"through": "part_of"}
    (folder / "alarms.yaml").write_text(json.dumps({"alarms": [rule]}))
    return folder


async def once(*, one_link: bool) -> tuple[float, int, float]:
    """Return after how many seconds the first alarm was raised, how many were, and the growth of memory in MB."""
    raised: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        connector = HangingConnector()
        connectors = Connectors({})
        connectors.add(connector)
        district = load_district(write_hanging(Path(folder) / "bench", one_link=one_link), connectors, [])
        async with Platform(
            [district], Settings(data=Path(folder) / "data"), connectors, SystemClock()
        ) as platform:
            alarms = platform.living.alarms
            assert alarms is not None
            running = asyncio.create_task(platform.run())
            async with asyncio.timeout(HEARD_WITHIN_S):
                while not np.isfinite(platform.live.heard_s[platform.catalogue.ids]).all():
                    await asyncio.sleep(0.05)
            await asyncio.sleep(1.0)
            before = psutil.Process().memory_info().rss

            def listen(change: Change, alarm: Alarm) -> None:
                del alarm
                if change.happening is Happening.RAISED:
                    raised.append(time.monotonic())

            alarms.listeners.append(listen)
            begun = time.monotonic()
            connector.broken.set()
            await asyncio.sleep(WATCHED_S)
            grown = (psutil.Process().memory_info().rss - before) / 1e6
            if running.done():
                running.result()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return (min(raised) - begun if raised else WATCHED_S), len(raised), grown


def main() -> None:
    """Run and print."""
    # Each link says once that it is down: that is right, and five thousand lines that nobody reads here.
    logs.set_up("error", "text")
    supervisor.START_SPREAD_S = 0.1
    results = []
    for name, one_link in (("link", True), ("gateway", False)):
        runs = [uvloop.run(once(one_link=one_link)) for _ in range(RUNS)]
        first, number, grown = zip(*runs, strict=True)
        facts = {"devices": DEVICES}
        results += [
            median_of(f"silence_{name}_first_alarm", "s", "<= 5", first, **facts),
            median_of(f"silence_{name}_alarms", "alarms", "<= 1", number, **facts),
            median_of(f"silence_{name}_memory", "MB more", "<= 10", grown, **facts),
        ]
    print_results(results)


if __name__ == "__main__":
    main()
