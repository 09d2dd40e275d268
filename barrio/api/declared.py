"""What routes declare of their answers, so that the OpenAPI file promises no more and no less than what comes.

    @app.get("/api/v1/gaps", responses=declared({"total": 0, "gaps": []}))

An example stands for the shape of the answer; the JSON schema is written beside it where programs rely on it. Every
route may answer 400, 401, 404, 429 and 503 with a problem (RFC 9457); others are named.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

PROBLEM_MEDIA = "application/problem+json"
ALWAYS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "parameter": {"type": "string"},
    },
}


def declared(
    example: Any,
    *also: HTTPStatus,
    schema: dict[str, Any] | None = None,
    media: tuple[str, ...] = ("application/json",),
    status: HTTPStatus = HTTPStatus.OK,
) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route: its own with an example, and the problems that it may answer."""
    content: dict[str, Any] = {one: {"schema": {"type": "string", "format": "binary"}} for one in media}
    content[media[0]] = {"schema": schema or {"type": "object"}, "example": example}
    found: dict[int | str, dict[str, Any]] = {
        status.value: {"description": "The answer", "content": content},
    }
    for one in dict.fromkeys((*ALWAYS, *also)):
        found[one.value] = {
            "description": one.phrase,
            "content": {PROBLEM_MEDIA: {"schema": PROBLEM_SCHEMA}},
        }
    return found
