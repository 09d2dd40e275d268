"""What a person writes: the shape of `services.yaml`."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from twin.model.amount import Written
from twin.model.selection import Selection, one_or_many
from twin.model.spec import Id, Name, Seconds, Spec, Text, parse_duration
from twin.notify_spec import ChannelSpec
from twin.services.amounts import Ratio, Share, Volume

LONGEST_FORECAST_S = 6 * 3600.0
MOST_COUNTERS = 64


def _check_hour(found: object) -> time:
    try:
        if isinstance(found, str) and len(found) == 5:
            return time.fromisoformat(found)
    except ValueError:
        pass
    raise ValueError('a time of the day is HH:MM, such as "04:00"')


def _check_reference(value: str) -> str:
    if value.count("/") > 1 or value.startswith("/") or value.endswith("/"):
        raise ValueError("a point is written OWNER/POINT, such as gate-1/entries, or POINT of the same owner")
    return value


def _check_timed(found: object) -> object:
    """Refuse a bare number where its key says hours, and a duration without a unit is seconds."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        message = f"has no unit: write it behind the number, such as {found:g} h"
        raise ValueError(message)  # noqa: TRY004
    return found


def _check_due(found: object) -> object:
    return found if found == "deadline" else parse_duration(found)


Reference = Annotated[str, Field(min_length=1, max_length=130), AfterValidator(_check_reference)]
Hour = Annotated[time, BeforeValidator(_check_hour)]
Owners = Annotated[tuple[Id, ...], BeforeValidator(one_or_many), Field(min_length=1, max_length=10_000)]
Counters = Annotated[
    tuple[Reference, ...], BeforeValidator(one_or_many), Field(min_length=1, max_length=MOST_COUNTERS)
]
Margin = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=7 * 86_400)]
Timed = Annotated[Seconds, BeforeValidator(_check_timed)]
Steady = Annotated[Seconds, Field(ge=1, le=86_400)]
Window = Annotated[Seconds, Field(ge=10, le=14 * 86_400)]
Due = Annotated[Literal["deadline"] | Seconds, BeforeValidator(_check_due)]


class _RuleSpec(Spec):
    """A rule for one owner, several, or all devices of a selection."""

    id: Id = Field(description="Id, not used by another rule of the same list")
    on: Owners | None = Field(default=None, description="Id of a device, or a list of them")
    selection: Selection | None = Field(
        default=None, alias="for", description="Instead of `on`: all devices that this describes"
    )

    @model_validator(mode="after")
    def _for_somebody(self) -> Self:
        if (self.on is None) == (self.selection is None):
            raise ValueError("a rule has either `on` (an id, or a list of ids) or `for` (which devices)")
        return self


