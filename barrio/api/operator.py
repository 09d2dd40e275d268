"""What cannot be done while no platform runs with a data folder."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from barrio.api.problems import problem

if TYPE_CHECKING:
    from fastapi.responses import Response

    from barrio.platform import Platform


def at_rest(platform: Platform, cannot: str) -> Response | None:
    """Return the answer where nothing runs; `cannot` says what is impossible then. None where it does."""
    if platform.at_rest:
        words = f"barrio does not run with this data folder: {cannot}"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, words)
    return None
