"""A process of two districts with scripted devices, for a browser to look at: `python -m tests.barrio.console.serving`.

With a number behind the folder `little` has so many lamps more, which nothing is heard of; with a second one only so
many pages are open at once, a quarter of them kept for who is known, and a quarter for one address.

`little` has an alarm, a device that is silent, a name that is hostile, sixty days of history with a hole, and a meter
that wraps; its temperatures are open. `secret` has nothing open. One line on stdout says where it answers, and with
which tokens.
"""

import asyncio
import json
import math
import sys
import time
from pathlib import Path

import numpy as np

from barrio.api.server import address, bind
from barrio.assembly import load_all
from barrio.console import shell
from barrio.platform import Platform
from barrio.service import keep, run_loop, stop_on_signals
from barrio.settings import load_settings
from connectors.registry import Connectors
from tests.barrio.scripted import NS, ScriptedConnector, until, write_district
from twin.access.scope import Scope, Tier, Verb
from twin.access.tokens import TokenBook
from twin.clock import SystemClock
from twin.frame import Batch
from twin.quality import Reason

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
DISTRICT = f"""\
district: little
name: Little
description: A small district
timezone: America/Mexico_City
location: {{lat: 20.5, lon: -100.3}}
sites:
  - {{id: house, name: Casa Uno, kind: Building, location: {{lat: 20.5, lon: -100.3}}}}
  - {{id: yard, name: '{HOSTILE}', kind: Plaza, location: {{lat: 20.502, lon: -100.297}}}}
relations: [{{type: feeds, from: meter, to: probe}}]
"""
DEVICES = f"""\
devices:
  - {{id: probe, profile: thing, site: house, name: Sonda, endpoint: "scripted://10.0.0.1:1"}}
  - {{id: meter, profile: thing, site: yard, name: '{HOSTILE}', endpoint: "scripted://10.0.0.2:1"}}
  - {{id: far, profile: thing, site: yard, endpoint: "scripted://10.0.0.3:1", location: {{lat: 20.504, lon: -100.296}}}}
"""
ALARMS = """\
alarms:
  - {id: hot, for: {kind: Thing}, point: temperature, above: 30 Cel, hysteresis: 1 K, priority: critical,
     text: "{name} has {value}", advice: open a window}
"""
DATASETS = """\
owners: [{id: city, name: City of Little}]
datasets:
  - {id: air, title: Air, owner: city, contact: air@city.example, licence: CC-BY-4.0, tier: open,
     points: {on: probe, names: temperature}}
"""
SECRET = """\
district: secret
name: Secreto
timezone: UTC
location: {lat: 10, lon: 10}
sites: [{id: vault, kind: Building}]
"""
SAFE = 'devices: [{id: safe, profile: thing, site: vault, endpoint: "scripted://10.0.9.1:1"}]\n'
READERS = {
    "reader": Scope(Tier.OPERATOR, frozenset({"little"})),
    "keeper": Scope(Tier.OPERATOR, frozenset({"little"}), verbs=frozenset({Verb.READ, Verb.ACKNOWLEDGE})),
    "leaver": Scope(Tier.OPERATOR, frozenset({"little"})),
}
STEP_S = 900
DAYS = 60


def lamps(count: int) -> str:
    """Return lines of lamps that stand in a square, twenty metres apart."""
    return "".join(
        f'  - {{id: lamp-{one}, profile: thing, site: yard, endpoint: "scripted://10.1.{one // 250}.{one % 250}:1", '
        f"location: {{lat: {20.5 + one // 40 * 0.0002:.4f}, lon: {-100.3 + one % 40 * 0.0002:.4f}}}}}\n"
        for one in range(count)
    )


def write(folder: Path, count: int) -> list[str]:
    """Write both districts and return their folders."""
    devices = DEVICES + lamps(count)
    little = write_district(folder / "little", district=DISTRICT, devices=devices, alarms=ALARMS)
    (little / "datasets.yaml").write_text(DATASETS)
    secret = write_district(folder / "secret", district=SECRET, devices=SAFE)
    return [str(little), str(secret)]


def before(series: int, now: int) -> Batch:
    """Sixty days of a temperature, a reading each quarter hour, with one day left out."""
    every = np.arange(now - DAYS * 86_400 * NS, now - 7_200 * NS, STEP_S * NS)
    kept = every[(every < now - 30 * 86_400 * NS) | (every > now - 29 * 86_400 * NS)].astype(np.int64)
    value = 21 + 4 * np.sin(kept / NS * 2 * math.pi / 86_400)
    none = np.zeros(len(kept), np.int64)
    return Batch(np.full(len(kept), series, np.int32), kept, kept, none, value, none.astype(np.uint8))


async def feed(connector: ScriptedConnector) -> None:
    """Let the probe be too hot, the far one doubtful, and the meter silent."""
    made = connector.made
    await until(lambda: all(link.sink for link in made.values()))
    made["meter"].break_off("no route to host")
    warm = 31.5
    while True:
        for device in ("probe", "far", "safe"):
            await made[device].give("temperature", warm if device == "probe" else 20.0)
            await made[device].give("pump", 1.0)
        await made["far"].give("energy", 5.0, Reason.UNCERTAIN_STATUS, "not sure")
        await asyncio.sleep(0.5)
        warm = 31.5 + 0.5 * math.sin(time.time())


class Shared(ScriptedConnector):
    """Keeps the links of all districts."""

    def links(self, devices, home):
        kept = self.made
        found = super().links(devices, home)
        self.made = kept | self.made
        return found


def limit(pages: int) -> None:
    """Let so many pages be open at once, few enough to be opened in a moment; 0 leaves it as it is."""
    if pages:
        shell.MOST_PAGES, shell.KEPT_FREE, shell.MOST_OF_AN_ADDRESS = pages, pages // 4, pages // 4


async def serve(folder: Path, count: int) -> None:
    connector = Shared()
    connectors = Connectors({})
    connectors.add(connector)
    districts = load_all(write(folder, count), Path(), connectors, folder)
    settings = load_settings(data=folder / "data", listen="127.0.0.1:0")
    platform = Platform(districts, settings, connectors, SystemClock())
    stop = stop_on_signals()
    async with platform:
        item = platform.catalogue.points["little/probe/temperature"]
        batch = before(item.id, platform.clock.now_ns())
        await platform.in_thread("store", platform.store.write, batch)
        book = TokenBook(platform.folder.tokens)
        book.open()
        now = platform.clock.now_ns()
        texts = {
            name: book.create(name, scope, "a test", now_ns=now, expires=0)[0]
            for name, scope in READERS.items()
        }
        book.close()
        with bind(settings.address) as listening:
            sys.stdout.write(json.dumps({"url": address(listening), "tokens": texts}) + "\n")
            sys.stdout.flush()
            await keep(platform, listening, stop, feed(connector))


if __name__ == "__main__":
    limit(int(sys.argv[3]))
    run_loop(serve(Path(sys.argv[1]), int(sys.argv[2])))
