"""A platform at rest with a district of two sites, asked by whoever a test says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from barrio.access.who import STATE, Who
from barrio.api.app import create_app
from barrio.assembly import load_all, profiles_folder
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, write_district
from twin.access.scope import EVERYTHING, OPEN, Scope, Tier
from twin.clock import SystemClock

PARTNER = Scope(Tier.PARTNER)
DISTRICT = """\
district: little
name: Little
timezone: America/Mexico_City
location: {lat: 20.5, lon: -100.3}
sites:
  - {id: block, kind: Block, location: {lat: 20.51, lon: -100.31}}
  - {id: house, kind: Building, within: block}
  - {id: yard, kind: Plaza, location: {lat: 20.52, lon: -100.29}}
relations:
  - {type: measures, from: meter, to: yard}
  - {type: feeds, from: meter, to: probe}
"""
DEVICES = """\
devices:
  - {id: probe, profile: thing, site: house, endpoint: "scripted://10.0.0.1:1"}
  - {id: meter, profile: thing, site: yard, endpoint: "scripted://10.0.0.2:1", location: {lat: -33.9, lon: 179.5}}
"""
DATASETS = """\
owners: [{id: city, name: "City <of> Little", url: "https://city.example/"}, {id: works, name: Works}]
datasets:
  - id: climate
    title: Climate
    description: How warm it is.
    owner: city
    contact: data@city.example
    licence: CC-BY-4.0
    tier: open
    finest: 15m
    keywords: [weather]
    points: {on: probe, names: temperature}
  - id: pumps
    title: Pumps
    owner: works
    contact: "https://works.example/contact"
    licence: "https://works.example/terms"
    tier: partner
    listed: true
    points: {for: {kind: Thing}, names: pump}
  - id: energy
    title: Energy
    owner: works
    contact: data@works.example
    licence: "https://works.example/terms"
    tier: partner
    points: {for: {kind: Thing}, names: energy}
"""
SCOPES = {"public": OPEN, "partner": PARTNER, "operator": EVERYTHING}


class Asked:
    """A platform, and clients of it for a scope each."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.app = create_app(platform)

    def client(self, scope: Scope = EVERYTHING, host: str = "http://test") -> httpx.AsyncClient:
        """Return a client that is taken for the bearer of a scope."""
        who = Who("somebody", self.app.state.sights.of(scope))

        async def door(one, receive, send) -> None:
            one.setdefault("state", {})[STATE] = who
            await self.app(one, receive, send)

        return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url=host)


@asynccontextmanager
async def asked(folder: Path, datasets: str = DATASETS, district: str = DISTRICT) -> AsyncIterator[Asked]:
    """Open the little district at rest."""
    little = write_district(folder / "little", district=district, devices=DEVICES)
    (little / "datasets.yaml").write_text(datasets)
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    districts = load_all([str(little)], Path(), connectors, folder)
    platform = Platform(districts, Settings(data=folder / "data"), connectors, SystemClock(), at_rest=True)
    async with platform:
        yield Asked(platform)


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Asked]:
    """Open the district that comes with barrio at rest."""
    districts = load_all(["ciudad-maderas"], Path(), Connectors(), profiles_folder())
    platform = Platform(districts, Settings(data=folder), Connectors(), SystemClock(), at_rest=True)
    async with platform:
        yield Asked(platform)
