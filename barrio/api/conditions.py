"""What devices report of themselves over HTTP, and the acknowledgement that goes back to them."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import Header, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from barrio.api.problems import problem
from barrio.errors import AskError, UnknownName
from barrio.moments import parse_moment, rfc3339
from connectors.abilities import Acknowledges

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.conditions import Condition
    from twin.events import DeviceEvent

MOST_LISTED = 10_000
_LAST = 2**63 - 1


class Acknowledgement(BaseModel):
    """Body of an acknowledgement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str = Field(min_length=1, max_length=100)
    comment: str = Field(default="", max_length=500)


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""

    @app.get("/api/v1/device-events")
    async def events(
        start: Annotated[str, Query(alias="from")] = "-1d",
        to: str = "now",
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 1_000,
    ) -> Response:
        """Return what devices reported of themselves, the newest first."""
        zone, now = platform.catalogue.districts[0].zone, platform.clock.now_ns()
        span = parse_moment(start, "from", now, zone), parse_moment(to, "to", now, zone)
        if span[0] >= span[1]:
            raise AskError("from", f"{start!r} is not before to={to!r}")
        found = await platform.in_thread("reads", platform.device_events.events, *span, limit)
        return _json({"events": [_event(event) for event in found]})

    @app.get("/api/v1/conditions")
    async def conditions(limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 1_000) -> Response:
        """Return the devices' conditions that are active or wait for an acknowledgement, the gravest first."""
        found = await platform.in_thread("reads", platform.device_events.ongoing, limit)
        return _json({"conditions": [_condition(one) for one in found]})

    @app.post("/api/v1/conditions/{number}/acknowledge")
    async def acknowledge(
        number: Annotated[int, Path(ge=1, le=_LAST)],
        body: Acknowledgement,
        authorization: Annotated[str, Header(max_length=200)] = "",
    ) -> Response:
        """Acknowledge a condition at its device; 409 with the device's words when it refuses."""
        if platform.at_rest:
            words = "barrio does not run with this data folder: no device can be told"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, words)
        if not _allowed(platform, authorization):
            return problem(HTTPStatus.FORBIDDEN, "only with the operator's token of the data folder")
        found = await platform.in_thread("reads", platform.device_events.condition, number)
        if found is None:
            raise UnknownName(f"there is no condition {number}; /api/v1/conditions lists them")
        words = await _acknowledge(platform, found, body)
        return problem(HTTPStatus.CONFLICT, words) if words else _json(_condition(found))


async def _acknowledge(platform: Platform, found: Condition, body: Acknowledgement) -> str:
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


def _allowed(platform: Platform, authorization: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    right = platform.token
    return (
        bool(right) and scheme.lower() == "bearer" and secrets.compare_digest(token.encode(), right.encode())
    )


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


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
