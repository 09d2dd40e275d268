"""The past over HTTP: the twin at a moment, what changed until another one, and the models that there were."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi.responses import Response

from barrio.api.answers import as_json
from barrio.api.parameters import Limit, Offset, Word
from barrio.errors import AskError, UnknownName
from barrio.moments import parse_moment, rfc3339
from barrio.past.standing import changed_alarms, changed_desired, desired, standing
from barrio.past.twin import Moment, Present, changes, check, moment, zone_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.ledger import Gap
    from twin.past.asof import Then
    from twin.past.compare import ModelChange, PointChange
    from twin.past.model import Model
    from twin.past.models import Version
    from twin.quality import Reason

USUALLY_LISTED = 1_000
SHORTEST_DIGEST = 6


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""

    @app.get("/api/v1/twin")
    async def twin(
        at: str = "now",
        compare: Word = None,
        under: Word = None,
        limit: Limit = USUALLY_LISTED,
        offset: Offset = 0,
    ) -> Response:
        """Return the twin as it was at a moment; with `compare`, what was different at that other moment."""
        present = Present.of(platform)
        zone = zone_of(platform, under)
        first = _moment(at, "at", present.now, zone)
        if compare is None:
            page = slice(offset, offset + limit)
            body = await platform.in_thread("reads", _then, platform, present, (first, under), page)
            return as_json({**body, "limit": limit, "offset": offset})
        second = _moment(compare, "compare", present.now, zone)
        body = await platform.in_thread("reads", _compared, platform, present, (first, second), under)
        page = body.pop("changes")
        head = {"total": len(page), "limit": limit, "offset": offset}
        return as_json({**body, **head, "changes": page[offset : offset + limit]})

    @app.get("/api/v1/models")
    async def models() -> Response:
        """Return every version of every district that ran, by district and time."""
        found = await platform.in_thread("reads", platform.models.versions)
        return as_json({"models": [_version(one) for one in found]})

    @app.get("/api/v1/models/{district}/{digest}")
    async def model(district: str, digest: str) -> Response:
        """Return one version as it was; the first digits of the digest do."""
        found = None
        if len(digest) >= SHORTEST_DIGEST:
            found = await platform.in_thread("reads", platform.models.find, district, digest)
        if found is None:
            raise UnknownName(f"there is no model {district}/{digest}; /api/v1/models lists them")
        return as_json({"since": rfc3339(found.since), **found.raw})


def _moment(text: str, parameter: str, now: int, zone: Any) -> int:
    found = parse_moment(text, parameter, now, zone)
    if found > now:
        raise AskError(parameter, f"{text!r} lies in the future")
    return found


def _then(platform: Platform, present: Present, asked: tuple[int, str | None], page: slice) -> dict[str, Any]:
    """Return a page of the answer about a moment, and what is `under` a name; blocks."""
    found = moment(platform, present, *asked)
    check(platform, found)
    wanted = desired(platform, found.at)
    return {
        **_head(platform, found),
        "under": found.under,
        "alarms": standing(platform, found),
        "unusable": sum(not then.usable for then in found.points),
        "total": len(found.points),
        "points": [_point(then) | {"desired": wanted.get(then.point.path)} for then in found.points[page]],
    }


def _compared(
    platform: Platform, present: Present, both: tuple[int, int], under: str | None
) -> dict[str, Any]:
    """Return the whole answer; blocks."""
    before, after = (moment(platform, present, at, under) for at in both)
    check(platform, before, after)
    points, models = changes(before, after)
    found = [_changed_model(*one) for one in models]
    found += changed_alarms(standing(platform, before), standing(platform, after))
    found += changed_desired(desired(platform, before.at), desired(platform, after.at), before, after)
    found += [_changed_point(one) for one in points]
    return {
        "before": _head(platform, before),
        "after": _head(platform, after),
        "under": under,
        "changes": found,
    }


def _head(platform: Platform, found: Moment) -> dict[str, Any]:
    return {"at": rfc3339(found.at), "districts": [_model(platform, one, found.at) for one in found.models]}


def _model(platform: Platform, model: Model, at: int) -> dict[str, Any]:
    kept = platform.models.kept_from(model.district)
    return {
        "district": model.district,
        "name": model.name,
        "tz": model.zone.key,
        "model": {"digest": model.digest, "since": rfc3339(model.since), "assumed": model.assumed},
        "kept_from": rfc3339(kept) if kept > at else None,
    }


def _point(then: Then) -> dict[str, Any]:
    point = then.point
    return {
        "path": point.path,
        "site": point.owner.site,
        "device": point.owner.id,
        "kind": point.owner.kind,
        "quantity": point.quantity,
        "unit": point.unit,
        **_value(then),
        "quality": _quality(then.quality),
        "time": rfc3339(then.time),
        "received": rfc3339(then.received),
        "age_s": then.age_s,
        "usable": then.usable,
        "stale": then.stale,
        "came_later": then.came_later,
        "gap": _gap(then.gap),
    }


@cache
def _quality(reason: Reason) -> dict[str, Any]:
    """Return a reason as plain data; the same each time, since the names of enumerations are slow to come by."""
    return {"level": reason.level.value, "reason": reason.slug, "meaning": reason.meaning}


def _value(then: Then) -> dict[str, Any]:
    if then.point.states:
        return {"value": then.state, "state": then.state}
    return {"value": None if np.isnan(then.value) else then.value}


def _gap(gap: Gap | None) -> dict[str, Any] | None:
    if gap is None:
        return None
    return {
        "reason": gap.reason.slug,
        "meaning": gap.reason.meaning,
        "since": rfc3339(gap.start),
        "words": gap.words,
        "filled": gap.filled,
    }


def _changed_point(change: PointChange) -> dict[str, Any]:
    return {
        "kind": "point",
        "subject": change.after.point.path,
        "what": change.what,
        "before": _point(change.before),
        "after": _point(change.after),
    }


def _changed_model(district: str, change: ModelChange) -> dict[str, Any]:
    subject = district if change.kind == "district" else f"{district}/{change.subject}"
    return {"kind": change.kind, "subject": subject, "what": [change.what], "words": change.words}


def _version(one: Version) -> dict[str, Any]:
    return {
        "district": one.district,
        "digest": one.digest,
        "since": rfc3339(one.since),
        "until": None if one.until is None else rfc3339(one.until),
        "devices": one.devices,
        "points": one.points,
        "rules": one.rules,
    }
