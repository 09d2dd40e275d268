"""Errors as problem details (RFC 9457): what is wrong, where, and what was probably meant."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeGuard, get_args

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from barrio.access.who import STATE
from barrio.errors import AskError, UnknownName, words_for
from twin.errors import TransientError
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fastapi import FastAPI
    from fastapi.dependencies.models import Dependant

MEDIA = "application/problem+json"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
RETRY_AFTER_S = 5
LONGEST = 1_000
"""Characters of what a problem says: what was sent is repeated, and it may be long."""
_MEMBER = re.compile(r"<[\w.]+: ('[^']*')>")
"""A member of an enumeration as a literal shows it."""
_QUOTED = re.compile(r"'([^']*)'")
_NO_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type"})
_ELSEWHERE = {"start": "from", "since": "from", "stop": "to", "end": "to", "until": "to"}
"""What others call a parameter: nothing in the letters of `start` says `from`."""


def problem(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None, **extra: Any) -> Response:
    """Return a problem; `extra` are members of its own, such as `parameter`."""
    said = {name: _bounded(one) if isinstance(one, str) else one for name, one in extra.items()}
    body = {"type": "about:blank", "title": status.phrase, "status": status.value}
    body |= {"detail": _bounded(detail), **said}
    return Response(orjson.dumps(body), status, headers=headers, media_type=MEDIA)


def _bounded(text: str) -> str:
    """Return a text with its middle left out where it is too long: what was meant stands at its end."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem; bugs stay bugs (500)."""
    app.add_exception_handler(AskError, _asked)
    app.add_exception_handler(UnknownName, _unknown)
    app.add_exception_handler(TransientError, _away)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a query parameter that the route does not know: one that is misspelt would change nothing silently."""
    known = _parameters(request.scope["route"].dependant)
    for name in request.query_params:
        if name not in known:
            raise no_parameter(name, known)


def no_parameter(name: str, known: Iterable[str]) -> AskError:
    """Return the error of a parameter that there is not, with the one that was probably meant."""
    return AskError(name, f"there is no parameter {name!r}{_meant(name, known)}")


def _meant(name: str, known: Iterable[str]) -> str:
    here = _ELSEWHERE.get(name)
    return f" (did you mean {here}?)" if here in (names := list(known)) else suggest(name, names)


def _parameters(dependant: Dependant) -> set[str]:
    """Return the names that a route takes: its own parameters, or the fields of the one model that stands for them."""
    found: set[str] = set()
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= {info.alias or name for name, info in kind.model_fields.items()}
        else:
            found.add(field.alias)
    return found.union(*(_parameters(inner) for inner in dependant.dependencies))


async def _asked(_request: Request, error: Exception) -> Response:
    if not isinstance(error, AskError):
        raise error
    return problem(HTTPStatus.BAD_REQUEST, str(error), parameter=error.parameter)


async def _unknown(_request: Request, error: Exception) -> Response:
    return problem(HTTPStatus.NOT_FOUND, str(error))


async def _away(request: Request, error: Exception) -> Response:
    """The store is away: not the fault of whoever asks."""
    if not isinstance(error, TransientError):
        raise error
    who = getattr(request.state, STATE, None)
    words = words_for(error, whole=who is None or who.sight.whole)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, words, {"Retry-After": str(RETRY_AFTER_S)})


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    if isinstance(first["input"], bytes):
        return _sent_as(request)
    if first["type"] == "json_invalid":
        words = f"body: is no JSON: {first['ctx']['error'].lower()} after {first['loc'][-1]} characters"
        return problem(HTTPStatus.BAD_REQUEST, words, parameter="body")
    body = getattr(request.scope.get("route"), "body_field", None)
    where, model = _inside(first["loc"], body and body.field_info.annotation)
    tagged = first["type"].startswith("union_tag")
    name = first["ctx"]["discriminator"].strip("'") if tagged else _named(where)
    words = f"{name}: {fault_words(first, model)}"
    return problem(HTTPStatus.BAD_REQUEST, words, parameter=name)


def _sent_as(request: Request) -> Response:
    """A body that was not read, since its header says that it is something else: curl says so of what `-d` sends."""
    sent = request.headers.get("content-type", "")
    words = f"Content-Type: should be application/json, found {sent!r}"
    return problem(HTTPStatus.BAD_REQUEST, words, parameter="Content-Type")


def fault_words(fault: Mapping[str, Any], model: object = None) -> str:
    """Return what is wrong with a parameter or a key of a body; `model` has the keys that a body may have."""
    kind, given = fault["type"], fault["input"]
    if kind in {"missing", "union_tag_not_found"}:
        return "is missing"
    if kind == "extra_forbidden":
        key = str(fault["loc"][-1])
        return f"there is no key {key!r}{_meant(key, _keys(model))}"
    if kind in {"literal_error", "enum"}:
        expected = _MEMBER.sub(r"\1", fault["ctx"]["expected"])
        return f"should be {expected}, found {given!r}{suggest(str(given), _QUOTED.findall(expected))}"
    if kind == "union_tag_invalid":
        tag, expected = fault["ctx"]["tag"], fault["ctx"]["expected_tags"]
        return f"should be one of {expected}, found {tag!r}{suggest(tag, _QUOTED.findall(expected))}"
    said = "should be an object" if kind in _NO_OBJECT else str(fault["msg"]).removeprefix("Input ").lower()
    return f"{said}, found {given!r}"


def _inside(where: tuple[int | str, ...], model: object) -> tuple[tuple[int | str, ...], object]:
    """Return where a fault is and in which model; of a body that is one of several, without the tag that says which."""
    if len(where) > 1:
        for one in filter(_is_model, get_args(model)):
            tags = {tag for info in one.model_fields.values() for tag in get_args(info.annotation)}
            if where[1] in tags:
                return (where[0], *where[2:]), one
    return where, model


def _keys(model: object) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()] if _is_model(model) else []


def _is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _named(where: Sequence[int | str]) -> str:
    """Return the parameter, or the key of the body, that an error is about: not the type that it was tried as."""
    return next((one for one in where[1:] if isinstance(one, str)), str(where[0]))


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    words = error.detail
    if isinstance(error.__cause__, RecursionError | UnicodeDecodeError):
        words = "body: is no JSON in UTF-8, or is nested too deeply"
        return problem(status, words, headers, parameter="body")
    if words == status.phrase:
        listed = "; GET / lists what there is" if status is HTTPStatus.NOT_FOUND else ""
        words = f"{request.method} {request.url.path}: {status.phrase}{listed}"
    return problem(status, words, headers)


def _allowed(request: Request) -> list[str]:
    """Return the methods that some route of a path takes (RFC 9110, 10.2.1): each may have a route of its own."""
    found: set[str] = set()
    for route in request.app.routes:
        for method in METHODS - found:
            if route.matches({**request.scope, "method": method})[0] is Match.FULL:
                found.add(method)
    return sorted(found)
