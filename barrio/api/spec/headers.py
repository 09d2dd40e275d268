"""Headers of answers, as the OpenAPI file names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barrio.api.spec.operations import Operation


def _text(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


def _number(description: str, example: int) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}, "example": example}


HEADERS: dict[str, dict[str, Any]] = {
    "RateLimit-Policy": _text("What you may ask in a window of `w` seconds", '"minute";q=300;w=60'),
    "RateLimit": _text("What is left (`r`), and when all is there again (`t`, s)", '"minute";r=299;t=1'),
    "X-RateLimit-Limit": _number("What you may ask in a minute", 300),
    "X-RateLimit-Remaining": _number("What is left of it", 299),
    "X-RateLimit-Reset": _number("When all is there again (s)", 1),
    "Retry-After": _number("When to ask again (s)", 5),
    "WWW-Authenticate": _text("How to show a token", 'Bearer realm="barrio", error="invalid_token"'),
    "ETag": _text(
        "Names what was answered; `If-None-Match` takes it", 'W/"5f0c0d1e2f3a4b5c6d7e8f9011121314"'
    ),
    "Link": _text(
        "The next page, where there is one", '<http://127.0.0.1:8080/api/v1/points?cursor=…>; rel="next"'
    ),
    "Location": _text("Where it is", "/api/v1/exports/m3Vw0bq2sX0t5YcJr1kA9w"),
    "Content-Disposition": _text("The name of the file", 'inline; filename="history.json"'),
    "Repr-Digest": _text(
        "SHA-256 of the whole file (RFC 9530)", "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:"
    ),
    "Vary": _text("Which headers the answer was chosen by", "Accept"),
}
_RATE = ("RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_TABLES = {"read_history", "read_latest", "read_intervals", "read_totals", "read_figures"}
_MADE = {"ask_for_export", "make_hook"}


def headers_of(known: Operation, status: int) -> dict[str, Any]:
    """Return the headers of an operation's answer. None is promised: an operator has no rate, a live list no tag."""
    names = [*_RATE]
    if known.tag in {"catalogue", "datasets"}:
        names += ["ETag", "Link", "Vary"]
    if known.id in _TABLES:
        names += ["Content-Disposition", "Vary"]
    if known.id == "download_export":
        names += ["ETag", "Repr-Digest", "Content-Disposition"]
    if known.id in _MADE and status > 200:
        names += ["Location"]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in dict.fromkeys(names)}
