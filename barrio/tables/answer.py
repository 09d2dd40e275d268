"""A table as an HTTP answer: in the format that was asked for, a piece at a time, whole or visibly broken.

- Before the first byte everything that goes wrong is a problem (RFC 9457), as anywhere else.
- After it the connection is broken: an answer in chunks without its end, which every client of HTTP/1.1 notices.
- The store is read a piece ahead and no further. Whoever does not take a piece within `PATIENCE_S` is left, and so is
  whoever went away; the store is read no further then.
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from fastapi.responses import Response

from barrio.api.problems import problem
from barrio.tables.choice import chosen
from barrio.tables.forms import MEDIA, Form
from barrio.tables.reading import Reading
from twin.errors import BarrioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from barrio.platform import Platform
    from barrio.tables.table import Table

PATIENCE_S = 30.0
"""Longest time for 64 kB: two kilobytes a second are too slow to wait for."""

_SENT_AT_ONCE = 65_536
_LONGEST_NAME = 100
_FEW_ROWS = 2_000

log = structlog.get_logger("barrio.tables")


class AnswerBroken(BarrioError):
    """Raised when an answer that had begun cannot be ended; the server breaks the connection."""


async def answer(
    platform: Platform, request: Request, table: Table | Callable[[], Table], *, name: str
) -> Response:
    """Return a table as `?format=` or `Accept` asks for; `name` is that of the file, without its suffix.

    What makes a table is called in the thread that then writes it, while the columns are still in its reach: each turn
    of a thread takes as long as writing thousands of rows. Reads the first pieces of the table, so that errors of the
    store are raised here and not after the first byte.
    """
    form = chosen(request)
    if form is None:
        words = f"there is {', '.join(MEDIA)}; or say ?format={'|'.join(Form)}"
        return problem(HTTPStatus.NOT_ACCEPTABLE, words, {"Vary": "Accept"})
    reading = Reading(_pieces(form, table))
    try:
        if not callable(table) and _is_at_hand(table):
            first, whole = reading.begin()
        else:
            first, whole = await platform.in_thread("reads", reading.begin)
    except asyncio.CancelledError:
        # A thread may be at it, for which the loop does not wait. After any other error nothing is open.
        asyncio.get_running_loop().run_in_executor(None, reading.close)
        raise
    headers = headers_of(form, name)
    if whole:
        return Response(first, headers=headers)
    return Streamed(platform, first, reading, headers)


def _pieces(form: Form, table: Table | Callable[[], Table]) -> Iterator[bytes]:
    yield from form.write(table() if callable(table) else table)


def _is_at_hand(table: Table) -> bool:
    """Whether the rows are in memory and so few that writing them takes less than a thread's turn would."""
    parts = table.parts
    return isinstance(parts, list) and sum(map(len, parts)) <= _FEW_ROWS


def headers_of(form: Form, name: str) -> dict[str, str]:
    """Return what an answer or a file in a format is called."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:_LONGEST_NAME].strip("._") or "table"
    shown = "inline" if form is Form.JSON else "attachment"
    return {
        "Content-Type": form.content_type,
        "Content-Disposition": f'{shown}; filename="{safe}{form.suffix}"',
        "Vary": "Accept",
    }


class Streamed(Response):
    """An answer whose rest is still to be read."""

    def __init__(self, platform: Platform, first: bytes, rest: Reading, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._platform = platform
        self._first = first
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send; raises `AnswerBroken` when the store fails on the way."""
        gone = asyncio.create_task(_gone(receive))
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            await self._send(gone, send)
        except TimeoutError:
            log.info("answer.left", path=scope["path"], words=f"64 kB were not taken within {PATIENCE_S:g} s")
        except BarrioError as error:
            raise AnswerBroken(f"{scope['path']}: {error}") from error
        finally:
            gone.cancel()
            # It may wait for the step that a thread is at.
            asyncio.get_running_loop().run_in_executor(None, self._rest.close)

    async def _send(self, gone: asyncio.Task[None], send: Send) -> None:
        piece: bytes | None = self._first
        while piece is not None:
            ahead = asyncio.ensure_future(self._platform.in_thread("reads", self._rest.step))
            try:
                await _handed_over(piece, send, gone)
                await asyncio.wait({ahead, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not ahead.done() or gone.done():
                    ahead.cancel()
            if gone.done():
                return
            piece = ahead.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _handed_over(piece: bytes, send: Send, gone: asyncio.Task[None]) -> None:
    view = memoryview(piece)
    for at in range(0, len(view), _SENT_AT_ONCE):
        if gone.done():
            return
        async with asyncio.timeout(PATIENCE_S):
            await send(
                {
                    "type": "http.response.body",
                    "body": bytes(view[at : at + _SENT_AT_ONCE]),
                    "more_body": True,
                }
            )


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
