"""Points and what is known of them now, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.moments import exact, rfc3339
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barrio.platform import Platform
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


def latest(platform: Platform, item: BoundPoint, *, told: bool = True) -> dict[str, Any]:
    """Return the newest reading: `value` is null where it has none, `gap` says since when nothing is heard and why.

    `told`: with the words that there are of the gap.
    """
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
        "time": exact(state.time),
        "received": exact(state.received),
        "device_time": exact(state.device),
        "gap": gap_of(platform, item.id, told=told),
    }


def _value(platform: Platform, item: BoundPoint, state: State) -> dict[str, Any]:
    known = None if np.isnan(state.value) else state.value
    if not item.point.states:
        return {"value": known}
    name = None if known is None else platform.catalogue.states.get(int(known))
    return {"value": known and name, "state": name}


def gap_of(platform: Platform, series: int, *, told: bool) -> dict[str, Any] | None:
    """Return since when and why a point is not heard, None when it is; `told`: with the words that there are."""
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
