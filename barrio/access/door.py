"""The door: finds out who asks, before the application does, from what they show.

Who shows nothing is the public, and sees what is open. The operator's token of the data folder sees everything.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from barrio.access.who import STATE, Who
from barrio.api.operator import caller
from barrio.api.problems import problem
from twin.access.scope import EVERYTHING, OPEN
from twin.model.roles import OPERATOR

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from barrio.access.who import Sights
    from barrio.platform import Platform

_NOBODY = "Basic Tm9uZTpOb25l"
"""What a client of SensorThings (pysta) sends when it was given no user: `None:None`."""


class Door:
    """ASGI application before `app`."""

    def __init__(self, app: ASGIApp, platform: Platform, sights: Sights) -> None:
        self._app = app
        self._platform = platform
        self._sights = sights
        self._public = Who("public", sights.of(OPEN))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a known caller or the public through, or answer 401."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        shown = HTTPConnection(scope).headers.get("authorization", "")
        found = self._public if shown in {"", _NOBODY} else self._known(shown)
        if found is None:
            words = "the token is not known, was revoked, or has expired"
            answer = problem(HTTPStatus.UNAUTHORIZED, words, {"WWW-Authenticate": "Bearer"})
            await answer(scope, receive, send)
            return
        scope.setdefault("state", {})[STATE] = found
        await self._app(scope, receive, send)

    def _known(self, shown: str) -> Who | None:
        found = caller(self._platform, shown)
        if found is None:
            return None
        name = "operator" if OPERATOR in found.roles else ", ".join(sorted(found.roles))
        return Who(name, self._sights.of(EVERYTHING), found.roles)
