"""The same observations out of an InfluxDB, and nothing of it in memory until somebody asks."""

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.barrio.api.test_further import LOOKS
from tests.barrio.sta.town import fill, seeing, town
from twin.resolution import Resolution


@pytest.fixture
def emptied(influxdb) -> Iterator[str]:
    """The URL of an InfluxDB without the district's database, before and after."""
    query = {"q": 'DROP DATABASE "little"'}
    httpx.post(f"{influxdb.url}/query", params=query).raise_for_status()
    yield influxdb.url
    httpx.post(f"{influxdb.url}/query", params=query).raise_for_status()


async def test_observations_out_of_influxdb(tmp_path, monkeypatch, emptied):
    """Pages, spans, counts, windows and states as from the embedded store."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setenv("BARRIO_STORE", emptied)
    async with town(tmp_path) as found:
        fill(found)
        path = f"/Datastreams({found.id('probe/temperature')})"
        newest = await found.results(f"{path}/Observations")
        oldest = [
            one["result"]
            for one in await found.all(f"{path}/Observations", top="4", orderby="phenomenonTime")
        ]
        filtered = await found.results(
            f"{path}/Observations", filter="result gt 25 and phenomenonTime lt 2026-11-27T12:08Z"
        )
        count = (await found.get(f"{path}/Observations", count="true"))["@iot.count"]
        span = (await found.get(path))["phenomenonTime"]
        windows = await found.results(f"{path}/Observations", seeing(finest=Resolution.QUARTER))
        states = await found.results(f"/Datastreams({found.id('probe/pump')})/Observations")
        one = (await found.get(f"{path}/Observations", top="1"))["value"][0]
        again = await found.get(f"/Observations({one['@iot.id']})")

    assert newest == oldest[::-1] == [29.0, *(20.0 + n for n in range(7, -1, -1))]
    assert filtered == [27.0, 26.0]
    assert count == 9
    assert span == "2026-11-27T12:00:00.000000Z/2026-11-27T12:09:00.000000Z"
    assert len(windows) == 1
    assert states == ["on", "off"]
    assert again == one


def test_nothing_is_imported_before_somebody_asks():
    """A district that nobody asks over SensorThings holds its routes and no more."""
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)
    loaded = [one for one in done.stdout.split() if one.split(".")[:2] == ["barrio", "sta"]]

    assert loaded == ["barrio.sta", "barrio.sta.routes"]
