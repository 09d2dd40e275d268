"""The surface of what a district may have: alarms, commands, services, notifications.

Each is imported and added where some district has its file. Where none has, its paths answer which file is missing,
and neither the code nor its routes are in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from barrio.errors import UnknownName
from twin.access.scope import Tier
from twin.model.loader import ALARMS_FILE, COMMANDS_FILE, SERVICES_FILE

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from barrio.access.who import Who
    from barrio.platform import Platform

METHODS = ["GET", "POST"]


@dataclass(frozen=True, slots=True)
class Part:
    """A module of this package, the paths that it answers for, and the attributes of districts that ask for it."""

    module: str
    paths: tuple[str, ...]
    attributes: tuple[str, ...]
    files: str


PARTS = (
    Part("alarms", ("alarms",), ("alarms",), ALARMS_FILE),
    Part("commands", ("commands", "desired", "schedules"), ("commands",), COMMANDS_FILE),
    Part("services", ("supply", "capacity", "services"), ("services",), SERVICES_FILE),
    Part("notify", ("notifications",), ("alarms", "services"), f"{ALARMS_FILE} or {SERVICES_FILE}"),
)


def add(app: FastAPI, platform: Platform, *, whole: bool = False) -> None:
    """Add the routes of the parts that districts have (`whole`: all), and a short answer for the others."""
    districts = platform.catalogue.districts
    for part in PARTS:
        named = (getattr(district, name) for district in districts for name in part.attributes)
        if whole or any(one is not None for one in named):
            import_module(f"barrio.api.{part.module}").add(app, platform)
        else:
            _add_absent(app, part)


def require_part(platform: Platform, who: Who, module: str) -> None:
    """Answer as if no district had a part, to whoever sees nothing of one that has it; the public sees none of them."""
    part = next(one for one in PARTS if one.module == module)
    if who.sight.whole:
        return
    seen = [one for one in platform.catalogue.districts if one.id in who.sight.district_ids]
    has = any(getattr(one, name) is not None for one in seen for name in part.attributes)
    if who.sight.scope.tier is Tier.OPEN or not has:
        raise UnknownName(f"no district has {part.files}")


def _add_absent(app: FastAPI, part: Part) -> None:
    async def absent(_request: Request) -> Response:
        raise UnknownName(f"no district has {part.files}")

    for path in part.paths:
        app.add_route(f"/api/v1/{path}", absent, METHODS, include_in_schema=False)
        app.add_route(f"/api/v1/{path}/{{rest:path}}", absent, METHODS, include_in_schema=False)
