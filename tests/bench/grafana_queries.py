"""How long the panels of the district home take: InfluxDB 1.6.7 with 30 days of 1,000 points every 10 s, and rollups.

The district is the demo, with a little more than 1,000 points. All of it would be 270 million rows, which take longer
to load than a benchmark may. So the points that the home reads as raw readings have all their 30 days every 10 s, all
other points the last two hours every 10 s and a reading every ten minutes before. Rollups and facts are complete. What
was loaded, and how fast, stands beside the figures.

A panel's time is the sum over its queries, those that its guard turns away too, each a request of its own as Grafana
sends it; the median of several rounds. `first` is the very first round after loading.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np

from barrio.assembly import Counting, bind
from dashboards.generate import Options, generate
from dashboards.kit.names import page_uid, source_uid
from dashboards.preview.ask import AskedDashboard, Asker, Source, ask, panels_of
from dashboards.preview.interpolate import chosen, interpolate
from dashboards.preview.span import Span
from tests.bench.result import median_of, print_results
from tests.dashboards import week_facts
from tests.dashboards.districts import demo
from tests.dashboards.queries import reads
from tests.dashboards.week import Week
from tests.servers import InfluxDB
from twin.facts import COVERAGE, Fact
from twin.frame import Batch
from twin.model.computed import computed_points, owner_of
from twin.model.district import District
from twin.model.quantities import Aggregation
from twin.resolution import ROLLUPS, Resolution
from twin.store.history import is_state
from twin.store.influx import InfluxStore
from twin.store.lineprotocol import line_of, prefix
from twin.store.port import Series

NS, DAYS, EVERY_S, THIN_S, FULL_S = 10**9, 30, 10, 600, 7200
DAY_S = 86_400
ROUNDS = 5
LINES = 25_000
RANDOM = np.random.default_rng(11)
RANGES = (("24h", "now-24h", 0.3), ("30d", "now-30d", 0.5))


class Load:
    """A month of the demo district on its way into an InfluxDB."""

    def __init__(self, url: str, district: District, now: int) -> None:
        self.url, self.district, self.now = url, district, now
        self.catalogue = bind([district], Counting())
        self.series: Sequence[Series] = self.catalogue.series
        self.store = InfluxStore(url, timeout_s=120.0)
        self.store.open(self.series, self.catalogue.states)
        self.codes = {name: code for code, name in self.catalogue.states.items()}
        self.rows = 0

    def raw(self, series: Sequence[Series], start: int, stop: int, every_s: int) -> None:
        """Write readings of some series, a part of the time at once."""
        ids = np.array([one.id for one in series], np.int32)
        times = np.arange(start, stop, every_s * NS, dtype=np.int64)
        most = max(1, 100_000 // max(len(ids), 1))
        for first, last in pairwise([*range(0, len(times), most), len(times)]):
            some = times[first:last]
            values = np.stack([self.values(one, some) for one in series], axis=1).ravel()
            moments, zeros = np.repeat(some, len(ids)), np.zeros(len(some) * len(ids), np.int64)
            many = np.tile(ids, len(some))
            self.store.write(Batch(many, moments, moments, zeros, values, zeros.astype(np.uint8)))
            self.rows += len(many)

    def values(self, one: Series, times: np.ndarray) -> np.ndarray:
        """Return plausible values: a day and night for gauges, growth for counters, states in turn."""
        if is_state(one):
            codes = [self.codes[name] for name in one.quantity.states if name in self.codes] or [0]
            places = (times // (6 * 3600 * NS) + one.id) % len(codes)
            found: np.ndarray = np.array(codes, float)[places]
            return found
        if one.quantity.aggregation is Aggregation.COUNTER:
            return np.round((times - self.now + (DAYS + 1) * DAY_S * NS) / NS / 3600.0, 3)
        course: np.ndarray = np.sin(2 * np.pi * (times / NS % DAY_S) / DAY_S + one.id)
        return np.round(50 + 30 * course + RANDOM.normal(0, 1, len(times)), 2)

    def lines(self, database: str, rows: Iterator[str]) -> int:
        """Write rows of a database; returns how many."""
        total, waiting = 0, []
        with httpx.Client(base_url=self.url, timeout=120, trust_env=False) as client:
            client.post("/query", data={"q": f'CREATE DATABASE "{database}"'}).raise_for_status()
            for line in rows:
                waiting.append(line)
                if len(waiting) == LINES:
                    total += _write(client, database, waiting)
                    waiting = []
            return total + _write(client, database, waiting)

    def rollups(self, resolution: Resolution) -> Iterator[str]:
        """Yield rollup rows of every point, and coverage of every device."""
        width = resolution.seconds
        first = (self.now - DAYS * DAY_S * NS) // (width * NS) * width * NS
        times = np.arange(first, self.now, width * NS, dtype=np.int64)
        for one in self.series:
            head, fields = prefix(one), self._fields(one, times, width)
            yield from (f"{head}{text} {moment}" for text, moment in zip(fields, times.tolist(), strict=True))
        sites = {device.id: device.site for device in self.district.devices.values()}
        sites |= {owner: owner_of(self.district, owner).site for owner, _ in computed_points(self.district)}
        for device, site in sites.items():
            tags = {"district": self.district.id, "site": site, "device": device}
            for moment in times.tolist():
                yield line_of(
                    Fact(
                        COVERAGE.name,
                        tags,
                        {"expected_s": 9.0 * width, "good_s": 8.9 * width, "points": 9},
                        moment,
                    )
                )

    def _fields(self, one: Series, times: np.ndarray, width: int) -> list[str]:
        count, good = float(width / EVERY_S), float(width)
        if is_state(one):
            names = [self.catalogue.states[int(code)] for code in self.values(one, times)]
            return [
                f'state_s:{name}={good},last_state="{name}",count={count},good_s={good}' for name in names
            ]
        values = self.values(one, times).tolist()
        if one.quantity.aggregation is Aggregation.COUNTER:
            return [f"delta={width / 3600.0},last={value},count={count},good_s={good}" for value in values]
        return [f"mean={v},min={v - 2},max={v + 2},last={v},count={count},good_s={good}" for v in values]


def _write(client: httpx.Client, database: str, lines: Sequence[str]) -> int:
    if lines:
        client.post("/write", params={"db": database}, content="\n".join(lines).encode()).raise_for_status()
    return len(lines)


def facts(load: Load) -> Iterator[str]:
    """Yield the facts of four weeks and two days: those of the simulated week, repeated."""
    times = np.arange(load.now - 7 * DAY_S * NS, load.now + 1, 120 * NS, dtype=np.int64)
    values = np.zeros((len(times), len(load.series)))
    week = Week(load.district, load.catalogue, load.series, times, values)
    for fact in week_facts.facts(week):
        head, _, moment = line_of(fact).rpartition(" ")
        for number in range(5 if fact.measurement == "barrio_health" else 4):
            yield f"{head} {int(moment) - number * 7 * DAY_S * NS}"


def read_raw(load: Load, board: dict[str, object], asker: Asker) -> list[Series]:
    """Return the series that the raw queries of a dashboard read, by asking which answer to their conditions."""
    by_tags = {(one.quantity.name, one.device, one.point): one for one in load.series}
    found: dict[int, Series] = {}
    span = Span(load.now // 10**6 - 3_600_000, load.now // 10**6)
    raw = source_uid(load.district.id, Resolution.RAW)
    for panel in panels_of(board):
        for target in panel.get("targets", ()):
            if target["datasource"]["uid"] != raw:
                continue
            query = interpolate(target["query"], span, 10_000, chosen(board))
            for measurement, rest in reads(query, whole=True):
                condition = rest.partition(" GROUP BY ")[0].partition(" ORDER BY ")[0].rstrip(") ")
                for column in ("value", "state"):
                    where = f'FROM "{measurement}"{_closed(condition)}'
                    text = f'SELECT last("{column}") {where} GROUP BY "device", "point"'
                    for frame in asker.ask(raw, text, {}, 1).frames:
                        tags = frame.columns[1].labels
                        one = by_tags.get((measurement, tags.get("device", ""), tags.get("point", "")))
                        if one is not None:
                            found[one.id] = one
    return list(found.values())


def _closed(condition: str) -> str:
    """Return a condition with the brackets that it lost at its end."""
    return condition + ")" * (condition.count("(") - condition.count(")"))


def fill(load: Load, board: dict[str, object], asker: Asker) -> dict[str, object]:
    """Load everything; returns what was loaded, and how fast."""
    begun = time.perf_counter()
    month = load.now - DAYS * DAY_S * NS
    load.raw(load.series, load.now - FULL_S * NS, load.now, EVERY_S)
    often = read_raw(load, board, asker)
    known = {one.id for one in often}
    load.raw(often, month, load.now - FULL_S * NS, EVERY_S)
    rate = load.rows / (time.perf_counter() - begun)
    load.raw([one for one in load.series if one.id not in known], month, load.now - FULL_S * NS, THIN_S)
    rolled = sum(load.lines(one.database(load.district.id), load.rollups(one)) for one in ROLLUPS)
    told = load.lines(load.district.id, facts(load))
    whole = len(load.series) * DAYS * DAY_S // EVERY_S
    return {
        "points": len(load.series),
        "points_every_10_s_for_30_days": len(often),
        "other_points": "every 10 min, the last 2 h every 10 s",
        "rows_raw": load.rows,
        "rows_of_all_points_every_10_s": whole,
        "rows_rollups": rolled,
        "rows_facts": told,
        "raw_rows_per_s": round(rate),
        "all_would_take_s": round(whole / rate),
        "loaded_in_s": round(time.perf_counter() - begun, 1),
    }


def times_of(found: AskedDashboard) -> dict[str, float]:
    """Return the seconds of each panel that asks something; RuntimeError for a query that failed."""
    for panel in found.panels:
        for answer in panel.answers:
            if answer.error:
                raise RuntimeError(f"{panel.panel['title']}: {answer.error}: {answer.query}")
    return {
        f"{panel.panel['title']} ({panel.panel['id']})": sum(answer.seconds for answer in panel.answers)
        for panel in found.panels
        if panel.answers
    }


def main() -> None:
    """Load, ask, print."""
    district = demo()
    board = next(
        one.json for one in generate([district], Options()) if one.uid == page_uid(district.id, "home")
    )
    now = time.time_ns() // (EVERY_S * NS) * EVERY_S * NS
    with tempfile.TemporaryDirectory() as folder, InfluxDB(Path(folder)) as server:
        sources = {
            source_uid(district.id, one): Source(server.url, one.database(district.id)) for one in Resolution
        }
        load = Load(server.url, district, now)
        with Asker(sources) as asker:
            loaded = fill(load, board, asker)
            load.store.close()
            results = []
            for name, start, asked in RANGES:
                rounds = [times_of(ask(board, asker, now // 10**6, start, "now")) for _ in range(ROUNDS + 1)]
                panels = {title: statistics.median(one[title] for one in rounds[1:]) for title in rounds[0]}
                slowest = max(panels, key=lambda title: panels[title])
                runs = [one[slowest] for one in rounds[1:]]
                results.append(
                    median_of(
                        f"grafana_home_{name}_worst_panel",
                        "s",
                        f"<= {asked}",
                        runs,
                        panel=slowest,
                        median_panel=round(statistics.median(panels.values()), 4),
                        panels=len(panels),
                        whole_page=round(sum(panels.values()), 3),
                        first=round(max(rounds[0].values()), 4),
                        **loaded,
                    )
                )
    print_results(results)


if __name__ == "__main__":
    main()
