"""What somebody asks to have exported, and the plan that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from barrio.errors import AskError, UnknownName
from barrio.exports.plan import Plan
from barrio.exports.sources import READINGS
from barrio.moments import parse_moment, parse_zone
from barrio.tables.forms import Form
from twin.model.source import suggest_path

if TYPE_CHECKING:
    from barrio.access.who import Who
    from barrio.assembly import Catalogue
    from twin.model.bound import BoundPoint

MOST_POINTS = 1_000
MOST_SERIES = 100_000


class Asked(BaseModel):
    """Body of a POST: points by path, or all points under a name, and from when to when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: list[str] = Field(default_factory=list, max_length=MOST_POINTS, description="Paths of points.")
    under: str | None = Field(
        default=None,
        max_length=300,
        description="Every point of a district, or of district/ with a site or device.",
    )
    start: str = Field(alias="from", max_length=50, description="ISO 8601, now, or an age such as -30d.")
    to: str = Field(default="now", max_length=50, description="Likewise; not included.")
    tz: str | None = Field(default=None, max_length=50, description="Time zone of times without an offset.")
    format: Literal[Form.CSV, Form.PARQUET, Form.NDJSON, Form.ARROW] = Form.PARQUET


def planned(asked: Asked, who: Who, catalogue: Catalogue, now_ns: int) -> Plan:
    """Return the plan of a question, of what exists for `who`; AskError and UnknownName as everywhere."""
    points = _points(asked, who, catalogue)
    zone = parse_zone(asked.tz) if asked.tz else catalogue.zone(points[0])
    start = parse_moment(asked.start, "from", now_ns, zone)
    stop = parse_moment(asked.to, "to", now_ns, zone)
    if start >= stop:
        raise AskError("from", f"{asked.start!r} is not before to={asked.to!r}")
    series = sorted(item.id for item in points)
    finest = tuple(int(who.sight.finest[one]) for one in series)
    return Plan(READINGS, tuple(series), finest, start, stop, zone.key)


def _points(asked: Asked, who: Who, catalogue: Catalogue) -> list[BoundPoint]:
    if bool(asked.point) == (asked.under is not None):
        raise AskError("point", "is needed, or under, and not both")
    if asked.under is None:
        return list({one.id: one for one in map(who.point, asked.point)}.values())
    name = asked.under.strip("/")
    found = [
        item
        for path, item in catalogue.points.items()
        if who.sight.mask[item.id] and item.point.readable and _lies(name, path, catalogue.owners[item.id])
    ]
    if not found:
        near = suggest_path(name, who.sight.paths)
        raise UnknownName(f"there is no district, site, device or point {asked.under!r}{near}")
    if len(found) > MOST_SERIES:
        raise AskError("under", f"{len(found):,} points are under {name!r}, at most {MOST_SERIES:,}")
    return found


def _lies(name: str, path: str, owner: object) -> bool:
    site = f"{getattr(owner, 'district', '')}/{getattr(owner, 'site', '')}"
    return path == name or path.startswith(f"{name}/") or site == name
