"""Amounts as people write them: a number with its UCUM unit, such as `20 %`, `4.5 bar`, `-3 Cel` or `2500 L`."""

from __future__ import annotations

import math
import re
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from twin.model import units

_AMOUNT = re.compile(
    r"([-+]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:[eE][-+]?[0-9]{1,3})?)\s*(\S{0,40})"
)


class Amount(NamedTuple):
    """A number and the unit that it was written with, None where there was none.

    The unit is looked at when it is converted: what an expression gives may be in a compound such as `%/h`, which the
    table of units does not list.
    """

    number: float
    unit: str | None = None

    def __str__(self) -> str:
        """Return it as a person writes it."""
        return f"{self.number:.12g}{'' if self.unit is None else f' {self.unit}'}"

    def lacks_unit(self, unit: str) -> str:
        """Return what is wrong with a bare number where `unit` is meant; empty when it has one, or things are counted.

        2500 people are people, but 2 of a pressure may be kPa or bar: nobody guesses.
        """
        known = units.find(unit)
        counts = not unit or (known is not None and known.kind == "ratio" and known.scale == 1)
        if self.unit is not None or counts:
            return ""
        return f"has no unit: write it behind the number, such as {self.number:g} {unit}"

    def in_unit(self, unit: str) -> float:
        """Return the number in `unit`; a bare number is in it already. `UnitError` where that has no meaning."""
        return self.number if self.unit in {None, unit} else units.conversion(self.unit, unit)(self.number)

    def difference_in(self, unit: str) -> float:
        """Return a distance in `unit`: 1 K is as much as 1 Cel, wherever their zeros lie."""
        return (
            self.number
            if self.unit in {None, unit}
            else self.number * units.conversion(self.unit, unit).scale
        )


def parse_amount(found: object) -> Amount:
    """Return the amount that a number or a text says; ValueError with what was meant."""
    if isinstance(found, Amount):
        return found
    if isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found):
        return Amount(float(found))
    match = _AMOUNT.fullmatch(found.strip()) if isinstance(found, str) else None
    if match is None or math.isinf(float(match[1])):
        raise ValueError("an amount is a number with its unit, such as 20 %, 4.5 bar or -3 Cel")
    return Amount(float(match[1]), match[2] or None)


Written = Annotated[Amount, BeforeValidator(parse_amount)]
"""An amount in a file; it is converted when the unit of what it is about is known."""
