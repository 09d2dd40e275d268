"""The door: finds out who asks, before the application does, from what they show.

| shown | who that is |
|---|---|
| nothing, or the user `None` with the password `None` | the public, which sees what is open |
| `Authorization: Bearer TOKEN`, or `Basic` with the token as password and any user | who the token was given to |
| the cookie of a session | who the token was given to that the session was begun with |

The operator's token of the data folder sees everything and may do everything; the token of a role of `commands.yaml`
sees everything and may do what that role may. What is wrong, revoked or expired is answered with 401, also by a
WebSocket before it is accepted, and counts as a request of the public.

What is answered depends on who asks, so nobody between may keep it for others: what says nothing of caches itself is
sent as `no-store`.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import time
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from barrio.access.rates import Buckets
from barrio.access.sessions import COOKIE, SAFE, Identity, Sessions, is_ours
from barrio.access.who import STATE, Who
from barrio.api.problems import problem
from twin.access.scope import EVERYTHING, OPEN, Scope, Tier, Verb
from twin.model.roles import OPERATOR, PARTNER

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Connection

    from barrio.access.who import Sights
    from barrio.platform import Platform

PUBLIC_PER_MINUTE = 300
_ROLE = Scope(tier=Tier.OPERATOR, verbs=frozenset({Verb.READ, Verb.STREAM, Verb.EXPORT, Verb.COMMAND}))
_FILES = "/_nicegui/"
"""Files of the console's pages: a browser that opens the first page asks for a dozen, and they say nothing."""
_IPV6_NETWORK = 64
_UNKNOWN = "the token is not known, was revoked, or has expired"
_FOREIGN = "a session changes something only from barrio's own pages: another program shows the token itself"


class Door:
    """ASGI application before `app`."""

    def __init__(self, app: ASGIApp, platform: Platform, sights: Sights) -> None:
        self._app = app
        self._platform = platform
        self._sights = sights
        self._buckets = Buckets()
        self.sessions = Sessions()

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Let a known caller or the public through, or answer 401, 403 or 429."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            who = self._who(connection)
            if not scope["path"].startswith(_FILES):
                who.spend()
        except HTTPException as error:
            status = HTTPStatus(error.status_code)
            answer = problem(status, error.detail, dict(error.headers or {}))
            await answer(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state[STATE], state["door"] = who, self
        await self._app(scope, receive, _told(who, send) if scope["type"] == "http" else send)

    def identity(self, shown: str) -> Identity | None:
        """Return what an `Authorization` header shows, None when it is nothing that holds."""
        token = _token(shown)
        if self._platform.keys.roles(token):
            return Identity("roles", token)
        known = self._platform.keys.find(token, self._platform.clock.now_ns())
        return None if known is None else Identity("token", known.id)

    def bearer(self, identity: Identity) -> Who | None:
        """Return who an identity is now, None when its token holds no more."""
        if identity.kind == "roles":
            return self._in_roles(self._platform.keys.roles(identity.name))
        token = self._platform.keys.by_id(identity.name, self._platform.clock.now_ns())
        if token is None:
            return None
        bucket = self._buckets.of(token.id, token.per_minute)
        return Who(token.name, self._sights.of(token.scope), _roles(token.scope), token.id, bucket)

    def _in_roles(self, roles: frozenset[str]) -> Who | None:
        if OPERATOR in roles:
            return Who(OPERATOR, self._sights.of(EVERYTHING), frozenset({OPERATOR}))
        return Who(", ".join(sorted(roles)), self._sights.of(_ROLE), roles) if roles else None

    def _who(self, connection: HTTPConnection) -> Who:
        shown = connection.headers.get("authorization", "")
        bucket = self._buckets.of(_address(connection), PUBLIC_PER_MINUTE)
        public = Who("public", self._sights.of(OPEN), bucket=bucket)
        if shown and not _is_nobody(shown):
            identity = self.identity(shown)
            found = None if identity is None else self.bearer(identity)
            if found is None:
                public.spend()
                raise _unauthorised(shown)
            return found
        cookie = connection.cookies.get(COOKIE)
        return public if not cookie else self._of_session(connection, cookie) or public

    def _of_session(self, connection: HTTPConnection, cookie: str) -> Who | None:
        """Return whose session a cookie is; 403 when a stranger's page uses it, None when it is over."""
        identity = self.sessions.find(cookie, time.monotonic())
        found = None if identity is None else self.bearer(identity)
        changes = connection.scope["type"] == "websocket" or connection.scope["method"] not in SAFE
        if found is not None and changes and not is_ours(connection):
            raise HTTPException(HTTPStatus.FORBIDDEN, _FOREIGN)
        if found is None:
            return None
        return replace(found, session=lambda: self.sessions.find(cookie, time.monotonic()) is not None)


def _token(shown: str) -> str:
    """Return the token in an `Authorization` header, empty when it has none."""
    scheme, _, rest = shown.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return _basic(rest)[1] if scheme.lower() == "basic" else ""


def _basic(text: str) -> tuple[str, str]:
    """Return user and password; a password that nothing has for what is no Base64."""
    try:
        user, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", "?"
    return user, password


def _is_nobody(shown: str) -> bool:
    """Whether a client was given no user and says so: `None:None` (pysta), or nothing at all."""
    scheme, _, rest = shown.partition(" ")
    return scheme.lower() == "basic" and _basic(rest) in {("None", "None"), ("", "")}


def _roles(scope: Scope) -> frozenset[str]:
    """Return the role that a token has towards `commands.yaml`."""
    if Verb.COMMAND not in scope.verbs:
        return frozenset()
    return frozenset({OPERATOR if scope.tier is Tier.OPERATOR else PARTNER})


def _address(connection: HTTPConnection) -> str:
    """Return by what the public is told apart: an address, of IPv6 the network that one customer has.

    An address of IPv4 is one also where a socket for both writes it as `::ffff:192.0.2.1`.
    """
    host = connection.client.host if connection.client else ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = getattr(found, "ipv4_mapped", None)
    if found.version == 4 or mapped is not None:
        return str(mapped or found)
    return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))


def _unauthorised(shown: str) -> HTTPException:
    scheme = "Basic" if shown.lower().startswith("basic") else "Bearer"
    error = ', error="invalid_token"' if scheme == "Bearer" else ""
    challenge = {"WWW-Authenticate": f'{scheme} realm="barrio"{error}'}
    return HTTPException(HTTPStatus.UNAUTHORIZED, _UNKNOWN, challenge)


def _told(who: Who, send: Send) -> Send:
    """Return what sends an answer with the rate of whoever asked, and for nobody else."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Cache-Control", "no-store")
            for name, value in who.bucket.headers().items() if who.bucket is not None else ():
                headers[name] = value
        await send(message)

    return told
