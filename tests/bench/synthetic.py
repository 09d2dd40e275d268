"""A stand-in for a protocol: links that deliver frames as fast as asked, so that what is measured begins at the frame.

Every value differs from the one before, so that no dead band makes the work smaller.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from connectors.home import Home
from twin.frame import Frame
from twin.model.bound import BoundDevice
from twin.model.district import Device
from twin.model.spec import Spec

DISTRICT = {
    "district": "bench",
    "name": "Bench",
    "timezone": "America/Mexico_City",
    "location": {"lat": 20.56, "lon": -100.26},
    "sites": [{"id": "hall"}],
}


class NoAddress(Spec):
    """A synthetic point has no address."""


@dataclass
class Pace:
    """How many readings a second are delivered in all (0: as fast as they are taken), and until when."""

    per_second: float = 0.0
    limit: int = 0
    delivered: int = 0
    first_taken_s: float = 0.0
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class SyntheticLink:
    """Delivers frames of one device."""

    device: BoundDevice
    pace: Pace
    share: float
    rounds: int = 64

    @property
    def name(self) -> str:
        return str(self.device.device.endpoint)

    @property
    def devices(self) -> Sequence[BoundDevice]:
        return (self.device,)

    @property
    def security(self) -> str:
        return "none"

    async def probe(self) -> str:
        return "a stand-in"

    async def run(self, sink) -> None:
        sink.up()
        ids = np.array([point.id for point in self.device.points], np.int32)
        base = np.linspace(0, 50, len(ids))
        blocks = [np.round(base + round_ / 10, 1) for round_ in range(self.rounds)]
        begun, number = time.monotonic(), 0
        while not self.pace.limit or self.pace.delivered < self.pace.limit:
            await sink.submit(Frame(ids, blocks[number % self.rounds], sink.now_ns()))
            number += 1
            self.pace.delivered += len(ids)
            if self.pace.per_second:
                due = begun + number * len(ids) / (self.pace.per_second * self.share)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            elif number % 8 == 0:
                await asyncio.sleep(0)
        self.pace.done.set()
        await asyncio.Event().wait()


@dataclass
class SyntheticConnector:
    """`connectors.base.Connector` of the stand-in."""

    pace: Pace
    name: str = "synthetic"
    schemes: Mapping[str, int] = field(default_factory=lambda: {"synthetic": 1})
    point_model: type[Spec] = NoAddress
    options_model: type[Spec] = NoAddress

    def check(self, device: Device) -> Iterable[tuple[str, str]]:
        del device
        return ()

    def links(self, devices: Sequence[BoundDevice], home: Home) -> list[SyntheticLink]:
        return [SyntheticLink(device, self.pace, 1 / len(devices)) for device in devices]


def write_district(
    folder: Path,
    devices: int,
    points: int,
    protocol: str = "synthetic",
    endpoint: str = "synthetic://127.0.0.1:{number}",
    point: Mapping[str, object] | None = None,
    **profile: object,
) -> Path:
    """Write a district of equal devices; `{number}` and `{index}` in endpoint and point count from 1 and 0."""
    (folder / "profiles").mkdir(parents=True)
    listed = [
        {
            "id": f"device-{number}",
            "profile": "equal",
            "site": "hall",
            "endpoint": endpoint.format(number=number),
        }
        for number in range(1, devices + 1)
    ]
    shared = {"quantity": "air_temperature", **(point or {})}
    equal = {
        "profile": "equal",
        "protocol": protocol,
        "kind": "Bench",
        "points": {f"p{index}": _filled(shared, index) for index in range(points)},
        **profile,
    }
    for name, content in (
        ("district.yaml", DISTRICT),
        ("devices.yaml", {"devices": listed}),
        ("profiles/equal.yaml", equal),
    ):
        (folder / name).write_text(yaml.safe_dump(content), "utf-8")
    return folder


def write_registers(folder: Path, links: int, registers: int, port: int, poll: str) -> Path:
    """Write a district of Modbus devices at 127.0.0.1, 127.0.0.2 …, as `modbus_server.running` plays them."""
    return write_district(
        folder,
        links,
        registers,
        protocol="modbus",
        endpoint=f"modbus+tcp://127.0.0.{{number}}:{port}/1",
        point={"register": "holding:{index}", "quantity": "wifi_clients"},
        poll=poll,
    )


def _filled(point: Mapping[str, object], index: int) -> dict[str, object]:
    return {
        key: value.format(index=index) if isinstance(value, str) else value for key, value in point.items()
    }
