"""A question for intervals as a person puts it, understood or refused: which registers, when, how long, as of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from barrio.errors import AskError, UnknownName
from barrio.history.chosen import choose
from barrio.history.interval import parse_interval
from barrio.moments import parse_moment, parse_zone, rfc3339
from twin.clock import NS
from twin.intervals.grid import LENGTHS, QUARTER
from twin.resolution import Resolution
from twin.store import windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from barrio.access.who import Who
    from barrio.history.chosen import Choice
    from barrio.platform import Platform
    from twin.frame import Times
    from twin.model.bound import BoundPoint

MOST_POINTS = 1_000
MOST_ROWS = 1_000_000
MOST_POINT_DAYS = 40_000
DEFAULT_FROM = "-1d"
_DAY, _QUARTER = 86_400 * NS, 900 * NS


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks, in their words; None where they say nothing."""

    choice: Choice
    start: str | None = None
    stop: str | None = None
    interval: str | None = None
    zone: str | None = None
    version: int | None = None
    known_at: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Registers by district, `start <= time < stop` in ns UTC, and the version that is meant, None for the newest.

    `newest` was the newest one when it was asked: all of an answer goes by it, whatever is settled in the meantime.
    """

    points: Sequence[BoundPoint]
    districts: Mapping[str, Sequence[int]]
    start: int
    stop: int
    now: int
    zone: ZoneInfo
    version: int | None = None
    newest: int = 0

    @property
    def upto(self) -> int:
        """Return the version that an answer goes by."""
        return self.newest if self.version is None else self.version

    @property
    def point_days(self) -> float:
        """Points times days."""
        return len(self.points) * (self.stop - self.start) / _DAY


def understand(asked: Asked, who: Who, platform: Platform) -> Question:
    """Return the question; AskError names the parameter that is wrong, UnknownName what does not exist for `who`."""
    now, catalogue = platform.clock.now_ns(), platform.catalogue
    points = _registers(asked, who, platform)
    zone = parse_zone(asked.zone) if asked.zone else catalogue.zone(points[0])
    start, stop = span(asked, now, zone)
    newest = platform.intervals.book.newest()
    version = version_of(asked, platform, now, zone)
    districts = platform.intervals.grouped(item.id for item in points)
    return Question(points, districts, start, stop, now, zone, version, newest)


def _registers(asked: Asked, who: Who, platform: Platform) -> list[BoundPoint]:
    return _not_too_many(
        registers_of(asked.choice, choose(asked.choice, who, platform.catalogue.size), platform)
    )


def registers_of(choice: Choice, chosen: Sequence[BoundPoint], platform: Platform) -> list[BoundPoint]:
    """Return the registers among the points that were chosen; all that are named without a * must be registers."""
    found = [item for item in chosen if platform.intervals.has(item.id)]
    if choice.points and not choice.filters and len(found) < len(chosen):
        if any("*" in path for path in choice.points) and found:
            return found
        other = next(item for item in chosen if not platform.intervals.has(item.id))
        words = f"{other.point.path} is no register: intervals are of counters of energy and of volumes"
        raise AskError("point", words)
    if not found:
        raise UnknownName("none of these points is a register: a counter of energy or of a volume")
    return found


def _not_too_many(found: list[BoundPoint]) -> list[BoundPoint]:
    if len(found) > MOST_POINTS:
        raise AskError(
            "point", f"{len(found):,} registers are too many, at most {MOST_POINTS:,} are asked for at once"
        )
    return found


def span(asked: Asked, now: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return from when to when, ns UTC; ages and `now` at the quarter hour before."""
    if asked.interval is not None:
        if asked.start is not None or asked.stop is not None:
            raise AskError("interval", "stands for from and to: say either")
        start, stop = _interval(asked.interval, now, zone)
    else:
        first, last = asked.start or DEFAULT_FROM, asked.stop or "now"
        start, stop = _moment(first, "from", now, zone), _moment(last, "to", now, zone)
        if start >= stop:
            raise AskError("from", f"{first!r} is not before to={last!r}")
    if start >= now:
        raise AskError("from", "nothing has been counted yet: it lies ahead")
    return start, stop


def _moment(text: str, parameter: str, now: int, zone: ZoneInfo) -> int:
    """Return a time; `now` and ages are meant roughly, and are taken at the quarter hour before."""
    found = parse_moment(text, parameter, now, zone)
    return _quarter(found) if _is_rough(text) else found


