"""Amounts as people write them: a number with its UCUM unit, such as `30 %`, `60 m3` or `2500 L`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from twin.model import units
from twin.model.source import suggest

_AMOUNT = re.compile(r"([-+]?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(\S{0,40})")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and the unit that it was written with, empty where there was none."""

    number: float
    unit: str

    def in_unit(self, unit: str) -> float:
        """Return the number in another unit; `twin.model.units.UnitError` where that has no meaning.

        A number without a unit is taken as it is where a count is meant (`2500` people), and nowhere else.
        """
        if self.unit:
            return units.conversion(self.unit, unit)(self.number)
        if _counts(unit):
            return self.number
        raise ValueError(f"has no unit: write it behind the number, such as {self.number:g} {unit}")


def parse_amount(found: object) -> Amount:
    """Return an amount from a number or a text; ValueError with what was meant."""
    if isinstance(found, Amount):
        return found
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return Amount(float(found), "")
    match = _AMOUNT.fullmatch(found.strip()) if isinstance(found, str) else None
    if match is None:
        raise ValueError("an amount is a number with a unit, such as 30 %, 6 h or 2500 L")
    unit = match[2]
    if unit and units.find(unit) is None:
        near = units.suggestion(unit)
        hint = f" (did you mean {near}?)" if near else suggest(unit, units.UNITS)
        raise ValueError(f"{unit!r} is not a UCUM code that barrio knows{hint}")
    return Amount(float(match[1]), unit)


def amount_in(unit: str) -> Callable[[object], float]:
    """Return what reads an amount and gives it in a unit."""

    def read(found: object) -> float:
        return parse_amount(found).in_unit(unit)

    return read


def _counts(unit: str) -> bool:
    """Whether a unit counts things, so that a number says it all."""
    known = units.find(unit)
    return known is not None and known.kind == "ratio" and known.scale == 1


Written = Annotated[Any, BeforeValidator(parse_amount)]
"""An amount whose unit is checked later, when the point that it is about is known."""

Share = Annotated[float, BeforeValidator(amount_in("%")), Field(ge=0, le=100)]
"""Percent of something that is full at 100."""

Ratio = Annotated[float, BeforeValidator(amount_in("%")), Field(ge=0, le=1000)]
"""Percent of something that can be more than full."""

Volume = Annotated[float, BeforeValidator(amount_in("m3")), Field(gt=0, le=1_000_000)]
"""Cubic metres."""
