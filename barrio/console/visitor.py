"""Whoever looks at a page, and what they are told: the answers of our own API, asked on their behalf.

A page shows nothing that the API would not answer to the same person. What the browser showed when it opened the page
passes the door again and again, so a token that was revoked meanwhile opens nothing any more.
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson

from barrio.access.who import STATE, Sights, Who
from barrio.console import words
from barrio.console.front import WHOSE
from barrio.console.language import language_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message

    from barrio.console.front import Console
    from dashboards.kit.texts import Lang, Text

_SHOWN = (b"cookie", b"authorization", b"host", b"origin", b"user-agent")
KNOWN_FOR_S = 1.0
MOST_BYTES = 8_000_000
"""Of an answer that is shown on a page."""


class Refused(Exception):
    """Raised when the API answered with a problem: its status, and what it says."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Busy(Refused):
    """Raised when this visitor asked more in a minute than they may: nothing new is shown, what stands stays."""


class Visitor:
    """Somebody who has a page open."""

    def __init__(self, console: Console, request: Request) -> None:
        self.console = console
        self.platform = console.platform
        self.lang: Lang = language_of(request.headers.get("accept-language", ""))
        self.query = request.query_params
        self.origin = f"{request.url.scheme}://{request.headers.get('host', '')}"
        self._headers = [pair for pair in request.scope["headers"] if pair[0] in _SHOWN]
        self._client = request.scope.get("client")
        # The door has just said who it is, for the page itself.
        self._who: Who | None = request.scope.get("state", {}).get(STATE)
        self._known_s = time.monotonic() if self._who is not None else -KNOWN_FOR_S

    def say(self, text: Text) -> str:
        """Return a text in this visitor's language."""
        return text.of(self.lang)

    async def who(self) -> Who | None:
        """Return who this is now; None when what the browser showed is not known any more. Busy: ask later."""
        now_s = time.monotonic()
        if now_s - self._known_s >= KNOWN_FOR_S:
            self._who, self._known_s = await self._seen(), now_s
        return self._who

    async def _seen(self) -> Who | None:
        found: list[Who | None] = []
        status, _ = await self._ask(self.console.door, "GET", "/", b"", {WHOSE: found})
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Busy(status, self.say(words.BUSY))
        if not found:
            return None
        return found[0] if found[0] is not None else Sights(self.platform.catalogue).inside()

    async def get(self, path: str, **parameters: Any) -> Any:
        """Return the body of an answer; Refused with its words when it is a problem."""
        status, body = await self.ask("GET", path, parameters)
        return _read(status, body)

    async def post(self, path: str, said: Mapping[str, Any]) -> Any:
        """Give an order; as `get`."""
        status, body = await self._inside("POST", path, orjson.dumps(said))
        return _read(status, body)

    async def ask(self, method: str, path: str, parameters: Mapping[str, Any]) -> tuple[int, bytes]:
        """Return status and body of an answer, whatever it is."""
        return await self._inside(method, url_of(path, parameters), b"")

    async def _inside(self, method: str, url: str, said: bytes) -> tuple[int, bytes]:
        """Ask the application with the rights that this visitor has now."""
        who = await self.who()
        if who is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, self.say(words.ENDED))
        state = {STATE: who, "door": self.console.door}
        return await self._ask(self.console.app, method, url, said, {"state": state})

    async def _ask(
        self, app: ASGIApp, method: str, url: str, said: bytes, extra: Mapping[str, Any]
    ) -> tuple[int, bytes]:
        path, _, query = url.partition("?")
        headers = [*self._headers, (b"accept", b"application/json")]
        if said:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(said)).encode())]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": self._client,
            "server": ("127.0.0.1", 0),
            "state": {},
            **extra,
        }
        answer = _Answer(said)
        try:
            await app(scope, answer.receive, answer.send)
        finally:
            answer.over.set()
        return answer.status, bytes(answer.body)


class _Answer:
    """An answer as it comes in."""

    def __init__(self, said: bytes) -> None:
        self.status = 0
        self.body = bytearray()
        self.over = asyncio.Event()
        self._said: bytes | None = said

    async def receive(self) -> Message:
        """Return the body once; then nothing more comes until the answer is complete."""
        if self._said is None:
            await self.over.wait()
            return {"type": "http.disconnect"}
        said, self._said = self._said, None
        return {"type": "http.request", "body": said, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body" and len(self.body) < MOST_BYTES:
            self.body += message.get("body", b"")


def url_of(path: str, parameters: Mapping[str, Any]) -> str:
    """Return path and query; parameters that are None or empty are left out."""
    pairs = [(name, value) for name, value in parameters.items() if value is not None and value != ""]
    return f"{path}?{urlencode(pairs, doseq=True)}" if pairs else path


def _read(status: int, body: bytes) -> Any:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = {}
    if status >= HTTPStatus.BAD_REQUEST:
        words = found.get("detail", "") if isinstance(found, dict) else ""
        raise Refused(status, str(words) or HTTPStatus(status).phrase)
    return found
