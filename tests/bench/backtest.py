"""A rule over 90 days of one point at one minute, 129,600 readings in the embedded store, asked as a person asks it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import yaml

from barrio.api.app import create_app
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.bench.result import RUNS, median_of, print_results
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import SystemClock
from twin.frame import Batch
from twin.model.loader import load_district

DAYS = 90
READINGS = DAYS * 1440
NS = 1_000_000_000
RULE = {
    "id": "warm",
    "on": "device-1",
    "point": "p1",
    "above": "24 Cel",
    "hysteresis": "0.5 K",
    "on_delay": "5min",
    "off_delay": "5min",
}
EXPRESSION = {"id": "rising", "on": "device-1", "value": "rate(p1 over 1h)", "above": "2 K/h"}


def readings(series: int, now: int) -> Batch:
    """Return a quarter of a year of a room: warm in the afternoon, noisy, a reading each minute."""
    begun = now - READINGS * 60 * NS
    moments = begun + np.arange(READINGS, dtype=np.int64) * 60 * NS
    day = np.arange(READINGS) / 1440
    noise = np.random.default_rng(1).normal(0, 0.4, READINGS)
    values = 21 + 4 * np.sin(2 * np.pi * day) + 2 * np.sin(2 * np.pi * day / 30) + noise
    nothing = np.zeros(READINGS, np.int64)
    return Batch(
        np.full(READINGS, series, np.int32), moments, moments, nothing, values, np.zeros(READINGS, np.uint8)
    )


async def measure() -> dict[str, tuple[list[float], dict[str, object]]]:
    """Return the seconds of several runs, and what was found, by rule."""
    found: dict[str, tuple[list[float], dict[str, object]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        connectors = Connectors({})
        connectors.add(SyntheticConnector(Pace()))
        written = write_district(Path(folder) / "bench", 1, 4)
        (written / "alarms.yaml").write_text(yaml.safe_dump({"alarms": [RULE, EXPRESSION]}), "utf-8")
        district = load_district(written, connectors, [])
        async with Platform(
            [district], Settings(data=Path(folder) / "data"), connectors, SystemClock()
        ) as platform:
            item = platform.catalogue.points[f"{district.id}/device-1/p1"]
            batch = readings(item.id, platform.clock.now_ns())
            await platform.in_thread("store", platform.store.write, batch)
            transport = httpx.ASGITransport(create_app(platform))
            async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
                for rule in (RULE, EXPRESSION):
                    runs = []
                    for _ in range(RUNS):
                        begun = time.perf_counter()
                        query = {"rule": rule["id"], "from": f"-{DAYS}d"}
                        body = (await client.get("/api/v1/alarms/backtest", params=query)).json()
                        runs.append(time.perf_counter() - begun)
                    total = body["total"]
                    facts = {key: total[key] for key in ("readings", "raised", "chattering")}
                    found[rule["id"]] = runs, facts
    return found


def main() -> None:
    """Run and print."""
    found = asyncio.run(measure())
    limits, expression = found["warm"], found["rising"]
    print_results(
        [
            median_of("backtest_90_days", "s", "<= 2", limits[0], **limits[1]),
            median_of("backtest_90_days_of_a_rate", "s", "<= 2", expression[0], **expression[1]),
        ]
    )


if __name__ == "__main__":
    main()
