"""What is missing, as a person asks for it: points under a name, a stretch of days, summed up by something. Blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.errors import AskError, UnknownName
from barrio.moments import rfc3339
from barrio.past.twin import chosen, nothing
from twin.clock import NS
from twin.completeness.classes import SlotClass
from twin.completeness.table import Asked, expected, summed
from twin.model.source import suggest
from twin.past.model import Model
from twin.store.windows import edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from barrio.past.seen import Seen
    from barrio.past.twin import Present
    from barrio.platform import Platform
    from twin.completeness.table import Row
    from twin.ledger import Gap
    from twin.past.model import PointThen
    from twin.past.models import Tenure

MOST_WINDOWS = 2_000
MOST_ROWS = 200_000
MOST_SLOTS = 200_000_000
MOST_GAPS = 200_000
MOST_VERSIONS = 50
GROUPS = ("point", "device", "site", "district")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know, `start <= time < stop` in ns UTC; windows of `every` are whole."""

    under: str | None
    start: int
    stop: int
    every: str
    group: str
    by_window: bool
    seen: Seen


def grouping(by: str) -> tuple[str, bool]:
    """Return the group and whether each window is a row of its own; `by` is as in `point`, `day`, `site,day`."""
    words = [word.strip() for word in by.split(",")]
    names = [word for word in words if word != "day"]
    for word in names:
        if word not in GROUPS:
            near = suggest(word, [*GROUPS, "day"])
            raise AskError("by", f"{word!r} is none of {', '.join(GROUPS)} and day{near}")
    if len(names) > 1 or not words:
        raise AskError("by", f"{by!r}: one of {', '.join(GROUPS)}, day, or one of them with day (site,day)")
    return (names[0] if names else "district"), "day" in words


def completeness(platform: Platform, present: Present, question: Question) -> list[dict[str, Any]]:
    """Return the rows, district by district; AskError when it is too much, UnknownName when there is nothing."""
    found: list[dict[str, Any]] = []
    names = _districts(platform, question)
    for name in names:
        part = _Part.of(platform, present, question, name)
        if part is not None:
            rows = summed(platform.store.raw, part.asked, part.tenures, part.gaps(platform, present))
            found += [_plain(row, question.group) for row in rows]
    if not found and question.under is not None and not names:
        raise UnknownName(nothing(_latest(platform, question.seen), question.under, question.seen))
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """What is asked of one district."""

    asked: Asked
    tenures: Sequence[Tenure]

    @classmethod
    def of(cls, platform: Platform, present: Present, question: Question, district: str) -> _Part | None:
        """Return None where the district had no such points in that time."""
        tenures = platform.models.tenures([district], question.start, question.stop)
        known = _known(platform, question, district, {one.path for one in tenures})
        ids = {path: series for series, path in platform.registry.series_paths().items()}
        ids = {path: ids[path] for path in known if path in ids}
        if not ids:
            return None
        model = platform.models.at(district, question.stop) or platform.models.at(district, question.start)
        bounds = _edges(question, model.zone if model else platform.catalogue.districts[0].zone)
        tenures = platform.models.tenures([district], int(bounds[0]), int(bounds[-1]))
        asked = Asked(
            ids,
            {path: _group(point, question.group) for path, point in known.items()},
            bounds,
            platform.models.kept_from(district),
            present.now,
            question.by_window,
        )
        _bound(asked, tenures)
        return cls(asked, tenures)

    def gaps(self, platform: Platform, present: Present) -> list[Gap]:
        """Return the gaps of the points, with those that last but that no ledger has: nobody runs now."""
        start, stop = int(self.asked.edges[0]), int(self.asked.edges[-1])
        series = np.array(sorted(self.asked.ids.values()), np.int32)
        found = platform.ledger.gaps(series, start, stop, MOST_GAPS + 1)
        if len(found) > MOST_GAPS:
            raise AskError("from", f"more than {MOST_GAPS:,} gaps lie in between: ask for less time")
        still = {gap.series for gap in found if gap.stop is None}
        return [*found, *(gap for gap in present.lasting(series, present.now) if gap.series not in still)]


