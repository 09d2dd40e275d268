"""What every request passes before the application sees it: it is small, and it is meant for us.

A browser on this machine runs the pages of strangers. One of them may let its own name lead to 127.0.0.1 (DNS
rebinding), and then read what we answer as if it were its own. Such a request carries the stranger's name in `Host`,
so a surface that only this machine reaches answers to addresses and `localhost`, and to no other name but those that
somebody gave it (`BARRIO_HOSTS`). One that the network reaches is asked by any name, unless it was given names. Every
browser sends `Host`; what sends none is no browser.
"""

from __future__ import annotations

import asyncio
import ipaddress
from http import HTTPStatus
from typing import TYPE_CHECKING

from barrio.api.problems import problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 65_536
LONGEST_S = 10.0

_NOT_OURS = (
    "barrio does not answer to this name: ask for http://127.0.0.1 or http://localhost, "
    "or name it in BARRIO_HOSTS; a proxy may send `Host: localhost`"
)


class Gate:
    """ASGI application before `app`; `local` when only this machine reaches it, `hosts` the names that it is given."""

    def __init__(self, app: ASGIApp, *, local: bool, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(one.lower() for one in hosts)
        self._checks = local or bool(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request or a WebSocket through, or answer 421, 413 or 408."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        host = _header(scope, b"host")
        if self._checks and host and not is_local(host) and name_of(host) not in self._hosts:
            await problem(HTTPStatus.MISDIRECTED_REQUEST, _NOT_OURS)(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        body = _too_large() if _announced(scope) > MOST_BYTES else await _body(receive)
        if isinstance(body, bytes):
            await self._app(scope, _once({"type": "http.request", "body": body}, receive), send)
        else:
            await body(scope, receive, send)


def is_local(host: str) -> bool:
    """Whether `Host` is one that no stranger's name leads to: an address, or `localhost` (RFC 6761, 6.3)."""
    name = name_of(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def name_of(host: str) -> str:
    """Return the name or address in `Host`, without the port."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]").lower().rstrip(".")


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _announced(scope: Scope) -> int:
    """Return how long a body says that it is; 0 where it does not say."""
    said = _header(scope, b"content-length")
    return int(said) if said.isdigit() and said.isascii() else 0


def _too_large() -> Response:
    words = f"at most {MOST_BYTES:,} bytes are taken"
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words, {"Connection": "close"})


async def _body(receive: Receive) -> bytes | Response:
    """Return the whole body, or the answer to one that is too large or comes too slowly."""
    body = bytearray()
    try:
        async with asyncio.timeout(LONGEST_S):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MOST_BYTES:
                    return _too_large()
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        words = f"the request was not complete after {LONGEST_S:g} s"
        return problem(HTTPStatus.REQUEST_TIMEOUT, words, {"Connection": "close"})


def _once(first: Message, rest: Receive) -> Receive:
    """Return what receives `first` and then the rest."""
    waiting = [first]

    async def receive() -> Message:
        return waiting.pop() if waiting else await rest()

    return receive
