"""What somebody asks to have exported, and the plan that it becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from barrio.errors import AskError, UnknownName
from barrio.exports.plan import Plan
from barrio.exports.sources import INTERVALS, READINGS, WINDOWS
from barrio.history import question as history
from barrio.history.chosen import Choice, choose
from barrio.intervals import question as intervals
from barrio.moments import parse_zone
from barrio.tables.forms import Form
from twin.history.fill import Fill
from twin.history.reduce import Keep

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from barrio.access.who import Who
    from barrio.platform import Platform
    from twin.model.bound import BoundPoint

MOST_POINTS = 1_000
MOST_NAMES = 100
MOST_SERIES = 100_000
LARGEST = 2**63 - 1


def _said(words: str) -> Any:
    return Field(default=None, max_length=300, description=words)


class Asked(BaseModel):
    """Body of a POST: points by path or by what they are, as of history, and from when to when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: list[Annotated[str, Field(max_length=300)]] = Field(
        default_factory=list,
        max_length=MOST_POINTS,
        description="Paths of points, or with * for any name in a part of one.",
    )
    under: list[Annotated[str, Field(max_length=300)]] = Field(
        default_factory=list,
        max_length=MOST_NAMES,
        description="Every point of districts, or of district/ with a site or device.",
    )
    kind: str | None = _said("Kind of the devices.")
    quantity: str | None = _said("Name of a quantity.")
    site: str | None = _said("A site, with the sites within it: id, or district/id.")
    device: str | None = _said("A device: id, or district/id.")
    dataset: str | None = _said("Id of a dataset, or district/id: the points that it gives.")
    start: str | None = Field(
        default=None, alias="from", max_length=50, description="ISO 8601, now, or an age such as -30d."
    )
    to: str | None = Field(default=None, max_length=50, description="Likewise; not included. Now without it.")
    interval: str | None = _said("ISO 8601 in place of from and to: start/end, start/duration, duration/end.")
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
    version: int | None = Field(
        default=None, ge=0, le=LARGEST, description="Intervals as they stood with this version."
    )
    known_at: str | None = Field(
        default=None, max_length=100, description="Intervals as they stood at this time."
    )
    format: Literal[Form.CSV, Form.PARQUET, Form.NDJSON, Form.ARROW] = Form.PARQUET

    @property
    def choices(self) -> list[Choice]:
        """The points that are meant: those of any of the choices, one for each name in `under`."""
        others = (self.kind, self.quantity, self.site, self.device, self.dataset)
        return [Choice(tuple(self.point), name, *others) for name in self.under or (None,)]


def planned(asked: Asked, who: Who, platform: Platform) -> Plan:
    """Return the plan of a question, of what exists for `who`; AskError and UnknownName as everywhere."""
    catalogue, now_ns = platform.catalogue, platform.clock.now_ns()
    if asked.start is None and asked.interval is None:
        raise AskError("from", "is needed, or interval")
    of, options = _kind(asked)
    points = _points(asked, who)
    if of == INTERVALS:
        points = intervals.registers_of(asked.choices[0], points, platform)
    zone = parse_zone(asked.tz) if asked.tz else catalogue.zone(points[0])
    start, stop = _span(asked, of, now_ns, zone)
    if of == INTERVALS:
        meant = _of_intervals(asked)
        options |= {"version": intervals.version_of(meant, platform, now_ns, zone)}
    series = sorted(item.id for item in points)
    finest = tuple(int(who.sight.finest[one]) for one in series)
    plan = Plan(of, tuple(series), finest, start, stop, zone.key, options)
    _check(plan, who, platform)
    return plan


def _kind(asked: Asked) -> tuple[str, dict[str, Any]]:
    """Return what is to be made, and how."""
    names = ("aggregate", "fill", "quality")
    for name in ("version", "known_at"):
        if asked.length is None and getattr(asked, name) is not None:
            raise AskError(name, "needs length, that of the intervals, such as 15m")
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


def _span(asked: Asked, of: str, now_ns: int, zone: ZoneInfo) -> tuple[int, int]:
    if of == INTERVALS:
        return intervals.span(_of_intervals(asked), now_ns, zone)
    meant = history.Asked(asked.choices[0], asked.start, asked.to, asked.interval)
    return history.span(meant, now_ns, zone)


def _of_intervals(asked: Asked) -> intervals.Asked:
    return intervals.Asked(
        asked.choices[0],
        asked.start,
        asked.to,
        asked.interval,
        asked.tz,
        asked.version,
        asked.known_at,
    )


def _points(asked: Asked, who: Who) -> list[BoundPoint]:
    found = {item.id: item for choice in asked.choices for item in _chosen(choice, who)}
    if len(found) > MOST_SERIES:
        raise AskError("under", f"{len(found):,} points are meant, at most {MOST_SERIES:,}")
    return list(found.values())


def _chosen(choice: Choice, who: Who) -> list[BoundPoint]:
    """Return the points of a choice; a name in `under` that no point lies under may be that of a site."""
    try:
        return choose(choice, who, MOST_SERIES)
    except UnknownName:
        if choice.under is None or "/" not in choice.under or choice.site is not None:
            raise
        try:
            return choose(replace(choice, under=None, site=choice.under), who, MOST_SERIES)
        except UnknownName:
            pass
        raise
