"""Services over HTTP: supply requests and who answers them, how full places are, when devices need somebody."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from barrio.access.who import Seen, Who
from barrio.api.answers import as_json
from barrio.api.further import require_part
from barrio.api.operator import at_rest
from barrio.api.parameters import LARGEST, MOST_LISTED, Limit, Number, Offset, Said, Word
from barrio.api.problems import problem
from barrio.api.recorded import on_record
from barrio.api.service_answers import place_answer, request_answer, service_answer, tank_answer
from barrio.api.signed import is_signed
from barrio.errors import AskError, UnknownName
from barrio.filters import hold_under
from barrio.homes import Secrets
from barrio.moments import parse_moment, rfc3339
from twin.access.scope import Verb
from twin.clock import NS
from twin.model.roles import OPERATOR
from twin.model.source import suggest, suggest_path
from twin.services.book import SERVICE_STATES
from twin.services.maintenance import NoReading
from twin.services.supply import NotNow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.services import request as requests
    from twin.services.engine import Services

USUALLY_LISTED = 100
_CORRECTIONS = 14
_CANNOT = "nothing can be told"

Signature = Annotated[str, Header(alias="Barrio-Signature", max_length=200)]


class Acknowledgement(BaseModel):
    """Body of an acknowledgement; a supplier that signs it has to name the request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str = Field(default="", max_length=100)
    reference: str = Field(default="", max_length=200)
    comment: str = Field(default="", max_length=500)
    request: int | None = Field(default=None, ge=1, le=LARGEST)


Body = TypeVar("Body", bound=BaseModel)


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    _supply(app, platform)
    _deeds(app, platform)
    _capacity(app, platform)
    _maintenance(app, platform)


