"""The answer to a question as a table: windows are made before the first row is given, readings are read on the way."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.errors import AskError
from barrio.moments import exact
from barrio.tables.table import Column, Kind, Part, Table
from twin.history.engine import Engine, Query
from twin.history.fill import Fill
from twin.history.reduce import Keep, Subject
from twin.history.reductions import What, integral_unit
from twin.model.quantities import Aggregation
from twin.quality import Reason
from twin.resolution import Resolution
from twin.rollups.points import holds_s
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from barrio.history.question import Question
    from barrio.platform import Platform
    from twin.frame import Batch, Qualities, Times, Values
    from twin.history.engine import Answer
    from twin.model.bound import BoundPoint

MOST_READINGS = 1_000_000
"""Raw readings of one answer."""
MOST_READ = 20_000_000
"""Raw readings that windows of one answer are made of here, where the store does not reduce them."""
AT_ONCE = 200_000
FEW_POINT_DAYS = 1.5
"""A question about so few is not counted before it is read."""

NS = 1_000_000_000
_RESOLUTIONS = tuple(Resolution)
_SLUGS = np.array([Reason(code).slug if code in set(Reason) else "" for code in range(256)], object)
_MARKS = {one: np.array([None, one.value], object) for one in Fill}
_NOT_ROLLED = frozenset({What.PERCENTILE, What.TWMEAN, What.INTEGRAL})


def cost_of(question: Question) -> float:
    """Return what a question costs of its caller's rate, in requests: one for each 100 days of one point."""
    return 1.0 + question.point_days / 100


def table_of(platform: Platform, question: Question) -> Table:
    """Return the answer to a question; blocks on the store, and so does reading the parts of it.

    AskError where it is too much for one answer.
    """
    if question.edges is None:
        return _readings(platform, question)
    return _windows(platform, question, question.edges)


# --- readings -----------------------------------------------------------------------------------------------


def _readings(platform: Platform, question: Question) -> Table:
    parts: Iterator[Part]
    if question.point_days <= FEW_POINT_DAYS:
        parts = _short(platform, question)
    else:
        counts = _counts(platform, question)
        _bound(sum(counts))
        parts = _read(platform, question, counts)
    columns = [Column("time", Kind.TIME)]
    if any(not _is_state(item) for item in question.points):
        columns.append(Column("value", Kind.NUMBER))
    if any(_is_state(item) for item in question.points):
        columns.append(Column("state", Kind.TEXT))
    columns.append(Column("quality", Kind.TEXT))
    head = _head(question)
    source = [{"from": head["from"], "to": head["to"], "resolution": Resolution.RAW.value}]
    return Table(head | {"source": source}, columns, parts)


def _short(platform: Platform, question: Question) -> Iterator[Part]:
    ids = np.array([item.id for item in question.points], np.int32)
    rows = platform.store.raw(ids, question.start, question.stop)
    _bound(len(rows))
    yield from _rows(question.points, rows, question.keep, platform.catalogue.states)


def _bound(count: int) -> None:
    if count > MOST_READINGS:
        words = f"{count:,} readings lie in between, at most {MOST_READINGS:,} are given at once: ask for less time, "
        words += "for windows (every=15m), or have it written to a file (POST /api/v1/exports)"
        raise AskError("from", words)


def _counts(platform: Platform, question: Question) -> list[int]:
    """Return how many usable readings each point has; there are few others."""
    ids = np.array([item.id for item in question.points], np.int32)
    whole = np.array([question.start, question.stop], np.int64)
    found = platform.store.windows(ids, whole, [Aggregate.COUNT])
    return [int(np.nansum(found[one].columns[Aggregate.COUNT])) for one in ids.tolist()]


def _read(platform: Platform, question: Question, counts: Sequence[int]) -> Iterator[Part]:
    """Yield the points in their order, read from the store in groups of an even size."""
    some: list[BoundPoint] = []
    number = 0
    for item, count in zip(question.points, counts, strict=True):
        if some and number + count > AT_ONCE:
            yield from _group(platform, question, some)
            some, number = [], 0
        some.append(item)
        number += count
    yield from _group(platform, question, some)


def _group(platform: Platform, question: Question, some: Sequence[BoundPoint]) -> Iterator[Part]:
    ids = np.array([item.id for item in some], np.int32)
    rows = platform.store.raw(ids, question.start, question.stop)
    return _rows(some, rows, question.keep, platform.catalogue.states)


def _rows(points: Sequence[BoundPoint], rows: Batch, keep: Keep, names: Mapping[int, str]) -> Iterator[Part]:
    if keep is not Keep.ALL:
        rows = rows.take(rows.quality < keep.below)
    for item in points:
        first, last = 0, len(rows)
        if len(points) > 1:
            first, last = np.searchsorted(rows.ids, np.array([item.id, item.id + 1], np.int32)).tolist()
        value = rows.value[first:last]
        columns: dict[str, npt.NDArray[Any]] = {"time": rows.time[first:last]}
        columns |= {"state": named(value, names)} if _is_state(item) else {"value": value}
        yield Part(_said(item), {**columns, "quality": _reasons(rows.quality[first:last])})


def _reasons(codes: Qualities) -> npt.NDArray[Any]:
    """Return the names of reasons; where all are the same, which is usual, in one go."""
    if len(codes) and (codes == codes[0]).all():
        return np.broadcast_to(_SLUGS[codes[:1]], len(codes))
    return _SLUGS[codes]


# --- windows ------------------------------------------------------------------------------------------------


