"""Limits as written to limits in the unit of what is watched, and what is wrong with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from twin.alarms.rule import Limits
from twin.alarms.words import number
from twin.model import units

if TYPE_CHECKING:
    from twin.alarms.spec import RuleSpec
    from twin.model.amount import Amount
    from twin.model.source import Faults, Place

_KEYS = ("above", "below", "hysteresis")


def limits_in(
    spec: RuleSpec, unit: str, plausible: tuple[float, float], place: Place, faults: Faults
) -> Limits | None:
    """Return the limits in `unit`, None with what is wrong added; `plausible` is the range of what is watched."""
    before = len(faults)
    found = {key: _converted(key, getattr(spec, key), unit, place, faults) for key in _KEYS}
    if len(faults) > before:
        return None
    above, below = found["above"], found["below"]
    limits = Limits(
        math.inf if above is None else above,
        -math.inf if below is None else below,
        found["hysteresis"] or 0.0,
        unit,
    )
    _check(limits, plausible, place, faults)
    return limits if len(faults) == before else None


def _converted(key: str, amount: Amount | None, unit: str, place: Place, faults: Faults) -> float | None:
    if amount is None:
        return None
    if words := amount.lacks_unit(unit):
        faults.add(place.at(key), words)
        return None
    try:
        return amount.difference_in(unit) if key == "hysteresis" else amount.in_unit(unit)
    except units.UnitError as error:
        faults.add(place.at(key), f"{error.reason}: what is watched is in {unit}")
        return None


def _check(limits: Limits, plausible: tuple[float, float], place: Place, faults: Faults) -> None:
    before = len(faults)
    low, high = plausible
    unit, above, below, width = limits.unit, limits.above, limits.below, limits.hysteresis
    span = f"what is watched lies between {number(low, '')} and {number(high, unit)}"
    if math.isfinite(above) and not low <= above < high:
        faults.add(place.at("above"), f"{number(above, unit)} makes no sense: {span}")
    if math.isfinite(below) and not low < below <= high:
        faults.add(place.at("below"), f"{number(below, unit)} makes no sense: {span}")
    if len(faults) > before:
        return
    if above <= below:
        words = f"must be more than below ({number(below, unit)}): the band between them is where all is well"
        faults.add(place.at("above"), f"{words}, found {number(above, unit)}")
    elif width < 0:
        faults.add(place.at("hysteresis"), f"must not be negative, found {number(width, unit)}")
    elif above - width < max(low, below) or below + width > min(high, above) or _crossed(limits):
        words = "is so large that the alarm would never end"
        faults.add(place.at("hysteresis"), f"{words}: found {number(width, unit)}, {span}")


def _crossed(limits: Limits) -> bool:
    """Whether a band leaves nothing in the middle in which both of its limits are over."""
    return limits.above - limits.hysteresis < limits.below + limits.hysteresis
