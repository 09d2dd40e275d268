"""Rollups of the simulated week and of four weeks before it, which repeat it a little lower.

Rows as `twin/rollups` writes them, computed from the week's matrix in one go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import numpy.typing as npt

from tests.dashboards.week import QUIET_STEPS, STEP_S, Matrix, Week, owners
from twin.facts import COVERAGE, Fact
from twin.model.quantities import Aggregation
from twin.resolution import ROLLUPS, Resolution
from twin.store.lineprotocol import line_of, prefix

NS = 1_000_000_000
WEEK_NS = 7 * 86_400 * NS
EARLIER = {Resolution.QUARTER: 0, Resolution.HOUR: 4, Resolution.DAY: 4}
"""How many weeks before the week there are, by resolution."""
LINES = 25_000
_Ints = npt.NDArray[np.int64]


def store(week: Week, url: str, prefix_of_databases: str = "") -> int:
    """Write rollups of every point and coverage of every device; returns how many rows."""
    total = 0
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for resolution in ROLLUPS:
            database = resolution.database(week.district.id, prefix_of_databases)
            client.post("/query", data={"q": f'CREATE DATABASE "{database}"'}).raise_for_status()
            lines: list[str] = []
            for line in rows(week, resolution):
                lines.append(line)
                if len(lines) == LINES:
                    total += _write(client, database, lines)
                    lines = []
            total += _write(client, database, lines)
    return total


def _write(client: httpx.Client, database: str, lines: Sequence[str]) -> int:
    answer = client.post("/write", params={"db": database}, content="\n".join(lines).encode())
    assert answer.status_code == 204, answer.text
    return len(lines)


def edges(week: Week, resolution: Resolution) -> _Ints:
    """Return where windows begin, ns UTC, and where the last one ends."""
    zone = week.district.zone
    first = datetime.fromtimestamp(int(week.times[0]) / NS, UTC).astimezone(zone)
    if resolution is Resolution.DAY:
        start = first.replace(hour=0, minute=0, second=0, microsecond=0)
        days = [start + timedelta(days=number) for number in range(9)]
        found = np.array([round(day.timestamp()) for day in days], np.int64) * NS
    else:
        width = resolution.seconds * NS
        begin = int(week.times[0]) // width * width
        found = np.arange(begin, week.now_ns + 2 * width, width, dtype=np.int64)
    return found[: int(np.searchsorted(found, week.now_ns, side="right")) + 1]


def rows(week: Week, resolution: Resolution) -> Iterator[str]:
    """Yield lines of one resolution, the earlier weeks too."""
    cuts = edges(week, resolution)
    steps = np.searchsorted(week.times, cuts)
    steps, starts = steps[:-1], cuts[:-1]
    there = ~np.isnan(week.values)
    counts = np.add.reduceat(there, steps, axis=0)
    holding = _covered(there)
    lengths = np.minimum(cuts[1:], week.now_ns) - np.maximum(starts, week.times[0])
    many = np.diff(np.append(steps, len(week.times)))
    good = np.add.reduceat(holding, steps, axis=0) * (lengths / NS / many)[:, None]
    shifts = [(number * WEEK_NS, 1.0 - 0.03 * number) for number in range(EARLIER[resolution] + 1)]
    for column in range(len(week.series)):
        texts = _texts(week, column, steps, counts[:, column], good[:, column])
        head = prefix(week.series[column])
        for shift, scale in shifts:
            whole = starts < week.now_ns - resolution.seconds * NS if not shift else starts < week.times[-1]
            for start, text in zip(starts[whole], np.array(texts, object)[whole], strict=True):
                yield f"{head}{text(scale)} {start - shift}"
    yield from _coverage(week, starts, lengths / NS, good, [shift for shift, _ in shifts])


def _covered(there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the steps at which a value holds: since it was read, or for as long as a point may be quiet."""
    holds = there.copy()
    for back in range(1, QUIET_STEPS + 1):
        holds[back:] |= there[:-back]
    return holds


