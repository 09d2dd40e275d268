"""What somebody asks to have exported, and the plan that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

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
    from twin.model.district import Device

MOST_POINTS = 1_000
MOST_NAMES = 100
MOST_SERIES = 100_000


class Asked(BaseModel):
    """Body of a POST: points by path, or all points under a name, and from when to when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: list[str] = Field(default_factory=list, max_length=MOST_POINTS, description="Paths of points.")
    under: list[str] = Field(
        default_factory=list,
        max_length=MOST_NAMES,
        description="Every point of districts, or of district/ with a site or device.",
    )
    start: str = Field(alias="from", max_length=50, description="ISO 8601, now, or an age such as -30d.")
    to: str = Field(default="now", max_length=50, description="Likewise; not included.")
    tz: str | None = Field(default=None, max_length=50, description="Time zone of times without an offset.")

    @field_validator("under", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

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
    if bool(asked.point) == bool(asked.under):
        raise AskError("point", "is needed, or under, and not both")
    found = {item.id: item for item in map(who.point, asked.point)}
    for name in asked.under:
        found |= _below(name, who, catalogue)
    if len(found) > MOST_SERIES:
        raise AskError("under", f"{len(found):,} points are meant, at most {MOST_SERIES:,}")
    return list(found.values())


def _below(name: str, who: Who, catalogue: Catalogue) -> dict[int, BoundPoint]:
    given = name.strip("/")
    found = {
        item.id: item
        for path, item in catalogue.points.items()
        if who.sight.mask[item.id] and item.point.readable and _lies(given, path, catalogue.owners[item.id])
    }
    if not found:
        near = suggest_path(given, who.sight.paths)
        raise UnknownName(f"there is no district, site, device or point {name!r}{near}")
    return found


def _lies(name: str, path: str, owner: Device) -> bool:
    return f"{path}/".startswith(f"{name}/") or name == f"{owner.district}/{owner.site}"
