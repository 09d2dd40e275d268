"""Services over HTTP: supply requests and who answers them, how full places are, when devices need somebody."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from barrio.api.answers import as_json
from barrio.api.operator import ONLY, at_rest, is_operator, refused
from barrio.api.parameters import LARGEST, Limit, Number, Offset, Said, Token, Word
from barrio.api.problems import problem
from barrio.api.recorded import on_record
from barrio.api.service_answers import place_answer, request_answer, service_answer, tank_answer
from barrio.api.signed import is_signed
from barrio.errors import AskError, UnknownName
from barrio.homes import Secrets
from barrio.moments import parse_moment, rfc3339
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
    async def supply(at: str = "now", tank: Word = None, limit: Limit = USUALLY_LISTED) -> Response:
        """Return the tanks as they stand now, with the newest requests; or the requests that were open at a time."""
        services = platform.living.services
        if services is None:
            return as_json({"tanks": [], "requests": [], "refills": []})
        if at != "now":
            zone, now = platform.catalogue.districts[0].zone, platform.clock.now_ns()
            moment = parse_moment(at, "at", now, zone)
            found = await platform.in_thread("reads", services.journal.standing, moment)
            return as_json({"at": at, "requests": [request_answer(one) for one in found[:limit]]})
        key = None if tank is None else _key(tank, services.supply.tanks)
        book = services.journal.requests
        listed = await platform.in_thread("reads", book.listed, key, limit)
        refills = await platform.in_thread("reads", book.refills, key, limit)
        watches = [one for name, one in services.supply.tanks.items() if key in {None, name}]
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
    async def one_request(number: Number) -> Response:
        """Return a request with everything that happened to it."""
        return as_json(request_answer(await _found(platform, number), steps=True))


def _deeds(app: FastAPI, platform: Platform) -> None:
    @app.post("/api/v1/supply/{number}/acknowledge")
    async def acknowledge(
        number: Number, request: Request, authorization: Token = "", signature: Signature = ""
    ) -> Response:
        """Acknowledge a request: with the operator's token, or signed with the supplier's secret."""
        if (away := at_rest(platform, _CANNOT)) is not None:
            return away
        raw = await request.body()
        body = _body(Acknowledgement, raw)
        services, found = _running(platform), await _found(platform, number)
        if is_operator(platform, authorization):
            who = body.who or OPERATOR
        elif await _speaks_for_supplier(platform, services, found, signature, raw):
            if body.request != number:
                return problem(HTTPStatus.CONFLICT, f"request: the body names {body.request}, not {number}")
            who = body.who or found.supplier
        else:
            return problem(HTTPStatus.FORBIDDEN, f"{ONLY}, or signed with the secret of {found.supplier}")
        return await _changed(
            platform, lambda: services.supply.acknowledge(number, who, body.reference, body.comment)
        )

    @app.post("/api/v1/supply/{number}/cancel")
    async def cancel(number: Number, body: Said, authorization: Token = "") -> Response:
        """Cancel a request and tell the supplier; 409 when it cannot be cancelled any more."""
        if (no := refused(platform, authorization, _CANNOT)) is not None:
            return no
        await _found(platform, number)
        return await _changed(
            platform, lambda: _running(platform).supply.cancel(number, body.who, body.comment)
        )

    @app.post("/api/v1/supply/{number}/close")
    async def close(number: Number, body: Said, authorization: Token = "") -> Response:
        """Close a request by hand, where the level cannot tell that it was delivered."""
        if (no := refused(platform, authorization, _CANNOT)) is not None:
            return no
        await _found(platform, number)
        return await _changed(
            platform, lambda: _running(platform).supply.close(number, body.who, body.comment)
        )


def _capacity(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/capacity")
    async def capacity(place: Word = None) -> Response:
        """Return how many people are in each place, its colour, what quiet hours set right, the next hours."""
        services = platform.living.services
        if services is None:
            return as_json({"places": []})
        key = None if place is None else _key(place, services.capacity.places)
        now, found = platform.clock.now_ns(), []
        for name in services.capacity.places if key is None else [key]:
            book = services.journal.counts
            corrections = await platform.in_thread("reads", book.corrections, name, _CORRECTIONS)
            found.append(place_answer(services.capacity, name, corrections, now))
        return as_json({"places": found})


def _maintenance(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/services")
    async def services(
        state: Word = None,
        under: Word = None,
        rule: Word = None,
        limit: Limit = USUALLY_LISTED,
        offset: Offset = 0,
    ) -> Response:
        """Return how services stand, those that are due first."""
        if state is not None and state not in SERVICE_STATES:
            words = f"{state!r} is none of {', '.join(SERVICE_STATES)}{suggest(state, SERVICE_STATES)}"
            raise AskError("state", words)
        found = platform.living.services
        rows = [] if found is None else found.maintenance.standing()
        rows = [
            one
            for one in rows
            if state in {None, one.state}
            and rule in {None, one.service.rule.id}
            and (under is None or f"{one.service.key}/".startswith(f"{under}/"))
        ]
        rows.sort(key=lambda one: -(one.used or 0.0) / one.service.every)
        page = [service_answer(one) for one in rows[offset : offset + limit]]
        return as_json({"total": len(rows), "limit": limit, "offset": offset, "services": page})

    @app.get("/api/v1/services/done")
    async def dones(key: Word = None, limit: Limit = USUALLY_LISTED) -> Response:
        """Return the services that were done, the newest first."""
        found = platform.living.services
        if found is None:
            return as_json({"done": []})
        named = None if key is None else _key(key, found.maintenance.rows)
        listed = await platform.in_thread("reads", found.journal.counts.dones, named, limit)
        return as_json(
            {
                "done": [
                    {
                        "key": one.key,
                        "at": rfc3339(one.at),
                        "used": one.used,
                        "who": one.who,
                        "comment": one.comment,
                    }
                    for one in listed
                ]
            }
        )

    @app.post("/api/v1/services/{key:path}/done")
    async def done(key: str, body: Said, authorization: Token = "") -> Response:
        """Note that a service was done now; the use is counted anew from here."""
        if (no := refused(platform, authorization, _CANNOT)) is not None:
            return no
        maintenance = _running(platform).maintenance
        named = _key(key, maintenance.rows)
        try:
            row = await on_record(platform, lambda: maintenance.done(named, body.who, body.comment))
            return as_json(service_answer(row))
        except NoReading:
            words = f"{named}: its counter was not heard yet, there is nothing to count from"
            return problem(HTTPStatus.CONFLICT, words)


# --- who may, and what there is -----------------------------------------------------------------------------


async def _speaks_for_supplier(
    platform: Platform, services: Services, request: requests.Request, header: str, body: bytes
) -> bool:
    channel, now_s = services.supply.channel(request), platform.clock.now_ns() // NS
    find = Secrets(platform.settings.secrets).find
    return await platform.in_thread("reads", is_signed, header, body, channel, find, now_s)


def _running(platform: Platform) -> Services:
    if platform.living.services is None:
        raise UnknownName("no district has a services.yaml")
    return platform.living.services


async def _found(platform: Platform, number: int) -> requests.Request:
    services = _running(platform)
    found = services.supply.open_request(number)
    if found is None:
        found = await platform.in_thread("reads", services.journal.requests.one, number)
    if found is None:
        raise UnknownName(f"there is no request {number}; /api/v1/supply lists them")
    return found


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


async def _changed(platform: Platform, change: Callable[[], requests.Request]) -> Response:
    try:
        return as_json(request_answer(await on_record(platform, change), steps=True))
    except NotNow as error:
        return problem(HTTPStatus.CONFLICT, str(error))