def _texts(week: Week, column: int, steps: _Ints, counts: _Ints, good: Matrix) -> list[object]:
    """Return for each window what makes its fields, given the factor of an earlier week."""
    series, values = week.series[column], week.values[:, column]
    aggregation = series.quantity.aggregation
    if aggregation is Aggregation.STATE:
        return _states(week, values, steps, counts, good)
    if aggregation is Aggregation.COUNTER:
        return _counters(values, steps, counts, good)
    filled = np.nan_to_num(values)
    means = np.add.reduceat(filled, steps) / np.maximum(counts, 1)
    lows = np.fmin.reduceat(values, steps)
    highs = np.fmax.reduceat(values, steps)
    lasts = values[_ends(steps, len(values))]
    return [
        _gauge(*one)
        for one in zip(
            means.tolist(),
            lows.tolist(),
            highs.tolist(),
            lasts.tolist(),
            counts.tolist(),
            good.tolist(),
            strict=True,
        )
    ]


def _gauge(mean: float, low: float, high: float, last: float, count: int, good: float) -> object:
    if not count:
        return lambda _: "count=0,good_s=0"
    newest = mean if last != last else last  # noqa: PLR0124 - NaN
    return lambda by: (
        f"mean={mean * by:.6g},min={low * by:.6g},max={high * by:.6g},last={newest * by:.6g},"
        f"count={float(count)},good_s={good}"
    )


def _counters(values: Matrix, steps: _Ints, counts: _Ints, good: Matrix) -> list[object]:
    known = values.copy()
    places = np.where(np.isnan(known), 0, np.arange(len(known)))
    known = known[np.maximum.accumulate(places)]
    ends = known[_ends(steps, len(values))]
    begins = known[np.maximum(steps - 1, 0)]
    delta = np.nan_to_num(np.maximum(ends - begins, 0.0))
    return [
        (lambda by, d=d, e=e, c=c, g=g: f"delta={d * by:.6g},last={e:.9g},count={float(c)},good_s={g}")
        if c
        else (lambda _: "count=0,good_s=0")
        for d, e, c, g in zip(delta.tolist(), ends.tolist(), counts.tolist(), good.tolist(), strict=True)
    ]


def _states(week: Week, values: Matrix, steps: _Ints, counts: _Ints, good: Matrix) -> list[object]:
    names = week.catalogue.states
    occurring = np.unique(values[~np.isnan(values)]).astype(int).tolist()
    seconds = {code: np.add.reduceat(values == code, steps) * float(STEP_S) for code in occurring}
    lasts = values[_ends(steps, len(values))]
    found: list[object] = []
    for number, count in enumerate(counts.tolist()):
        parts = [f"state_s:{names[code]}={float(s[number])}" for code, s in seconds.items() if s[number]]
        last = lasts[number]
        if last == last:  # noqa: PLR0124 - NaN
            parts.append(f'last_state="{names[int(last)]}"')
        text = ",".join([*parts, f"count={float(count)}", f"good_s={float(good[number])}"])
        found.append(lambda _, text=text: text)
    return found


def _ends(steps: _Ints, size: int) -> _Ints:
    return np.append(steps[1:], size) - 1


def _coverage(
    week: Week, starts: _Ints, lengths: Matrix, good: Matrix, shifts: Sequence[int]
) -> Iterator[str]:
    """Yield a row a device and window: what there was against what there should have been."""
    sites = owners(week)
    of_device: dict[str, list[int]] = {}
    for number, one in enumerate(week.series):
        of_device.setdefault(one.device, []).append(number)
    for device, columns in of_device.items():
        tags = {"district": week.district.id, "site": sites[device], "device": device}
        for row, start in enumerate(starts.tolist()):
            expected = float(lengths[row] * len(columns))
            covered = min(float(good[row, columns].sum()), expected)
            fields = {"expected_s": expected, "good_s": covered, "points": len(columns)}
            for shift in shifts:
                yield line_of(Fact(COVERAGE.name, tags, fields, start - shift))
