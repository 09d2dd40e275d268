"""Relations over HTTP: what belongs to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import Response

from barrio.access.who import Seen
from barrio.api.answers import as_json
from barrio.api.parameters import Word

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform


def add(app: FastAPI, platform: Platform) -> None:
    """Add the route."""

    @app.get("/api/v1/graph")
    async def graph(who: Seen, of: Word = None, direction: str = "both", through: Word = None) -> Response:
        """Return devices, sites and relations; with `of` what hangs above (up) and below (down) it.

        What a caller does not see is left out, also between two that are seen.
        """
        from barrio.graph.body import body
        from barrio.graph.part import direction_of, parts, understood
        from barrio.graph.seen import Shown

        asked = direction_of(direction), understood(through)
        found = await platform.in_thread(
            "reads", parts, platform.catalogue.districts, of, *asked, Shown(who.sight)
        )
        return as_json(body(found))
