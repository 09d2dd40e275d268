"""Intervals of registers over HTTP: what a utility bills, what was decided about it, and every version of it."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from barrio.access.who import Seen, Who
from barrio.api import interval_examples as examples
from barrio.api.answers import as_json
from barrio.api.declared import declared
from barrio.api.interval_asked import Lengths, Periods
from barrio.api.interval_bodies import (
    EditBody,
    IgnoreBody,
    MeterChangeBody,
    ReadBody,
    SpreadBody,
    WithdrawBody,
)
from barrio.api.lean import LeanRoute
from barrio.api.operator import at_rest
from barrio.api.parameters import Limit, Number, Offset, Word
from barrio.errors import AskError, UnknownName
from barrio.history.chosen import Choice
from barrio.intervals import deciding, rows
from barrio.intervals.question import Asked, Question, hold_to_length, periods, understand
from barrio.intervals.versions import versions
from barrio.tables.answer import answer
from barrio.tables.choice import chosen
from barrio.tables.forms import MEDIA
from twin.access.scope import Tier, Verb
from twin.clock import NS
from twin.intervals.edits import Edit, EditKind
from twin.intervals.revisions import ReadingsGone
from twin.resolution import Resolution

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform
    from barrio.tables.table import Table
    from twin.model.bound import BoundPoint

When = Annotated[
    str | None, Query(max_length=300, description="ISO 8601, now, or an age such as -7d; now when left out")
]
From = Annotated[
    str | None,
    Query(alias="from", max_length=300, description="ISO 8601, now, or an age; a day ago when left out"),
]
Interval = Annotated[
    str | None,
    Query(max_length=300, description="ISO 8601 interval, in place of from and to: 2026-11-01/P1M"),
]
POINT_DAYS_A_REQUEST = 100.0
"""So many days of one register cost as much of a caller's rate as a request does."""

_TAGS: list[str | Enum] = ["intervals"]
_GONE = "readings of that time are no longer kept: what was settled stays as it is"


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    _lists(app, platform)
    _records(app, platform)
    _orders(app, platform)


def _lists(app: FastAPI, platform: Platform) -> None:
    lean = APIRouter(route_class=LeanRoute)

    @lean.get(
        "/api/v1/intervals",
        tags=_TAGS,
        response_class=Response,
        responses=declared(examples.INTERVALS, HTTPStatus.NOT_ACCEPTABLE, media=tuple(MEDIA)),
    )
    async def intervals(request: Request, who: Seen, asks: Annotated[Lengths, Query()]) -> Response:
        """Return the intervals of registers that begin in `from <= start < to` and have ended.

        Each is stamped with its start, has what the register grew in it (`delta`), the register at its end, a quality
        (valid, late, estimated, edited, suspect, missing) with its reason, and the version it comes from: 0 while its
        day is not settled. Boundaries are quarter hours of the district's clock; deltas of intervals that follow each
        other add up, exactly, to what the register grew.
        """
        question = await _understood(platform, asks.asked, who)
        chosen(request)
        hold_to_length(question, who, asks.length)
        who.spend(question.point_days / POINT_DAYS_A_REQUEST)
        table = await platform.in_thread("reads", rows.table, platform, question, asks.length)
        return await answer(platform, request, table, name=f"intervals-{asks.length}")

    @lean.get(
        "/api/v1/intervals/totals",
        tags=_TAGS,
        response_class=Response,
        responses=declared(examples.TOTALS, HTTPStatus.NOT_ACCEPTABLE, media=tuple(MEDIA)),
    )
    async def totals(request: Request, who: Seen, asks: Annotated[Periods, Query()]) -> Response:
        """Return what registers grew between `from` and `to`, with both registers, and how much of it was measured.

        A total is the difference of the registers at its ends, also across a wrap and a declared change of the meter,
        and exactly the sum of its intervals; null while one of them is missing. `from` and `to` are quarter hours.
        """
        question = await _understood(platform, asks.asked, who)
        chosen(request)
        edges = periods(question, who, platform, asks.every)
        who.spend(question.point_days / POINT_DAYS_A_REQUEST)
        table: Table = await platform.in_thread("reads", rows.totals, platform, question, edges)
        return await answer(platform, request, table, name="totals")

    app.include_router(lean)