def _windows(platform: Platform, question: Question, edges: Times) -> Table:
    if len(edges) < 2:
        # Nothing has finished that a caller with a resolution may see.
        return Table(_head(question) | {"source": []}, [Column("start", Kind.TIME)], _none(question))
    subjects = [_subject(platform, item) for item in question.points]
    _bound_each(platform, question)
    engine = Engine(platform.store, platform.catalogue.states, platform.rollups.made)
    query = Query(subjects, edges, question.reductions, platform.clock.now_ns(), question.keep, question.fill)
    found = engine.answer(query)
    # One array for all of them, by which whoever writes them knows that it is the same.
    starts = edges[:-1]
    parts = [_part(item, starts, found, question, platform.catalogue.states) for item in question.points]
    columns = [Column("start", Kind.TIME), *_columns(parts)]
    constants = ("point", "quantity", "unit", *(("integral_unit",) if _integrates(question) else ()))
    return Table(_head(question) | {"source": _source(edges, found.source)}, columns, parts, constants)


def _bound_each(platform: Platform, question: Question) -> None:
    """Refuse what would have to be made of too many readings here, one by one."""
    plain = question.keep is Keep.UNCERTAIN and not any(
        one.what in _NOT_ROLLED for some in question.reductions.values() for one in some
    )
    if plain or question.point_days <= FEW_POINT_DAYS:
        return
    count = sum(_counts(platform, question))
    if count > MOST_READ:
        words = f"{count:,} readings would have to be read for this, at most {MOST_READ:,} are: ask for less time, for "
        words += "aggregates of rollups (mean, min, max, last, count, delta), or for an export (POST /api/v1/exports)"
        raise AskError("from", words)


def _none(question: Question) -> Iterator[Part]:
    nothing = np.empty(0, np.int64)
    return (Part(_said(item), {"start": nothing}) for item in question.points)


def _part(
    item: BoundPoint, starts: Times, found: Answer, question: Question, names: Mapping[int, str]
) -> Part:
    own = found.columns[item.id]
    columns: dict[str, npt.NDArray[Any]] = {"start": starts}
    for name, column in own.items():
        if name == Aggregate.COUNT:
            columns[name] = column.astype(np.int64)
        elif _is_state(item) and name in {Aggregate.FIRST, Aggregate.LAST}:
            columns[f"{name}_state"] = named(column, names)
        else:
            columns[name] = column
    if item.id in found.filled:
        columns["filled"] = _MARKS[question.fill][found.filled[item.id].astype(np.int8)]
    if question.fill is Fill.NONE:
        known = _known(own, len(starts))
        columns = {name: column[known] for name, column in columns.items()}
    said = _said(item)
    if _integrates(question):
        said["integral_unit"] = integral_unit(item.point.quantity.unit)
    return Part(said, columns)


def _known(own: Mapping[str, Values], number: int) -> npt.NDArray[np.bool_]:
    """Return which windows have any value, or a count of any."""
    found = np.zeros(number, np.bool_)
    for name, column in own.items():
        found |= column > 0 if name == Aggregate.COUNT else ~np.isnan(column)
    return found


def _columns(parts: Sequence[Part]) -> list[Column]:
    """Return the columns after the start that any of the series has, those of all together."""
    found: dict[str, Column] = {}
    for part in parts:
        for name, array in part.columns.items():
            if name != "start" and name not in found:
                kind = Kind.TEXT if array.dtype == object else Kind.INTEGER
                found[name] = Column(name, Kind.NUMBER if array.dtype == np.float64 else kind)
    return list(found.values())


def _source(edges: Times, source: npt.NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Return from which resolution each stretch came; where points differ, the finest."""
    changes = np.flatnonzero(source[1:] != source[:-1]) + 1
    steps = [0, *changes.tolist(), len(source)]
    return [
        _stretch(int(edges[first]), int(edges[last]), _RESOLUTIONS[int(source[first])])
        for first, last in pairwise(steps)
    ]


def _stretch(start: int, stop: int, resolution: Resolution) -> dict[str, Any]:
    return {"from": exact(start), "to": exact(stop), "resolution": resolution.value}


# --- of points ----------------------------------------------------------------------------------------------


def named(column: Values, names: Mapping[int, str]) -> npt.NDArray[Any]:
    """Return the names of state ids, None where there is none, object[n]."""
    known = ~np.isnan(column)
    codes, at = np.unique(column[known], return_inverse=True)
    found = np.full(len(column), None, object)
    if len(codes):
        found[known] = np.array([names.get(int(one)) for one in codes.tolist()], object)[at]
    return found


def _subject(platform: Platform, item: BoundPoint) -> Subject:
    point = item.point
    hold = round(holds_s(point.heartbeat_s, point.silent_after_s) * NS)
    return Subject(item.id, platform.catalogue.owners[item.id].district, point.quantity, point.wraps_at, hold)


def _head(question: Question) -> dict[str, Any]:
    return {
        "from": exact(question.start),
        "to": exact(question.stop),
        "every": question.every,
        "tz": question.zone.key,
    }


def _said(item: BoundPoint) -> dict[str, str]:
    quantity = item.point.quantity
    return {"point": item.point.path, "quantity": quantity.name, "unit": quantity.unit}


def _is_state(item: BoundPoint) -> bool:
    return item.point.quantity.aggregation is Aggregation.STATE


def _integrates(question: Question) -> bool:
    return any(one.what is What.INTEGRAL for some in question.reductions.values() for one in some)
