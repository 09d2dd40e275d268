"""Intervals as tables: the quarter, half or whole hours of registers, and totals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.errors import AskError
from barrio.intervals.question import boundaries
from barrio.moments import rfc3339
from barrio.tables.table import Column, Kind, Part, Table
from twin.clock import NS
from twin.intervals.edits import EditKind
from twin.intervals.flags import Flag, Why
from twin.intervals.grid import QUARTER, NotQuarters, offsets_s, places
from twin.intervals.line import longer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    import numpy.typing as npt

    from barrio.intervals.question import Question
    from barrio.platform import Platform
    from twin.frame import Times
    from twin.intervals.line import Line
    from twin.intervals.register import Register
    from twin.model.bound import BoundPoint

COLUMNS = (
    Column("start", Kind.TIME),
    Column("local", Kind.TEXT),
    Column("delta", Kind.NUMBER),
    Column("register", Kind.NUMBER),
    Column("quality", Kind.TEXT),
    Column("reason", Kind.TEXT),
    Column("version", Kind.INTEGER),
)
TOTALS = (
    Column("start", Kind.TIME),
    Column("end", Kind.TIME),
    Column("local", Kind.TEXT),
    Column("total", Kind.NUMBER),
    Column("register_start", Kind.NUMBER),
    Column("register_end", Kind.NUMBER),
    *(Column(flag.slug, Kind.INTEGER) for flag in Flag),
    Column("estimated_total", Kind.NUMBER),
    Column("estimated_share", Kind.NUMBER),
    Column("meter_changes", Kind.INTEGER),
    Column("version", Kind.INTEGER),
)
AT_ONCE = 50
_SLUGS = np.array([flag.slug for flag in Flag], object)
_WORDS = np.array([Why(code).words or None if code in set(Why) else None for code in range(256)], object)


def table(platform: Platform, question: Question, length: str) -> Table:
    """Return the intervals of a length that begin within a question and have ended; blocks."""
    edges = boundaries(question, length)
    counts = np.zeros(len(Flag), np.int64)
    parts = []
    if len(edges) > 1:
        local = _local(edges[:-1], question.zone)
        for item, line in _lines(platform, question, edges, length):
            counts += np.bincount(line.flag, minlength=len(Flag))
            register = platform.intervals.register(item.id)
            parts.append(Part(_series(item), _columns(register, line, local)))
    expected = int(counts.sum())
    head = {
        **_head(question, edges),
        "length": length,
        "intervals": expected,
        "counts": {flag.slug: int(counts[flag]) for flag in Flag},
        "complete": round(1 - int(counts[Flag.MISSING]) / expected, 6) if expected else None,
    }
    return Table(head, COLUMNS, parts)


def totals(platform: Platform, question: Question, edges: Times) -> Table:
    """Return what registers grew between boundaries, and how much of it was measured; blocks."""
    local = _local(edges[:-1], question.zone)
    changes = _changes(platform, question)
    parts = []
    for item, line in _lines(platform, question, edges, QUARTER):
        columns = _summed(platform.intervals.register(item.id), line, edges)
        times = np.array(changes.get(item.id, ()), np.int64)
        columns["local"] = local
        columns["meter_changes"] = np.diff(np.searchsorted(times, edges, "right"))
        parts.append(Part(_series(item), {one.name: columns[one.name] for one in TOTALS}))
    return Table(_head(question, edges), TOTALS, parts)


def _head(question: Question, edges: Times) -> dict[str, Any]:
    return {
        "from": rfc3339(int(edges[0]) if len(edges) else question.start),
        "to": rfc3339(int(edges[-1]) if len(edges) else question.stop),
        "tz": question.zone.key,
        "version": question.upto,
        "settled_only": question.version is not None,
    }


def _series(item: BoundPoint) -> Mapping[str, str]:
    quantity = item.point.quantity
    return {"point": item.point.path, "quantity": quantity.name, "unit": quantity.unit}


def _lines(
    platform: Platform, question: Question, edges: Times, length: str
) -> Iterator[tuple[BoundPoint, Line]]:
    """Yield the intervals of each register, in the order in which they are asked for within a district.

    Quarter hours between the first and the last of `edges`; of a longer `length`, those between `edges`.
    """
    items = {item.id: item for item in question.points}
    start, stop = int(edges[0]), int(edges[-1])
    for district, ids in question.districts.items():
        maker = platform.intervals.makers[district]
        for first in range(0, len(ids), AT_ONCE):
            found = maker.answers.lines(
                ids[first : first + AT_ONCE], start, stop, question.version, question.newest
            )
            for one, line in found.items():
                yield items[one], _cut(line, edges, length)


def _cut(line: Line, edges: Times, length: str) -> Line:
    if length == QUARTER:
        return line.between(int(edges[0]), int(edges[-1]))
    try:
        return longer(line, places(line.edges, edges))
    except NotQuarters:
        words = (
            "intervals of this length in this time zone do not begin on quarter hours of the district's clock"
        )
        raise AskError("tz", words) from None


def _columns(register: Register, line: Line, local: npt.NDArray[np.object_]) -> dict[str, npt.NDArray[Any]]:
    counted, known = line.counted, line.known[1:]
    return {
        "start": line.edges[:-1],
        "local": local,
        "delta": np.where(counted, register.values(line.delta), np.nan),
        "register": np.where(known, register.values(line.register[1:]), np.nan),
        "quality": _SLUGS[line.flag],
        "reason": _WORDS[line.why],
        "version": line.version,
    }


def _changes(platform: Platform, question: Question) -> dict[int, list[int]]:
    """Return when meters were changed, by series id."""
    ids = [item.id for item in question.points]
    return {
        one: sorted(edit.start for edit in edits if edit.kind is EditKind.METER_CHANGE)
        for one, edits in platform.intervals.book.edits(ids, question.upto).items()
    }


def _summed(register: Register, line: Line, edges: Times) -> dict[str, npt.NDArray[Any]]:
    at = places(line.edges, edges)
    starts = at[:-1]
    counted = line.counted
    whole = np.add.reduceat(np.where(counted, line.delta, 0), starts)
    complete = np.add.reduceat((~counted).astype(np.int64), starts) == 0
    guessed = np.add.reduceat(np.where(counted & (line.flag == Flag.ESTIMATED), line.delta, 0), starts)
    known = line.known[at]
    shown = np.where(known, register.values(line.register[at]), np.nan)
    found: dict[str, npt.NDArray[Any]] = {
        "start": edges[:-1],
        "end": edges[1:],
        "total": np.where(complete, register.values(whole), np.nan),
        "register_start": shown[:-1],
        "register_end": shown[1:],
    }
    for flag in Flag:
        found[flag.slug] = np.add.reduceat((line.flag == flag).astype(np.int64), starts)
    found["estimated_total"] = register.values(guessed)
    share = np.divide(guessed, whole, out=np.zeros(len(whole)), where=whole != 0)
    found["estimated_share"] = np.where(complete, np.round(share, 6), np.nan)
    lowest, highest = np.minimum.reduceat(line.version, starts), np.maximum.reduceat(line.version, starts)
    found["version"] = np.where(lowest == 0, 0, highest)
    return found


def _local(times: Times, zone: ZoneInfo) -> npt.NDArray[np.object_]:
    """Return times as a clock in `zone` shows them, ISO 8601 with the offset."""
    offsets = offsets_s(times, zone)
    tails = {one: _offset(one) for one in np.unique(offsets).tolist()}
    texts = np.datetime_as_string((times // NS + offsets).astype("datetime64[s]"))
    pairs: Sequence[tuple[str, int]] = list(zip(texts.tolist(), offsets.tolist(), strict=True))
    return np.array([text + tails[offset] for text, offset in pairs], object)


def _offset(seconds: int) -> str:
    moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=abs(seconds))
    return f"{'-' if seconds < 0 else '+'}{moment:%H:%M}"
