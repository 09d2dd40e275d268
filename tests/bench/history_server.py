"""Serves, on one uvicorn: the platform's API, and bare handlers that give the same columns of 10,000 points.

`python -m tests.bench.history_server FOLDER` prints its port. `/bare/json` is orjson on numpy columns that are in
memory, `/bare/arrow` the same as an Arrow stream, `/naive` a pydantic model a row, as a first draft would have it.
`/api/...` is the real application on the real store; below `/held` it is the same with the store's answer kept in
memory, which leaves what the API itself does.
"""

from __future__ import annotations

import io
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from fastapi import FastAPI
from pydantic import BaseModel

from barrio.api.app import create_app
from barrio.api.server import Server, address, bind
from barrio.assembly import bind as bind_points
from barrio.platform import Platform
from barrio.settings import Listen, Settings
from connectors.registry import Connectors
from tests.bench.synthetic import Pace, SyntheticConnector, write_district
from twin.clock import NS, SystemClock
from twin.folder import DataFolder
from twin.frame import Batch
from twin.model.district import District
from twin.model.loader import load_district
from twin.series import SeriesRegistry
from twin.store.duckdb import DuckDBStore

DEVICES, POINTS = 10, 20
READINGS = 10_000
EVERY_S = 8
OTHERS_EVERY = 60


class Row(BaseModel):
    """One reading, as an object."""

    time: datetime
    value: float
    quality: str


class Held:
    """A store whose raw rows were read before."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._rows: dict[Any, Batch] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def raw(self, ids: Any, start: int, stop: int) -> Batch:
        """Return rows, read once."""
        key = (ids.tobytes(), start, stop)
        if key not in self._rows:
            self._rows[key] = self._store.raw(ids, start, stop)
        return self._rows[key]


class HeldPlatform:
    """A platform with such a store."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.store = Held(platform.store)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._platform, name)


def district_in(folder: Path) -> tuple[District, Connectors]:
    """Return the district of the bench, which is written when it is missing."""
    connectors = Connectors({})
    connectors.add(SyntheticConnector(Pace()))
    where = folder / "bench"
    if not where.is_dir():
        write_district(where, DEVICES, POINTS)
    return load_district(where, connectors, []), connectors


def prepare(data: Path, district: District, start: int) -> list[str]:
    """Leave a data folder in which the first point has 10,000 readings and the others a day by minutes."""
    folder = DataFolder(data)
    folder.open()
    registry = SeriesRegistry(folder.series)
    registry.open()
    catalogue = bind_points([district], registry)
    store = DuckDBStore(folder.duckdb)
    store.open(catalogue.series, {})
    paths, ids = list(catalogue.points), [item.id for item in catalogue.points.values()]
    random = np.random.default_rng(11)
    for one in ids:
        number, step = (READINGS, EVERY_S) if one == ids[0] else (86_400 // OTHERS_EVERY, OTHERS_EVERY)
        time = start + np.arange(number, dtype=np.int64) * step * NS
        value = np.round(20 + np.cumsum(random.normal(0, 0.2, number)), 1)
        codes = np.zeros(number, np.uint8)
        store.write(Batch(np.full(number, one, np.int32), time, time, time * 0, value, codes))
    for part in (store, registry, folder):
        part.close()
    return paths


def columns(platform: Platform) -> tuple[Any, Any, list[str]]:
    """Return the columns that the API would give."""
    one = next(iter(platform.catalogue.points.values())).id
    rows = platform.store.raw(np.array([one], np.int32), 0, 2**62)
    return (rows.time // 1000).astype("datetime64[us]"), rows.value, ["good"] * len(rows)


def bare(platform: Platform) -> Any:
    """Return an ASGI application that does nothing but serialise."""
    time, value, quality = columns(platform)
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
    nanoseconds = time.astype("datetime64[ns]")

    def as_json() -> bytes:
        return orjson.dumps({"time": time, "value": value, "quality": quality}, option=option)

    def as_arrow() -> bytes:
        table = pa.table({"time": nanoseconds, "value": value, "quality": pa.array(quality)})
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue()

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        body = as_arrow() if scope["path"].endswith("arrow") else as_json()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def naive(platform: Platform) -> FastAPI:
    """Return an application that answers with a model a row."""
    time, value, _ = columns(platform)
    app = FastAPI()

    @app.get("/naive")
    async def rows() -> list[Row]:
        pairs = zip(time.tolist(), value.tolist(), strict=True)
        return [Row(time=moment, value=number, quality="good") for moment, number in pairs]

    return app


async def serve(folder: Path) -> None:
    """Serve until the process is ended."""
    district, connectors = district_in(folder)
    settings = Settings(data=folder / "data")
    async with Platform([district], settings, connectors, SystemClock(), at_rest=True) as platform:
        real, held = create_app(platform), create_app(HeldPlatform(platform))  # type: ignore[arg-type] # as a platform
        others = {"bare": bare(platform), "naive": naive(platform)}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            first = scope["path"].split("/")[1] if scope["type"] == "http" else ""
            if first == "held":
                path = scope["path"].removeprefix("/held")
                scope = scope | {"path": path, "raw_path": path.encode()}
                await held(scope, receive, send)
            else:
                await others.get(first, real)(scope, receive, send)

        listening = bind(Listen("127.0.0.1", 0))
        sys.stdout.write(address(listening).rpartition(":")[2] + "\n")
        sys.stdout.flush()
        await Server(app, listening).serve([listening])


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(Path(sys.argv[1])))
