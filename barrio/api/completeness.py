"""What is missing over HTTP: completeness, and the points that were not heard for longest.

What counts is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query
from fastapi.responses import Response

from barrio.access.who import Seen as Asking
from barrio.api.answers import as_json
from barrio.api.parameters import Limit, Offset, Since, Word, span_of
from barrio.moments import rfc3339
from barrio.status import store_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.completeness.worst import Silence
    from twin.ledger import Gap

USUALLY_LISTED = 1_000


def add(app: FastAPI, platform: Platform) -> None:
    """Add the route."""

    @app.get("/api/v1/completeness")
    async def counted(
        who: Asking,
        under: Word = None,
        start: Since = "-1d",
        to: str = "now",
        every: Annotated[str, Query(max_length=20)] = "1d",
        by: Annotated[str, Query(max_length=100)] = "device",
        limit: Limit = USUALLY_LISTED,
        offset: Offset = 0,
    ) -> Response:
        """Return what was expected of points and what became of it, in whole windows of `every`, summed up `by`."""
        from barrio.past.completeness import Question, completeness, grouping
        from barrio.past.seen import Seen
        from barrio.past.twin import Present, zone_of

        seen = Seen(who, platform.catalogue.districts)
        present, zone = Present.of(platform), zone_of(platform, under, seen)
        group, by_window = grouping(by)
        span = span_of(start, to, present.now, zone)
        question = Question(under, *span, every, group, by_window, seen)
        rows = await platform.in_thread("reads", completeness, platform, present, question)
        head = {"from": rfc3339(span[0]), "to": rfc3339(span[1]), "every": every, "by": by, "tz": zone.key}
        head |= _waiting(platform) if who.sight.whole else {"waiting": None, "words": ""}
        page = rows[offset : offset + limit]
        return as_json({**head, "total": len(rows), "limit": limit, "offset": offset, "rows": page})


def silences(platform: Platform, gaps: Iterable[Gap], span: tuple[int, int], limit: int) -> Response:
    """Return the points not heard for longest; a gap that lasts counts up to now. With many gaps it takes a while."""
    from twin.completeness.worst import worst

    stop = min(span[1], platform.clock.now_ns())
    found = worst(gaps, span[0], stop, limit)
    return as_json({"worst": [_silence(platform, one) for one in found]})


def _waiting(platform: Platform) -> dict[str, Any]:
    """Say what is not counted yet, since the store takes nothing: readings that wait in the spool."""
    words = store_words(platform)
    return {"waiting": platform.spool.books().waiting if words else 0, "words": words}


def _silence(platform: Platform, one: Silence) -> dict[str, Any]:
    most = one.most
    return {
        "point": platform.catalogue.paths[one.series],
        "missing_s": one.missing / 1e9,
        "gaps": one.gaps,
        "longest_s": one.longest / 1e9,
        "reason": None if most is None else most.slug,
        "reasons": {reason.slug: lasted / 1e9 for reason, lasted in one.reasons.items()},
        "filled_s": one.filled / 1e9,
    }
