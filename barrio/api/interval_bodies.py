"""What is sent to decide about registers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_DELTAS = 3_000
_LARGEST = 1e12

Amount = Annotated[float, Field(ge=0, le=_LARGEST, allow_inf_nan=False)]
When = Annotated[str, Field(min_length=1, max_length=100)]


class _Decision(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    point: str = Field(min_length=1, max_length=300, description="Path of the register")
    who: str = Field(min_length=1, max_length=100, description="Who decided it")
    why: str = Field(min_length=1, max_length=500, description="Why")


class ReadBody(_Decision):
    """A register that was read by hand."""

    kind: Literal["read"]
    at: When = Field(description="When it was read")
    register_: Amount = Field(alias="register", description="What it showed, in the point's unit")


class SpreadBody(_Decision):
    """Differences of quarter hours that follow each other; together they are what the register grew."""

    kind: Literal["spread"]
    start: When = Field(alias="from", description="Start of the first quarter hour")
    deltas: Annotated[tuple[Amount, ...], Field(min_length=2, max_length=MOST_DELTAS)] = Field(
        description="A difference for each quarter hour, in the point's unit"
    )


class IgnoreBody(_Decision):
    """Readings that are left out."""

    kind: Literal["ignore"]
    start: When = Field(alias="from", description="From this time on")
    to: When = Field(description="Up to this time, not included")


class AcceptBody(_Decision):
    """What checks found fault with is right all the same."""

    kind: Literal["accept"]
    start: When = Field(alias="from", description="From this time on")
    to: When = Field(description="Up to this time, not included")


class MeterChangeBody(_Decision):
    """A meter that was changed."""

    kind: Literal["meter_change"]
    at: When = Field(description="When")
    old_last: Amount = Field(description="Last register of the old meter, in the point's unit")
    new_first: Amount = Field(description="First register of the new one")


EditBody = Annotated[
    ReadBody | SpreadBody | IgnoreBody | AcceptBody | MeterChangeBody, Field(discriminator="kind")
]


class WithdrawBody(BaseModel):
    """A decision that is taken back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str = Field(min_length=1, max_length=100, description="Who takes it back")
    why: str = Field(min_length=1, max_length=500, description="Why")
