"""A small district with a known past, asked over SensorThings by callers of any scope."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from barrio.access.who import STATE, Who
from barrio.api.app import create_app
from tests.barrio.scripted import Stage, staged
from twin.access.scope import Scope, Tier
from twin.access.sight import Sight
from twin.frame import Batch
from twin.quality import Reason

ROOT = "/sta/v1.1"
NS = 1_000_000_000
QUARTER = 900 * NS
START = 1_795_780_800 * NS
"""2026-11-27T12:00:00Z, the time of the first reading of `readings`."""
DISTRICT = """\
district: little
name: Little
timezone: America/Mexico_City
location: {lat: 20.5, lon: -100.3}
sites:
  - {id: house, name: The house, kind: Building, location: {lat: 20.51, lon: -100.31}}
  - {id: yard, kind: Plaza}
"""
DEVICES = """\
devices:
  - {id: probe, name: "Probe's one", profile: thing, site: house, endpoint: "scripted://10.0.0.1:1"}
  - {id: meter, profile: thing, site: yard, endpoint: "scripted://10.0.0.2:1", location: {lat: 20.52, lon: -100.32}}
"""


class Town:
    """The stage, and a client of SensorThings."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.platform = stage.platform
        self.app = create_app(stage.platform)

    def id(self, path: str) -> int:
        """The series id of `device/point`."""
        return self.platform.catalogue.points[f"little/{path}"].id

    def write(self, path: str, *rows: tuple[float, float], quality: Reason = Reason.GOOD) -> None:
        """Store readings of `device/point`: seconds after `START`, and value; NaN is a bad reading."""
        time = np.array([START + round(at * NS) for at, _ in rows], np.int64)
        value = np.array([value for _, value in rows])
        codes = np.where(np.isnan(value), Reason.NOT_AVAILABLE, quality).astype(np.uint8)
        ids = np.full(len(rows), self.id(path), np.int32)
        none = np.zeros(len(rows), np.int64)
        self.platform.store.write(Batch(ids, time, time + NS, none, value, codes))

    def state(self, name: str) -> float:
        """The id of a state of the pump."""
        states: Mapping[int, str] = self.platform.catalogue.states
        return float(next(number for number, known in states.items() if known == name))

    def sight(self, scope: Scope) -> Sight:
        """What a scope sees."""
        found: Sight = self.app.state.sights.of(scope)
        return found

    def as_caller(self, scope: Scope | Sight | None) -> httpx.AsyncClient:
        """A client that sees what a scope allows; all there is without one."""
        sight = self.sight(scope) if isinstance(scope, Scope) else scope
        app = self.app if sight is None else Known(self.app, Who("somebody", sight))
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://town.example")

    async def ask(self, path: str, scope: Scope | Sight | None = None, **query: str) -> httpx.Response:
        """Return the answer to `path` with options such as `filter`."""
        params = {f"${name}": text for name, text in query.items()}
        async with self.as_caller(scope) as http:
            return await http.get(path if path.startswith("http") else f"{ROOT}{path}", params=params or None)

    async def get(self, path: str, scope: Scope | Sight | None = None, **query: str) -> Any:
        """Return the body of a good answer."""
        answer = await self.ask(path, scope, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def names(self, path: str, scope: Scope | Sight | None = None, **query: str) -> list[str]:
        """Return the names of the entities of a collection."""
        return [one["name"] for one in (await self.get(path, scope, **query))["value"]]

    async def results(self, path: str, scope: Scope | Sight | None = None, **query: str) -> list[Any]:
        """Return the results of observations."""
        return [one["result"] for one in (await self.get(path, scope, **query))["value"]]

    async def all(self, path: str, scope: Scope | Sight | None = None, **query: str) -> list[Any]:
        """Return the entities of all pages, none of them twice."""
        body = await self.get(path, scope, **query)
        found = body["value"]
        for _ in range(1_000):
            if "@iot.nextLink" not in body:
                return list(found)
            body = await self.get(body["@iot.nextLink"], scope)
            found += body["value"]
        raise AssertionError("pages do not end")


class Known:
    """An application whose caller is known."""

    def __init__(self, app: Any, who: Who) -> None:
        self.app = app
        self.who = who

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("state", {})[STATE] = self.who
        await self.app(scope, receive, send)


def seeing(**scope: Any) -> Scope:
    """A scope of an operator's tier with bounds."""
    return Scope(**{"tier": Tier.OPERATOR, **scope})


@asynccontextmanager
async def town(folder: Path, **texts: str) -> AsyncIterator[Town]:
    """Run the district, with nothing read yet."""
    async with staged(folder, **{"district": DISTRICT, "devices": DEVICES, **texts}) as stage:
        yield Town(stage)


def fill(found: Town) -> None:
    """Store a past: ten temperatures a minute apart (one bad, one uncertain), registers, states."""
    found.write("probe/temperature", *((60.0 * n, 20.0 + n) for n in range(8)))
    found.write("probe/temperature", (480.0, float("nan")))
    found.write("probe/temperature", (540.0, 29.0), quality=Reason.IMPRECISE)
    found.write("meter/temperature", (0.0, -5.0), (300.0, -6.0))
    found.write("meter/energy", (0.0, 100.0), (600.0, 101.5), (1_200.0, 103.0))
    found.write("probe/pump", (0.0, found.state("off")), (240.0, found.state("on")))
