"""The OpenAPI file (3.1): what routes declare, with names, schemas, problems and headers beside.

It is made when somebody first asks for it, in a thread, and kept as the bytes that are sent: a platform that nobody
asks imports nothing for it. A running platform describes the routes that it has; `barrio openapi` describes all.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response

from barrio.api.catalogue_answers import not_modified

if TYPE_CHECKING:
    from typing import Any

PATH = "/openapi.json"


class Described(FastAPI):
    """An application that describes itself in our words."""

    def openapi(self) -> dict[str, Any]:
        """Return the file; made once."""
        if self.openapi_schema is None:
            from barrio.api.spec.document import document

            self.openapi_schema = document(self)
        return self.openapi_schema


def add(app: Described) -> None:
    """Add the route of the file."""
    made: list[tuple[bytes, str]] = []

    def text() -> tuple[bytes, str]:
        if not made:
            body = orjson.dumps(app.openapi())
            made.append((body, f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'))
        return made[0]

    async def file(request: Request) -> Response:
        """Return the OpenAPI file."""
        body, tag = made[0] if made else await asyncio.to_thread(text)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        answer = not_modified(request, tag)
        return answer or Response(body, headers=headers, media_type="application/json")

    app.get(PATH, include_in_schema=False)(file)
    app.head(PATH, include_in_schema=False)(file)