def _supply(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/supply")
    async def supply(
        who: Seen, at: str = "now", tank: Word = None, limit: Limit = USUALLY_LISTED
    ) -> Response:
        """Return the tanks as they stand now, with the newest requests; or the requests that were open at a time."""
        require_part(platform, who, "services")
        services = platform.living.services
        if services is None:
            return as_json({"tanks": [], "requests": [], "refills": []})
        if at != "now":
            zone, now = platform.catalogue.districts[0].zone, platform.clock.now_ns()
            moment = parse_moment(at, "at", now, zone)
            found = await platform.in_thread("reads", services.journal.standing, moment)
            seen = [one for one in found if _orders(who, services, one.tank)][:limit]
            return as_json({"at": at, "requests": [request_answer(one) for one in seen]})
        tanks = {name: one for name, one in services.supply.tanks.items() if _orders(who, services, name)}
        key = None if tank is None else _key(tank, tanks)
        book, most = services.journal.requests, limit if who.sight.whole else MOST_LISTED
        listed = await platform.in_thread("reads", book.listed, key, most)
        refills = await platform.in_thread("reads", book.refills, key, most)
        listed = [one for one in listed if _orders(who, services, one.tank)][:limit]
        refills = [one for one in refills if _orders(who, services, one.tank)][:limit]
        watches = [one for name, one in tanks.items() if key in {None, name}]
        newer = {one.request.id: one.request for one in watches if one.request is not None}
        return as_json(
            {
                "tanks": [tank_answer(one) for one in watches],
                "requests": [request_answer(newer.get(one.id, one)) for one in listed],
                "refills": [
                    {
                        "tank": one.tank,
                        "from": rfc3339(one.began),
                        "to": rfc3339(one.ended),
                        "from_percent": round(one.low, 2),
                        "to_percent": round(one.high, 2),
                        "quantity_m3": one.quantity,
                        "request": one.request,
                    }
                    for one in refills
                ],
            }
        )

    @app.get("/api/v1/supply/{number}")
    async def one_request(number: Number, who: Seen) -> Response:
        """Return a request with everything that happened to it."""
        return as_json(request_answer(await _found(platform, number, who), steps=True))


def _deeds(app: FastAPI, platform: Platform) -> None:
    @app.post("/api/v1/supply/{number}/acknowledge")
    async def acknowledge(number: Number, request: Request, who: Seen, signature: Signature = "") -> Response:
        """Acknowledge a request: with a token that may acknowledge, or signed with the supplier's secret."""
        if (away := at_rest(platform, _CANNOT)) is not None:
            return away
        raw = await request.body()
        body = _body(Acknowledgement, raw)
        services = _running(platform)
        if signature:
            supplier = await _signed_by(platform, services, number, signature, raw)
            if body.request != number:
                return problem(HTTPStatus.CONFLICT, f"request: the body names {body.request}, not {number}")
            said = body.who or supplier
        else:
            await _found(platform, number, who)
            who.require(Verb.ACKNOWLEDGE)
            supplier, said = "", body.who or OPERATOR
        details = {"said": said, "supplier": supplier, "reference": body.reference, "comment": body.comment}
        return await _changed(
            platform,
            who,
            "supply_acknowledged",
            {"request": number, **details},
            lambda: services.supply.acknowledge(number, said, body.reference, body.comment),
        )

    @app.post("/api/v1/supply/{number}/cancel")
    async def cancel(number: Number, body: Said, who: Seen) -> Response:
        """Cancel a request and tell the supplier; 409 when it cannot be cancelled any more."""
        if (away := at_rest(platform, _CANNOT)) is not None:
            return away
        await _found(platform, number, who)
        who.require(Verb.COMMAND)
        return await _changed(
            platform,
            who,
            "supply_cancelled",
            {"request": number, "said": body.who, "comment": body.comment},
            lambda: _running(platform).supply.cancel(number, body.who, body.comment),
        )

    @app.post("/api/v1/supply/{number}/close")
    async def close(number: Number, body: Said, who: Seen) -> Response:
        """Close a request by hand, where the level cannot tell that it was delivered."""
        if (away := at_rest(platform, _CANNOT)) is not None:
            return away
        await _found(platform, number, who)
        who.require(Verb.COMMAND)
        return await _changed(
            platform,
            who,
            "supply_closed",
            {"request": number, "said": body.who, "comment": body.comment},
            lambda: _running(platform).supply.close(number, body.who, body.comment),
        )


def _capacity(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/capacity")
    async def capacity(who: Seen, place: Word = None) -> Response:
        """Return how many people are in each place, its colour, what quiet hours set right, the next hours."""
        require_part(platform, who, "services")
        services = platform.living.services
        if services is None:
            return as_json({"places": []})
        places = [
            name
            for name, one in services.capacity.places.items()
            if _made_of(who, one.crowd.people or one.crowd.sensor, one.crowd.ratio, one.crowd.colour)
        ]
        key = None if place is None else _key(place, dict.fromkeys(places))
        now, found = platform.clock.now_ns(), []
        for name in places if key is None else [key]:
            book = services.journal.counts
            corrections = await platform.in_thread("reads", book.corrections, name, _CORRECTIONS)
            found.append(place_answer(services.capacity, name, corrections, now))
        return as_json({"places": found})


def _maintenance(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/services")
    async def services(
        who: Seen,
        state: Word = None,
        under: Word = None,
        rule: Word = None,
        limit: Limit = USUALLY_LISTED,
        offset: Offset = 0,
    ) -> Response:
        """Return how services stand, those that are due first."""
        require_part(platform, who, "services")
        if state is not None and state not in SERVICE_STATES:
            words = f"{state!r} is none of {', '.join(SERVICE_STATES)}{suggest(state, SERVICE_STATES)}"
            raise AskError("state", words)
        found = platform.living.services
        every = [] if found is None else found.maintenance.standing()
        seen = [one for one in every if _made_of(who, one.service.counter.path)]
        known = {one.service.rule.id for one in seen}
        if rule is not None and rule not in known:
            raise UnknownName(f"there is no rule {rule!r}{suggest(rule, known)}")
        rows = [
            one
            for one in seen
            if state in {None, one.state}
            and rule in {None, one.service.rule.id}
            and (under is None or f"{one.service.key}/".startswith(f"{under.strip('/')}/"))
        ]
        if not rows:
            hold_under(under, who.sight)
        rows.sort(key=lambda one: -(one.used or 0.0) / one.service.every)
        page = [service_answer(one) for one in rows[offset : offset + limit]]
        return as_json({"total": len(rows), "limit": limit, "offset": offset, "services": page})

    @app.get("/api/v1/services/done")
    async def dones(who: Seen, key: Word = None, limit: Limit = USUALLY_LISTED) -> Response:
        """Return the services that were done, the newest first."""
        require_part(platform, who, "services")
        found = platform.living.services
        if found is None:
            return as_json({"done": []})
        rows = _services(who, found)
        named = None if key is None else _key(key, rows)
        most = limit if who.sight.whole else MOST_LISTED
        listed = await platform.in_thread("reads", found.journal.counts.dones, named, most)
        listed = [one for one in listed if who.sight.whole or one.key in rows][:limit]
        return as_json(
            {
                "done": [
                    {
                        "key": one.key,
                        "at": rfc3339(one.at),
                        "used": one.used,
                        "who": one.who if who.on_duty else "",
                        "comment": one.comment if who.on_duty else "",
                    }
                    for one in listed
                ]
            }
        )

    @app.post("/api/v1/services/{key:path}/done")
    async def done(key: str, body: Said, who: Seen) -> Response:
        """Note that a service was done now; the use is counted anew from here."""
        require_part(platform, who, "services")
        if (away := at_rest(platform, _CANNOT)) is not None:
            return away
        running = _running(platform)
        maintenance, named = running.maintenance, _key(key, _services(who, running))
        who.require(Verb.ACKNOWLEDGE)
        try:
            row = await on_record(platform, lambda: maintenance.done(named, body.who, body.comment))
        except NoReading:
            words = f"{named}: its counter was not heard yet, there is nothing to count from"
            return problem(HTTPStatus.CONFLICT, words)
        said = {"service": named, "said": body.who, "comment": body.comment}
        await platform.audited("service_done", who, said)
        return as_json(service_answer(row))


# --- who may, and what there is -----------------------------------------------------------------------------


async def _signed_by(platform: Platform, services: Services, number: int, header: str, body: bytes) -> str:
    """Return the supplier that signed an acknowledgement; 403, whether there is such a request or not."""
    found = services.supply.open_request(number)
    if found is None:
        found = await platform.in_thread("reads", services.journal.requests.one, number)
    if found is not None:
        channel, now_s = services.supply.channel(found), platform.clock.now_ns() // NS
        find = Secrets(platform.settings.secrets).find
        if await platform.in_thread("reads", is_signed, header, body, channel, find, now_s):
            return found.supplier
    raise HTTPException(HTTPStatus.FORBIDDEN, f"there is no request {number} that this signature is for")


def _running(platform: Platform) -> Services:
    if platform.living.services is None:
        raise UnknownName("no district has a services.yaml")
    return platform.living.services


async def _found(platform: Platform, number: int, who: Who) -> requests.Request:
    """Return a request; UnknownName where there is none, or none for who asks."""
    require_part(platform, who, "services")
    services = _running(platform)
    found = services.supply.open_request(number)
    if found is None:
        found = await platform.in_thread("reads", services.journal.requests.one, number)
    if found is None or not _orders(who, services, found.tank):
        raise UnknownName(f"there is no request {number}; /api/v1/supply lists them")
    return found


def _orders(who: Who, services: Services, tank: str) -> bool:
    """Whether a tank and what was ordered for it exist: for operators who see all that a request tells of it."""
    if who.sight.whole:
        return True
    watch = services.supply.tanks.get(tank)
    if watch is None or not who.on_duty:
        return False
    one = watch.tank
    return _made_of(who, one.level, one.volume or one.level, one.hours_left, one.state)


def _made_of(who: Who, *paths: str | None) -> bool:
    """Whether all points that something is made of are seen plainly."""
    return who.sight.whole or all(path is not None and who.sight.plainly(path) for path in paths)


def _services(who: Who, found: Services) -> dict[str, int]:
    """Return the services that exist for a caller, by key."""
    known = found.maintenance.services
    return {key: row for key, row in found.maintenance.rows.items() if _made_of(who, known[row].counter.path)}


def _key(given: str, known: Mapping[str, object]) -> str:
    """Return the key that is meant: as written, or without its district where that is clear."""
    short = [key for key in known if key.partition("/")[2] == given]
    if given in known or len(short) == 1:
        return given if given in known else short[0]
    raise UnknownName(f"there is no {given!r}{suggest_path(given, known)}")


def _body(model: type[Body], raw: bytes) -> Body:
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][-1]) if first["loc"] else "body"
        raise AskError(name, str(first["msg"]).removeprefix("Input ").lower()) from None


async def _changed(
    platform: Platform,
    who: Who,
    step: str,
    details: Mapping[str, Any],
    change: Callable[[], requests.Request],
) -> Response:
    """Change a request, and put on record who did it."""
    try:
        found = await on_record(platform, change)
    except NotNow as error:
        return problem(HTTPStatus.CONFLICT, str(error))
    await platform.audited(step, who, details)
    return as_json(request_answer(found, steps=True))
