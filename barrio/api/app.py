"""The HTTP surface as an application: `create_app(platform)`.

Everything that asks the store or the disk runs in the platform's reading threads; the rest is in memory.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import Depends, FastAPI, Query
from fastapi.responses import PlainTextResponse, Response

from barrio import __version__
from barrio.absent import absent
from barrio.access.who import Seen, Sights, Who
from barrio.api import (
    audit,
    catalogue,
    completeness,
    conditions,
    dcat,
    figures,
    further,
    graph,
    history,
    hooks,
    intervals,
    metrics,
    openapi,
    past,
    problems,
    rollups,
    session,
    sockets,
    stream,
)
from barrio.api import exports as export_jobs
from barrio.api.answers import as_json
from barrio.api.compress import Compress
from barrio.api.openapi import Described
from barrio.api.parameters import MOST_LISTED, Limit, Offset, Since, Word, span_of
from barrio.api.points import Filter, chosen, latest
from barrio.console import front
from barrio.errors import AskError, UnknownName
from barrio.moments import rfc3339
from barrio.sta import routes as sensorthings
from barrio.status import links, snapshot, unready
from barrio.why import explain, outline
from twin.model.source import suggest_path
from twin.resolution import Resolution

if TYPE_CHECKING:
    from barrio.platform import Platform
    from twin.ledger import Gap

USUALLY_LISTED = 1_000
MOST_GAPS = 100_000
_INDEX = f"""\
barrio {__version__}

Whoever shows nothing is given what is open. More is for tokens, in the header
Authorization: Bearer TOKEN, or as the password of any user. In a browser this address is the console.

/healthz                         the process lives
/readyz                          readings are taken and stored
/api/v1/points                   points with their newest values (under, site, kind, quantity, dataset, bbox, cursor …)
/api/v1/districts                districts; likewise sites, devices, profiles, relations, quantities (format=geojson)
/catalog                         the inventory of data as DCAT 3
/api/v1/datasets                 whose the data is, under which licence, for whom
/api/v1/figures/DATASET          sums over meters that everybody may see (from, to, group)
/api/v1/points/PATH/latest       the newest reading of one point
/api/v1/latest                   the newest of many points as columns (point, under, kind, quantity, site, dataset …)
/api/v1/history?point=PATH       what it said before (from, to, interval, every, aggregate, tz, fill, quality, under …)
/api/v1/stream                   what happens now, as server-sent events (point, under …, events, latest); /ws too
/api/v1/hooks                    what happens, posted to a URL, signed: POST, GET, DELETE ID; ID/test, ID/deliveries
/api/v1/why/PATH                 why a point has no value
/api/v1/exports                  files of many readings: POST what (point or under, from, to, format); /ID, /ID/file
/api/v1/intervals?point=PATH     what registers counted, as utilities bill it (from, to, length, known_at, under …)
/api/v1/intervals/totals?point=  differences of registers (from, to, every, under …); /versions?point=, /edits
/api/v1/gaps                     when a point was not heard, and why (point, from, to, limit); worst=10 lists points
/api/v1/alarms                   how alarms stand (state, priority, under); /ID with what happened to it
/api/v1/alarms/history           what happened to alarms, and who did what (from, to, limit)
/api/v1/alarms/backtest?rule=ID  what a rule would have done (from, to, on)
/api/v1/conditions               alarms that devices report; POST ID/acknowledge with the operator's token
/api/v1/commands                 what was asked of points (point, state, limit); POST, ID/confirm, ID/cancel, release
/api/v1/desired                  what is desired of points beside what they show (under)
/api/v1/schedules                what programmes want now and next (hours)
/api/v1/session                  who asks; POST, DELETE: a session of a browser; POST /codes: a login code
/api/v1/twin                     the twin at a moment (at, under, limit, offset); what changed until another (compare)
/api/v1/graph                    what belongs to what (of, direction, through)
/api/v1/supply                   tanks and what they asked for (at, tank, limit); ID/acknowledge, cancel, close
/api/v1/capacity                 people in places, colours, the next hours (place)
/api/v1/services                 services by hours or starts (state, under, rule, limit, offset); KEY/done
/api/v1/completeness             what was expected and received (under, from, to, every, by, limit, offset)
/sta/v1.1                        OGC SensorThings API 1.1: Things, Datastreams, Observations …
/openapi.json                    all of this for programs

For operators:

/metrics                         numbers for Prometheus
/api/v1/status                   links, devices, readings, alarms
/api/v1/device-events            what devices reported of themselves (from, to, limit)
/api/v1/audit                    every step of every command, exports, tokens (from, to, limit); /verify
/api/v1/notifications            channels: what waits, what went out; POST /test
/api/v1/rollups                  how far rollups are made; POST /rebuild
/api/v1/models                   the models that ran, and when; DISTRICT/DIGEST shows one
"""


# FastAPI loads all of it for each parameter, to find that the parameter is none of its models.
@absent("pydantic.v1")
def create_app(platform: Platform, *, whole: bool = False) -> Described:
    """Return the application that answers for a platform; `whole`: with all parts, whatever its districts have."""
    app = Described(
        title="Barrio",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(problems.refuse_unknown_parameters)],
    )
    app.state.sights = Sights(platform.catalogue)
    problems.install(app)
    app.add_middleware(Compress)
    openapi.add(app)
    _operation(app, platform)
    history.add(app, platform)
    _twin(app, platform)
    _records(app, platform)
    conditions.add(app, platform)
    graph.add(app, platform)
    past.add(app, platform)
    completeness.add(app, platform)
    rollups.add(app, platform)
    intervals.add(app, platform)
    export_jobs.add(app, platform)
    further.add(app, platform, whole=whole)
    sensorthings.add(app, platform)
    stream.add(app, platform)
    hooks.add(app, platform)
    sockets.add(app, platform)
    audit.add(app, platform)
    session.add(app, platform)
    # Last: the paths of points end anyhow.
    catalogue.add(app, platform)
    figures.add(app, platform)
    dcat.add(app, platform)
    front.add(app, platform)
    return app


def _operation(app: FastAPI, platform: Platform) -> None:
    @app.get("/", response_class=PlainTextResponse)
    async def index() -> str:
        """List what there is."""
        return _INDEX

    @app.get("/healthz", response_class=PlainTextResponse)
    async def healthz() -> str:
        """Answer while the event loop lives."""
        return "ok\n"

    @app.get("/readyz", response_class=PlainTextResponse)
    async def readyz(who: Seen) -> PlainTextResponse:
        """Answer 200 while readings are taken and stored, else 503; operators are told why."""
        words = unready(platform)
        status = HTTPStatus.SERVICE_UNAVAILABLE if words else HTTPStatus.OK
        said = words if who.sight.whole else "not ready"
        return PlainTextResponse(f"{said if words else 'ready'}\n", status)

    @app.get("/metrics")
    async def scrape(who: Seen) -> Response:
        """Answer in the text format of Prometheus; for operators."""
        who.require_operator()
        return Response(metrics.text(metrics.collect(platform)), media_type=metrics.CONTENT_TYPE)

    @app.get("/api/v1/status")
    async def status(who: Seen) -> Response:
        """Return what the platform says of itself, with every link; for operators."""
        who.require_operator()
        words = unready(platform)
        extra = {
            "links": links(platform),
            "running": not platform.at_rest,
            "ready": not words,
            "words": words,
        }
        return as_json(snapshot(platform) | extra)


def _twin(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/why/{path:path}")
    async def why(path: str, who: Seen) -> Response:
        """Return the steps of the way of a reading; the first that stops it is the reason.

        Words with addresses, other points and what the platform says of itself are for operators of the district.
        """
        item = who.point(path)
        letter = await platform.in_thread("reads", platform.letters.newest, item.id)
        steps = explain(platform, item, letter)
        district = platform.catalogue.owners[item.id].district
        if not (who.on_duty and who.sight.wholly(district)):
            steps = outline(platform, item, steps)
        body = [{"step": step.name, "verdict": step.verdict, "words": step.words} for step in steps]
        finest = who.sight.resolution(item.id)
        newest = latest(platform, item, told=who.on_duty) if finest is Resolution.RAW else None
        return as_json({"path": item.point.path, "steps": body, "latest": newest, "resolution": finest.value})


def _records(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/gaps")
    async def gaps(
        point: Word = None,
        start: Since = "-1d",
        to: str = "now",
        limit: Limit = USUALLY_LISTED,
        offset: Offset = 0,
        worst: Annotated[int | None, Query(ge=1, le=MOST_LISTED)] = None,
        *,
        who: Seen,
    ) -> Response:
        """Return the intervals in which points were not heard, or with `worst` the points that miss most of it."""
        zone, now = platform.catalogue.districts[0].zone, platform.clock.now_ns()
        span = span_of(start, to, now, zone)
        ids = who.sight.only(platform.catalogue.ids) if point is None else _ids_under(platform, point, who)
        found = await platform.in_thread("reads", platform.ledger.gaps, ids, *span, MOST_GAPS + 1)
        if len(found) > MOST_GAPS:
            raise AskError("from", f"more than {MOST_GAPS:,} gaps since {start!r}: ask for a shorter time")
        if worst is not None:
            return await platform.in_thread("reads", completeness.silences, platform, found, span, worst)
        page = [_gap(platform, gap, who) for gap in found[offset : offset + limit]]
        return as_json({"total": len(found), "limit": limit, "offset": offset, "gaps": page})


def _ids_under(platform: Platform, path: str, who: Who) -> np.ndarray:
    """Series ids of a point, or of all points of a device or district, that exist for who asks."""
    found = who.sight.only(np.array([item.id for _, item in chosen(platform, Filter(under=path))], np.int32))
    if not len(found):
        near = suggest_path(path, who.sight.paths)
        raise UnknownName(f"there is no point, device or district {path!r}{near}")
    return found


def _gap(platform: Platform, gap: Gap, who: Who) -> dict[str, Any]:
    # The words name the reading that was refused.
    told = who.on_duty and who.sight.resolution(gap.series) is Resolution.RAW
    return {
        "point": platform.catalogue.paths[gap.series],
        "from": rfc3339(gap.start),
        "to": None if gap.stop is None else rfc3339(gap.stop),
        "reason": gap.reason.slug,
        "meaning": gap.reason.meaning,
        "words": gap.words if told else "",
        "filled": gap.filled,
    }
