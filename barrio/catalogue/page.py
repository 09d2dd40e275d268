"""Pages of a list: a cursor that stands still while nothing changes, and says so when something did."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson
from starlette.exceptions import HTTPException

from barrio.errors import AskError

if TYPE_CHECKING:
    from starlette.requests import Request

_NOT_PART = frozenset({"cursor", "limit", "offset", "format"})
_LENGTH = 24
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `offset` to `offset + limit` of `total`; `next` is the address of the next page, empty at the end."""

    total: int
    offset: int
    limit: int
    next: str

    @property
    def rows(self) -> slice:
        """The rows themselves."""
        return slice(self.offset, self.offset + self.limit)


def page_of(
    request: Request, digest: str, total: int, limit: int, cursor: str | None, offset: int = 0
) -> Page:
    """Return the page that a request asks for.

    AskError when the cursor is none of ours or stands beside an offset; 410 when the list is another by now.
    """
    tag = _tag(request, digest)
    if cursor is not None:
        if offset:
            raise AskError("cursor", "goes on where a page ended: leave offset out")
        offset = _read(cursor, tag)
    end = offset + limit
    following = ""
    if end < total:
        kept = [pair for pair in request.query_params.multi_items() if pair[0] not in {"cursor", "offset"}]
        following = f"{request.url.path}?{urlencode([*kept, ('cursor', _written(end, tag))])}"
    return Page(total, offset, limit, following)


def _tag(request: Request, digest: str) -> str:
    """Return what a list is told by: what it is made of, and what is asked of it."""
    asked = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in _NOT_PART)
    return hashlib.sha256(repr((digest, request.url.path, asked)).encode()).hexdigest()[:_LENGTH]


def _written(position: int, tag: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([position, tag])).decode().rstrip("=")


def _read(cursor: str, tag: str) -> int:
    try:
        found = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        position, its = found
    except (ValueError, binascii.Error, TypeError):
        position, its = -1, None
    if not isinstance(position, int) or not 0 <= position < _MOST or not isinstance(its, str):
        raise AskError("cursor", "is none that was given: begin again without cursor")
    if its != tag:
        words = "cursor: the list has changed since, or something else was asked: begin again without cursor"
        raise HTTPException(HTTPStatus.GONE, words)
    return position
