"""History over HTTP: what points said before, raw or in windows, and the newest of them."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from barrio.access.who import Seen
from barrio.api.answers import as_json
from barrio.api.declared import declared
from barrio.api.lean import LeanRoute
from barrio.api.selected import Selected, said
from barrio.history.answers import cost_of, table_of
from barrio.history.newest import Latest
from barrio.history.question import Asked, understand
from barrio.tables.answer import answer
from barrio.tables.choice import chosen
from barrio.tables.forms import MEDIA, Form
from twin.history.fill import Fill
from twin.history.reduce import Keep

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform


class Chosen(Selected):
    """Which points are meant, and in which format they are given."""

    form: Form | None = Field(
        default=None, alias="format", description="Format; goes before the header Accept."
    )


class Asks(Chosen):
    """What is asked of history."""

    start: str | None = Field(
        default=None,
        alias="from",
        max_length=300,
        description="ISO 8601, `now`, or an age such as -15m or -7d; without an offset in `tz`. An hour ago else.",
    )
    to: str | None = said("Likewise; now without it.")
    interval: str | None = said("ISO 8601 in place of from and to: start/end, start/duration, duration/end.")
    every: str | None = said("Length of windows, such as 15m, 1d, 1mo; raw readings without it.")
    aggregate: str | None = said(
        "mean, min, max, sum, first, last, count, twmean, integral, delta, state_s, p50, p95, p99.9 ..., several with "
        "commas; what suits the quantity without it."
    )
    tz: str | None = said("IANA time zone of windows; the district's without it.")
    fill: Fill | None = Field(default=None, description="What stands in windows without a value.")
    quality: Keep | None = Field(
        default=None,
        description="Which readings count: good and uncertain ones in windows without it, all in raw history.",
    )


EXAMPLE = {
    "from": "2026-11-23T06:00:00.000000Z",
    "to": "2026-11-23T08:00:00.000000Z",
    "every": "1h",
    "tz": "America/Mexico_City",
    "source": [
        {"from": "2026-11-23T06:00:00.000000Z", "to": "2026-11-23T07:00:00.000000Z", "resolution": "1h"},
        {"from": "2026-11-23T07:00:00.000000Z", "to": "2026-11-23T08:00:00.000000Z", "resolution": "raw"},
    ],
    "series": [
        {
            "point": "maderas/cistern-north/level",
            "quantity": "level_ratio",
            "unit": "%",
            "start": ["2026-11-23T06:00:00.000000Z", "2026-11-23T07:00:00.000000Z"],
            "mean": [71.25, None],
            "min": [70.5, None],
            "max": [72.0, None],
        }
    ],
}
LATEST = {
    "total": 2,
    "point": ["maderas/cistern-north/level", "maderas/cistern-north/inlet"],
    "quantity": ["level_ratio", "valve_state"],
    "unit": ["%", ""],
    "value": [71.25, None],
    "state": [None, "open"],
    "level": ["good", "good"],
    "quality": ["good", "good"],
    "time": ["2026-11-23T15:00:00.000000Z", "2026-11-23T14:59:58.000000Z"],
    "received": ["2026-11-23T15:00:00.000000Z", "2026-11-23T14:59:58.000000Z"],
    "resolution": ["raw", "raw"],
    "gap": [None, None],
}
_CALENDAR = ("d", "w", "mo", "y")
_LIMITS = (HTTPStatus.NOT_ACCEPTABLE,)


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    lean = APIRouter(route_class=LeanRoute)
    _add_history(lean, platform)
    latest = Latest(platform)
    _add_latest(lean, platform, latest)
    app.include_router(lean)

    @app.get("/api/v1/points/{path:path}/latest", tags=["history"], responses=declared(POINT))
    async def of_point(path: str, who: Seen) -> Response:
        """The newest reading of a point; of the last finished window, where that is the finest that you are given."""
        return as_json(await latest.one(who.point(path), who))


def _add_history(lean: APIRouter, platform: Platform) -> None:
    @lean.get("/api/v1/history", tags=["history"], responses=declared(EXAMPLE, *_LIMITS, media=tuple(MEDIA)))
    async def history(request: Request, who: Seen, asks: Annotated[Asks, Query()]) -> Response:
        """What points said before: raw readings, or windows of `every` with aggregates, as columns.

        Points are named, or chosen by what they are. Windows of a fixed length are counted from midnight on the clock
        of `tz`, longer ones are days, weeks, months and years of its calendar. What rollups say is taken from them,
        the rest from readings; `source` says which is which. Where you are given readings no finer than a
        resolution, ask for windows that are made of it; you get those that have finished.
        """
        asked = Asked(
            asks.choice,
            asks.start,
            asks.to,
            asks.interval,
            asks.every,
            asks.aggregate,
            asks.tz,
            asks.fill,
            asks.quality,
        )
        now = platform.clock.now_ns()
        if asks.every is not None and asks.every.endswith(_CALENDAR):
            # Days of centuries are counted one by one.
            question = await platform.in_thread("reads", understand, asked, who, platform.catalogue, now)
        else:
            question = understand(asked, who, platform.catalogue, now)
        who.spend(cost_of(question) - 1)
        return await answer(platform, request, partial(table_of, platform, question), name="history")


def _add_latest(lean: APIRouter, platform: Platform, latest: Latest) -> None:
    @lean.get("/api/v1/latest", tags=["history"], responses=declared(LATEST, *_LIMITS, media=tuple(MEDIA)))
    async def newest(request: Request, who: Seen, asks: Annotated[Chosen, Query()]) -> Response:
        """The newest of many points, as columns: all that you see, or those that are named or chosen.

        `value` is that of numbers, `state` that of states, both null where there is none; `quality` says why. `gap` is
        why nothing is heard now. Where you are given readings no finer than a resolution, it is the value of the last
        window of it that has finished, at the start of the window.
        """
        found = await latest.columns(asks.choice, who)
        if chosen(request) is Form.JSON:
            return as_json(latest.body(found))
        return await answer(platform, request, latest.table(found), name="latest")


POINT = {
    "path": "maderas/cistern-north/level",
    "quantity": "level_ratio",
    "unit": "%",
    "value": 71.25,
    "quality": {"level": "good", "reason": "good", "meaning": "the device gave this value", "detail": ""},
    "time": "2026-11-23T15:00:00.000000Z",
    "received": "2026-11-23T15:00:00.000000Z",
    "device_time": None,
    "gap": None,
    "resolution": "raw",
}
