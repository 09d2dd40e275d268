"""The twin at a moment, from the store, the ledger and the history of models; what changed between two moments.

Everything here blocks, and runs in a reading thread; what the event loop owns is copied before (`Present`). Where the
live twin's newest reading is not later than the moment, it is the answer: it has what still waits in the spool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from barrio.errors import UnknownName
from twin.frame import Batch, join
from twin.ledger import Gap
from twin.model.source import suggest
from twin.past.asof import twin_at
from twin.past.compare import changed_model, changed_points
from twin.past.described import described
from twin.past.model import Model
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from barrio.past.seen import Seen
    from barrio.platform import Platform
    from twin.frame import Ids
    from twin.past.asof import Then
    from twin.past.compare import ModelChange, PointChange
    from twin.past.model import PointThen


@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """The live twin and the gaps that last, copied in the event loop's thread."""

    now: int
    live: Batch
    gap_reason: np.ndarray
    gap_since: np.ndarray
    gap_words: Mapping[int, str]

    @classmethod
    def of(cls, platform: Platform) -> Self:
        """Copy what there is now."""
        live, gaps = platform.live, platform.gaps
        ids = np.flatnonzero(live.time).astype(np.int32)
        rows = Batch(
            ids, live.time[ids], live.received[ids], live.device[ids], live.value[ids], live.quality[ids]
        )
        return cls(platform.clock.now_ns(), rows, gaps.reason.copy(), gaps.since.copy(), dict(gaps.words))

    def lasting(self, ids: Ids, moment: int) -> Iterator[Gap]:
        """Yield the gaps that last now and had begun at a moment."""
        inside = ids[ids < len(self.gap_reason)]
        begun = (self.gap_reason[inside] != 0) & (self.gap_since[inside] <= moment)
        for one in inside[begun].tolist():
            reason = Reason(int(self.gap_reason[one]))
            yield Gap(one, int(self.gap_since[one]), None, reason, self.gap_words.get(one, ""))


@dataclass(frozen=True, slots=True)
class Moment:
    """The twin at a moment (ns UTC): the models that were valid, and the points under what was asked for, if any."""

    at: int
    under: str | None
    models: Sequence[Model]
    points: Sequence[Then]
    seen: Seen


def moment(platform: Platform, present: Present, at: int, under: str | None, seen: Seen) -> Moment:
    """Return the twin at a moment, as far as it is seen.

    `StoreBusy` and its like when the store has to be asked and is away.
    """
    pairs = [(model, list(chosen(model, under, seen))) for model in models_at(platform, at, under, seen)]
    ids = {path: series for series, path in platform.registry.series_paths().items()}
    wanted = [ids[point.path] for _, points in pairs for point in points if point.path in ids]
    series = np.unique(np.array(wanted, np.int32))
    readings = _readings(platform, present, series, at)
    gaps = [*platform.ledger.gaps(series, at, at + 1), *present.lasting(series, at)]
    states = platform.registry.state_names()
    found = [then for model, points in pairs for then in twin_at(points, at, readings, gaps, ids, states)]
    return Moment(at, under, [model for model, _ in pairs], found, seen)


def check(platform: Platform, *moments: Moment) -> None:
    """Raise UnknownName when at none of the moments there was anything under the name that was asked for."""
    if not any(one.points for one in moments):
        seen = moments[0].seen
        models = [model for one in moments for model in models_at(platform, one.at, None, seen)]
        raise UnknownName(nothing(models, moments[0].under, seen))


def zone_of(platform: Platform, under: str | None, seen: Seen) -> ZoneInfo:
    """Return the zone in which whoever asks for what is `under` a district writes times."""
    name = (under or "").strip("/").partition("/")[0]
    districts = [one for one in platform.catalogue.districts if seen.district(one.id)]
    zones = (one.zone for one in districts if name in {"", one.id})
    return next(zones, districts[0].zone if districts else ZoneInfo("UTC"))


def models_at(platform: Platform, at: int, under: str | None, seen: Seen) -> Iterator[Model]:
    """Yield the models that were valid at a moment; of a folder that kept none yet, what is configured now."""
    first = None if under is None else under.strip("/").partition("/")[0]
    kept = platform.models.districts()
    for name in filter(seen.district, kept):
        if first in {None, name} and (model := platform.models.at(name, at)) is not None:
            yield model
    for district in platform.catalogue.districts:
        if district.id not in kept and first in {None, district.id} and seen.district(district.id):
            raw = orjson.loads(b"".join(described(district)))
            yield Model(raw, platform.started, assumed=True)


def changes(before: Moment, after: Moment) -> tuple[list[PointChange], list[tuple[str, ModelChange]]]:
    """Return what is different: points, and what became of each district's model, as far as it was asked for."""
    first = {model.district: model for model in before.models}
    second = {model.district: model for model in after.models}
    owners = {then.point.owner.id for one in (before, after) for then in one.points}
    whole = "/" not in (before.under or "").strip("/")
    models = [
        (district, change)
        for district in dict.fromkeys([*first, *second])
        for change in changed_model(first.get(district), second.get(district))
        if before.seen.all_of(district)
        if whole or (change.kind in {"device", "point"} and change.subject.partition("/")[0] in owners)
    ]
    seen = before.seen
    plain = ([one for one in found.points if seen.plainly(one.point.path)] for found in (before, after))
    return list(changed_points(*plain)), models


def chosen(model: Model, under: str | None, seen: Seen) -> Iterator[PointThen]:
    """Yield the points of a model under a district, a device, a site with all that stands in it, or a path."""
    _, _, rest = (under or "").strip("/").partition("/")
    sites = _within(model, rest)
    prefix = f"{model.district}/{rest}".rstrip("/") + "/"
    for point in model.points.values():
        if (f"{point.path}/".startswith(prefix) or point.owner.site in sites) and seen.point(point.path):
            yield point


def _within(model: Model, site: str) -> set[str]:
    """Return a site and those that lie in it, nothing when there is no such site."""
    within = {one["id"]: one.get("within") for one in model.raw["sites"]}
    found = {site} & within.keys()
    while more := {one for one, around in within.items() if around in found} - found:
        found |= more
    return found


def _readings(platform: Platform, present: Present, series: Ids, at: int) -> Batch:
    live = present.live
    live = live.take((live.time <= at) & np.isin(live.ids, series))
    rest = np.setdiff1d(series, live.ids).astype(np.int32)
    return join([live, platform.store.asof(rest, at)]) if len(rest) else live


def nothing(models: Iterable[Model], under: str | None, seen: Seen) -> str:
    """Say that there was nothing, with the name that comes nearest among what is seen."""
    known: list[str] = []
    for model in models:
        points = [point for point in model.points.values() if seen.point(point.path)]
        owners = dict.fromkeys(f"{model.district}/{point.owner.id}" for point in points)
        among = {point.owner.site for point in points}
        sites = (
            f"{model.district}/{site['id']}"
            for site in model.raw["sites"]
            if seen.all_of(model.district) or site["id"] in among
        )
        known += [model.district, *owners, *sites]
        if any((under or "").startswith(f"{one}/") for one in owners):
            known += [point.path for point in points]
    if under is None:
        return "no district ran at that time"
    return f"there was no point, device, site or district {under!r}{suggest(under, known)} at that time"
