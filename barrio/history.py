"""The history of points: a question as a person puts it, the store's answer as columns, and the columns as text.

A question without `every` gets the raw readings, one with `every` gets windows; both are bounded, and say so.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from barrio.errors import AskError, UnknownName
from barrio.moments import columns_of, local, parse_moment, parse_zone, rfc3339
from twin.model.quantities import Aggregation
from twin.model.source import suggest, suggest_path
from twin.quality import Reason
from twin.store.port import Aggregate
from twin.store.windows import edges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.assembly import Catalogue
    from twin.frame import Batch, Ids, Times, Values
    from twin.model.bound import BoundPoint
    from twin.store.port import Store, Windows

MOST_WINDOWS = 100_000
MOST_VALUES = 1_000_000
MOST_POINTS = 1_000
DEFAULT_FROM = "-1h"
FORMATS = ("table", "json", "csv", "spark")

_USUAL = {
    Aggregation.GAUGE: (Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX),
    Aggregation.COUNTER: (Aggregate.DELTA,),
    Aggregation.STATE: (Aggregate.STATE_S,),
}
_FOR_STATES = (Aggregate.STATE_S, Aggregate.LAST, Aggregate.COUNT)
_BARS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 100
_READABLE, _UNREADABLE = 1e6, 1e15
_SLUGS = np.array([Reason(code).slug if code in set(Reason) else "" for code in range(256)], object)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know: `start <= time < stop` in ns UTC; no aggregates means raw readings."""

    points: Sequence[BoundPoint]
    start: int
    stop: int
    every: str | None
    aggregates: Sequence[Aggregate]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Asked:
    """The same in the words of whoever asks."""

    points: Sequence[str]
    start: str = DEFAULT_FROM
    stop: str = "now"
    every: str | None = None
    aggregate: str | None = None
    zone: str | None = None


def understand(asked: Asked, catalogue: Catalogue, now_ns: int) -> Question:
    """Return the question; AskError names the parameter that is wrong, UnknownName the point that does not exist."""
    if not 0 < len(asked.points) <= MOST_POINTS:
        raise AskError(
            "point", f"1 to {MOST_POINTS} points can be asked for at once, found {len(asked.points)}"
        )
    points = [find(path, catalogue) for path in asked.points]
    zone = parse_zone(asked.zone) if asked.zone else catalogue.zone(points[0])
    start = parse_moment(asked.start, "from", now_ns, zone)
    stop = parse_moment(asked.stop, "to", now_ns, zone)
    if start >= stop:
        raise AskError("from", f"{asked.start!r} is not before to={asked.stop!r}")
    if asked.aggregate is not None and asked.every is None:
        raise AskError("aggregate", "needs every, the length of the windows, such as 15m")
    aggregates = _aggregates(asked.aggregate, points) if asked.every else ()
    return Question(points, start, stop, asked.every, aggregates, zone)


def find(path: str, catalogue: Catalogue) -> BoundPoint:
    """Return the point of a path; UnknownName with the nearest one, or one of the device or district that it names."""
    found = catalogue.points.get(path.strip("/"))
    if found is None:
        below = [one for one in catalogue.points if one.startswith(f"{path.strip('/')}/")]
        if below:
            raise UnknownName(f"{path!r} is not a point but has {len(below)}, such as {below[0]}")
        near = nearest(path, catalogue)
        raise UnknownName(f"there is no point {path!r}{near}; a path is district/device/point")
    return found


def nearest(path: str, catalogue: Catalogue) -> str:
    """Return ` (did you mean X?)` with the path that comes nearest, or nothing."""
    return suggest_path(path, catalogue.points)


def answer(question: Question, store: Store, states: Mapping[int, str]) -> dict[str, Any]:
    """Ask the store; blocks. Columns are lists and arrays that orjson writes, NaN as null."""
    ids = np.array([item.id for item in question.points], np.int32)
    series = _windows(question, ids, store, states) if question.every else _raw(question, ids, store, states)
    return {
        "from": rfc3339(question.start),
        "to": rfc3339(question.stop),
        "every": question.every,
        "tz": question.zone.key,
        "series": series,
    }


# --- from the store -----------------------------------------------------------------------------------------


