"""Points and what is known of them now, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.history.permitted import Newest, permitted_latest
from barrio.moments import rfc3339
from twin.errors import TransientError
from twin.quality import Reason
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from barrio.access.who import Who
    from barrio.platform import Platform
    from twin.frame import Times
    from twin.live import State
    from twin.model.bound import BoundPoint
    from twin.model.district import Device


@dataclass(frozen=True, slots=True)
class Filter:
    """Which points are meant; None means any. `under` is a district, `district/device`, or a whole path."""

    under: str | None = None
    device: str | None = None
    quantity: str | None = None
    site: str | None = None
    kind: str | None = None

    def takes(self, device: Device, item: BoundPoint) -> bool:
        """Whether a point passes."""
        wanted = (
            (self.device, device.id),
            (self.quantity, item.point.quantity.name),
            (self.site, device.site),
            (self.kind, device.kind),
        )
        return self._is_under(item.point.path) and all(want in {None, found} for want, found in wanted)

    def _is_under(self, path: str) -> bool:
        return self.under is None or f"{path}/".startswith(f"{self.under.strip('/')}/")


def chosen(platform: Platform, which: Filter) -> Iterator[tuple[Device, BoundPoint]]:
    """Yield the points that pass, in the order of the files; computed ones come last."""
    for item in platform.catalogue.points.values():
        owner = platform.catalogue.owners[item.id]
        if which.takes(owner, item):
            yield owner, item


def latest(platform: Platform, item: BoundPoint) -> dict[str, Any]:
    """Return the newest reading: `value` is null where it has none, `gap` says since when nothing is heard and why."""
    state = platform.live.state(item.id)
    return {
        "path": item.point.path,
        "quantity": item.point.quantity.name,
        "unit": item.point.quantity.unit,
        **_value(platform, item, state),
        "quality": {
            "level": state.quality.level,
            "reason": state.quality.slug,
            "meaning": state.quality.meaning,
            "detail": state.detail,
        },
        "time": rfc3339(state.time),
        "received": rfc3339(state.received),
        "device_time": rfc3339(state.device),
        "gap": _gap(platform, item.id, told=True),
    }


def _value(platform: Platform, item: BoundPoint, state: State) -> dict[str, Any]:
    known = None if np.isnan(state.value) else state.value
    if not item.point.states:
        return {"value": known}
    name = None if known is None else platform.catalogue.states.get(int(known))
    return {"value": known and name, "state": name}


def _gap(platform: Platform, series: int, *, told: bool) -> dict[str, Any] | None:
    gaps = platform.gaps
    if not gaps.reason[series]:
        return None
    reason = Reason(int(gaps.reason[series]))
    return {
        "reason": reason.slug,
        "meaning": reason.meaning,
        "since": rfc3339(int(gaps.since[series])),
        "words": gaps.words.get(series, "") if told else "",
    }


# --- many points, for one caller ----------------------------------------------------------------------------

_RESOLUTIONS = tuple(one.value for one in Resolution)
_MEANINGS = {
    int(one): {"level": one.level, "reason": one.slug, "meaning": one.meaning, "detail": ""} for one in Reason
}


async def newest(platform: Platform, who: Who, items: Sequence[BoundPoint]) -> list[dict[str, Any]]:
    """Return the newest of points as `latest` does, as finely as `who` is given them: `resolution` says how finely.

    Where that is windows and the store is away, there are no values, and `quality` says why.
    """
    ids = np.array([item.id for item in items], np.int32)
    words = ""
    try:
        found = await permitted_latest(platform, who, ids)
    except TransientError as error:
        found, words = _unasked(platform, who, ids), error.words
    columns = (found.value.tolist(), found.quality.tolist(), found.finest.tolist())
    times = (_texts(found.time), _texts(found.received), _texts(found.device))
    states, details = platform.catalogue.states, platform.live.details
    rows = []
    for item, value, code, finest, time, received, device in zip(items, *columns, *times, strict=True):
        point = item.point
        known = value if value == value else None  # noqa: PLR0124 - NaN, and this is asked ten thousand times
        quality = _MEANINGS[code]
        detail = words if finest else details.get(item.id, "")
        row = {"path": point.path, "quantity": point.quantity.name, "unit": point.quantity.unit}
        if point.states:
            known = None if known is None else states.get(int(known))
            row["value"] = row["state"] = known
        else:
            row["value"] = known
        row["quality"] = {**quality, "detail": detail} if detail else quality
        row["time"], row["received"], row["device_time"] = time, received, device
        row["gap"] = None if finest else _gap(platform, item.id, told=who.on_duty)
        row["resolution"] = _RESOLUTIONS[finest]
        rows.append(row)
    return rows


def _unasked(platform: Platform, who: Who, ids: np.ndarray) -> Newest:
    """Return what is known without the store: readings themselves, and nothing of windows."""
    live, finest = platform.live, who.sight.finest[ids]
    windowed = finest > 0
    value = np.where(windowed, np.nan, live.value[ids])
    quality = np.where(windowed, Reason.INPUT_MISSING, live.quality[ids]).astype(np.uint8)
    time, received, device = (
        np.where(windowed, 0, one[ids]) for one in (live.time, live.received, live.device)
    )
    return Newest(ids, value, quality, time, received, device, finest)


def _texts(times: Times) -> list[str | None]:
    """Return times in RFC 3339, None where there is none."""
    if not times.any():
        return [None] * len(times)
    texts = np.datetime_as_string((times // 1000).astype("datetime64[us]")).tolist()
    return [f"{text}Z" if time else None for text, time in zip(texts, times.tolist(), strict=True)]
