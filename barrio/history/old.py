"""The history of points: a question as a person puts it, the store's answer as columns, and the columns as text.

A question without `every` gets the raw readings, one with `every` gets windows; both are bounded, and say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.errors import AskError, UnknownName
from barrio.moments import columns_of, parse_moment, parse_zone, rfc3339
from twin.model.quantities import Aggregation
from twin.model.source import suggest, suggest_path
from twin.quality import Reason
from twin.store.port import Aggregate
from twin.store.windows import edges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from barrio.assembly import Catalogue
    from twin.frame import Batch, Ids, Times, Values
    from twin.model.bound import BoundPoint
    from twin.store.port import Store, Windows

MOST_WINDOWS = 100_000
MOST_VALUES = 1_000_000
MOST_POINTS = 1_000
DEFAULT_FROM = "-1h"

_USUAL = {
    Aggregation.GAUGE: (Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX),
    Aggregation.COUNTER: (Aggregate.DELTA,),
    Aggregation.STATE: (Aggregate.STATE_S,),
}
_FOR_STATES = (Aggregate.STATE_S, Aggregate.LAST, Aggregate.COUNT)
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
