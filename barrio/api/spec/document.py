"""The OpenAPI file of an application: what FastAPI reads off its routes, made whole and true.

Whatever a middleware may answer (the gate, the door, compression) is added to each operation here, as no route knows
of it.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastapi.openapi.utils import get_openapi

from barrio.access.sessions import COOKIE
from barrio.api.catalogue_answers import GEOJSON
from barrio.api.declared import PROBLEM_MEDIA, PROBLEM_SCHEMA
from barrio.api.spec.examples import examples_of
from barrio.api.spec.headers import HEADERS, headers_of
from barrio.api.spec.operating import ALARMS, COMMANDS, PAST, PLATFORM, SERVICES
from barrio.api.spec.operations import OPERATIONS, TAGS, Operation
from barrio.api.spec.parameters import describe
from barrio.api.spec.readings import INTERVALS, READINGS
from barrio.api.spec.shapes import component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

VERSION = "3.1.0"
JSON = "application/json"
SCHEMAS = {**READINGS, **INTERVALS, **ALARMS, **COMMANDS, **SERVICES, **PAST, **PLATFORM}
ANYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Problems that every operation may answer: of its parameters, of the token, of the body, of the rate, of the store."""
_PROBLEM_MEMBERS: dict[str, Any] = dict(cast("dict[str, Any]", PROBLEM_SCHEMA)["properties"])
_WITHOUT_SHAPE = {"text/plain": {"type": "string"}, "text/csv": {"type": "string"}}
_CHANGES = {"post", "put", "patch", "delete"}
_MEANINGS = {
    HTTPStatus.BAD_REQUEST: "A parameter, a header or the body is wrong; `parameter` names which",
    HTTPStatus.UNAUTHORIZED: "The token is not known, was revoked, or has expired",
    HTTPStatus.FORBIDDEN: "You see it, and may not do this with it",
    HTTPStatus.NOT_FOUND: "There is no such thing, or none that you may see",
    HTTPStatus.NOT_ACCEPTABLE: "There is no format that `Accept` takes",
    HTTPStatus.REQUEST_TIMEOUT: "The request was not complete after 10 s",
    HTTPStatus.CONFLICT: "How things stand does not allow it",
    HTTPStatus.GONE: "The list changed since its `cursor` was given: begin anew",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 64 KiB",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is compressed",
    HTTPStatus.MISDIRECTED_REQUEST: "`Host` has a name that barrio does not answer to",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The value may not be written; `reason` says why",
    HTTPStatus.TOO_MANY_REQUESTS: "The rate is spent; `Retry-After` says until when",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The head of the request is larger than 64 KiB",
    HTTPStatus.SERVICE_UNAVAILABLE: "The store is away, nothing runs, or there is no room: try again later",
    HTTPStatus.INSUFFICIENT_STORAGE: "There is no room for another file",
}
_ABOUT = """\
A digital twin of city districts: what there is, what it says now and said before, what utilities bill of it.

Everything that is told is made of what exists for whoever asks: what they may not see is 404. Times are RFC 3339 in
UTC. Unknown parameters and members are refused. Errors are problem details (RFC 9457). Answers of the catalogue have
an `ETag`. `Accept-Encoding` takes zstd and gzip. What `/api/v1` answers may gain members and parameters; nothing that
is described here goes or changes its meaning.
"""


def document(app: FastAPI) -> dict[str, Any]:
    """Return the file of an application, as plain data."""
    found = get_openapi(
        title="Barrio",
        version=app.version,
        openapi_version=VERSION,
        summary="The time-series API of a digital twin for city districts",
        description=_ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        tags=[{"name": name, "description": words} for name, words in TAGS.items()],
        routes=app.routes,
    )
    found["servers"] = [{"url": "/", "description": "The barrio that this file came from"}]
    examples = examples_of(app)
    for key, method, item in _operations(found):
        known = OPERATIONS[key]
        _complete(item, method, known, examples.get(known.id))
        describe(key, item)
    components = found.setdefault("components", {})
    _replace_schemas(components)
    components["responses"] = {_name(status): _problem(status) for status in _MEANINGS}
    components["headers"] = HEADERS
    components["securitySchemes"] = _SECURITY
    found["security"] = [{}, *({name: []} for name in _SECURITY)]
    return found


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token that `barrio token create` made"},
    "basic": {"type": "http", "scheme": "basic", "description": "The token as password, with any user"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The session of a browser, which `POST /api/v1/session` begins",
    },
}


