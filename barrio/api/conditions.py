"""What devices report of themselves over HTTP, and the acknowledgement that goes back to them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.responses import Response

from barrio.access.who import Seen, Who
from barrio.api.answers import as_json
from barrio.api.operator import at_rest
from barrio.api.parameters import MOST_LISTED, Limit, Number, Said, Since, span_of
from barrio.api.problems import problem
from barrio.errors import UnknownName
from barrio.moments import rfc3339
from connectors.abilities import Acknowledges
from twin.access.scope import Tier, Verb

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.conditions import Condition
    from twin.events import DeviceEvent


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""

    @app.get("/api/v1/device-events")
    async def events(
        who: Seen,
        start: Since = "-1d",
        to: str = "now",
        limit: Limit = 1_000,
    ) -> Response:
        """Return what devices reported of themselves, the newest first; for operators."""
        who.require_operator()
        zone, now = platform.catalogue.districts[0].zone, platform.clock.now_ns()
        span = span_of(start, to, now, zone)
        found = await platform.in_thread("reads", platform.device_events.events, *span, limit)
        return as_json({"events": [_event(event) for event in found]})

    @app.get("/api/v1/conditions")
    async def conditions(who: Seen, limit: Limit = 1_000) -> Response:
        """Return the devices' conditions that are active or wait for an acknowledgement, the gravest first.

        A device says in its own words what it measures: its conditions exist for whoever sees all of its points.
        """
        found = await platform.in_thread("reads", platform.device_events.ongoing, MOST_LISTED)
        seen = [one for one in found if _exists(one, who)][:limit]
        return as_json({"conditions": [_condition(one) for one in seen]})

    @app.post("/api/v1/conditions/{number}/acknowledge")
    async def acknowledge(
        number: Number,
        body: Said,
        who: Seen,
    ) -> Response:
        """Acknowledge a condition at its device; 409 with the device's words when it refuses."""
        no = at_rest(platform, "no device can be told")
        if no is not None:
            return no
        found = await platform.in_thread("reads", platform.device_events.condition, number)
        if found is None or not _exists(found, who):
            raise UnknownName(f"there is no condition {number}; /api/v1/conditions lists them")
        who.require(Verb.ACKNOWLEDGE)
        words = await _acknowledge(platform, found, body)
        said = {"condition": number, "path": found.event.device, "said": body.who, "words": words}
        await platform.audited("condition_acknowledged", who, said)
        return problem(HTTPStatus.CONFLICT, words) if words else as_json(_condition(found))


def _exists(found: Condition, who: Who) -> bool:
    """Whether a condition exists for a caller; also of a device that is configured no more, for operators of all."""
    public = who.sight.scope.tier is Tier.OPEN
    return who.sight.whole or (not public and who.sight.wholly(found.event.device))


async def _acknowledge(platform: Platform, found: Condition, body: Said) -> str:
    link: object = platform.supervisor.link_of(found.event.device)
    if not isinstance(link, Acknowledges):
        return f"{found.event.device} cannot be told: its link takes no acknowledgements"
    comment = f"{body.who}: {body.comment}" if body.comment else body.who
    words = await link.acknowledge(found.event.device, found.event.key, comment)
    done = f"refused: {words}" if words else "done"
    platform.note(
        "acknowledged", platform.clock.now_ns(), f"{done}; {comment}", f"{found.event.device} #{found.id}"
    )
    return words


def _condition(found: Condition) -> dict[str, Any]:
    return {"id": found.id, **_event(found.event)}


def _event(event: DeviceEvent) -> dict[str, Any]:
    return {
        "device": event.device,
        "kind": event.kind,
        "source": event.source,
        "words": event.words,
        "severity": event.severity,
        "active": event.active,
        "acknowledged": event.acknowledged,
        "at": rfc3339(event.at),
        "received": rfc3339(event.received),
    }
