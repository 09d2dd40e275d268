"""From a request's path and options to its answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from fastapi.responses import Response

from barrio.errors import AskError
from barrio.sta.answer import answer
from barrio.sta.conformance import service
from barrio.sta.context import Asked, Context
from barrio.sta.options import parse_options
from barrio.sta.paths import parse_path
from barrio.sta.resolve import shape_of
from barrio.sta.values import Instant, Span
from barrio.sta.view import Views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from barrio.access.who import Who
    from barrio.platform import Platform
    from barrio.sta.options import Options
    from barrio.sta.resolve import Shape
    from twin.access.sight import Sight

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS
_OF_ONE = ("$expand", "$select")


class Service:
    """Answers requests of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._views = Views(platform)

    async def answer(self, who: Who, root: str, path: str, query: Mapping[str, str]) -> Response:
        """Return what a path and its options name; what is wrong with them is found before anything is read."""
        if not path.strip("/"):
            _refuse(query, (), "the service's root")
            return _as_json(service(root))
        shape = shape_of(parse_path(path))
        options = _options(shape, query)
        asked = Asked(root, path.strip("/"), query)
        cost: list[float] = []
        try:
            return await self._platform.in_thread(
                "reads", self._answered, who.sight, asked, shape, options, cost
            )
        finally:
            who.charge(sum(cost))

    def _answered(
        self, sight: Sight, asked: Asked, shape: Shape, options: Options, cost: list[float]
    ) -> Response:
        """Answer, and add to `cost` what it took, also where a limit was met on the way."""
        context = Context(self._platform, self._views.of(sight), asked)
        try:
            found = answer(context, shape, options)
        finally:
            cost.append(context.cost)
        if found is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        if shape.value:
            return _as_text(found[shape.property[-1]])
        return _as_json(found)


def _options(shape: Shape, query: Mapping[str, str]) -> Options:
    if shape.property or (shape.ref and not shape.many):
        _refuse(query, (), "a property or a link")
    elif not shape.many:
        _refuse(query, _OF_ONE, "one entity")
    elif shape.ref:
        _refuse(query, ("$filter", "$orderby", "$top", "$skip", "$count", "$skiptoken"), "links")
    return parse_options(query, shape.kind)


def _refuse(query: Mapping[str, str], taken: tuple[str, ...], what: str) -> None:
    for name in query:
        if name not in taken:
            raise AskError(name, f"is not for {what}")


def _plain(value: object) -> str:
    if isinstance(value, Instant | Span):
        return str(value)
    raise TypeError(type(value))


def _as_json(body: Any) -> Response:
    return Response(orjson.dumps(body, default=_plain, option=_OPTIONS), media_type="application/json")


def _as_text(value: Any) -> Response:
    if isinstance(value, dict | list):
        return _as_json(value)
    return Response(str(value), media_type="text/plain; charset=utf-8")