def _operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in found["paths"].items():
        for method, item in methods.items():
            yield f"{method.upper()} {path}", method, item


def _complete(item: dict[str, Any], method: str, known: Operation, example: Any) -> None:
    item["operationId"], item["summary"], item["tags"] = known.id, known.summary, [known.tag]
    declared = item["responses"]
    if "HTTPValidationError" in json.dumps(declared.get("422", {})):
        del declared["422"]
    also = {int(status) for status in declared if int(status) >= HTTPStatus.BAD_REQUEST}
    problems = {HTTPStatus(status) for status in (*also, *ANYWHERE, *known.also)}
    if method in _CHANGES:
        problems.add(HTTPStatus.FORBIDDEN)
    for status, answer in declared.items():
        if int(status) < HTTPStatus.BAD_REQUEST:
            _answered(answer, known, example, int(status))
    problems.discard(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    for status in problems:
        declared[str(status.value)] = {"$ref": f"#/components/responses/{_name(status)}"}
    if known.id == "read_readiness":
        declared["503"] = {"description": "Not ready, or a problem", "content": _either()}
    item["responses"] = dict(sorted(declared.items()))


def _answered(answer: dict[str, Any], known: Operation, example: Any, status: int) -> None:
    """Complete an answer that is no problem: its schema, its example, its headers."""
    answer["headers"] = headers_of(known, status)
    if not answer.get("content") or status != _success(known, status):
        return
    if answer["description"] in {"The answer", "Successful Response"}:
        answer["description"] = known.summary
    content = answer["content"]
    if "/" in known.answer:
        content.clear()
        binary = known.answer == "application/octet-stream"
        content[known.answer] = {"schema": {} if binary else {"type": "string"}}
        if example is not None:
            content[known.answer]["example"] = example
        return
    media = next(iter(content))
    content[media]["schema"] = component(known.answer)
    if example is not None:
        content[media]["example"] = example
    for other, each in content.items():
        if other != media:
            each["schema"] = component("GeoJSON") if other == GEOJSON else _WITHOUT_SHAPE.get(other, {})


def _success(known: Operation, status: int) -> int:
    return status if known.answer and status < HTTPStatus.MULTIPLE_CHOICES else 0


def _replace_schemas(components: dict[str, Any]) -> None:
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= SCHEMAS
    more = {"reason": {"type": "string"}, "command": component("Command")}
    schemas["Problem"] = {
        **PROBLEM_SCHEMA,
        "description": "What is wrong (RFC 9457). `parameter` names what of it, `reason` why an order failed.",
        "properties": {**_PROBLEM_MEMBERS, **more},
    }


def _problem(status: HTTPStatus) -> dict[str, Any]:
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": _MEANINGS[status],
    }
    names = {
        HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "RateLimit-Policy", "RateLimit"),
        HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
        HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    }.get(status, ())
    found: dict[str, Any] = {
        "description": _MEANINGS[status],
        "content": {PROBLEM_MEDIA: {"schema": component("Problem"), "example": body}},
    }
    if names:
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return found


def _name(status: HTTPStatus) -> str:
    return "".join(word.capitalize() for word in status.phrase.replace("-", " ").split())


def _either() -> dict[str, Any]:
    return {
        "text/plain": {"schema": {"type": "string"}, "example": "not ready\n"},
        PROBLEM_MEDIA: {"schema": component("Problem")},
    }
