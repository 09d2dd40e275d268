"""Tanks, requests, places and services as an answer has them: units in the names, absent facts null with words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrio.moments import rfc3339
from twin.services.draw import Left, NotKnown
from twin.services.messages import hours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.services.capacity import Capacity, Expected
    from twin.services.count_book import Correction
    from twin.services.maintenance import ServiceStanding
    from twin.services.request import Request
    from twin.services.tank import TankWatch

_DAYS = 7


def tank_answer(watch: TankWatch) -> dict[str, Any]:
    """Return a tank as it stands now."""
    tank, left = watch.tank, watch.left
    level = None if watch.trouble is not None else watch.level.now
    return {
        "key": tank.key,
        "tank": f"{tank.district}/{tank.owner}",
        "name": tank.name,
        "place": tank.place,
        "what": tank.rule.what or tank.rule.id,
        "level_percent": None if level is None else round(level, 2),
        "capacity_m3": watch.full_m3,
        "hours_left": hours((left.hours, left.low, left.high)) if isinstance(left, Left) else None,
        "words": left.words if isinstance(left, NotKnown) else "",
        "state": "normal" if watch.request is None else str(watch.request.state),
        "request": None if watch.request is None else watch.request.id,
    }


def request_answer(request: Request, *, steps: bool = False) -> dict[str, Any]:
    """Return a request; with its steps where they are asked for."""
    body: dict[str, Any] = {
        "id": request.id,
        "tank": request.tank,
        "supplier": request.supplier,
        "what": request.what,
        "state": str(request.state),
        "words": request.steps[-1].words if request.steps else "",
        "reason": request.reason,
        "opened": rfc3339(request.opened),
        "deadline": rfc3339(request.deadline),
        "level_percent": request.level,
        "fill_to_percent": request.fill_to,
        "quantity_m3": request.quantity,
        "hours_left": hours(request.hours),
        "sent": rfc3339(request.sent),
        "acknowledged": rfc3339(request.acknowledged),
        "reference": request.reference,
        "delivered_m3": request.delivered,
        "escalations": list(request.escalations),
    }
    if steps:
        body["steps"] = [
            {"at": rfc3339(step.at), "state": str(step.state), "who": step.who, "words": step.words}
            for step in request.steps
        ]
    return body


def place_answer(
    capacity: Capacity, key: str, corrections: Sequence[Correction], now_ns: int
) -> dict[str, Any]:
    """Return how full a place is, what quiet hours set right, and what is expected."""
    watch = capacity.places[key]
    crowd, share = watch.crowd, capacity.share(watch)
    words = "" if watch.trouble is None else f"{watch.blamed}: {watch.trouble.meaning}"
    drifts = [one.drift for one in corrections[:_DAYS] if one.drift is not None]
    expected = capacity.forecast(key, now_ns)
    return {
        "key": key,
        "place": f"{crowd.district}/{crowd.owner}",
        "name": crowd.name,
        "people": watch.people,
        "capacity": capacity.allowed(watch),
        "share_percent": None if share is None else round(share, 1),
        "colour": watch.colour if watch.people is not None else None,
        "words": words,
        "amber_percent": crowd.rule.amber,
        "red_percent": crowd.rule.red,
        "drift_per_day": round(sum(drifts) / len(drifts), 1) if drifts else None,
        "corrections": [
            {
                "at": rfc3339(one.at),
                "counted": one.counted,
                "set_to": one.set_to,
                "drift": one.drift,
                "words": one.words,
            }
            for one in corrections
        ],
        "forecast": _forecast(expected),
    }


def _forecast(expected: Sequence[Expected] | NotKnown) -> dict[str, Any]:
    if isinstance(expected, NotKnown):
        return {"words": expected.words, "holds_percent": None, "weeks": None, "quarters": []}
    ahead = expected[0].ahead if expected else None
    return {
        "words": "",
        "holds_percent": None if ahead is None else round(100 * ahead.share),
        "weeks": None if ahead is None else ahead.weeks,
        "quarters": [
            {
                "from": rfc3339(one.ahead.start),
                "people": round(one.ahead.people),
                "low": round(one.ahead.low),
                "high": round(one.ahead.high),
                "share_percent": None if one.share is None else round(one.share, 1),
                "colour": one.colour,
            }
            for one in expected
        ],
    }


def service_answer(one: ServiceStanding) -> dict[str, Any]:
    """Return how a service stands."""
    service = one.service
    share = None if one.used is None else round(100 * one.used / service.every, 1)
    return {
        "key": service.key,
        "device": f"{service.district}/{service.owner}",
        "name": service.name,
        "site": service.site,
        "rule": service.rule.id,
        "text": service.rule.text,
        "counter": service.counter.path,
        "unit": service.unit,
        "used": None if one.used is None else round(one.used, 2),
        "every": service.every,
        "share_percent": share,
        "state": one.state,
        "since": rfc3339(one.since),
        "per_day": None if one.per_day is None else round(one.per_day, 2),
        "days": round(one.days, 1),
        "due": None if one.due is None else rfc3339(one.due),
        "words": one.words,
    }
