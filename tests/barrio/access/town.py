"""Two districts side by side, each with a part that must not show, and callers of every sort who look at them.

Everything that the scoped partner and the partner of the other district must not see has `hush` in its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from barrio.access.door import Door
from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.abilities import Done, Outcome
from connectors.home import Home
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, ScriptedLink, until, write_district
from twin.access.scope import Scope, Tier, Verb
from twin.clock import SystemClock
from twin.model.bound import BoundDevice

OPERATOR = "the-operators-own"
DISTRICT = """\
district: {name}
name: The {name} quarter
timezone: America/Mexico_City
location: {{lat: 20.5, lon: -100.3}}
sites: [{{id: house, kind: Building, name: House}}, {{id: hushyard, kind: Plaza, name: Hush yard}}]
relations: [{{type: feeds, from: hushmeter, to: probe}}]
"""
DEVICES = """\
devices:
  - {id: probe, profile: thing, site: house, endpoint: "scripted://10.0.0.1:1", name: Probe}
  - {id: hushmeter, profile: hushthing, site: hushyard, endpoint: "scripted://10.0.0.2:1", name: Hush meter}
"""
POINTS = """\
  temperature: {quantity: air_temperature, slot: 0}
  hours: {quantity: run_hours, slot: 1}
  level: {quantity: level_ratio, slot: 2, writable: yes}
  seen: {quantity: occupancy, slot: 3}
  energy: {quantity: active_energy_import, slot: 4}
"""
PROFILE = f"profile: thing\nprotocol: scripted\nkind: Thing\npoints:\n{POINTS}"
HIDDEN_PROFILE = f"profile: hushthing\nprotocol: scripted\nkind: Hushkind\npoints:\n{POINTS}"
ALARMS = """\
alarms:
  - {id: hot, on: probe, point: temperature, above: 30 Cel, hysteresis: 1 K, priority: high, text: "{name} {value}"}
  - {id: hushhot, on: hushmeter, point: temperature, above: 30 Cel, hysteresis: 1 K, priority: high,
     text: "{name} {value}"}
"""
COMMANDS = """\
commands:
  - {id: fill, on: probe, point: level, roles: [operator, partner]}
  - {id: hushfill, on: hushmeter, point: level}
roles: [partner]
"""
SERVICES = """\
suppliers:
  - {id: hushsupplier, webhook: "http://127.0.0.1:9/", secret: "${secret:aguas}"}
supply:
  - {id: hushwater, on: hushmeter, capacity: 60 m3, request_when: {level_below: 30 %}, supplier: hushsupplier,
     steady: 1s}
capacity:
  - {id: hushcrowd, on: hushyard, capacity: 100, occupancy: hushmeter/seen}
maintenance:
  - {id: hushpump, on: [hushmeter], counter: hours, every: 1000 h, text: grease it}
"""
DATASETS = """\
owners: [{id: town, name: Town}]
datasets:
  - {id: weather, title: Weather, description: Warmth, owner: town, contact: data@town.example, licence: CC-BY-4.0,
     tier: open, points: {for: {kind: Thing}, names: temperature}}
  - {id: hushlevels, title: Hush levels, description: Hush, owner: town, contact: data@town.example,
     licence: CC-BY-4.0, tier: partner, points: [{for: {kind: Thing}, without: temperature}, {for: {kind: Hushkind}}]}
"""
READ = frozenset({Verb.READ, Verb.STREAM, Verb.EXPORT})
SCOPES = {
    "other": Scope(districts=frozenset({"hushtown"}), verbs=READ),
    "scoped": Scope(
        districts=frozenset({"little"}),
        sites=frozenset({"little/house"}),
        kinds=frozenset({"Thing"}),
        quantities=frozenset({"air_temperature"}),
        verbs=frozenset(Verb),
    ),
    "reader": Scope(tier=Tier.OPERATOR, verbs=READ),
}
CALLERS = ("public", "other", "scoped", "reader", "operator")
FOREIGN = {"public": "hush", "scoped": "hush", "other": "little"}
"""What must not stand in anything that a caller is told."""


class Beside(ScriptedConnector):
    """Links by district and device, as both districts have a probe."""

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[ScriptedLink]:
        self.made = {f"{one.device.district}/{one.device.id}": ScriptedLink(one) for one in devices}
        return list(self.made.values())


class Town:
    """The running platform behind the real door; `ask` sends a request as one of the callers."""

    def __init__(self, platform: Platform, http: httpx.AsyncClient, tokens: Mapping[str, str]) -> None:
        self.platform = platform
        self.http = http
        self.tokens = tokens

    async def ask(self, caller: str, method: str, url: str, body: Any = None) -> httpx.Response:
        """Return the answer to a caller."""
        self.http.cookies.clear()
        headers = {"Authorization": f"Bearer {self.tokens[caller]}"} if caller in self.tokens else {}
        return await self.http.request(method, url, json=body, headers=headers)


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """Run both districts with readings, alarms, orders, gaps and what is wrong everywhere."""
    connectors, connector = Connectors({}), Beside()
    connectors.add(connector)
    folders = [str(_district(folder / name, name)) for name in ("little", "hushtown")]
    districts = load_all(folders, Path(), connectors, folder)
    platform = Platform(districts, Settings(data=folder / "data"), connectors, SystemClock())
    tokens = {
        name: platform.keys.book.create(name, scope, "ana", now_ns=1, expires=0, per_minute=100_000)[0]
        for name, scope in SCOPES.items()
    }
    platform.token = tokens["operator"] = OPERATOR
    platform.keys.book._version = -1
    platform.keys.load()
    async with platform:
        work = asyncio.create_task(platform.run())
        app = create_app(platform)
        transport = httpx.ASGITransport(Door(app, platform, app.state.sights))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            try:
                await _happen(platform, connector.made)
                yield Town(platform, http, tokens)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)


def _district(folder: Path, name: str) -> Path:
    texts = {"district": DISTRICT.format(name=name), "devices": DEVICES, "profile": PROFILE}
    write_district(folder, **texts, alarms=ALARMS, commands=COMMANDS, services=SERVICES)
    (folder / "profiles" / "hushthing.yaml").write_text(HIDDEN_PROFILE)
    open_here = DATASETS if name == "little" else DATASETS.replace("tier: open", "tier: partner")
    (folder / "datasets.yaml").write_text(open_here)
    return folder


async def _happen(platform: Platform, links: Mapping[str, Any]) -> None:
    await until(lambda: len(links) == 4 and all(link.sink for link in links.values()))
    for link in links.values():
        link.write = _written
        for name, value in {
            "temperature": 31.5,
            "hours": 1050.0,
            "level": 0.2,
            "seen": 93.0,
            "energy": 5.0,
        }.items():
            await link.give(name, value)
    alarms, services = platform.living.alarms, platform.living.services
    await until(lambda: alarms is not None and len(alarms.standing()) == 4)
    await until(lambda: not platform.intake.pending and not platform.spool.books().waiting)
    # What was read is stored by now, which does not say that those who live from it were told.
    await until(lambda: services is not None and all(one.state for one in services.maintenance.standing()))


async def _written(settings: Any) -> list[Outcome]:
    return [Outcome(one, Done.WRITTEN, one.raw) for one in settings]
