"""What a person writes in `commands.yaml`: which points may be written, by whom and how, and programmes of the day."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from twin.commands.rates import Rate, parse_rate
from twin.commands.times import TimeOfDay, parse_time
from twin.model.amount import Amount, Written
from twin.model.roles import OPERATOR
from twin.model.selection import Selection
from twin.model.spec import Id, Seconds, Spec, StateName, Text

MANUAL = 8
PROGRAMME = 14

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Value = float | Annotated[str, Field(min_length=1, max_length=60)]
Often = Annotated[Rate, BeforeValidator(parse_rate)]
Moment = Annotated[TimeOfDay, BeforeValidator(parse_time)]
Level = Annotated[int, Field(ge=1, le=16)]


class InterlockSpec(Spec):
    """What must hold for a value to be sent."""

    must: Text = Field(
        min_length=1, description="Expression that is true or false; names without a device are its own"
    )
    because: Text = Field(min_length=1, description="Why, for the person whose command is refused")
    to: tuple[StateName, ...] = Field(
        default=(), description="Only for commands to these states; for every command when left out"
    )


class ConfirmSpec(Spec):
    """A command in two steps: what is asked for must be confirmed with a code."""

    within: Seconds = Field(default=60.0, description="The code is good for this long")
    second_person: bool = Field(default=False, description="Whether somebody else must confirm")


class LeaseSpec(Spec):
    """How long a command holds before the point is given back."""

    default: Seconds | None = Field(default=None, description="For commands that name none")
    longest: Seconds | None = Field(default=None, description="No command may hold longer")
    required: bool = Field(default=False, description="Whether a command without a lease is refused")

    @model_validator(mode="after")
    def _fits(self) -> LeaseSpec:
        if self.default is not None and self.longest is not None and self.default > self.longest:
            raise ValueError("default is longer than longest")
        return self


class ReadBackSpec(Spec):
    """How a written value is seen to have arrived."""

    within: Seconds = Field(default=10.0, description="The device must show the value within this time")
    tolerance: Written = Field(default=Amount(0.0), description="How far off it may be, such as 1 %")


class CommandSpec(Spec):
    """A rule: one point of one device, or of each device that is chosen."""

    id: Id = Field(description="Id of the rule, not used by another one")
    on: Id | None = Field(default=None, description="Id of the device")
    of: Selection | None = Field(default=None, alias="for", description="Instead of `on`: which devices")
    point: Id = Field(description="Name of the point; its profile must call it writable")
    roles: tuple[Id, ...] = Field(default=(OPERATOR,), min_length=1, description="Who may write it")
    minimum: Written | None = Field(default=None, description="Narrows the point's own limits, such as 20 %")
    maximum: Written | None = Field(default=None, description="Narrows the point's own limits")
    values: tuple[StateName, ...] = Field(default=(), description="Narrows the states that may be asked for")
    rate: Often | None = Field(default=None, description="For each point, such as 6 per hour")
    rate_all: Often | None = Field(default=None, description="For all points of the rule together")
    strongest: Level = Field(default=MANUAL, description="Strongest priority that may be asked for, 1 to 16")
    interlocks: tuple[InterlockSpec, ...] = Field(default=(), description="What must hold")
    confirm: ConfirmSpec | None = Field(default=None, description="Two steps; one when left out")
    lease: LeaseSpec | None = Field(
        default=None, description="How long a command holds; until released when left out"
    )
    read_back: ReadBackSpec = Field(default=ReadBackSpec(), description="How the value is checked afterwards")
    release: Literal["restore", "none"] = Field(
        default="restore",
        description="What is sent when nobody holds the point any more: the value before, or nothing",
    )
    hold: Often | None = Field(
        default=None, description="Sends again, this often, what the device has left; never when left out"
    )

    @model_validator(mode="after")
    def _is_on_something(self) -> CommandSpec:
        if (self.on is None) == (self.of is None):
            raise ValueError("needs either `on` (a device) or `for` (which devices)")
        return self


class StretchSpec(Spec):
    """A stretch of the day with one value."""

    start: Moment = Field(alias="from", description="23:00, sunset, sunrise, sunset+15min, sunrise-10min")
    until: Moment = Field(description="Likewise; the first such time after `from`")
    value: Value = Field(description="The value, such as 60 % or the name of a state")


def _some(value: tuple[StretchSpec, ...]) -> tuple[StretchSpec, ...]:
    # Not by a least length: that counts only the items that are sound, and says so of those that are not.
    if not value:
        raise ValueError("must not be empty")
    return value


Stretches = Annotated[tuple[StretchSpec, ...], AfterValidator(_some)]


class ScheduleSpec(Spec):
    """A programme: what a point should be at which time of day."""

    id: Id = Field(description="Id of the programme, not used by another one")
    on: Id | None = Field(default=None, description="Id of the device")
    of: Selection | None = Field(default=None, alias="for", description="Instead of `on`: which devices")
    point: Id = Field(description="Name of the point; a rule of `commands` must cover it")
    priority: Level = Field(default=PROGRAMME, description="1 is the strongest, 16 the weakest")
    at: Stretches = Field(max_length=48, description="Stretches; of several at one time the first one stands")
    days: tuple[Weekday, ...] = Field(
        default=WEEKDAYS, min_length=1, description="Days on which stretches begin; every day when left out"
    )

    @model_validator(mode="after")
    def _is_on_something(self) -> ScheduleSpec:
        if (self.on is None) == (self.of is None):
            raise ValueError("needs either `on` (a device) or `for` (which devices)")
        return self


class CommandsSpec(Spec):
    """`commands.yaml`: without an entry nothing is writable."""

    roles: tuple[Id, ...] = Field(
        default=(), description="Roles besides operator; the token of each is the secret role-NAME"
    )
    commands: tuple[CommandSpec, ...] = Field(default=(), description="What may be written")
    schedules: tuple[ScheduleSpec, ...] = Field(default=(), description="Programmes of the day")
