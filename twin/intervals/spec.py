"""What a person writes: the shape of `intervals.yaml`. The descriptions are the reference; defaults are generic."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from twin.intervals.estimate import MOST_DAYS
from twin.intervals.register import MOST_DECIMALS
from twin.model.spec import Name, Seconds, Spec, Text

Rate = Annotated[float, Field(ge=0)]
PointName = Annotated[str, Field(min_length=3, max_length=129, pattern=r"^[^/]+/[^/]+$")]
_DAY_S = 86_400.0


class ReferenceSpec(Spec):
    """Which days long gaps are spread by."""

    days: int = Field(default=4, ge=1, le=MOST_DAYS, description="How many of the last days of the same kind")
    weeks: int = Field(default=5, ge=1, le=53, description="How far back they are looked for")


class RegisterSpec(Spec):
    """Rules of some registers; what is left out stays as entries before it, or the file's top, say."""

    quantity: Name | None = Field(default=None, description="All registers of this quantity")
    point: PointName | None = Field(default=None, description="One register, as `device/point`")
    decimals: int | None = Field(
        default=None,
        ge=0,
        le=MOST_DECIMALS,
        description="Decimals of its unit that are kept; 3 when left out, or as many as its scale needs",
    )
    high: Rate | None = Field(default=None, description="Highest plausible rate, in its unit per hour")
    low: Rate | None = Field(default=None, description="Lowest plausible rate, in its unit per hour")
    spike: Rate | None = Field(
        default=None,
        description="By how many times the third highest interval of its day one may be above it; null: not checked",
    )
    frozen: Seconds | None = Field(
        default=None,
        description="How long it may stand still while `beside` says that something flows; null: not checked",
    )
    beside: Name | None = Field(
        default=None,
        description="Point of the same device that tells a flow or power; the usual one when left out",
    )
    boundary_within: Annotated[Seconds, Field(le=_DAY_S)] | None = Field(
        default=None, description="Readings so close around a boundary make a measured one"
    )
    short_gap: Seconds | None = Field(default=None, description="Gaps up to this are filled linearly")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.quantity is None) == (self.point is None):
            message = "say which: a quantity or a point"
            raise ValueError(message)
        return self


class SumSpec(Spec):
    """A main meter against those that it feeds: named, or found by relations between devices."""

    main: PointName | None = Field(default=None, description="The main meter's register, as `device/point`")
    parts: tuple[PointName, ...] = Field(default=(), description="The registers whose sum it is")
    quantity: Name | None = Field(
        default=None, description="Or: every device with a register of this quantity"
    )
    relation: Literal["feeds", "measures"] = Field(
        default="feeds", description="that has this relation to devices with one"
    )
    tolerance: float = Field(
        default=0.05, gt=0, lt=1, description="Share of the larger of both that may be lost"
    )

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.quantity is None) == (self.main is None) or bool(self.main) != bool(self.parts):
            message = "say main and parts, or a quantity"
            raise ValueError(message)
        return self


class MeterChangeSpec(Spec):
    """A meter that was changed."""

    point: PointName = Field(description="Its register, as `device/point`")
    at: datetime = Field(description="When; without an offset on the district's clock")
    old_last: float = Field(ge=0, description="Last register of the old meter, in the point's unit")
    new_first: float = Field(ge=0, description="First register of the new one")
    who: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="Who changed it")
    why: Text = Field(default="", description="Why")


class IntervalsSpec(Spec):
    """`intervals.yaml`: how registers are judged, estimated and settled."""

    boundary_within: Annotated[Seconds, Field(le=_DAY_S)] = Field(
        default=900.0, description="Readings so close around a boundary make a measured one"
    )
    short_gap: Seconds = Field(default=7_200.0, description="Gaps up to this are filled linearly")
    settle_after: Seconds = Field(
        default=3_600.0,
        description="How long after its end a day is settled, once the register at its end is known",
    )
    spike: Rate | None = Field(
        default=1.8,
        description="By how many times the third highest interval of its day one may be above it; null: not checked",
    )
    frozen: Seconds | None = Field(
        default=21_600.0,
        description="How long a register may stand still while a flow beside it does not; null: not checked",
    )
    reference: ReferenceSpec = Field(
        default=ReferenceSpec(), description="Which days long gaps are spread by"
    )
    holidays: tuple[date, ...] = Field(
        default=(), description="Days that are spread as Sundays and holidays are"
    )
    registers: tuple[RegisterSpec, ...] = Field(default=(), description="Rules of some registers")
    sums: tuple[SumSpec, ...] = Field(default=(), description="Main meters against those that they feed")
    meter_changes: tuple[MeterChangeSpec, ...] = Field(default=(), description="Meters that were changed")
