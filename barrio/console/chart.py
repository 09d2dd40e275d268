"""What a chart is drawn of: lines, bars or stretches of states, and why there are none in between.

Made from the answers of `/api/v1/history` and `/api/v1/gaps`; `assets/chart.js` only scales and draws it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from barrio.console import words
from barrio.console.axes import number_ticks, time_ticks
from dashboards.kit.colours import PALETTE
from dashboards.kit.states import STATES
from twin.model.quantities import Aggregation
from twin.quality import Reason
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from dashboards.kit.texts import Lang

MOST_WINDOWS = 800
"""About as many as a chart has columns of pixels to show."""
RAW_UNTIL_S = 7_200.0
"""A time no longer than this is shown reading by reading, where that is given."""
_STEPS = (
    ("1m", 60),
    ("5m", 300),
    ("15m", 900),
    ("30m", 1800),
    ("1h", 3600),
    ("3h", 10_800),
    ("6h", 21_600),
    ("1d", 86_400),
)
_LENGTHS = dict(_STEPS)
SHORTEST_SILENCE_S = 60.0
_LAPSES = 2.5
"""So many times the usual distance between readings is a silence."""
_USUAL = {
    Aggregation.GAUGE: "mean,min,max,count",
    Aggregation.COUNTER: "delta,count",
    Aggregation.STATE: "last,count",
}
_SLUGS = {one.slug: one for one in Reason}


class Drawn(StrEnum):
    """How a point is drawn."""

    LINE = "line"
    BARS = "bars"
    STATES = "states"


@dataclass(frozen=True, slots=True)
class Frame:
    """From when to when in s since 1970, in which zone and language, and in windows of what; None: every reading.

    `patience_s` is how long a point may say nothing, since nothing changed; after `now` nothing is missing yet.
    """

    start: float
    stop: float
    zone: ZoneInfo
    lang: Lang
    every: str | None
    patience_s: float = 0.0
    now: float = math.inf

    @property
    def end(self) -> float:
        """Until when there can be something, in s since 1970."""
        return max(self.start, min(self.stop, self.now))


def window_for(length_s: float, finest: Resolution) -> str | None:
    """Return the windows that a time is shown in, None for every reading; never finer than what is given."""
    if length_s <= RAW_UNTIL_S and finest is Resolution.RAW:
        return None
    fits = (name for name, size in _STEPS if length_s / size <= MOST_WINDOWS and size >= finest.seconds)
    return next(fits, _STEPS[-1][0])


def aggregates_of(kind: Aggregation) -> str:
    """Return which aggregates of windows are drawn."""
    return _USUAL[kind]


def drawing(
    series: Mapping[str, Any], gaps: Iterable[Mapping[str, Any]], kind: Aggregation, frame: Frame
) -> dict[str, Any]:
    """Return what `chart.js` draws."""
    shades = [_gap(one, frame) for one in gaps]
    body: dict[str, Any] = {
        "start": frame.start,
        "stop": frame.stop,
        "zone": frame.zone.key,
        "lang": frame.lang,
        "window": 0 if frame.every is None else _LENGTHS[frame.every],
        "ticks": time_ticks(frame.start, frame.stop, frame.zone, frame.lang),
    }
    rows, doubts = _rows(series, kind, frame)
    rows = [row for row in rows if row[1] is not None]
    shades += _silences(rows, frame, shades)
    if kind is Aggregation.STATE:
        stretches = _stretches(rows, [one[0] for one in shades], frame)
        return body | {
            "drawn": Drawn.STATES,
            "stretches": stretches,
            "shades": [*shades, *doubts],
            "levels": [],
        }
    shades += doubts
    drawn = Drawn.BARS if kind is Aggregation.COUNTER and frame.every else Drawn.LINE
    known = [value for row in rows for value in row[1:4] if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    levels = number_ticks(min(low, 0.0) if drawn is Drawn.BARS else low, high)
    return body | {"drawn": drawn, "rows": rows, "shades": shades, "levels": levels}


def seconds(text: str) -> float:
    """Return s since 1970 of a time as the API writes it."""
    return datetime.fromisoformat(text).timestamp()


# --- rows ---------------------------------------------------------------------------------------------------


def _rows(
    series: Mapping[str, Any], kind: Aggregation, frame: Frame
) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return rows of time, value, smallest, largest; and the stretches in which values are not good."""
    if frame.every is None:
        times = [seconds(one) for one in series["time"]]
        values = series["state" if kind is Aggregation.STATE else "value"]
        slugs = series.get("quality") or [Reason.GOOD.slug] * len(times)
        rows = [[at, value, None, None] for at, value in zip(times, values, strict=True)]
        return rows, _doubts(times, slugs, frame)
    times = [seconds(one) for one in series["start"]]
    name = {Aggregation.GAUGE: "mean", Aggregation.COUNTER: "delta", Aggregation.STATE: "last_state"}[kind]
    none = [None] * len(times)
    columns = (series.get(name) or none, series.get("min") or none, series.get("max") or none)
    return [list(row) for row in zip(times, *columns, strict=True)], []