def _records(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/intervals/versions", tags=_TAGS, responses=declared(examples.VERSIONS))
    async def history(
        who: Seen,
        point: Annotated[str, Query(max_length=300, description="Path of a register")],
        start: From = None,
        to: When = None,
        interval: Interval = None,
    ) -> Response:
        """Return the versions of a register's days, oldest first: why each was made, and what it changed.

        Causes are `settled`, `late` (readings that arrived for a settled day), the kinds of edits, and `withdrawn`.
        """
        asked = Asked(Choice((point,)), start, to, interval)
        question = await _understood(platform, asked, who)
        item = question.points[0]
        if who.sight.resolution(item.id).seconds > Resolution.QUARTER.seconds:
            raise AskError(
                "point", f"{item.point.path} is not given by quarter hours, nor what changed of them"
            )
        if question.point_days > deciding.MOST_DAYS:
            raise AskError("from", f"at most {deciding.MOST_DAYS} days are listed at once")
        span = question.start, question.stop
        found = await platform.in_thread("reads", versions, platform, item.id, *span, names=_on_duty(who))
        return as_json(found)

    @app.get("/api/v1/intervals/edits", tags=_TAGS, responses=declared(examples.EDITS))
    async def edits(who: Seen, point: Word = None, limit: Limit = 1_000, offset: Offset = 0) -> Response:
        """Return what was decided about registers, oldest first: hand readings, distributions, changes of meters."""
        if point is not None:
            ids = [_register(platform, who, point).id]
        else:
            ids = [one for one in who.sight.ids.tolist() if platform.intervals.has(one)]
        ids = [one for one in ids if who.sight.resolution(one).seconds <= Resolution.QUARTER.seconds]
        found = await platform.in_thread("reads", platform.intervals.book.all_edits, ids)
        page = found[offset : offset + limit]
        body = [deciding.described(platform, *pair, names=_on_duty(who)) for pair in page]
        return as_json({"total": len(found), "limit": limit, "offset": offset, "edits": body})


def _orders(app: FastAPI, platform: Platform) -> None:
    @app.post(
        "/api/v1/intervals/edits", tags=_TAGS, responses=declared(examples.EDITED, HTTPStatus.FORBIDDEN)
    )
    async def edit(body: EditBody, who: Seen) -> Response:
        """Decide something about a register; its settled days get a new version, readings stay as they are.

        `read`: a register read by hand. `spread`: a distribution over quarter hours, which changes no total. `ignore`:
        readings that are left out. `accept`: what a check found fault with is right. `meter_change`: the last register
        of the old meter and the first of the new one. For operators with the verb command; each is in the audit log.
        """
        item = _register(platform, who, body.point)
        _require(platform, who)
        no = at_rest(platform, "nothing is decided")
        if no is not None:
            return no
        decided = _edit(platform, item, body)
        await platform.in_thread("intervals", deciding.check, platform, item, decided)
        details = body.model_dump(by_alias=True, exclude={"who"}) | {"by": body.who}
        await platform.audited("interval_edit", who, details)
        try:
            number = await platform.in_thread("intervals", platform.intervals.decide, decided)
        except ReadingsGone:
            raise AskError("at" if decided.start == decided.stop else "from", _GONE) from None
        made = (await platform.in_thread("reads", platform.intervals.book.all_edits, [item.id]))[-1][0]
        return as_json({"edit": made.number, "version": number, "point": item.point.path, "kind": body.kind})

    @app.post(
        "/api/v1/intervals/edits/{number}/withdraw",
        tags=_TAGS,
        responses=declared(examples.WITHDRAWN, HTTPStatus.FORBIDDEN),
    )
    async def withdraw(number: Number, body: WithdrawBody, who: Seen) -> Response:
        """Take a decision back; the days that it changed get a new version, and older ones stay as they were."""
        found = await platform.in_thread("reads", platform.intervals.book.edit, number)
        if found is None or not who.sight.sees(found[0].series):
            raise UnknownName(f"there is no edit {number}; /api/v1/intervals/edits lists them")
        _require(platform, who)
        no = at_rest(platform, "nothing is taken back")
        if no is not None:
            return no
        decided, withdrawn = found
        if withdrawn is not None:
            raise AskError("number", f"edit {number} was taken back with version {withdrawn}")
        details = {"edit": number, "by": body.who, "why": body.why}
        await platform.audited("interval_edit_withdrawn", who, details)
        now = platform.clock.now_ns()
        try:
            made = await platform.in_thread(
                "intervals", platform.intervals.withdraw, decided, body.who, body.why, now
            )
        except ReadingsGone:
            raise AskError("number", _GONE) from None
        return as_json({"edit": number, "version": made})


async def _understood(platform: Platform, asked: Asked, who: Who) -> Question:
    return await platform.in_thread("reads", understand, asked, who, platform)


def _register(platform: Platform, who: Who, path: str) -> BoundPoint:
    item = who.point(path)
    if not platform.intervals.has(item.id):
        raise AskError("point", f"{item.point.path} is no register: a counter of energy or of a volume")
    return item


def _on_duty(who: Who) -> bool:
    return who.sight.scope.tier is Tier.OPERATOR


def _require(platform: Platform, who: Who) -> None:
    _ = platform
    if not _on_duty(who):
        raise HTTPException(HTTPStatus.FORBIDDEN, f"{who.name} may not decide about registers: operators may")
    who.require(Verb.COMMAND)


def _edit(platform: Platform, item: BoundPoint, body: Any) -> Edit:
    """Return the decision that a body gives; AskError for times that cannot be."""
    register, now = platform.intervals.register(item.id), platform.clock.now_ns()
    steps: tuple[int, ...] = ()
    if isinstance(body, ReadBody):
        start = stop = deciding.moment_of(body.at, "at", platform, item)
        steps = (register.step(body.register_),)
    elif isinstance(body, MeterChangeBody):
        start = stop = deciding.moment_of(body.at, "at", platform, item)
        steps = (register.step(body.old_last), register.step(body.new_first))
    elif isinstance(body, SpreadBody):
        start = deciding.moment_of(body.start, "from", platform, item)
        stop = start + len(body.deltas) * 900 * NS
        steps = tuple(register.step(one) for one in body.deltas)
    else:
        if not isinstance(body, IgnoreBody) and body.kind != "accept":
            raise TypeError(body)
        start, stop = deciding.stretch_of(body.start, body.to, platform, item)
    return Edit(EditKind(body.kind), item.id, start, stop, steps, body.who, body.why, now)
