"""A question about history: as somebody puts it, and as it is understood, within bounds and within what they may see.

Whoever is given readings of a point no finer than a resolution may ask for windows that are made of whole windows of
that resolution on the clock of the point's district, and only for those that have finished: two questions that
overlap, or an early and a late one, tell them nothing finer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from barrio.errors import AskError
from barrio.history.chosen import Choice, choose
from barrio.history.interval import parse_interval
from barrio.moments import parse_moment, parse_zone
from twin.history.fill import Fill
from twin.history.reduce import Keep
from twin.history.reductions import NAMES, Reduction, What, fits, is_level, parse
from twin.model.quantities import Aggregation
from twin.model.source import suggest
from twin.resolution import Resolution
from twin.store.port import Aggregate
from twin.store.windows import among, edges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.access.who import Who
    from barrio.assembly import Catalogue
    from twin.frame import Times
    from twin.model.bound import BoundPoint

MOST_WINDOWS = 100_000
MOST_VALUES = 1_000_000
MOST_AGGREGATES = 12
DEFAULT_FROM = "-1h"
LONGEST = 300
"""Characters of a parameter."""

_ELSEWHERE = {"avg": "mean", "average": "mean", "median": "p50", "increase": "delta", "difference": "delta"}
"""What others call an aggregate: by its letters `median` would be taken for `mean`."""
_USUAL = {
    Aggregation.GAUGE: ("mean", "min", "max"),
    Aggregation.COUNTER: ("delta",),
    Aggregation.STATE: ("state_s",),
}
_SINGLE = frozenset({Aggregate.FIRST, What.PERCENTILE})
"""Aggregates that give single readings, and that rollups do not have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks, in their words; None where they say nothing."""

    choice: Choice
    start: str | None = None
    stop: str | None = None
    interval: str | None = None
    every: str | None = None
    aggregate: str | None = None
    zone: str | None = None
    fill: Fill | None = None
    quality: Keep | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked: `start <= time < stop` in ns UTC. `edges` are those of the windows, None for raw readings."""

    points: Sequence[BoundPoint]
    start: int
    stop: int
    zone: ZoneInfo
    every: str | None = None
    edges: Times | None = None
    reductions: Mapping[Aggregation, Sequence[Reduction]] = field(default_factory=dict)
    fill: Fill = Fill.NULL
    keep: Keep = Keep.ALL

    @property
    def point_days(self) -> float:
        """Points times days."""
        return len(self.points) * (self.stop - self.start) / 8.64e13


def understand(asked: Asked, who: Who, catalogue: Catalogue, now_ns: int) -> Question:
    """Return the question; AskError names the parameter that is wrong, UnknownName the point that does not exist."""
    for name, value in (
        ("from", asked.start),
        ("to", asked.stop),
        ("tz", asked.zone),
        ("every", asked.every),
    ):
        if value is not None and len(value) > LONGEST:
            raise AskError(name, f"is longer than {LONGEST} characters")
    points = choose(asked.choice, who)
    zone = parse_zone(asked.zone) if asked.zone else catalogue.zone(points[0])
    start, stop = span(asked, now_ns, zone)
    finest = {(catalogue.owners[item.id].district, who.sight.resolution(item.id)): item for item in points}
    limits = {key: item for key, item in finest.items() if key[1] is not Resolution.RAW}
    if asked.every is None:
        return _raw(asked, points, (start, stop), zone, limits)
    found = _edges(start, stop, asked.every, zone, len(points))
    reductions = _reductions(asked.aggregate, points)
    number = max(map(len, reductions.values()))
    if (len(found) - 1) * len(points) * number > 3 * MOST_VALUES:
        words = f"{number} aggregates in {len(found) - 1:,} windows for {len(points)} points are too many, at most"
        raise AskError("aggregate", f"{words} {3 * MOST_VALUES:,} values are given at once")
    if limits:
        _hold_to(limits, reductions, asked.every, found, catalogue)
        found = found[: max(1, int(np.searchsorted(found, now_ns, "right")))]
    fill = asked.fill or Fill.NULL
    _check_fill(fill, reductions)
    keep = asked.quality or Keep.UNCERTAIN
    return Question(points, start, stop, zone, asked.every, found, reductions, fill, keep)


