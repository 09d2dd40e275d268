"""Rollups over HTTP: how far they are, and a stretch that has to be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from barrio import history
from barrio.access.who import Seen
from barrio.api.answers import as_json
from barrio.api.operator import at_rest
from barrio.api.parameters import span_of
from barrio.errors import AskError, UnknownName
from barrio.moments import rfc3339

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.rollups.book import Job

RESOLUTIONS = Literal["15m", "1h", "1d", "all"]


class Rebuild(BaseModel):
    """Body of the order to make rollups again: of what, from when to when, at which resolution."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    under: str = Field(min_length=1, max_length=300)
    start: str = Field(alias="from", max_length=100)
    to: str = Field(default="now", max_length=100)
    resolution: RESOLUTIONS = "all"


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""

    @app.get("/api/v1/rollups")
    async def rollups(who: Seen) -> Response:
        """Return how far rollups are made, and what of them is being made again; for operators."""
        who.require_operator()
        jobs = await platform.in_thread("reads", platform.rollups.jobs)
        return as_json({**platform.rollups.snapshot(), "jobs": [_job(one) for one in jobs]})

    @app.post("/api/v1/rollups/rebuild")
    async def rebuild(body: Rebuild, who: Seen) -> Response:
        """Make a stretch again in the background; GET /api/v1/rollups shows how far it is."""
        who.require_operates()
        no = at_rest(platform, "no rollups are made")
        if no is not None:
            return no
        done = await _rebuild(platform, body)
        await platform.audited("rollups_rebuilt", who, {"path": done["under"], "job": done["job"]})
        return as_json(done)


async def _rebuild(platform: Platform, body: Rebuild) -> dict[str, Any]:
    under = body.under.rstrip("/")
    ids = platform.rollups.ids_under(under)
    if not len(ids):
        near = history.nearest(under, platform.catalogue)
        raise UnknownName(f"there is no point, device or district {under!r}{near}")
    district = next(one for one in platform.catalogue.districts if one.id == under.split("/", 1)[0])
    now = platform.clock.now_ns()
    start, stop = span_of(body.start, body.to, now, district.zone)
    stop = min(stop, now)
    if start >= stop:
        raise AskError("from", f"{body.start!r} has not come yet")
    kept = platform.rollups.kept_from(district.id)
    if kept >= stop:
        words = f"the readings before {rfc3339(kept)} are gone, by the district's retention"
        raise AskError("to", words)
    span = max(start, kept), stop
    number = await platform.in_thread("reads", platform.rollups.rebuild, under, body.resolution, span)
    words = f"rollups of {under} again, {len(ids)} points"
    platform.note("rollups_rebuilt", now, words, under)
    return {"job": number, "under": under, "from": rfc3339(span[0]), "to": rfc3339(stop), "points": len(ids)}


def _job(one: Job) -> dict[str, Any]:
    return {
        "job": one.id,
        "under": one.under,
        "resolution": one.resolution,
        "from": rfc3339(one.start),
        "to": rfc3339(one.stop),
        "asked": rfc3339(one.asked),
        "done": rfc3339(min(one.done, one.stop)),
        "ended": one.ended,
    }
