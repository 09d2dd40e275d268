"""What somebody asks to have exported, and the plan that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from barrio.errors import AskError, UnknownName
from barrio.exports.plan import Plan
from barrio.exports.sources import INTERVALS, READINGS, WINDOWS
from barrio.moments import parse_moment, parse_zone
from barrio.tables.forms import Form
from twin.history.fill import Fill
from twin.history.reduce import Keep
from twin.model.source import suggest_path

if TYPE_CHECKING:
    from barrio.access.who import Who
    from barrio.assembly import Catalogue
    from barrio.platform import Platform
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

    every: str | None = Field(
        default=None,
        max_length=20,
        description="Windows, as of history: 15m, 1h, 1d, 1mo; readings without it.",
    )
    aggregate: str | None = Field(default=None, max_length=300, description="Of windows, as of history.")
    fill: Fill | None = Field(default=None, description="What stands in windows without a value.")
    quality: Keep | None = Field(default=None, description="Which readings count for windows.")
    length: Literal["15m", "30m", "1h"] | None = Field(
        default=None, description="Intervals of registers, as of intervals; in place of every."
    )
    format: Literal[Form.CSV, Form.PARQUET, Form.NDJSON, Form.ARROW] = Form.PARQUET


def planned(asked: Asked, who: Who, platform: Platform) -> Plan:
    """Return the plan of a question, of what exists for `who`; AskError and UnknownName as everywhere."""
    catalogue, now_ns = platform.catalogue, platform.clock.now_ns()
    points = _points(asked, who, catalogue)
    of, options = _kind(asked)
    if of == INTERVALS:
        points = _registers(points, asked, platform)
    zone = parse_zone(asked.tz) if asked.tz else catalogue.zone(points[0])
    start = parse_moment(asked.start, "from", now_ns, zone)
    stop = parse_moment(asked.to, "to", now_ns, zone)
    if start >= stop:
        raise AskError("from", f"{asked.start!r} is not before to={asked.to!r}")
    series = sorted(item.id for item in points)
    finest = tuple(int(who.sight.finest[one]) for one in series)
    plan = Plan(of, tuple(series), finest, start, stop, zone.key, options)
    _check(plan, who, platform)
    return plan


def _kind(asked: Asked) -> tuple[str, dict[str, Any]]:
    """Return what is to be made, and how."""
    names = ("aggregate", "fill", "quality")
    if asked.every is not None:
        if asked.length is not None:
            raise AskError("length", "is of intervals and every of windows: say either")
        return WINDOWS, {"every": asked.every} | {name: getattr(asked, name) for name in names}
    for name in names:
        if getattr(asked, name) is not None:
            raise AskError(name, "needs every, the length of the windows, such as 15m")
    return (READINGS, {}) if asked.length is None else (INTERVALS, {"length": asked.length})


def _check(plan: Plan, who: Who, platform: Platform) -> None:
    if plan.of == READINGS:
        return
    from barrio.exports import made

    check = made.check_windows if plan.of == WINDOWS else made.check_intervals
    check(plan, who, platform)


def _registers(points: list[BoundPoint], asked: Asked, platform: Platform) -> list[BoundPoint]:
    """Return those of the points that are registers; all of them must be where they are named."""
    found = [item for item in points if platform.intervals.has(item.id)]
    if not found or (asked.point and len(found) < len(points)):
        other = next(item for item in points if not platform.intervals.has(item.id))
        raise AskError("point", f"{other.point.path} is no register: a counter of energy or of a volume")
    return found


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