def span(asked: Asked, now_ns: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return from when to when, ns UTC."""
    if asked.interval is not None:
        if asked.start is not None or asked.stop is not None:
            raise AskError("interval", "stands for from and to: say either")
        if len(asked.interval) > LONGEST:
            raise AskError("interval", f"is longer than {LONGEST} characters")
        return parse_interval(asked.interval, now_ns, zone)
    first, last = asked.start or DEFAULT_FROM, asked.stop or "now"
    start, stop = parse_moment(first, "from", now_ns, zone), parse_moment(last, "to", now_ns, zone)
    if start >= stop:
        raise AskError("from", f"{first!r} is not before to={last!r}")
    return start, stop


def _raw(
    asked: Asked,
    points: Sequence[BoundPoint],
    span: tuple[int, int],
    zone: ZoneInfo,
    limits: Mapping[tuple[str, Resolution], BoundPoint],
) -> Question:
    if asked.aggregate is not None:
        raise AskError("aggregate", "needs every, the length of the windows, such as 15m")
    if asked.fill is not None:
        raise AskError("fill", "needs every, the length of the windows, such as 15m")
    for (_, finest), item in limits.items():
        words = f"readings of {item.point.path} are given no finer than in windows of {finest}"
        raise AskError("every", f"{words}: ask with every={finest} or longer")
    return Question(points, *span, zone, keep=asked.quality or Keep.ALL)


def _edges(start: int, stop: int, every: str, zone: ZoneInfo, points: int) -> Times:
    most = min(MOST_WINDOWS, MOST_VALUES // points)
    try:
        found = edges(start, stop, every, zone, most)
    except ValueError as error:
        raise AskError("every", str(error)) from None
    if len(found) - 1 > most:
        words = f"{len(found) - 1:,} windows of {every} for {points} points are too many, "
        words += f"at most {MOST_WINDOWS:,} windows and {MOST_VALUES:,} in all: ask for longer ones"
        raise AskError("every", words)
    return found


def _hold_to(
    limits: Mapping[tuple[str, Resolution], BoundPoint],
    reductions: Mapping[Aggregation, Sequence[Reduction]],
    every: str,
    found: Times,
    catalogue: Catalogue,
) -> None:
    """Refuse windows that tell more than a resolution does."""
    zones = {one.id: one.zone for one in catalogue.districts}
    for (district, finest), item in limits.items():
        if not among(found, finest.value, zones[district]).all():
            words = (
                f"readings of {item.point.path} are given no finer than in windows of {finest} of its clock"
            )
            raise AskError(
                "every", f"{words} ({zones[district].key}), and those of {every} are not made of such"
            )
        for one in reductions.get(item.point.quantity.aggregation, ()):
            if one.what in _SINGLE:
                words = f"{one.name} gives single readings, and those of {item.point.path} are given"
                raise AskError("aggregate", f"{words} no finer than in windows of {finest}")


def _reductions(text: str | None, points: Sequence[BoundPoint]) -> dict[Aggregation, list[Reduction]]:
    kinds = dict.fromkeys(item.point.quantity.aggregation for item in points)
    if text is None:
        return {kind: [parse(name) for name in _USUAL[kind]] for kind in kinds}
    names = list(dict.fromkeys(name.strip() for name in text.split(",", 100)))
    if len(names) > MOST_AGGREGATES:
        raise AskError("aggregate", f"at most {MOST_AGGREGATES} can be asked for at once, found {len(names)}")
    found = list(dict.fromkeys(_reduction(name, points) for name in names))
    return dict.fromkeys(kinds, found)


def _reduction(name: str, points: Sequence[BoundPoint]) -> Reduction:
    try:
        found = parse(name)
    except ValueError:
        given = name[:50]
        meant = f" (did you mean {_ELSEWHERE[given]}?)" if given in _ELSEWHERE else suggest(given, NAMES)
        there = f"there are {', '.join(NAMES)} and other percentiles"
        raise AskError("aggregate", f"there is no aggregate {given!r}{meant}, {there}") from None
    for quantity in {item.point.quantity.name: item for item in points}.values():
        item, kind = quantity, quantity.point.quantity.aggregation
        if not fits(found, item.point.quantity):
            words = f"{found.name} does not fit {item.point.path}, a {kind} ({item.point.quantity.name})"
            raise AskError("aggregate", words)
    return found


def _check_fill(fill: Fill, reductions: Mapping[Aggregation, Sequence[Reduction]]) -> None:
    """Refuse to fill what is no level: nothing was measured there, and nothing is to be made up."""
    if fill not in {Fill.PREVIOUS, Fill.LINEAR}:
        return
    levels = [
        one
        for kind, some in reductions.items()
        for one in some
        if is_level(one) and not (kind is Aggregation.STATE and fill is Fill.LINEAR)
    ]
    if not levels:
        names = ", ".join(dict.fromkeys(one.name for some in reductions.values() for one in some))
        raise AskError("fill", f"{fill} does not fit {names}: only levels are filled, such as mean or last")
