"""The twin at a moment, and what changed, as plain data. Blocks on the disk."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.past.standing import changed_alarms, changed_desired, desired, standing
from barrio.past.twin import Moment, Present, changes, check, moment
from twin.clock import exact, rfc3339

if TYPE_CHECKING:
    from barrio.past.seen import Seen
    from barrio.platform import Platform
    from twin.ledger import Gap
    from twin.past.asof import Then
    from twin.past.compare import ModelChange, PointChange
    from twin.past.model import Model
    from twin.quality import Reason


_WITHHELD = dict.fromkeys(
    ("value", "quality", "time", "received", "age_s", "usable", "stale", "came_later", "gap")
)
"""What is not told of a point at a moment to whoever is given its readings as windows only."""


def then(
    platform: Platform, present: Present, asked: tuple[int, str | None], page: slice, seen: Seen
) -> dict[str, Any]:
    """Return a page of the answer about a moment, and what is `under` a name; blocks."""
    found = moment(platform, present, *asked, seen)
    check(platform, found)
    wanted = desired(platform, found.at, seen)
    return {
        **_head(platform, found),
        "under": found.under,
        "alarms": standing(platform, found),
        "unusable": sum(not then.usable for then in found.points if seen.plainly(then.point.path)),
        "total": len(found.points),
        "points": [
            _point(then, seen) | {"desired": wanted.get(then.point.path)} for then in found.points[page]
        ],
    }


def compared(
    platform: Platform, present: Present, both: tuple[int, int], under: str | None, seen: Seen
) -> dict[str, Any]:
    """Return the whole answer; blocks."""
    before, after = (moment(platform, present, at, under, seen) for at in both)
    check(platform, before, after)
    points, models = changes(before, after)
    found = [_changed_model(*one) for one in models]
    found += changed_alarms(standing(platform, before), standing(platform, after))
    first, second = (desired(platform, one.at, seen) for one in (before, after))
    found += changed_desired(first, second, before, after)
    found += [_changed_point(one, seen) for one in points]
    return {
        "before": _head(platform, before),
        "after": _head(platform, after),
        "under": under,
        "changes": found,
    }


def _head(platform: Platform, found: Moment) -> dict[str, Any]:
    return {"at": exact(found.at), "districts": [_model(platform, one, found.at) for one in found.models]}


def _model(platform: Platform, model: Model, at: int) -> dict[str, Any]:
    kept = platform.models.kept_from(model.district)
    return {
        "district": model.district,
        "name": model.name,
        "tz": model.zone.key,
        "model": {"digest": model.digest, "since": rfc3339(model.since), "assumed": model.assumed},
        "kept_from": rfc3339(kept) if kept > at else None,
    }


def _point(then: Then, seen: Seen) -> dict[str, Any]:
    point = then.point
    head = {
        "path": point.path,
        "site": point.owner.site,
        "device": point.owner.id,
        "kind": point.owner.kind,
        "quantity": point.quantity,
        "unit": point.unit,
    }
    coarse = seen.resolution(point.path)
    if coarse is not None:
        words = f"its readings are given as windows of {coarse}: /api/v1/history has them"
        return {**head, **_WITHHELD, "resolution": coarse.value, "words": words}
    return {
        **head,
        **_value(then),
        "quality": _quality(then.quality),
        "time": exact(then.time),
        "received": exact(then.received),
        "age_s": then.age_s,
        "usable": then.usable,
        "stale": then.stale,
        "came_later": then.came_later,
        "gap": _gap(then.gap, seen),
    }


@cache
def _quality(reason: Reason) -> dict[str, Any]:
    """Return a reason as plain data; the same each time, since the names of enumerations are slow to come by."""
    return {"level": reason.level.value, "reason": reason.slug, "meaning": reason.meaning}


def _value(then: Then) -> dict[str, Any]:
    if then.point.states:
        return {"value": then.state, "state": then.state}
    return {"value": None if np.isnan(then.value) else then.value}


def _gap(gap: Gap | None, seen: Seen) -> dict[str, Any] | None:
    if gap is None:
        return None
    return {
        "reason": gap.reason.slug,
        "meaning": gap.reason.meaning,
        "since": rfc3339(gap.start),
        "words": gap.words if seen.who.on_duty else "",
        "filled": gap.filled,
    }


def _changed_point(change: PointChange, seen: Seen) -> dict[str, Any]:
    return {
        "kind": "point",
        "subject": change.after.point.path,
        "what": change.what,
        "before": _point(change.before, seen),
        "after": _point(change.after, seen),
    }


def _changed_model(district: str, change: ModelChange) -> dict[str, Any]:
    subject = district if change.kind == "district" else f"{district}/{change.subject}"
    return {"kind": change.kind, "subject": subject, "what": [change.what], "words": change.words}
