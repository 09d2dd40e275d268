"""Rollups: what one quarter hour of many points costs on either store, and whether storing goes on as before.

`rollup_quarter_duckdb_s` is a quarter hour of 10,000 points that speak every 10 s, `rollup_quarter_influxdb_s` one of
1,000 points on a real InfluxDB 1.6.7; both read the readings back from the store, reduce them and store the rows, a
portion after the other, without the pauses that the platform makes. `rollup_hour_duckdb_s` is the hour made of its four
quarters. `rollup_ingest_ratio` compares the rate at which the store takes all that it can while quarter hours are made
without an end, with the pauses that the platform makes while readings wait, with the rate while nothing is made, in
turns. `rollup_late_check_us` is what the writer pays for each batch of 20,000 readings.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from barrio.rollups import desk
from tests.bench.result import Result, median_of, print_results
from tests.servers import InfluxDB
from twin.frame import Batch, Ids, join
from twin.model.quantities import Aggregation, Quantity
from twin.resolution import Resolution
from twin.rollups.book import Book
from twin.rollups.late import Late
from twin.rollups.maker import Maker
from twin.rollups.points import points_of
from twin.rollups.portions import Ground
from twin.store.duckdb import DuckDBStore
from twin.store.influx import InfluxStore
from twin.store.port import Series, Store

NS = 10**9
QUARTER = 900 * NS
EVERY_S = 10
A_DEVICE = 20
A_BATCH = 20_000
QUARTERS = 5
ZONE = ZoneInfo("America/Mexico_City")
RANDOM = np.random.default_rng(11)
KINDS = (
    Quantity("air_temperature", unit="Cel", title="t", titulo="t"),
    Quantity("energy_import", unit="kW.h", aggregation=Aggregation.COUNTER, title="e", titulo="e"),
    Quantity("pump_state", aggregation=Aggregation.STATE, title="p", titulo="p"),
    Quantity("humidity", unit="%", title="h", titulo="h"),
)
STATES = {1: "off", 2: "on"}


def catalogue(number: int) -> list[Series]:
    """Points of every kind, twenty to a device."""
    return [
        Series(
            one,
            f"bench/v{one // A_DEVICE}/p{one}",
            "bench",
            "s",
            f"v{one // A_DEVICE}",
            f"p{one}",
            KINDS[one % len(KINDS)],
        )
        for one in range(1, number + 1)
    ]


def batches(ids: Ids, start: int, stop: int) -> Iterator[Batch]:
    """Readings of all points, in the order in which they come."""
    offset = np.sort(RANDOM.integers(0, EVERY_S * NS, len(ids)))
    waiting: list[Batch] = []
    kind = ids % len(KINDS)
    for number, moment in enumerate(range(start, stop, EVERY_S * NS)):
        time_ = moment + offset
        value = np.where(
            kind == 2, RANDOM.integers(1, 3, len(ids)), np.round(RANDOM.normal(20, 3, len(ids)), 1)
        )
        value = np.where(kind == 1, number * 0.5, value).astype(np.float64)
        quality = np.zeros(len(ids), np.uint8)
        waiting.append(Batch(ids, time_, time_, np.zeros(len(ids), np.int64), value, quality))
        if len(waiting) * len(ids) >= A_BATCH:
            yield join(waiting)
            waiting.clear()
    if waiting:
        yield join(waiting)


def making(store: Store, folder: Path, series: list[Series], start: int) -> tuple[Maker, Ground, Book, Late]:
    """A maker that has made everything up to `start`."""
    store.open(series, STATES)
    book = Book(folder / "rollups.sqlite")
    book.open()
    late = Late(book, len(series) + 1)
    ground = Ground("bench", ZONE, points_of([(one, 40.0) for one in series]), {})
    maker = Maker(store, book, late, [ground])
    book.begin("bench", start, start)
    maker.begin(start)
    return maker, ground, book, late


def quarters(store: Store, folder: Path, points: int, number: int) -> tuple[list[float], float, float]:
    """Return seconds of each quarter hour, of the portion that took longest, and of an hour."""
    series = catalogue(points)
    ids = np.array([one.id for one in series], np.int32)
    start = time.time_ns() // (24 * 3600 * NS) * 24 * 3600 * NS + 6 * 3600 * NS
    maker, ground, book, _ = making(store, folder, series, start)
    runs, longest = [], 0.0
    for index in range(number):
        begin = start + index * QUARTER
        for batch in batches(ids, begin, begin + QUARTER):
            store.write(batch)
        took = 0.0
        work = maker.forward(ground, begin + QUARTER, begin + QUARTER)
        while True:
            begun = time.perf_counter()
            found = next(work, None)
            portion = time.perf_counter() - begun
            took, longest = took + portion, max(longest, portion)
            if found is None:
                break
        runs.append(took)
    begun = time.perf_counter()
    list(
        maker.portions.remake(ground, ground.points, (start, start + 4 * QUARTER), (Resolution.HOUR,), start)
    )
    hour = time.perf_counter() - begun
    book.close()
    return runs, longest, hour


def duckdb_figures(folder: Path) -> list[Result]:
    """A quarter hour of 10,000 points in the embedded store; the first is the one that learns how much there is."""
    store = DuckDBStore(folder / "twin.duckdb")
    runs, longest, hour = quarters(store, folder, 10_000, QUARTERS)
    store.close()
    plain = [run for number, run in enumerate(runs, 1) if number % 4]
    readings = 10_000 * 900 // EVERY_S
    each = [run / readings * 1e6 for run in plain]
    return [
        median_of(
            "rollup_quarter_duckdb_s",
            "s",
            "<= 5",
            plain,
            readings=readings,
            longest_portion_s=round(longest, 3),
        ),
        median_of("rollup_reading_duckdb_us", "us", "", each),
        median_of("rollup_hour_duckdb_s", "s", "<= 5", [hour]),
    ]


def influxdb_figures(folder: Path) -> list[Result]:
    """A quarter hour of 1,000 points in an InfluxDB 1.6.7."""
    (folder / "influxdb").mkdir()
    with InfluxDB(folder / "influxdb") as server:
        store = InfluxStore(server.url, timeout_s=60.0)
        runs, longest, _ = quarters(store, folder, 1_000, 3)
        store.close()
    readings = 1_000 * 900 // EVERY_S
    each = [run / readings * 1e6 for run in runs]
    return [
        median_of(
            "rollup_quarter_influxdb_s",
            "s",
            "<= 5",
            runs,
            readings=readings,
            longest_portion_s=round(longest, 3),
        ),
        median_of("rollup_reading_influxdb_us", "us", "", each),
    ]


def ingest_figures(folder: Path) -> list[Result]:
    """Storing alone and beside the making of rollups, in turns."""
    series = catalogue(10_000)
    ids = np.array([one.id for one in series], np.int32)
    start = time.time_ns() // (24 * 3600 * NS) * 24 * 3600 * NS + 6 * 3600 * NS
    store = DuckDBStore(folder / "twin.duckdb")
    maker, ground, book, late = making(store, folder, series, start)
    for batch in batches(ids, start, start + 2 * QUARTER):
        store.write(batch)
    list(maker.forward(ground, start + 2 * QUARTER, start))
    coming = batches(ids, start + 2 * QUARTER, start + 400 * QUARTER)
    alone: list[float] = []
    beside: list[float] = []
    checks: list[float] = []
    made = maker.portions.rows
    for _ in range(6):
        alone.append(_rate(store, late, coming, checks))
        stop = threading.Event()
        thread = threading.Thread(target=_make, args=(maker, ground, start, stop))
        thread.start()
        beside.append(_rate(store, late, coming, checks))
        stop.set()
        thread.join()
    book.close()
    store.close()
    ratio = [one / other for one, other in zip(beside, alone, strict=True)]
    return [
        median_of(
            "rollup_ingest_ratio",
            "",
            ">= 0.7",
            ratio,
            alone=round(statistics.median(alone)),
            rows=maker.portions.rows - made,
        ),
        median_of("rollup_late_check_us", "us", "<= 500", [statistics.median(checks)]),
    ]


def _rate(store: Store, late: Late, coming: Iterator[Batch], checks: list[float]) -> float:
    """Return readings stored in a second, over about two seconds of storing."""
    number, spent = 0, 0.0
    while spent < 2.0:
        batch = next(coming)
        begun = time.perf_counter()
        store.write(batch)
        stored = time.perf_counter()
        late.among(batch)
        checks.append((time.perf_counter() - stored) * 1e6)
        spent += time.perf_counter() - begun
        number += len(batch)
    return number / spent


def _make(maker: Maker, ground: Ground, start: int, stop: threading.Event) -> None:
    """Make the same windows again and again, with the pauses of the platform."""
    while not stop.is_set():
        for _ in _timed(
            maker.portions.remake(
                ground, ground.points, (start, start + QUARTER), (Resolution.QUARTER,), start
            )
        ):
            if stop.is_set():
                return


def _timed(work: Iterator[int]) -> Iterator[int]:
    begun = time.perf_counter()
    for one in work:
        pause_s = (time.perf_counter() - begun) * desk.PAUSE_WHILE_OTHERS_WAIT
        time.sleep(min(pause_s, desk.LONGEST_PAUSE_S))
        yield one
        begun = time.perf_counter()


def main() -> None:
    """Run and print."""
    for figures in (duckdb_figures, influxdb_figures, ingest_figures):
        with tempfile.TemporaryDirectory() as folder:
            print_results(figures(Path(folder)))


if __name__ == "__main__":
    main()
