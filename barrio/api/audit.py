"""The audit log over HTTP, for operators: what people did, and whether the log is as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import Response

from barrio.access.who import Seen
from barrio.api.answers import as_json
from barrio.api.declared import declared
from barrio.api.parameters import Limit, Since, span_of
from twin.chain import newest

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform

_ENTRY = {
    "n": 7,
    "at": "2026-11-23T15:00:00.000000Z",
    "step": "token_created",
    "kind": "platform",
    "who": "ana",
    "token": "3f9c21d07ab4",
    "name": "water works",
    "hash": "5f0c…",
}


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""

    @app.get("/api/v1/audit", tags=["operation"], responses=declared({"entries": [_ENTRY]}))
    async def entries(who: Seen, start: Since = "-1d", to: str = "now", limit: Limit = 1_000) -> Response:
        """Return entries of the audit log, the newest first: commands, exports, tokens, acknowledged alarms."""
        who.require_operator()
        zone, now = platform.catalogue.districts[0].zone, platform.clock.now_ns()
        span = span_of(start, to, now, zone)
        found = await platform.in_thread("reads", newest, platform.audit.path, *span, limit)
        return as_json({"entries": found})

    @app.get(
        "/api/v1/audit/verify",
        tags=["operation"],
        responses=declared(
            {"sound": True, "lines": 7, "head": "5f0c…", "line": None, "words": "", "remark": ""}
        ),
    )
    async def verify(who: Seen) -> Response:
        """Verify the whole audit log: each line against its hash and the line before."""
        who.require_operator()
        found = await platform.in_thread("reads", platform.audit.verify)
        body = {"sound": found.sound, "lines": found.lines, "head": found.head, "line": found.line or None}
        return as_json({**body, "words": found.words, "remark": found.remark})
