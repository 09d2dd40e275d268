"""Answers that are text are compressed for whoever takes that, and bodies that are compressed are not taken.

- zstd goes before gzip where both are liked alike: it costs a tenth of the time.
- Compressed are texts of a kilobyte and more, and texts whose length is not known; not events, which must not wait,
  not files that are resumed, not what has a compression of its own.
- A strong ETag becomes a weak one, since the bytes are others; a weak one stays.
- A body with a `Content-Encoding` is refused (415): a few kilobytes of it may be gigabytes.
"""

from __future__ import annotations

import asyncio
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers, MutableHeaders

from barrio.api.problems import problem
from barrio.tables.choice import weight_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALLEST = 1_024
ZSTD_LEVEL = 1
GZIP_LEVEL = 1
"""Of JSON with numbers, level 6 takes four times as long and gives a tenth less; see `tests/bench/tables.py`."""

_IN_THREAD = 32_768
"""Above so many bytes the event loop does something else meanwhile."""

_TEXTS = (
    "application/json",
    "application/x-ndjson",
    "application/javascript",
    "application/xml",
    "image/svg+xml",
)
_NOT = "text/event-stream"
_WHOLE = {HTTPStatus.NO_CONTENT, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED}


class Encoder(Protocol):
    """A compression under way."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what can be said so far."""

    def flush(self) -> bytes:
        """Return the rest."""


class Compress:
    """ASGI application before `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 415 to a compressed body, else let the answer through as its reader likes it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            words = "bodies are taken as they are, without a Content-Encoding"
            refusal = problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, words, {"Accept-Encoding": "identity"})
            await refusal(scope, receive, send)
            return
        encoding = "" if scope["method"] == "HEAD" else liked(headers.getlist("accept-encoding"))
        await self._app(scope, receive, _Answer(encoding, send).send)


def liked(accepted: list[str]) -> str:
    """Return the encoding that `Accept-Encoding` likes best, empty for none."""
    weights = {}
    for one in ",".join(accepted).split(","):
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        weights[name] = weight_of(parameters)
    rest = weights.get("*", 0.0)
    found = {name: weights.get(name, rest) for name in ("zstd", "gzip")}
    plain = weights.get("identity", 0.0)
    best = max(found, key=lambda name: found[name])
    return best if found[best] > 0 and found[best] >= plain else ""


class _Answer:
    """One answer on its way; its head waits for its first bytes."""

    def __init__(self, encoding: str, send: Send) -> None:
        self._encoding = encoding
        self._send = send
        self._head: Message | None = None
        self._encoder: Encoder | None = None

    async def send(self, message: Message) -> None:
        """Send a message of the application, compressed where that is worth it."""
        if message["type"] == "http.response.start":
            if _is_text(message):
                MutableHeaders(raw=message["headers"]).add_vary_header("Accept-Encoding")
                self._head = message
                return
        elif message["type"] == "http.response.body":
            await self._body(message)
            return
        await self._send(message)

    async def _body(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._head is not None:
            if self._encoding and (more or len(body) >= SMALLEST):
                self._encoder = _encoder(self._encoding)
                _say(self._head, self._encoding)
                if not more:
                    body, self._encoder = await _encoded(self._encoder, body, last=True), None
                    MutableHeaders(raw=self._head["headers"])["content-length"] = str(len(body))
            await self._send(self._head)
            self._head = None
        if self._encoder is not None:
            body = await _encoded(self._encoder, body, last=not more)
            if more and not body:
                return
        await self._send({**message, "body": body, "more_body": more})


def _is_text(head: Message) -> bool:
    headers = MutableHeaders(raw=head["headers"])
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    text = (media.startswith("text/") and media != _NOT) or media in _TEXTS or media.endswith("+json")
    as_it_is = "content-encoding" in headers or "no-transform" in headers.get("cache-control", "")
    return text and not as_it_is and head["status"] not in _WHOLE


def _say(head: Message, encoding: str) -> None:
    headers = MutableHeaders(raw=head["headers"])
    headers["content-encoding"] = encoding
    if "content-length" in headers:
        del headers["content-length"]
    tag = headers.get("etag", "")
    if tag.startswith('"'):
        headers["etag"] = f"W/{tag}"


def _encoder(encoding: str) -> Encoder:
    if encoding == "zstd":
        import zstandard

        return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
    return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)


async def _encoded(encoder: Encoder, body: bytes, *, last: bool) -> bytes:
    if len(body) < _IN_THREAD:
        return _compressed(encoder, body, last)
    return await asyncio.to_thread(_compressed, encoder, body, last)


def _compressed(encoder: Encoder, body: bytes, last: bool) -> bytes:  # noqa: FBT001 - by position for a thread
    found = encoder.compress(body)
    return found + encoder.flush() if last else found
