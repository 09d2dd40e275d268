"""SensorThings over 1,000 devices of 10 points with three days of readings, in the embedded store.

`sta_page_1000` is a page of 1,000 observations of one point, `sta_newest_of_1000_devices` every device with its
Datastreams and the newest observation of each (10,000), `sta_filter_10000` a filter over relations that looks at all
Datastreams. `sta_refused` is the slowest of the questions that are too much, each estimated and refused. Large answers
are also given as a multiple of what they cost as bytes alone: the same JSON, written by orjson out of objects that are
there already.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
import orjson

from barrio.api.app import create_app
from barrio.assembly import bind
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import RUNS, Result, median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.folder import DataFolder
from twin.frame import Batch
from twin.model.district import District
from twin.model.loader import load_district
from twin.series import SeriesRegistry
from twin.store.duckdb import DuckDBStore

DEVICES, POINTS = 1_000, 10
DAYS, EVERY_S = 3, 600
NS = 10**9
_SMALL_MB = 0.1
ASKED = (
    ("sta_page_1000", "/Datastreams(5000)/Observations?$top=1000", "<= 0.25"),
    (
        "sta_newest_of_1000_devices",
        "/Things?$top=1000&$expand=Datastreams($expand=Observations($top=1;$orderby=phenomenonTime%20desc))",
        "<= 2",
    ),
    (
        "sta_filter_10000",
        "/Datastreams?$top=10&$count=true&$filter=Thing/properties/site%20eq%20'hall'%20and%20endswith(name,'7')",
        "<= 1",
    ),
)

REFUSED = (
    "/Things?$expand=Datastreams($expand=Observations($top=1000))",
    "/Things?$top=1000&$expand=Datastreams/Thing/Datastreams",
    "/Sensors?$expand=Datastreams($top=1000;$expand=Sensor($expand=Datastreams($top=1000)))",
    "/Datastreams?$filter=Sensor/Datastreams/name%20eq%20'x'",
    "/Sensors?$filter=Datastreams/name%20eq%20Datastreams/name",
    "/Things?$top=1000000000000",
    "/Things?$filter=" + "(" * 1_900 + "true" + ")" * 1_900,
)


def prepare(data: Path, district: District) -> None:
    """Leave a data folder with three days of readings; one point is read every ten seconds."""
    folder = DataFolder(data)
    folder.open()
    registry = SeriesRegistry(folder.series)
    registry.open()
    catalogue = bind([district], registry)
    store = DuckDBStore(folder.duckdb)
    store.open(catalogue.series, {})
    now = time.time_ns() // NS * NS
    for number in range(DAYS * 86_400 // EVERY_S, 0, -1):
        _write(store, catalogue.ids, np.full(len(catalogue.ids), now - number * EVERY_S * NS, np.int64))
    often = now - np.arange(DAYS * 8_640, 0, -1, dtype=np.int64) * 10 * NS
    _write(store, np.full(len(often), 5_000, np.int32), often)
    for one in (store, registry, folder):
        one.close()


def _write(store: DuckDBStore, ids: np.ndarray, at: np.ndarray) -> None:
    value = np.round(20 + np.sin(ids + at / NS), 2)
    store.write(Batch(ids, at, at, np.zeros(len(ids), np.int64), value, np.zeros(len(ids), np.uint8)))


async def measure(platform: Platform) -> list[Result]:
    """Return seconds of each answer, the first time left out."""
    found = []
    transport = httpx.ASGITransport(create_app(platform))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as http:
        begun = time.perf_counter()
        (await http.get("/sta/v1.1/Things?$top=1")).raise_for_status()
        first = time.perf_counter() - begun
        for name, path, asked in ASKED:
            runs, bytes_alone = [], []
            for _ in range(RUNS + 1):
                begun = time.perf_counter()
                answer = (await http.get(f"/sta/v1.1{path}")).raise_for_status()
                runs.append(time.perf_counter() - begun)
                body = orjson.loads(answer.content)
                begun = time.perf_counter()
                orjson.dumps(body)
                bytes_alone.append(time.perf_counter() - begun)
            facts = {"mb": round(len(answer.content) / 1e6, 2), "first_request_s": round(first, 3)}
            found.append(median_of(name, "s", asked, runs[1:], **facts))
            if facts["mb"] > _SMALL_MB:
                ratios = [run / alone for run, alone in zip(runs[1:], bytes_alone[1:], strict=True)]
                found.append(median_of(f"{name}_per_bytes_alone", "", "", ratios))
        found.append(await _refused(http))
    return found


async def _refused(http: httpx.AsyncClient) -> Result:
    """Return the seconds of the slowest refusal, the first time left out."""
    runs = []
    for _ in range(RUNS + 1):
        slowest = 0.0
        for path in REFUSED:
            begun = time.perf_counter()
            answer = await http.get(f"/sta/v1.1{path}")
            slowest = max(slowest, time.perf_counter() - begun)
            if answer.status_code != HTTPStatus.BAD_REQUEST:
                raise AssertionError((path, answer.status_code))
        runs.append(slowest)
    return median_of("sta_refused", "s", "<= 0.1", runs[1:])


async def once(folder: Path) -> None:
    """Build the days, ask, print."""
    connectors = Connectors({})
    connectors.add(SyntheticConnector(Pace()))
    district = load_district(write_district(folder / "bench", DEVICES, POINTS), connectors, [])
    prepare(folder / "data", district)
    settings = Settings(data=folder / "data")
    async with Platform([district], settings, connectors, SystemClock(), at_rest=True) as platform:
        print_results(await measure(platform))


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(once(Path(folder)))


if __name__ == "__main__":
    main()
