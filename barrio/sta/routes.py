"""The routes of SensorThings; what answers them is imported when somebody asks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query, Request, Response

from barrio.access.who import Seen
from barrio.api.declared import declared
from barrio.errors import AskError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from barrio.platform import Platform
    from barrio.sta.serve import Service

PREFIX = "/sta/v1.1"
_HOST = re.compile(r"[A-Za-z0-9._\-]{1,255}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_LONGEST = 4_000
Text = str | None


def _option(name: str, description: str, **schema: Any) -> Any:
    """Return a query option. Its bounds are declared here and held by `barrio.sta.options`, which names them."""
    return Query(alias=name, description=description, json_schema_extra={"maxLength": _LONGEST, **schema})


_ROOT = {
    "value": [{"name": "Things", "url": "http://127.0.0.1:8080/sta/v1.1/Things"}],
    "serverSettings": {"conformance": ["http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel"]},
}
_PAGE = {
    "@iot.count": 1,
    "value": [
        {
            "@iot.id": 12,
            "@iot.selfLink": "http://127.0.0.1:8080/sta/v1.1/Things(12)",
            "name": "Cistern north",
            "description": "WaterTank of ciudad-maderas",
            "properties": {"path": "ciudad-maderas/cistern-north", "site": "tower-a"},
            "Datastreams@iot.navigationLink": "http://127.0.0.1:8080/sta/v1.1/Things(12)/Datastreams",
        }
    ],
}


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    made: list[Service] = []

    async def answered(request: Request, who: Seen, path: str, query: dict[str, str]) -> Response:
        if not made:
            from barrio.sta.serve import Service

            made.append(Service(platform))
        return await made[0].answer(who, f"{_base(request, platform)}{PREFIX}", path, query)

    @app.get(PREFIX, responses=declared(_ROOT), tags=["sensorthings"])
    async def service_root(request: Request, who: Seen) -> Response:
        """List the entity sets of the OGC SensorThings API 1.1, and the classes of the standard that hold."""
        return await answered(request, who, "", {})

    @app.get(f"{PREFIX}/{{path:path}}", responses=_declared(), tags=["sensorthings"])
    async def sensorthings(  # noqa: PLR0913, PLR0917 - one for each option of the standard
        request: Request,
        who: Seen,
        path: str,
        filtered: Annotated[
            Text, _option("$filter", "an expression, such as name eq 'Cistern north'")
        ] = None,
        expand: Annotated[
            Text, _option("$expand", "relations, with options of their own in parentheses")
        ] = None,
        select: Annotated[Text, _option("$select", "properties, with commas")] = None,
        orderby: Annotated[
            Text, _option("$orderby", "properties, each with asc or desc, with commas")
        ] = None,
        top: Annotated[Text, _option("$top", "the size of a page", pattern="^[0-9]{1,7}$")] = None,
        skip: Annotated[Text, _option("$skip", "how many are left out", pattern="^[0-9]{1,10}$")] = None,
        count: Annotated[Text, _option("$count", "whether to count them all", enum=["true", "false"])] = None,
        result_format: Annotated[
            Text, _option("$resultFormat", "Observations as tables", enum=["dataArray"])
        ] = None,
        skip_token: Annotated[
            Text, _option("$skiptoken", "where a page begins: from an @iot.nextLink")
        ] = None,
    ) -> Response:
        """Return entities of the OGC SensorThings API 1.1: a collection, one entity, what it is related to, a property.

        `path` is such as `Things(12)/Datastreams`. A property that has no value is answered with 204.
        """
        query = {
            "$filter": filtered,
            "$expand": expand,
            "$select": select,
            "$orderby": orderby,
            "$top": top,
            "$skip": skip,
            "$count": count,
            "$resultFormat": result_format,
            "$skiptoken": skip_token,
        }
        for name in query:
            if len(request.query_params.getlist(name)) > 1:
                raise AskError(name, "is given more than once")
        return await answered(
            request, who, path, {name: text for name, text in query.items() if text is not None}
        )


def _declared() -> dict[int | str, dict[str, Any]]:
    found = declared(_PAGE, media=("application/json", "text/plain"))
    found[204] = {"description": "The property has no value"}
    return found


def _base(request: Request, platform: Platform) -> str:
    """Return scheme and host of links: what the settings say, else as the request was addressed."""
    if platform.settings.public_url:
        return platform.settings.public_url.rstrip("/")
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise AskError("Host", "is not a host and a port, so no links can be made")
    return f"{request.url.scheme}://{host}"
