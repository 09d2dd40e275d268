"""The newest of points as columns: which points are meant is found once, their readings come from memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from barrio.api.points import latest
from barrio.history.answers import named
from barrio.history.chosen import choose
from barrio.history.permitted import NOTHING_USABLE, permitted_latest
from barrio.moments import exact
from barrio.tables.cells import as_json
from barrio.tables.table import Column, Kind, Part, Table
from barrio.tables.times import NEVER
from twin.model.quantities import Aggregation
from twin.quality import Reason
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from barrio.access.who import Who
    from barrio.history.chosen import Choice
    from barrio.platform import Platform
    from twin.access.sight import Sight
    from twin.frame import Ids
    from twin.model.bound import BoundPoint

MOST = 100_000
MOST_KEPT = 64
_RESOLUTIONS = np.array([one.value for one in Resolution], object)
_KNOWN = set(Reason)
_SLUGS = np.array([Reason(code).slug if code in _KNOWN else "" for code in range(256)], object)
_LEVELS = np.array([Reason(code).level.value if code in _KNOWN else "" for code in range(256)], object)
_TIMES = ("time", "received")
_KINDS = {"value": Kind.NUMBER} | dict.fromkeys(_TIMES, Kind.TIME)


@dataclass(frozen=True, slots=True, eq=False)
class _Meant:
    """Points that a caller means, and what is always the same of them."""

    ids: Ids
    is_state: npt.NDArray[np.bool_]
    heads: Mapping[str, list[str]]


class Latest:
    """Answers for one platform; used in the event loop."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._meant: dict[tuple[Sight, Choice], _Meant] = {}

    async def columns(self, choice: Choice, who: Who) -> dict[str, Any]:
        """Return the newest of the points that are meant; all that are seen, where none is. Times are ns UTC."""
        meant = self._points(choice, who)
        newest = await permitted_latest(self._platform, who, meant.ids)
        return {
            "total": len(meant.ids),
            **meant.heads,
            "value": np.where(meant.is_state, np.nan, newest.value),
            "state": named(
                np.where(meant.is_state, newest.value, np.nan), self._platform.catalogue.states
            ).tolist(),
            "level": _LEVELS[newest.quality].tolist(),
            "quality": _SLUGS[newest.quality].tolist(),
            "time": np.where(newest.time == 0, NEVER, newest.time),
            "received": np.where(newest.received == 0, NEVER, newest.received),
            "resolution": _RESOLUTIONS[newest.finest].tolist(),
            "gap": self._gaps(meant.ids),
        }

    def body(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return the same as JSON has it: times to the nanosecond."""
        times = {name: orjson.Fragment(as_json(Kind.TIME, found[name])) for name in _TIMES}
        return {**found, **times}

    def table(self, found: Mapping[str, Any]) -> Table:
        """Return the same as a table of one part."""
        columns, arrays = [], {}
        for name, column in found.items():
            if name == "total":
                continue
            columns.append(Column(name, _KINDS.get(name, Kind.TEXT)))
            arrays[name] = column if name in _KINDS else np.array(column, object)
        return Table({"total": found["total"]}, columns, [Part({}, arrays)], ())

    async def one(self, item: BoundPoint, who: Who) -> dict[str, Any]:
        """Return the newest of one point, with the meaning of its quality and since when there is a gap."""
        finest = who.sight.resolution(item.id)
        # The words of a gap name the reading that was refused, or what a link is told.
        told = who.on_duty and finest is Resolution.RAW
        body = latest(self._platform, item, told=told)
        if finest is Resolution.RAW:
            return body | {"resolution": finest.value}
        newest = await permitted_latest(self._platform, who, np.array([item.id], np.int32))
        reason = Reason(int(newest.quality[0]))
        value: Any = None if np.isnan(newest.value[0]) else float(newest.value[0])
        if value is not None and item.point.quantity.aggregation is Aggregation.STATE:
            value = self._platform.catalogue.states.get(int(value))
        body["value"] = value
        if "state" in body:
            body["state"] = value
        body["quality"] = {
            "level": reason.level,
            "reason": reason.slug,
            "meaning": NOTHING_USABLE if reason is Reason.INPUT_MISSING else reason.meaning,
            "detail": "",
        }
        times = {"time": exact(int(newest.time[0])), "received": None, "device_time": None}
        return body | times | {"resolution": finest.value}

    def _points(self, choice: Choice, who: Who) -> _Meant:
        key = (who.sight, choice)
        found = self._meant.get(key)
        if found is None:
            if choice.points or choice.filters:
                points = choose(choice, who, MOST)
            else:
                points = [who.sight.points[path] for path in who.sight.paths]
            found = _meant(points)
            if len(self._meant) >= MOST_KEPT:
                del self._meant[next(iter(self._meant))]
            self._meant[key] = found
        return found

    def _gaps(self, ids: Ids) -> list[str | None]:
        reasons = self._platform.gaps.reason[ids]
        if not reasons.any():
            return [None] * len(ids)
        return [slug if code else None for slug, code in zip(_SLUGS[reasons], reasons.tolist(), strict=True)]


def _meant(points: list[BoundPoint]) -> _Meant:
    kinds = [item.point.quantity for item in points]
    return _Meant(
        np.array([item.id for item in points], np.int32),
        np.array([one.aggregation is Aggregation.STATE for one in kinds], np.bool_),
        {
            "point": [item.point.path for item in points],
            "quantity": [one.name for one in kinds],
            "unit": [one.unit for one in kinds],
        },
    )
