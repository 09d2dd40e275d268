"""The past over HTTP: the twin at a moment, what changed until another one, and the models that there were.

What answers is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import Response

from barrio.access.who import Seen as Asking
from barrio.api.answers import as_json
from barrio.api.parameters import Limit, Offset, Word
from barrio.errors import AskError, UnknownName
from barrio.moments import parse_moment, rfc3339

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.past.models import Version

USUALLY_LISTED = 1_000
SHORTEST_DIGEST = 6


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""

    @app.get("/api/v1/twin")
    async def twin(
        who: Asking,
        at: str = "now",
        compare: Word = None,
        under: Word = None,
        limit: Limit = USUALLY_LISTED,
        offset: Offset = 0,
    ) -> Response:
        """Return the twin as it was at a moment; with `compare`, what was different at that other moment.

        A point whose readings a caller is given as windows only has no value here: `resolution` says which windows.
        """
        from barrio.past.answers import compared, then
        from barrio.past.seen import Seen
        from barrio.past.twin import Present, zone_of

        seen = Seen(who, platform.catalogue.districts)
        present = Present.of(platform)
        zone = zone_of(platform, under, seen)
        first = _moment(at, "at", present.now, zone)
        if compare is None:
            page = slice(offset, offset + limit)
            body = await platform.in_thread("reads", then, platform, present, (first, under), page, seen)
            return as_json({**body, "limit": limit, "offset": offset})
        second = _moment(compare, "compare", present.now, zone)
        body = await platform.in_thread("reads", compared, platform, present, (first, second), under, seen)
        page = body.pop("changes")
        head = {"total": len(page), "limit": limit, "offset": offset}
        return as_json({**body, **head, "changes": page[offset : offset + limit]})

    @app.get("/api/v1/models")
    async def models(who: Asking) -> Response:
        """Return every version of every district that ran, by district and time; for operators."""
        who.require_operator()
        found = await platform.in_thread("reads", platform.models.versions)
        return as_json({"models": [_version(one) for one in found]})

    @app.get("/api/v1/models/{district}/{digest}")
    async def model(district: str, digest: str, who: Asking) -> Response:
        """Return one version as it was; the first digits of the digest do. For operators."""
        who.require_operator()
        found = None
        if len(digest) >= SHORTEST_DIGEST:
            found = await platform.in_thread("reads", platform.models.find, district, digest)
        if found is None:
            raise UnknownName(f"there is no model {district}/{digest}; /api/v1/models lists them")
        return as_json({"since": rfc3339(found.since), **found.raw})


def _moment(text: str, parameter: str, now: int, zone: Any) -> int:
    found = parse_moment(text, parameter, now, zone)
    if found > now:
        raise AskError(parameter, f"{text!r} lies in the future")
    return found


def _version(one: Version) -> dict[str, Any]:
    return {
        "district": one.district,
        "digest": one.digest,
        "since": rfc3339(one.since),
        "until": None if one.until is None else rfc3339(one.until),
        "devices": one.devices,
        "points": one.points,
        "rules": one.rules,
    }