def _interval(text: str, now: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return both ends of an interval; what a duration counts from a rough time is as rough."""
    found = parse_interval(text, now, zone)
    parts = text.strip().split("/")
    anchors = [parts[1 - at] if part.startswith("P") else part for at, part in enumerate(parts)]
    start, stop = (
        _quarter(at) if _is_rough(anchor) else at for at, anchor in zip(found, anchors, strict=True)
    )
    if start >= stop:
        raise AskError("interval", f"no quarter hour has ended in {text!r}")
    return start, stop


def _is_rough(text: str) -> bool:
    return text.strip() == "now" or text.strip().startswith("-")


def _quarter(moment: int) -> int:
    return moment // _QUARTER * _QUARTER


def version_of(asked: Asked, platform: Platform, now: int, zone: ZoneInfo) -> int | None:
    """Return the version that is meant, None for the newest."""
    if asked.known_at is None:
        newest = platform.intervals.book.newest()
        if asked.version is not None and asked.version > newest:
            raise AskError("version", f"the newest is {newest}")
        return asked.version
    if asked.version is not None:
        raise AskError("known_at", "stands for a version: say either")
    moment = parse_moment(asked.known_at, "known_at", now, zone)
    if moment > now:
        raise AskError("known_at", f"{asked.known_at!r} has not come yet")
    return platform.intervals.book.at(moment)


def hold_to_length(question: Question, who: Who, length: str) -> None:
    """Refuse intervals that are shorter than what `who` is given, or too many of them."""
    for item in question.points:
        finest = who.sight.resolution(item.id)
        if finest.seconds > LENGTHS[length]:
            words = f"readings of {item.point.path} are given no finer than in windows of {finest}"
            better = f": ask for length={finest}" if finest.value in LENGTHS else ": ask for totals"
            raise AskError("length", words + better)
    rows = question.point_days * _DAY / (LENGTHS[length] * NS)
    if rows > MOST_ROWS:
        words = f"about {rows:,.0f} intervals are too many, at most {MOST_ROWS:,} are given at once"
        raise AskError("from", f"{words}: ask for fewer points, a shorter time or longer intervals")


def boundaries(question: Question, length: str) -> Times:
    """Return the boundaries of the intervals of a length that begin within the question and have ended."""
    edges = windows.edges(question.start, question.stop, length, question.zone)
    first = int(np.searchsorted(edges, question.start))
    last = int(np.searchsorted(edges, question.now, "right"))
    return edges[first:last]


def periods(question: Question, who: Who, platform: Platform, every: str | None) -> Times:
    """Return the boundaries of the stretches that totals are asked for; AskError where they cannot be exact.

    Without `every` it is the whole stretch. Ages and `now` are taken at the last quarter hour; a time that is written
    out must be on one.
    """
    if question.point_days > MOST_POINT_DAYS:
        words = (
            f"{question.point_days:,.0f} points times days are too many, at most {MOST_POINT_DAYS:,} at once"
        )
        raise AskError("from", words)
    try:
        if every is None:
            found = np.array([question.start, question.stop], np.int64)
        else:
            edges = windows.edges(question.start, question.stop, every, question.zone)
            found = edges[(edges >= question.start) & (edges <= question.stop)]
    except ValueError as error:
        raise AskError("every", str(error)) from None
    if len(found) < 2 or found[0] == found[-1]:
        raise AskError("from", f"no whole period of {every or QUARTER} lies between from and to")
    if (rows := len(question.points) * (len(found) - 1)) > MOST_ROWS:
        raise AskError("every", f"{rows:,} totals are too many, at most {MOST_ROWS:,} are given at once")
    _hold_to_grid(question, who, platform, found)
    return found


def _hold_to_grid(question: Question, who: Who, platform: Platform, found: Times) -> None:
    zones = {one.id: one.zone for one in platform.catalogue.districts}
    grids = {
        (
            platform.catalogue.owners[item.id].district,
            max(who.sight.resolution(item.id), Resolution.QUARTER, key=_s),
        )
        for item in question.points
    }
    for district, resolution in sorted(grids):
        edges = windows.edges(int(found[0]), int(found[-1]), resolution.value, zones[district])
        off = np.flatnonzero(~np.isin(found, edges))
        if len(off):
            at = int(found[off[0]])
            nearest = int(edges[int(np.abs(edges - at).argmin())])
            name = "from" if off[0] == 0 else "to" if off[0] == len(found) - 1 else "every"
            words = f"{rfc3339(at)} is no boundary of windows of {resolution} in {district}"
            raise AskError(name, f"{words}; the nearest is {rfc3339(nearest)}")


def _s(resolution: Resolution) -> int:
    return resolution.seconds
