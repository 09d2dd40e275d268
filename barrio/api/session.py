"""Sessions over HTTP: who asks, a cookie for a browser, a login code for somebody who has a token at hand."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from barrio.access.sessions import CODE_S, COOKIE, SESSION_S, is_ours
from barrio.access.who import Seen, Who
from barrio.api.answers import as_json
from barrio.api.declared import declared

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.access.door import Door
    from barrio.access.sessions import Identity
    from barrio.platform import Platform

Shown = Annotated[str, Header(max_length=500, include_in_schema=False)]
_WHO = {
    "name": "water works",
    "tier": "partner",
    "verbs": ["export", "read"],
    "districts": ["ciudad-maderas"],
    "points": 212,
    "whole": False,
    "operates": False,
    "per_minute": 600,
}
_FOREIGN = "a session is begun from barrio's own pages"
_NO_DOOR = "sessions are for browsers, and no server runs here"
_NO_TOKEN = "a session stands for a token: show one, or a login code that was not used yet"  # noqa: S105 - words


class Login(BaseModel):
    """Body of a login: a code, or a token; neither where the token is shown as `Authorization`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(default="", max_length=100)
    token: str = Field(default="", max_length=200)


def add(app: FastAPI, _platform: Platform) -> None:
    """Add the routes."""
    _who(app)
    _sessions(app)


def _who(app: FastAPI) -> None:
    @app.get("/api/v1/session", tags=["access"], responses=declared(_WHO))
    async def mine(who: Seen) -> Response:
        """Return who asks, as barrio sees it: name, tier, what may be done, and how many points exist."""
        return as_json(_described(who))


def _sessions(app: FastAPI) -> None:
    @app.post(
        "/api/v1/session",
        tags=["access"],
        responses=declared({**_WHO, "seconds": 43200}, HTTPStatus.FORBIDDEN),
    )
    async def begin(request: Request, body: Login, authorization: Shown = "") -> Response:
        """Begin a session: with a token as `Authorization` or in the body, or with a login code, which works once."""
        door, now = _door(request), time.monotonic()
        if ("origin" in request.headers or "sec-fetch-site" in request.headers) and not is_ours(request):
            raise HTTPException(HTTPStatus.FORBIDDEN, _FOREIGN)
        if body.code:
            identity = door.sessions.redeem(body.code, now)
        else:
            identity = door.identity(f"Bearer {body.token}" if body.token else authorization)
        who = None if identity is None else door.bearer(identity)
        if identity is None or who is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, _NO_TOKEN, {"WWW-Authenticate": "Bearer"})
        answer = as_json({**_described(who), "seconds": SESSION_S})
        cookie = door.sessions.begin(identity, now)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE, cookie, int(SESSION_S), httponly=True, samesite="strict", secure=secure, path="/"
        )
        return answer

    @app.delete("/api/v1/session", tags=["access"], responses=declared({"ended": True}))
    async def end(request: Request) -> Response:
        """End the session of the cookie that comes along."""
        _door(request).sessions.end(request.cookies.get(COOKIE, ""))
        answer = as_json({"ended": True})
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    @app.post(
        "/api/v1/session/codes",
        tags=["access"],
        responses=declared({"code": "b1Kx…", "seconds": 120}, HTTPStatus.FORBIDDEN),
    )
    async def code(request: Request, authorization: Shown = "") -> Response:
        """Return a login code for the token that is shown as `Authorization`."""
        door = _door(request)
        identity: Identity | None = door.identity(authorization) if authorization else None
        if identity is None:
            raise HTTPException(HTTPStatus.FORBIDDEN, _NO_TOKEN)
        return as_json({"code": door.sessions.code(identity, time.monotonic()), "seconds": CODE_S})


def _door(request: Request) -> Door:
    door: Door | None = getattr(request.state, "door", None)
    if door is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, _NO_DOOR)
    return door


def _described(who: Who) -> dict[str, Any]:
    scope = who.sight.scope
    return {
        "name": who.name,
        "tier": scope.tier.value,
        "verbs": sorted(scope.verbs),
        "districts": sorted(who.sight.district_ids),
        "points": len(who.sight.ids),
        "whole": who.sight.whole,
        "operates": who.operates,
        "per_minute": None if who.bucket is None else who.bucket.per_minute,
    }