class RequestWhenSpec(Spec):
    """When supply is asked for: one of these is enough."""

    level_below: Share | None = Field(default=None, description="Level, such as 30 %")
    hours_left_below: Timed | None = Field(
        default=None, description="Time until `empty_at` with the draw of late, such as 6 h"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.level_below is self.hours_left_below is None:
            raise ValueError("says nothing: give level_below, hours_left_below or both")
        return self


class DeliveredWhenSpec(Spec):
    """What counts as a delivery: one of these is enough."""

    level_rises: Annotated[Share, Field(gt=0)] | None = Field(
        default=None, description="By how much the level rises, such as 10 % of the tank"
    )
    level_above: Share | None = Field(default=None, description="A level that it rises above")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.level_rises is self.level_above is None:
            raise ValueError("says nothing: give level_rises, level_above or both")
        return self


class EscalateAfterSpec(Spec):
    """When somebody else has to know."""

    unacknowledged: Seconds = Field(
        default=1800.0, description="Time from the request in which the supplier has to acknowledge it"
    )
    undelivered: Due = Field(
        default="deadline", description="Time from the request in which it has to be delivered, or `deadline`"
    )


class DrawSpec(Spec):
    """How the recent draw is estimated."""

    over: Window = Field(default=3 * 3600.0, description="How far back the level is looked at")
    at_least: Window = Field(
        default=1200.0, description="How long it has to have fallen in that time to be judged"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.at_least > self.over:
            raise ValueError("at_least is longer than over: so much is never looked at")
        return self


class SupplySpec(_RuleSpec):
    """Tanks that ask for supply by themselves."""

    what: Name = Field(
        default="", description="What is asked for, in the supplier's words; the rule's id else"
    )
    level: Id = Field(default="level", description="Point of the level, a ratio")
    volume: Id | None = Field(default=None, description="Point of what is in the tank, a volume")
    capacity: Volume | None = Field(
        default=None, description="What the tank holds at 100 %, such as 60 m3; from level and volume else"
    )
    request_when: RequestWhenSpec = Field(description="When supply is asked for")
    empty_at: Share = Field(default=0.0, description="Level at which nothing more can be drawn")
    fill_to: Share = Field(default=95.0, description="Level that is asked for")
    margin: Margin = Field(default=1800.0, description="How long before the tank may be empty it is needed")
    needed_within: Seconds = Field(
        default=86_400.0, description="Latest deadline, and the one where hours left are not known"
    )
    supplier: Id = Field(description="Id of one of the `suppliers`")
    escalate_to: Id | None = Field(
        default=None, description="Id of one of the `suppliers` who is told of escalations; the supplier else"
    )
    delivered_when: DeliveredWhenSpec = Field(
        default=DeliveredWhenSpec.model_validate({"level_rises": "10 %"}),
        description="What counts as a delivery; a rise by 10 % when left out",
    )
    escalate_after: EscalateAfterSpec = Field(
        default=EscalateAfterSpec(), description="When somebody else has to know"
    )
    steady: Steady = Field(
        default=60.0, description="How long a level has to last to be believed, so that a jump is none"
    )
    draw: DrawSpec = Field(default=DrawSpec(), description="How the recent draw is estimated")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        below = self.request_when.level_below
        if below is not None and below >= self.fill_to:
            raise ValueError(f"level_below ({below:g} %) is not below fill_to ({self.fill_to:g} %)")
        if self.empty_at >= self.fill_to:
            raise ValueError(f"empty_at ({self.empty_at:g} %) is not below fill_to ({self.fill_to:g} %)")
        return self


class CapacitySpec(Spec):
    """How many people are in a place, against how many may be."""

    id: Id = Field(description="Id, not used by another capacity")
    on: Id = Field(description="Id of the site (or device) that gets the points")
    capacity: int | Reference = Field(description="Number of people, or a point that gives it")
    occupancy: Reference | None = Field(
        default=None, description="Point of a sensor that gives the people present"
    )
    entries: Counters | None = Field(default=None, alias="in", description="Points that count who comes in")
    exits: Counters | None = Field(default=None, alias="out", description="Points that count who goes out")
    amber: Ratio = Field(default=70.0, description="Share of the capacity from which it is amber")
    red: Ratio = Field(default=90.0, description="Share of the capacity from which it is red")
    hysteresis: Share = Field(default=5.0, description="How far below it has to fall to change back")
    quiet_hour: Hour | None = Field(
        default=None, description='Counters: local time at which the place is empty, "04:00" when left out'
    )
    quiet_count: Annotated[int, Field(ge=0, le=200_000)] = Field(
        default=0, description="Counters: people present at the quiet hour"
    )
    forecast: Annotated[Seconds, Field(ge=900, le=LONGEST_FORECAST_S)] = Field(
        default=7200.0, description="How far ahead is forecast"
    )
    weeks: Annotated[int, Field(ge=3, le=26)] = Field(
        default=8, description="Number of weeks that the pattern of a weekday is taken from"
    )
    name: Id = Field(
        default="occupancy",
        alias="as",
        description="Name of the point of the people, and beginning of the others'",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        counted = self.entries is not None and self.exits is not None
        if (self.occupancy is None) != counted or (self.entries is None) != (self.exits is None):
            raise ValueError("give either occupancy (a sensor), or both in and out (counters)")
        if self.occupancy is not None and (self.quiet_hour is not None or self.quiet_count):
            raise ValueError("quiet_hour and quiet_count belong to in and out: a sensor does not drift")
        if isinstance(self.capacity, int) and not 0 < self.capacity <= 1_000_000:
            raise ValueError("capacity is a number of people from 1 to 1,000,000")
        if not 0 < self.amber < self.red:
            raise ValueError(f"amber ({self.amber:g} %) is not between 0 and red ({self.red:g} %)")
        if self.hysteresis >= self.amber:
            raise ValueError("hysteresis reaches down to nothing: amber could never become green again")
        return self


class MaintenanceSpec(_RuleSpec):
    """Hours or starts after which somebody has to look."""

    counter: Id = Field(description="Point that counts the use, such as hours or starts")
    every: Written = Field(description="How much use a service lasts for, such as 50000 h")
    warn_at: Ratio = Field(default=90.0, description="Share of `every` from which a service is due soon")
    overdue_at: Ratio = Field(default=110.0, description="Share of `every` from which a service is overdue")
    text: Text = Field(default="", description="What is to be done")
    name: Id | None = Field(
        default=None,
        alias="as",
        description="Name of a point that keeps the state (ok, soon, due, overdue); none else",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if not 0 < self.warn_at <= 100 <= self.overdue_at:
            raise ValueError("warn_at lies between 0 and 100 %, overdue_at is 100 % or more")
        if not self.every.number > 0:
            raise ValueError("every is more than nothing")
        return self


class ServicesSpec(Spec):
    """`services.yaml`."""

    supply: tuple[SupplySpec, ...] = Field(default=(), description="Tanks that ask for supply")
    suppliers: tuple[ChannelSpec, ...] = Field(
        default=(), description="Who is asked, and how they are reached"
    )
    capacity: tuple[CapacitySpec, ...] = Field(
        default=(), description="Places and how many people may be in them"
    )
    maintenance: tuple[MaintenanceSpec, ...] = Field(default=(), description="Services after hours or starts")
