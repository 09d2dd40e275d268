"""Before the application: hands browsers that open a page to the console, and everybody else on.

A program that asks for `/` gets the list of routes as before: only what accepts HTML is a person. NiceGUI is imported
with the first page, in a thread, and what a page is given is guarded here:

- A WebSocket is taken only from our own pages: browsers send `Origin` with it, and a stranger's page has another.
- A page runs only scripts that we sent: each has the nonce of its answer. NiceGUI compiles its templates in the
  browser, which needs `unsafe-eval`; styles stand in attributes, which needs `unsafe-inline` for them.
- There are so many pages open at once and no more.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from barrio.access.who import STATE
from barrio.api.gate import is_local
from barrio.console.language import language_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from barrio.access.who import Who
    from barrio.console.shell import Shell
    from barrio.platform import Platform
    from dashboards.kit.texts import Lang

PAGES = frozenset(
    {
        "/",
        "/console/alarms",
        "/console/api",
        "/console/device",
        "/console/devices",
        "/console/point",
        "/console/sign-in",
        "/console/why",
    }
)
_SOCKET = "/_nicegui_ws/"
MOST_SOCKETS = 250
"""Connections of pages: one for each that may be open, and some that come back before the old one is gone."""
ASSETS = "/_nicegui/"
WHOSE = "barrio.console.whose"
"""In the scope of a question of our own: a list that is told who asks."""

_SCRIPT = re.compile(rb"<script\b")
_FONTS = re.compile(rb'@import url\("[^"]*/fonts\.css"\)[^;]*;')
_HTML = re.compile(rb"<html\b")


class Console:
    """The console of one platform.

    `app` answers whoever is known; `door` finds out who that is, and is the same where there is no door before it.
    """

    def __init__(self, app: ASGIApp, platform: Platform) -> None:
        self.platform = platform
        self.app = app
        self.door = app
        self.sockets = 0
        self._shell: Shell | None = None
        self._starting = asyncio.Lock()

    async def shell(self) -> Shell:
        """Return what makes pages; the first time this imports NiceGUI and starts it."""
        async with self._starting:
            if self._shell is None:
                self._shell = await asyncio.to_thread(_made, self)
                await self._shell.start()
        return self._shell

    async def close(self) -> None:
        """End what pages left running; nothing where no page was opened."""
        async with self._starting:
            if self._shell is not None:
                await self._shell.stop()
                self._shell = None


def add(app: FastAPI, platform: Platform) -> None:
    """Put the console before an application, where it is not switched off."""
    if platform.settings.console == "on":
        app.state.console = Console(app, platform)
        app.add_middleware(Front, console=app.state.console)


async def close(app: FastAPI) -> None:
    """End the pages of an application that has some."""
    console: Console | None = getattr(app.state, "console", None)
    if console is not None:
        await console.close()


def _made(console: Console) -> Shell:
    from barrio.console.shell import Shell

    return Shell(console)


class Front:
    """ASGI application before `app`, inside the door."""

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self._app = app
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a page or what belongs to one, or hand on."""
        if WHOSE in scope:
            await _tell(scope, receive, send)
            return
        if not _is_ours(scope):
            await self._app(scope, receive, send)
            return
        self._console.door = scope.get("state", {}).get("door") or self._console.app
        if scope["type"] == "websocket":
            await self._connected(scope, receive, send)
        else:
            await self._answered(scope, receive, send)

    async def _connected(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        local = self._console.platform.settings.is_loopback()
        if not _same_origin(headers) or (local and not is_local(headers.get("host", ""))):
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if self._console.sockets >= MOST_SOCKETS:
            await receive()
            await send({"type": "websocket.close", "code": 1013})
            return
        shell = await self._console.shell()
        self._console.sockets += 1
        try:
            await shell.app(scope, receive, send)
        finally:
            self._console.sockets -= 1

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["method"] not in {"GET", "HEAD"} or path.startswith(_SOCKET):
            answer = PlainTextResponse("pages are read\n", HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET"})
            await answer(scope, receive, send)
            return
        shell = await self._console.shell()
        if path.startswith(ASSETS):
            await shell.app(scope, receive, send)
        elif shell.is_full(str((scope.get("client") or ("",))[0]), known=_is_known(scope)):
            words = "too many pages are open: close some, or wait a minute\n"
            answer = PlainTextResponse(words, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "60"})
            await answer(scope, receive, send)
        else:
            lang = language_of(Headers(scope=scope).get("accept-language", ""))
            plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            guarded = _Guarded(send, lang, shell.translated[lang])
            await shell.app({**scope, "headers": plain}, receive, guarded)


class _Guarded:
    """Gives each script of a page the nonce of its answer, says its language, and sends what guards it.

    The fonts that NiceGUI brings are left out: text stands in those of the machine.
    """

    def __init__(self, send: Send, lang: Lang, translated: Mapping[bytes, bytes]) -> None:
        self._send = send
        self._lang = lang
        self._translated = translated
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish()

    async def _finish(self) -> None:
        if self._start is None:
            raise RuntimeError("an answer without a start")
        headers = MutableHeaders(raw=self._start["headers"])
        body = bytes(self._body)
        if headers.get("content-type", "").startswith("text/html"):
            body = _SCRIPT.sub(b'<script nonce="%s"' % self._nonce.encode(), body)
            body = _FONTS.sub(b"", body)
            body = _HTML.sub(b'<html lang="%s"' % self._lang.encode(), body, count=1)
            for english, other in self._translated.items():
                body = body.replace(b"<span>%b</span>" % english, b"<span>%b</span>" % other)
            headers["content-length"] = str(len(body))
        for name, value in guards(self._nonce).items():
            headers[name] = value
        self._start["headers"] = headers.raw
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})


def guards(nonce: str) -> dict[str, str]:
    """Return the headers of a page."""
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce}' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


async def _tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Say who asks to whoever asked on their behalf."""
    found: list[Who | None] = scope[WHOSE]
    found.append(scope.get("state", {}).get("who"))
    await PlainTextResponse("")(scope, receive, send)


def _is_known(scope: Scope) -> bool:
    """Whether whoever asks has shown more than nothing; where there is no door everybody is known."""
    who: Who | None = scope.get("state", {}).get(STATE)
    return who is None or bool(who.token) or who.sight.whole


def _is_ours(scope: Scope) -> bool:
    """Whether a browser opens a page, or asks for what belongs to one."""
    if scope["type"] not in {"http", "websocket"}:
        return False
    path: str = scope["path"]
    if scope["type"] == "websocket" or path not in PAGES:
        return path.startswith((_SOCKET, ASSETS))
    is_read = scope["method"] in {"GET", "HEAD"}
    return is_read and (path != "/" or "text/html" in Headers(scope=scope).get("accept", ""))


def _same_origin(headers: Headers) -> bool:
    """Whether a page of ours asks: the address that it came from is the one that is asked now."""
    origin, host = headers.get("origin", ""), headers.get("host", "")
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
