"""What a person writes in `derived.yaml`."""

from __future__ import annotations

import math
import re
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from twin.model.selection import Selection
from twin.model.spec import Id, Seconds, Spec, Text

_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%")


def parse_share(value: object) -> float:
    """Return a share of `90%` or `0.9`; ValueError for anything else."""
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is not None:
        found = float(match[1]) / 100
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found = float(value)
    else:
        found = math.nan
    if not 0 < found <= 1:
        message = "a share is more than 0 % and at most 100 %, such as 90%"
        raise ValueError(message)
    return found


Share = Annotated[float, BeforeValidator(parse_share)]


class DerivedSpec(Spec):
    """One item of `derived`."""

    on: Id | None = Field(default=None, description="Id of the device or site that the point belongs to")
    each: Selection | None = Field(
        default=None, alias="for", description="Instead of `on`: each device, or site, that this describes"
    )
    point: Id = Field(description="Name of the point, not used by another one of its owner")
    quantity: str = Field(description="Name of a quantity of the catalogue; the value is kept in its unit")
    expression: Annotated[str, Field(alias="is", min_length=1, description="Expression that gives its value")]
    require: Share | None = Field(
        default=None,
        description="Share of selected points and of a window's time that must be usable; all points and 90 % of the "
        "time when left out",
    )
    dead_band: float = Field(
        default=0.0, ge=0, description="Changes up to this much, in the quantity's unit, are not stored"
    )
    heartbeat: Seconds = Field(
        default=60.0, description="An unchanged value is stored this often all the same"
    )
    minimum: float | None = Field(default=None, description="Narrows the quantity's plausible range")
    maximum: float | None = Field(default=None, description="Narrows the quantity's plausible range")
    description: Text = Field(default="", description="A sentence for people")

    @model_validator(mode="after")
    def _has_owner(self) -> Self:
        if (self.on is None) == (self.each is None):
            message = "one of `on` and `for` says whose point it is"
            raise ValueError(message)
        return self


class DerivedFileSpec(Spec):
    """`derived.yaml`."""

    derived: tuple[DerivedSpec, ...] = Field(default=(), description="Points that are computed")