def _doubts(times: Sequence[float], slugs: Sequence[str], frame: Frame) -> list[list[Any]]:
    """Return stretches of readings that follow each other and are not good for the same reason."""
    found: list[list[Any]] = []
    before = ""
    for at, slug in zip(times, slugs, strict=True):
        reason = _SLUGS.get(slug, Reason.GOOD)
        is_doubtful = reason >= Reason.UNCERTAIN_STATUS
        if found and before:
            found[-1][1] = at
        if is_doubtful and slug != before:
            found.append([at, at, "doubt", words.reason_words(slug, reason.meaning, frame.lang)])
        before = slug if is_doubtful else ""
    if found and before:
        found[-1][1] = frame.end
    return found


def doubts_in_windows(
    usual: Mapping[str, Any], every: Mapping[str, Any], good: Mapping[str, Any], frame: Frame
) -> tuple[list[list[Any]], int, int]:
    """Return stretches of windows with readings that are not good, how many such readings there are, and of how many.

    Each is an answer with `count`: of the readings that are drawn, of all, and of good ones. Where fewer are left than
    were drawn (rollups are kept for longer) nothing is said of a window.
    """
    size = _LENGTHS[frame.every] if frame.every else 0
    found: list[list[Any]] = []
    doubtful = total = 0
    for text, drawn, all_of_it, fine in zip(
        every["start"], usual["count"], every["count"], good["count"], strict=True
    ):
        if all_of_it < drawn or all_of_it == 0:
            continue
        # Good ones are counted a moment later than all: of the running window there may be more of them.
        bad = max(0, all_of_it - fine)
        total += all_of_it
        doubtful += bad
        if not bad:
            continue
        start = seconds(text)
        if found and start - found[-1][1] < 1.0:
            found[-1][1:] = [start + size, found[-1][2] + bad, found[-1][3] + all_of_it]
        else:
            found.append([start, start + size, bad, all_of_it])
    shades = [
        [
            max(start, frame.start),
            min(stop, frame.stop),
            "doubt",
            words.NOT_GOOD.fill(count=count, total=some).of(frame.lang),
        ]
        for start, stop, count, some in found
    ]
    return shades, doubtful, total


def doubts_among(series: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many readings are not good, and of how many."""
    slugs = series.get("quality") or []
    bad = sum(_SLUGS.get(one, Reason.GOOD) >= Reason.UNCERTAIN_STATUS for one in slugs)
    return bad, len(series["time"])


def _gap(one: Mapping[str, Any], frame: Frame) -> list[Any]:
    start = max(frame.start, seconds(one["from"]))
    stop = frame.end if one["to"] is None else min(frame.stop, seconds(one["to"]))
    said = words.reason_words(one["reason"], one["meaning"], frame.lang)
    return [start, stop, "gap", f"{said}: {one['words']}" if one["words"] else said]


def _silences(rows: Sequence[Sequence[Any]], frame: Frame, known: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return stretches without a reading that are longer than is usual here, and that no known gap accounts for.

    Of readings only the stretch before the first: later ones may be seldom since nothing changed.
    """
    times = [row[0] for row in rows]
    window = 0.0 if frame.every is None else _LENGTHS[frame.every]
    usual = sorted(late - early for early, late in pairwise(times))
    lapse = _LAPSES * usual[len(usual) // 2] if usual else 0.0
    patience = max(frame.patience_s, lapse, _LAPSES * window, SHORTEST_SILENCE_S)
    spots = [frame.start - window, *times, frame.end]
    spans = pairwise(spots if frame.every is not None else spots[:2])
    found = [[start + window, stop] for start, stop in spans if stop - start > patience]
    said = words.NO_READINGS.of(frame.lang)
    return [
        [start, stop, "none", said]
        for start, stop in found
        if start < stop and not any(one[0] <= start + window and stop - window <= one[1] for one in known)
    ]


def _stretches(rows: Sequence[Sequence[Any]], ends: Iterable[float], frame: Frame) -> list[list[Any]]:
    """Return stretches of one state: from, until, its words, its colour; none goes on where a silence begins."""
    found: list[list[Any]] = []
    stops = sorted(ends)
    for row, after in zip(rows, [*(row[0] for row in rows[1:]), frame.end], strict=True):
        cut = next((one for one in stops if row[0] < one < after), after)
        said = words.state_words(row[1], frame.lang)
        if found and found[-1][2] == said and found[-1][1] == row[0]:
            found[-1][1] = cut
        else:
            found.append([row[0], cut, said, _colour(row[1])])
    return found


def _colour(state: str) -> str:
    found = STATES.get(state)
    return found[1] if found else PALETTE[sum(state.encode()) % len(PALETTE)]
