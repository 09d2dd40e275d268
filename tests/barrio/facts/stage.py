"""A platform on a real InfluxDB, and what the database holds of it, held to `MEASUREMENTS`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from barrio.assembly import load_all
from barrio.facts.teller import Teller
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.abilities import Done, Outcome
from connectors.registry import Connectors
from tests.barrio.scripted import DISTRICT, Doorman, ScriptedConnector, Stage, until, write_district
from twin.clock import SystemClock
from twin.facts import MEASUREMENTS

NS = 1_000_000_000
TYPES = {"float": "float", "int": "integer", "string": "string"}
DEVICES = """\
devices:
  - {id: probe, profile: thing, site: house, endpoint: "scripted://10.0.0.1:1", location: {lat: 1.5, lon: 2.5}}
  - {id: tank, profile: thing, site: shed, endpoint: "scripted://10.0.0.2:1", name: Cistern}
"""
PROFILE = """\
profile: thing
protocol: scripted
kind: Thing
points:
  temperature: {quantity: air_temperature, slot: 0, silent_after: 1h}
  level: {quantity: level_ratio, slot: 1, silent_after: 1h}
  pump: {quantity: pump_state, slot: 2, states: {0: "off", 1: "on"}, writable: yes, silent_after: 1h}
"""
ALARMS = """\
alarms:
  - {id: hot, for: {kind: Thing}, point: temperature, above: 30 Cel, hysteresis: 1 K, priority: critical,
     text: "{name} has {value}", advice: open a window}
"""
COMMANDS = """\
commands:
  - {id: pump, for: {kind: Thing}, point: pump, roles: [operator], read_back: {within: 2s}}
"""
SERVICES = """\
suppliers:
  - {id: aguas, webhook: "http://127.0.0.1:9/", secret: "${secret:aguas}"}
supply:
  - {id: water, on: tank, capacity: 60 m3, request_when: {level_below: 30 %}, supplier: aguas, steady: 1s,
     what: water}
"""


def district_of(name: str) -> str:
    """Return a district whose database nobody else has; one of its sites lies in another."""
    sites = "sites: [{id: house, kind: Building, location: {lat: 20.6, lon: -100.4}}, {id: shed, within: house}]\n"
    return DISTRICT.replace("district: little", f"district: {name}").partition("sites:")[0] + sites


@asynccontextmanager
async def told(folder: Path, url: str, name: str, **texts: str) -> AsyncIterator[Stage]:
    """Run a platform of the district `name` on the database at `url`."""
    connector = ScriptedConnector()
    connectors = Connectors({})
    connectors.add(connector)
    given = {"district": district_of(name), "devices": DEVICES, "profile": PROFILE, **texts}
    districts = load_all([str(write_district(folder / name, **given))], Path(), connectors, folder)
    settings = Settings(data=folder / "data", store=url)
    platform = Platform(districts, settings, connectors, SystemClock())
    async with platform:
        links = connector.made
        for link in links.values():
            writes(link)
        work = asyncio.create_task(platform.run())
        transport = httpx.ASGITransport(Doorman(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            await until(lambda: work.done() or all(link.sink for link in links.values()))
            try:
                yield Stage(platform, links, http)
            finally:
                if work.done():
                    work.result()
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)


async def speak(link: Any, temperature: float = 20.0) -> None:
    """Let a device give all of its points."""
    await link.give("temperature", temperature)
    await link.give("level", 50.0)
    await link.give("pump", link.point("pump").state_ids[0])


def writes(link: Any) -> None:
    """Let a link take every command and report the value at once."""

    async def write(settings: Any) -> list[Outcome]:
        for one in settings:
            await link.give(one.point.point.name, one.point.state_ids.get(one.raw, one.raw))
        return [Outcome(one, Done.WRITTEN, one.raw) for one in settings]

    link.write = write


def teller(stage: Stage) -> Teller:
    """Return who tells."""
    found = stage.platform.facts
    assert found is not None
    return found


class Database:
    """What a database holds of what it was told; each answer is checked against `MEASUREMENTS`."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the series of an answer."""
        params = {"db": self.name, "q": text, "epoch": "ns"}
        answer = httpx.get(f"{self.url}/query", params=params, trust_env=False).raise_for_status().json()
        result = answer["results"][0]
        assert "error" not in result, result
        found: list[dict[str, Any]] = result.get("series", [])
        return found

    def write(self, line: str) -> None:
        """Store a line now, in a database that is made."""
        httpx.post(f"{self.url}/query", params={"q": f"CREATE DATABASE {self.name}"}, trust_env=False)
        params = {"db": self.name}
        httpx.post(f"{self.url}/write", params=params, content=line, trust_env=False).raise_for_status()

    def rows(self, measurement: str, **where: str) -> list[dict[str, Any]]:
        """Return rows in the order of time, with their tags."""
        check(self, measurement)
        conditions = " AND ".join(f"\"{key}\" = '{value}'" for key, value in where.items())
        words = ["SELECT * FROM", f'"{measurement}"', "WHERE" * bool(where), conditions]
        series = self.query(" ".join(words))
        return [dict(zip(one["columns"], values, strict=True)) for one in series for values in one["values"]]


def check(database: Database, measurement: str) -> None:
    """Hold what stands in the database to the contract: tags, fields and their types."""
    known = MEASUREMENTS[measurement]
    tags = [row[0] for one in database.query(f'SHOW TAG KEYS FROM "{measurement}"') for row in one["values"]]
    fields = {
        row[0]: row[1]
        for one in database.query(f'SHOW FIELD KEYS FROM "{measurement}"')
        for row in one["values"]
    }
    assert not tags or sorted(tags) == sorted(known.tags), measurement
    assert fields.items() <= {name: TYPES[kind] for name, kind in known.fields.items()}.items(), measurement


def held_to_it(database: Database) -> Mapping[str, int]:
    """Check all that was told; returns how many rows each measurement has."""
    names = [row[0] for one in database.query("SHOW MEASUREMENTS") for row in one["values"]]
    told_of = [name for name in names if name.startswith("barrio_")]
    assert set(told_of) <= MEASUREMENTS.keys()
    return {name: len(database.rows(name)) for name in told_of}


async def holds(
    database: "Database",
    measurement: str,
    condition: Callable[[list[dict[str, Any]]], object],
    **where: str,
) -> list[dict[str, Any]]:
    """Return the rows once a condition holds of them."""
    found: list[dict[str, Any]] = []

    def look() -> object:
        found[:] = database.rows(measurement, **where)
        return condition(found)

    await until(look)
    return found


async def low(stage: Stage) -> None:
    """Let the tank be low until it asks for supply."""
    services = stage.platform.living.services
    assert services is not None
    while services.supply.open_request(1) is None:
        await stage.links["tank"].give("level", 20.0)
        await asyncio.sleep(0.05)
