"""What a supplier is told, and what its answer means.

A body has the keys that words for people are made of (`title`, `text`, `what`, `where`, `since`, `until`, `value`) and,
for programs, `request`, `district`, `tank`, `commodity`, `quantity_m3`, `level_percent`, `fill_to_percent`,
`hours_left` (estimate, low, high), `deadline`, `place` (name, lat, lon), `state`, `reason` and `acknowledge`, the path
that an acknowledgement is posted to. Absent facts are null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from twin.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.notify_spec import ChannelSpec
    from twin.services.book import Tank
    from twin.services.request import Request

KEY = "supply"
_TITLES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "requested": "{what}: {quantity} for {name}",
        "cancelled": "{what} for {name}: cancelled",
        "delivered": "{what} for {name}: delivered",
        "escalated": "{what} for {name}: still waiting",
    },
    "es": {
        "requested": "{what}: {quantity} para {name}",
        "cancelled": "{what} para {name}: cancelado",
        "delivered": "{what} para {name}: entregado",
        "escalated": "{what} para {name}: sigue pendiente",
    },
}
_SOME = {"en": "a filling", "es": "un llenado"}
_LONGEST_REFERENCE = 200


def body(event: str, request: Request, tank: Tank, channel: ChannelSpec) -> dict[str, Any]:
    """Return what a channel is told of a request: `event` is requested, cancelled, delivered or escalated."""
    quantity = _SOME[channel.lang] if request.quantity is None else f"{request.quantity:.1f} m3"
    title = _TITLES[channel.lang][event].format(what=request.what, quantity=quantity, name=tank.name)
    deadline = rfc3339(request.deadline, "seconds")
    location = tank.location
    return {
        "title": title,
        "text": request.steps[-1].words,
        "what": f"{tank.district}/{tank.owner}",
        "where": tank.place,
        "since": rfc3339(request.opened, "seconds"),
        "until": deadline,
        "value": f"{request.level:.1f} %",
        "request": request.id,
        "district": tank.district,
        "tank": tank.owner,
        "commodity": request.what,
        "quantity_m3": request.quantity,
        "delivered_m3": request.delivered,
        "level_percent": request.level,
        "fill_to_percent": request.fill_to,
        "hours_left": hours(request.hours),
        "deadline": deadline,
        "place": {
            "name": tank.place,
            "lat": None if location is None else location.lat,
            "lon": None if location is None else location.lon,
        },
        "state": str(request.state),
        "reason": request.reason,
        "acknowledge": f"/api/v1/supply/{request.id}/acknowledge",
    }


def hours(found: tuple[float, float, float] | None) -> dict[str, float] | None:
    """Return hours left with their interval as an answer has them."""
    if found is None:
        return None
    return dict(zip(("estimate", "low", "high"), (round(one, 4) for one in found), strict=True))


def key_of(request: int, event: str) -> str:
    """Return the outbox's key of an event of a request; it happens once."""
    return f"{KEY}/{request}/{event}"


def request_of(key: str) -> int | None:
    """Return the number of the request that a key of ours is about, None for another's key."""
    kind, _, rest = key.partition("/")
    number = rest.partition("/")[0]
    return int(number) if kind == KEY and number.isascii() and number.isdigit() and len(number) < 19 else None


def acknowledgement(text: str) -> str | None:
    """Return the reference of an answer that acknowledges (`{"acknowledged": true}`), None of any other."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or found.get("acknowledged") is not True:
        return None
    reference = found.get("reference")
    return reference[:_LONGEST_REFERENCE] if isinstance(reference, str) else ""