def _raw(question: Question, ids: Ids, store: Store, states: Mapping[int, str]) -> list[dict[str, Any]]:
    whole = np.array([question.start, question.stop], np.int64)
    counts = store.windows(ids, whole, [Aggregate.COUNT])
    _bound_rows(sum(int(np.nansum(found.columns[Aggregate.COUNT])) for found in counts.values()))
    rows = store.raw(ids, question.start, question.stop)
    _bound_rows(len(rows))
    return [_raw_series(item, rows.take(rows.ids == item.id), states) for item in question.points]


def _bound_rows(count: int) -> None:
    if count > MOST_VALUES:
        words = f"{count:,} readings lie in between, at most {MOST_VALUES:,} are given at once: "
        raise AskError("from", f"{words}ask for less time, or for windows (every=15m)")


def _raw_series(item: BoundPoint, rows: Batch, states: Mapping[int, str]) -> dict[str, Any]:
    found = {**_head(item), "time": columns_of(rows.time)}
    found |= _values(item, "value", rows.value, states)
    return {**found, "quality": _SLUGS[rows.quality].tolist()}


def _windows(question: Question, ids: Ids, store: Store, states: Mapping[int, str]) -> list[dict[str, Any]]:
    try:
        bounds = edges(question.start, question.stop, question.every or "", question.zone)
    except ValueError as error:
        raise AskError("every", str(error)) from None
    count = len(bounds) - 1
    if count > MOST_WINDOWS or count * len(ids) > MOST_VALUES:
        words = f"{count:,} windows of {question.every} for {len(ids)} points are too many, "
        words += f"at most {MOST_WINDOWS:,} windows and {MOST_VALUES:,} in all: ask for longer ones"
        raise AskError("every", words)
    found = store.windows(ids, bounds, question.aggregates)
    return [_window_series(item, found.get(item.id), bounds, question, states) for item in question.points]


def _window_series(
    item: BoundPoint, windows: Windows | None, bounds: Times, question: Question, states: Mapping[int, str]
) -> dict[str, Any]:
    starts = bounds[:-1]
    columns = {} if windows is None else dict(windows.columns)
    result = {**_head(item), "start": columns_of(starts)}
    for aggregate in question.aggregates:
        own = {name: column for name, column in columns.items() if name.partition(":")[0] == aggregate}
        if not own and aggregate is not Aggregate.STATE_S:
            empty = 0.0 if aggregate is Aggregate.COUNT else np.nan
            own = {aggregate.value: np.full(len(starts), empty)}
        for name, column in own.items():
            result |= _column(item, aggregate, str(name), column, states)
    return result


def _column(
    item: BoundPoint, aggregate: Aggregate, name: str, column: Values, states: Mapping[int, str]
) -> dict[str, Any]:
    if aggregate is Aggregate.COUNT:
        return {name: np.nan_to_num(column).astype(np.int64)}
    if aggregate is Aggregate.LAST:
        return _values(item, name, column, states)
    return {name: np.ascontiguousarray(column)}


def _values(item: BoundPoint, name: str, column: Values, states: Mapping[int, str]) -> dict[str, Any]:
    """A column of numbers, or the names of states."""
    if not _is_state(item):
        return {name: np.ascontiguousarray(column)}
    return {name: [None if np.isnan(value) else states.get(int(value)) for value in column.tolist()]}


def _head(item: BoundPoint) -> dict[str, Any]:
    quantity = item.point.quantity
    return {"point": item.point.path, "quantity": quantity.name, "unit": quantity.unit}


def _is_state(item: BoundPoint) -> bool:
    return item.point.quantity.aggregation is Aggregation.STATE


def _aggregates(text: str | None, points: Sequence[BoundPoint]) -> list[Aggregate]:
    if text is None:
        usual = (one for item in points for one in _USUAL[item.point.quantity.aggregation])
        return list(dict.fromkeys(usual))
    names = dict.fromkeys(name.strip() for name in text.split(","))
    return [_aggregate(name, points) for name in names]


def _aggregate(name: str, points: Sequence[BoundPoint]) -> Aggregate:
    try:
        found = Aggregate(name)
    except ValueError:
        names = ", ".join(Aggregate)
        words = f"there is no aggregate {name!r}{suggest(name, list(Aggregate))}, there are {names}"
        raise AskError("aggregate", words) from None
    for item in points:
        kind = item.point.quantity.aggregation
        fits = found in _FOR_STATES if kind is Aggregation.STATE else found is not Aggregate.STATE_S
        if not fits or (found is Aggregate.DELTA and kind is not Aggregation.COUNTER):
            words = f"{found} does not fit {item.point.path}, a {kind} ({item.point.quantity.name})"
            raise AskError("aggregate", words)
    return found


