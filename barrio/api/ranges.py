"""Which part of a file is asked for (RFC 9110, 14.2): one at a time. What cannot be is answered with a problem."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from barrio.api.problems import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

_PART = re.compile(r"bytes=(?:(?P<first>[0-9]{1,15})-(?P<last>[0-9]{0,15})|-(?P<final>[0-9]{1,15}))")
_MEANT = "one part is given at a time: bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT"


def refused(headers: Mapping[str, str], size: int, tag: str) -> Response | None:
    """Return the answer to a `Range` that cannot be had of a file of `size` bytes, None where there is nothing wrong.

    With an `If-Range` that is not the file's `tag` the part is not meant, and the whole is given.
    """
    asked = headers.get("range")
    if asked is None or headers.get("if-range", tag) != tag:
        return None
    found = _PART.fullmatch(asked.strip())
    if found is None:
        return problem(HTTPStatus.BAD_REQUEST, f"Range: {_MEANT}, found {asked!r}", parameter="Range")
    if _is_inside(found, size):
        return None
    words = f"Range: the file has {size:,} bytes, there is no part {asked!r}"
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    return problem(status, words, {"Content-Range": f"bytes */{size}"}, parameter="Range")


def _is_inside(part: re.Match[str], size: int) -> bool:
    if part["final"] is not None:
        return int(part["final"]) > 0 and size > 0
    first = int(part["first"])
    return first < size and (not part["last"] or int(part["last"]) >= first)
