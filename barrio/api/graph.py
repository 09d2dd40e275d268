"""Relations over HTTP: what belongs to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import Response

from barrio.api.answers import as_json
from barrio.api.parameters import Word

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform


def add(app: FastAPI, platform: Platform) -> None:
    """Add the route."""

    @app.get("/api/v1/graph")
    async def graph(of: Word = None, direction: str = "both", through: Word = None) -> Response:
        """Return devices, sites and relations; with `of` what hangs above (up) and below (down) it."""
        from barrio.graph.body import body
        from barrio.graph.part import direction_of, parts, understood

        asked = direction_of(direction), understood(through)
        found = await platform.in_thread("reads", parts, platform.catalogue.districts, of, *asked)
        return as_json(body(found))
