"""A route for questions that are asked often: its query is read at once, as one model.

FastAPI looks at each parameter of a route anew for each request, which for a dozen of them takes as long as writing
ten thousand readings does. A route of this class takes `request`, `who`, and the model of its query as `asks`; it is
declared like any other, so the OpenAPI file and the words of its errors are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_origin

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from barrio.access.who import who
from barrio.api.problems import no_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from starlette.requests import Request
    from starlette.responses import Response


class LeanRoute(APIRoute):
    """Route of an endpoint `(request, who, asks)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        (field,) = self.dependant.query_params
        model = field.field_info.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise TypeError(model)
        asks_of, endpoint = model, self.dependant.call
        many = {
            info.alias or name: get_origin(info.annotation) is list
            for name, info in asks_of.model_fields.items()
        }

        async def handle(request: Request) -> Response:
            asks = _read(request, asks_of, many)
            found: Response = await endpoint(request=request, who=await who(request), asks=asks)  # type: ignore[misc] # its own endpoint
            return found

        return handle


def _read(request: Request, model: type[BaseModel], many: Mapping[str, bool]) -> BaseModel:
    """Return the query of a request; refuses what the model does not know, as every route does."""
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name not in many:
            raise no_parameter(name, many)
        if many[name]:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    try:
        return model.model_validate(found)
    except ValidationError as error:
        said = [one | {"loc": ("query", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(said) from None
