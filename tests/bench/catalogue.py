"""A list of 10,000 points with their newest readings, as JSON and as GeoJSON: seconds from request to answer.

Beside it the same without readings, and the 304 of who has it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import httpx

from barrio.api.app import create_app
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import Result, median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.model.loader import load_district

POINTS = 10_000
POINTS_A_DEVICE = 20
RUNS = 15
LISTS = (
    ("points_listed_latest", "/api/v1/points?limit=10000", "<= 0.1"),
    ("points_listed_geojson", "/api/v1/points?limit=10000&format=geojson", "<= 0.1"),
    ("points_listed", "/api/v1/points?limit=10000&latest=false", "<= 0.05"),
)


async def measure(folder: Path) -> list[Result]:
    """Return the seconds of each list."""
    connectors = Connectors({})
    connectors.add(SyntheticConnector(Pace()))
    write_district(folder / "district", POINTS // POINTS_A_DEVICE, POINTS_A_DEVICE)
    district = load_district(folder / "district", connectors, [])
    platform = Platform([district], Settings(data=folder / "data"), connectors, SystemClock(), at_rest=True)
    async with platform:
        live, now = platform.live, platform.clock.now_ns()
        live.value[:], live.quality[:], live.time[:], live.received[:] = 20.5, 0, now, now
        platform.gaps.reason[:] = 0
        headers = {"Accept-Encoding": "identity"}
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
            found = [await _list(http, *one) for one in LISTS]
            tag = (await http.get(LISTS[-1][1])).headers["etag"]
            http.headers["If-None-Match"] = tag
            return [
                *found,
                await _list(http, "points_listed_unchanged", LISTS[-1][1], "<= 0.01", status=304),
            ]


async def _list(http: httpx.AsyncClient, name: str, path: str, asked: str, *, status: int = 200) -> Result:
    seconds = []
    for _ in range(RUNS + 1):
        begun = time.perf_counter()
        answer = await http.get(path)
        seconds.append(time.perf_counter() - begun)
    if answer.status_code != status:
        raise RuntimeError(answer.text[:200])
    return median_of(name, "s", asked, seconds[1:], points=POINTS, bytes=len(answer.content))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        print_results(asyncio.run(measure(Path(name))))


if __name__ == "__main__":
    main()
