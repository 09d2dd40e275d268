"""Answers as JSON."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi.responses import Response

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def as_json(body: Any) -> Response:
    """Return a body as JSON: numpy columns as they are, NaN as null."""
    return Response(orjson.dumps(body, option=_OPTIONS), media_type="application/json")