def _districts(platform: Platform, question: Question) -> list[str]:
    first = None if question.under is None else question.under.strip("/").partition("/")[0]
    known = filter(question.seen.district, platform.models.districts())
    return [name for name in known if first in {None, name}]


def _known(platform: Platform, question: Question, district: str, paths: set[str]) -> dict[str, PointThen]:
    """Return the points under the name that are among the paths, as the newest model that had them says."""
    found: dict[str, PointThen] = {}
    left, looked_at, matched = set(paths), list[Model](), False
    for model in _models(platform, district, question):
        points = {point.path: point for point in chosen(model, question.under, question.seen)}
        found |= {path: point for path, point in points.items() if path in left}
        left -= model.points.keys()
        looked_at.append(model)
        matched |= bool(points)
        if not left:
            break
    if looked_at and not matched:
        raise UnknownName(nothing(looked_at, question.under, question.seen))
    return found


def _models(platform: Platform, district: str, question: Question) -> Iterator[Model]:
    """Yield the models of a district in the time that is asked for, the newest first."""
    versions = [one for one in platform.models.versions() if one.district == district]
    inside = [
        one
        for one in versions
        if one.since < question.stop and (one.until is None or one.until > question.start)
    ]
    for one in reversed(inside[-MOST_VERSIONS:]):
        model = platform.models.at(district, one.since)
        if model is not None:
            yield model


def _latest(platform: Platform, seen: Seen) -> list[Model]:
    newest = {one.district: one.since for one in platform.models.versions() if seen.district(one.district)}
    found = (platform.models.at(district, since) for district, since in newest.items())
    return [model for model in found if model is not None]


def _edges(question: Question, zone: ZoneInfo) -> Any:
    try:
        return edges(question.start, question.stop, question.every, zone)
    except ValueError as error:
        raise AskError("every", str(error)) from None


def _group(point: PointThen, group: str) -> str:
    district = point.path.partition("/")[0]
    if group == "point":
        return point.path
    if group == "device":
        return f"{district}/{point.owner.id}"
    return f"{district}/{point.owner.site}" if group == "site" else district


def _bound(asked: Asked, tenures: Sequence[Tenure]) -> None:
    """Refuse what would take too long to count, or too much room to say."""
    windows = len(asked.edges) - 1
    if windows > MOST_WINDOWS:
        raise AskError(
            "every", f"{windows:,} windows are too many, at most {MOST_WINDOWS:,}: ask for longer ones"
        )
    rows = len(set(asked.groups.values())) * (windows if asked.by_window else 1)
    if rows > MOST_ROWS:
        raise AskError(
            "by", f"{rows:,} rows are too many, at most {MOST_ROWS:,}: sum up more, or ask for less time"
        )
    _hold_a_slot(asked, tenures)
    slots = expected(asked, tenures)
    if slots > MOST_SLOTS:
        words = (
            f"{slots / 1e6:,.0f} million readings are expected in that time, at most {MOST_SLOTS / 1e6:,.0f}"
        )
        raise AskError("from", f"{words} million are counted at once: ask for less time, or fewer points")


def _hold_a_slot(asked: Asked, tenures: Sequence[Tenure]) -> None:
    """Refuse windows that are shorter than the slot of every point: they would count nothing, and not say why."""
    longest = int((asked.edges[1:] - asked.edges[:-1]).max())
    shortest = min((one.slot for one in tenures if one.path in asked.ids), default=0)
    if longest < shortest:
        words = f"no window is as long as {shortest // NS} s, in which these points give a reading"
        raise AskError("every", f"{words}: ask for longer ones")


def _plain(row: Row, group: str) -> dict[str, Any]:
    slots: Mapping[SlotClass, int] = row.slots
    return {
        group: row.group,
        "from": rfc3339(row.start),
        "to": rfc3339(row.stop),
        "expected": row.expected,
        "received": row.received,
        "complete": row.share,
        **{one.name.lower(): slots[one] for one in SlotClass},
        "longest_gap_s": row.longest_s,
        "filled_s": row.filled_s,
        "reasons": {
            reason.slug: lasted for reason, lasted in sorted(row.reasons.items(), key=lambda pair: -pair[1])
        },
    }
