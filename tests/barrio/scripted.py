"""A protocol that does what a test says, a small district that speaks it, and a platform that runs with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
from pydantic import BaseModel, ConfigDict

from barrio.access.door import Door
from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.base import Sink
from connectors.home import Home
from connectors.registry import Connectors
from twin.clock import SystemClock
from twin.errors import TransientError
from twin.frame import Frame
from twin.model.bound import BoundDevice, BoundPoint
from twin.quality import Reason

T = TypeVar("T")
NS = 1_000_000_000
PATIENCE_S = 60.0
NOBODY = "Basic Tm9uZTpOb25l"
"""`Authorization` of the public: `None:None`, as a client shows it that was given no user."""
FURTHER = {"derived", "alarms", "commands", "services", "intervals"}
DISTRICT = """\
district: little
name: Little
timezone: America/Mexico_City
location: {lat: 20.5, lon: -100.3}
sites: [{id: house, kind: Building}, {id: yard, kind: Plaza}]
"""
DEVICES = """\
devices:
  - {id: probe, profile: thing, site: house, endpoint: "scripted://10.0.0.1:1"}
  - {id: meter, profile: thing, site: yard, endpoint: "scripted://10.0.0.2:1"}
"""
PROFILE = """\
profile: thing
protocol: scripted
kind: Thing
points:
  temperature: {quantity: air_temperature, slot: 0}
  energy: {quantity: active_energy_import, slot: 1}
  pump: {quantity: pump_state, slot: 2, states: {0: "off", 1: "on"}}
"""


class Slot(BaseModel):
    """The address of a point; one below zero is a command."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    slot: int = 0

    @property
    def readable(self) -> bool:
        return self.slot >= 0


class Options(BaseModel):
    """There are none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScriptedLink:
    """Delivers what a test gives; `trouble` takes it down."""

    def __init__(self, device: BoundDevice) -> None:
        self.name = device.device.endpoint.peer
        self.devices = (device,)
        self.security = "none"
        self.trouble = ""
        self.sink: Sink | None = None
        self._broken = asyncio.Event()

    async def run(self, sink: Sink) -> None:
        if self.trouble:
            raise TransientError(self.name, self.trouble)
        self._broken.clear()
        sink.up()
        self.sink = sink
        await self._broken.wait()
        raise TransientError(self.name, self.trouble)

    async def probe(self) -> str:
        return "here"

    def break_off(self, words: str) -> None:
        """Lose the connection for good."""
        self.trouble = words
        self._broken.set()

    async def give(self, name: str, value: float, reason: Reason = Reason.GOOD, words: str = "") -> None:
        """Deliver one reading of a point."""
        assert self.sink is not None
        ids = np.array([self.point(name).id], np.int32)
        frame = Frame(
            ids,
            np.array([value]),
            self.sink.now_ns(),
            quality=np.array([reason], np.uint8),
            details={0: words} if words else {},
        )
        await self.sink.submit(frame)

    def point(self, name: str) -> BoundPoint:
        """Return the point of that name."""
        return next(item for item in self.devices[0].points if item.point.name == name)


class ScriptedConnector:
    """The protocol."""

    name = "scripted"
    schemes: Mapping[str, int] = {"scripted": 1}
    point_model = Slot
    options_model = Options

    def __init__(self) -> None:
        self.made: dict[str, ScriptedLink] = {}

    def check(self, device: object) -> Sequence[tuple[str, str]]:
        return ()

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[ScriptedLink]:
        self.made = {bound.device.id: ScriptedLink(bound) for bound in devices}
        return list(self.made.values())


class Doorman:
    """The real door for whoever shows a token; everybody else is the process itself, and sees everything."""

    def __init__(self, platform: Platform) -> None:
        self.app = create_app(platform)
        self.door = Door(self.app, platform, self.app.state.sights)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        shown = dict(scope["headers"]).keys() & {b"authorization", b"cookie"}
        await (self.door if shown else self.app)(scope, receive, send)


class Stage:
    """A platform with scripted links, and its HTTP surface without a network."""

    def __init__(
        self, platform: Platform, links: Mapping[str, ScriptedLink], http: httpx.AsyncClient
    ) -> None:
        self.platform = platform
        self.links = links
        self.http = http

    async def settled(self) -> None:
        """Return when nothing is in memory, the spool is empty, and what that changed stands in the ledger."""
        await until(lambda: not self.platform.intake.pending and not self.platform.spool.books().waiting)
        await self.platform.in_thread("ledger", lambda: None)


async def until(condition: Callable[[], object]) -> None:
    """Return when a condition holds; TimeoutError after a minute, which is for machines that have other things to do.

    What is asserted afterwards has to follow from the condition: that readings are stored says nothing of what is
    done once a tick, or in another thread.
    """
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what tests wait for sets no event
            await asyncio.sleep(0.01)


async def answered(ask: Callable[[], Awaitable[T]], holds: Callable[[T], object]) -> T:
    """Return the first answer of which a condition holds; it is asked for again and again, for a minute at most."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(found := await ask()):  # noqa: ASYNC110 - what tests wait for sets no event
            await asyncio.sleep(0.02)
    return found


def write_district(folder: Path, **texts: str) -> Path:
    """Write a small district, with other texts for `district`, `devices` or `profile`, and texts for further files."""
    (folder / "profiles").mkdir(parents=True, exist_ok=True)
    (folder / "district.yaml").write_text(texts.get("district", DISTRICT))
    (folder / "devices.yaml").write_text(texts.get("devices", DEVICES))
    (folder / "profiles" / "thing.yaml").write_text(texts.get("profile", PROFILE))
    for name in FURTHER & texts.keys():
        (folder / f"{name}.yaml").write_text(texts[name])
    return folder


@asynccontextmanager
async def staged(folder: Path, **texts: str) -> AsyncIterator[Stage]:
    """Run a platform with the small district, its links up; `texts` as in `write_district`."""
    connector = ScriptedConnector()
    connectors = Connectors({})
    connectors.add(connector)
    districts = load_all([str(write_district(folder / "little", **texts))], Path(), connectors, folder)
    platform = Platform(districts, Settings(data=folder / "data"), connectors, SystemClock())
    async with platform:
        links = connector.made
        work = asyncio.create_task(platform.run())
        transport = httpx.ASGITransport(Doorman(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            await until(lambda: all(link.sink for link in links.values()))
            try:
                yield Stage(platform, links, http)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