# --- to text ------------------------------------------------------------------------------------------------


def render(body: Mapping[str, Any], form: str) -> str:
    """Return the parsed answer of `/api/v1/history` as a table, a sparkline or CSV."""
    zone = ZoneInfo(body["tz"])
    if form == "csv":
        return _csv(body["series"], zone)
    parts = [_table(series, zone, body["every"], form) for series in body["series"]]
    return "\n\n".join(parts)


def sparkline(values: Sequence[float | None], width: int = _SPARK_WIDTH) -> str:
    """Return one character per value, at most `width` (means of neighbours beyond that); a dot where there is none."""
    column = np.array([np.nan if value is None else value for value in values], float)
    if len(column) > width:
        column = np.array([_mean(part) for part in np.array_split(column, width)])
    known = column[np.isfinite(column)]
    if not len(known):
        return "·" * len(column)
    low, span = float(known.min()), float(known.max() - known.min())
    scaled = (column - low) / span * (len(_BARS) - 1) if span else np.zeros(len(column))
    return "".join(
        _BARS[round(float(level))] if np.isfinite(value) else "·"
        for value, level in zip(column, scaled, strict=True)
    )


def _mean(part: Values) -> float:
    known = part[np.isfinite(part)]
    return float(known.mean()) if len(known) else np.nan


def _table(series: Mapping[str, Any], zone: ZoneInfo, every: str | None, form: str) -> str:
    unit = f" in {series['unit']}" if series["unit"] not in {"", "1"} else ""
    lines = [f"{series['point']}  {series['quantity']}{unit}{f', every {every}' if every else ''}"]
    drawn = _drawn(series)
    if drawn is not None:
        lines.append(_sparkline_with_range(*drawn))
    if form == "spark":
        return "\n".join(lines)
    names = [name for name, column in series.items() if isinstance(column, list)]
    rows = [_cells(row, zone, every) for row in zip(*(series[name] for name in names), strict=True)]
    if not rows:
        return "\n".join([*lines, "no readings in this time"])
    heads = [f"time ({zone.key})", *names[1:]]
    return "\n".join([*lines, *aligned([heads, *rows], numbers=True)])


def _drawn(series: Mapping[str, Any]) -> tuple[str, Sequence[float | None]] | None:
    """The first column of numbers that is there to be looked at."""
    for name, column in series.items():
        if not isinstance(column, list) or name in {"time", "start", "quality"}:
            continue
        if all(value is None or isinstance(value, (int, float)) for value in column):
            return name, column
    return None


def _sparkline_with_range(name: str, column: Sequence[float | None]) -> str:
    known = [value for value in column if value is not None]
    span = f"{shown(min(known))} to {shown(max(known))}" if known else "no values"
    return f"{sparkline(column)}  {name} {span}"


def _cells(row: Sequence[Any], zone: ZoneInfo, every: str | None) -> list[str]:
    when = local(_ns(row[0]), zone, seconds=every is None or every.endswith("s"))
    return [when, *("–" if value is None else shown(value) for value in row[1:])]


def shown(value: object, unit: str = "") -> str:
    """Return a value for a person: six digits, no exponent for what people can read, no unit where it is 1."""
    if not isinstance(value, float):
        text = str(value)
    elif _READABLE <= abs(value) < _UNREADABLE:
        text = f"{value:.0f}"
    else:
        text = f"{value:.6g}"
    return text if unit in {"", "1"} else f"{text} {unit}"


def _ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1_000_000) * 1000


def aligned(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> list[str]:
    """Return rows as lines of columns; with `numbers` all columns but the first are flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if numbers and at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _csv(found: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    """RFC 4180 with one header for all series: time with its offset from UTC, point, unit, then the columns."""
    names = list(dict.fromkeys(n for one in found for n, column in one.items() if isinstance(column, list)))[
        1:
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["time", "point", "unit", *names])
    for one in found:
        times = one.get("start") or one.get("time") or []
        for at, text in enumerate(times):
            when = datetime.fromisoformat(text).astimezone(zone).isoformat(timespec="milliseconds")
            writer.writerow(
                [when, one["point"], one["unit"], *(one[n][at] if n in one else None for n in names)]
            )
    return out.getvalue().rstrip("\r\n")
