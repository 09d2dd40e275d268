"""`barrio rollup` on a platform that runs, as a person types it."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from barrio.assembly import bind, load_all, profiles_folder
from connectors.registry import Connectors
from tests.barrio.processes import barrio, started, wait_for
from tests.barrio.test_cli import DEVICES, write_district
from tests.servers import free_port
from twin.folder import DataFolder
from twin.frame import Batch
from twin.series import SeriesRegistry
from twin.store.duckdb import DuckDBStore

NS = 1_000_000_000
DAY = 86_400 * NS


def history(folder: Path, days: int) -> int:
    """Leave a data folder that was filled before there were rollups; returns how many readings it holds."""
    far = DEVICES.replace("10.0.0.1:502", f"127.0.0.1:{free_port()}").split("  - {id: pump")[0]
    write_district(folder / "little", devices=far)
    districts = load_all([str(folder / "little")], Path(), Connectors(), profiles_folder())
    data = DataFolder(folder / "data")
    data.open()
    registry = SeriesRegistry(data.series)
    registry.open()
    catalogue = bind(districts, registry)
    store = DuckDBStore(data.duckdb)
    store.open(catalogue.series, catalogue.states)
    now = time.time_ns()
    times = np.arange(now - days * DAY, now - 3600 * NS, 300 * NS)
    level = catalogue.points["little/tank/level"].id
    nothing = np.zeros(len(times), np.int64)
    store.write(
        Batch(
            np.full(len(times), level, np.int32),
            times,
            times,
            nothing,
            np.sin(times / DAY),
            nothing.astype(np.uint8),
        )
    )
    for one in (store, registry, data):
        one.close()
    return len(times)


def standing(folder: Path) -> Any:
    found = barrio("rollup", "status", "--json", "--data", "data", cwd=folder)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.mark.timeout(180)
def test_status_and_rebuild(tmp_path):
    """Older history is rolled up by itself, a stretch is made again on demand, and at rest there are only answers."""
    number = history(tmp_path, 3)
    port = free_port()
    words = ("run", "little", "--listen", f"127.0.0.1:{port}", "--data", "data")
    with started(*words, cwd=tmp_path) as platform:
        wait_for(f"http://127.0.0.1:{port}/readyz", platform)
        until = time.monotonic() + 60
        while standing(tmp_path)["districts"][0]["older_days"] != 0:
            assert time.monotonic() < until
        again = [
            barrio("rollup", "rebuild", "little/tank", "--from", "-2d", "--data", "data", cwd=tmp_path)
            for _ in range(2)
        ]
        wrong = barrio(
            "rollup",
            "rebuild",
            "little",
            "--from",
            "-2d",
            "--resolution",
            "2h",
            "--data",
            "data",
            cwd=tmp_path,
        )
        unknown = barrio("rollup", "rebuild", "little/tonk", "--from", "-2d", "--data", "data", cwd=tmp_path)
        text = barrio("rollup", "status", "--data", "data", cwd=tmp_path).stdout
        status = barrio("status", "--data", "data", cwd=tmp_path).stdout
        platform.send_signal(signal.SIGTERM)
        said = platform.communicate(timeout=30)[1]
    rest = barrio("rollup", "rebuild", "little", "--from", "-2d", "--data", "data", cwd=tmp_path)
    after = standing(tmp_path)
    with duckdb.connect(str(tmp_path / "data" / "twin.duckdb"), read_only=True) as connection:
        counts = connection.execute(
            "SELECT resolution, sum(count) FROM rollups WHERE path = 'little/tank/level' GROUP BY ALL"
        ).fetchall()

    assert [one.returncode for one in again] == [0, 0], again
    assert again[0].stdout.startswith("little/tank: made again from ")
    assert (wrong.returncode, unknown.returncode, rest.returncode) == (2, 2, 2)
    assert "'2h' is none of 15m, 1h, 1d, all" in wrong.stderr
    assert "did you mean" in unknown.stderr or "little/tank" in unknown.stderr
    assert "does not run with this data folder" in rest.stderr
    assert "rollups   made until " in status
    assert text.splitlines()[0].split()[0] == "district"
    assert dict(counts)["15m"] == number
    assert [job["ended"] for job in after["jobs"]] == [True, True]
    assert platform.returncode == 0
    assert "Traceback" not in said
