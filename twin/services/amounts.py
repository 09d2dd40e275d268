"""Amounts in `services.yaml`: each has its unit written, unless it counts things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from twin.model import units
from twin.model.amount import parse_amount

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin.model.amount import Amount


def said_in(amount: Amount, unit: str) -> float:
    """Return an amount in a unit; ValueError where that has no meaning.

    A number without a unit is taken as it is where a count is meant (`2500` people), and nowhere else.
    """
    if words := amount.lacks_unit(unit):
        raise ValueError(words)
    if amount.unit is not None and units.find(amount.unit) is None:
        raise ValueError(units.unknown(amount.unit))
    return amount.in_unit(unit)


def amount_in(unit: str) -> Callable[[object], float]:
    """Return what reads an amount and gives it in a unit."""

    def read(found: object) -> float:
        return said_in(parse_amount(found), unit)

    return read


Share = Annotated[float, BeforeValidator(amount_in("%")), Field(ge=0, le=100)]
"""Percent of something that is full at 100."""

Ratio = Annotated[float, BeforeValidator(amount_in("%")), Field(ge=0, le=1000)]
"""Percent of something that can be more than full."""

Volume = Annotated[float, BeforeValidator(amount_in("m3")), Field(gt=0, le=1_000_000)]
"""Cubic metres."""
