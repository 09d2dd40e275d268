"""Expressions of rules: what they may name and which unit they come out in. Imported only where a rule has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.expressions.checked import ExpressionError, Kind, check_text
from twin.expressions.scope import Scope

if TYPE_CHECKING:
    from twin.alarms.spec import RuleSpec
    from twin.expressions.checked import Checked
    from twin.model.ground import Ground
    from twin.model.source import Faults, Place


def compiled(spec: RuleSpec, owner: str, place: Place, ground: Ground, faults: Faults) -> Checked | None:
    """Return a rule's expression for one owner, in the unit of its limits; None with the reason among the faults."""
    key = "when" if spec.when is not None else "value"
    text = spec.when or spec.value or ""
    try:
        checked = check_text(text, Scope(ground, owner))
        if key == "when":
            return _condition(checked, place.at(key), faults)
        limit = spec.above or spec.below
        return checked.in_unit((limit.unit if limit else None) or "1")
    except ExpressionError as error:
        if error.unknown:
            ground.unknown(faults, place.at(key), str(error))
        else:
            faults.add(place.at(key), str(error))
        return None


def _condition(checked: Checked, place: Place, faults: Faults) -> Checked | None:
    if checked.kind is Kind.BOOLEAN:
        return checked
    words = "a condition is true or false"
    faults.add(place, f"{words}, this is {checked.unit_kind}: compare it, as in `level < 20 %`")
    return None
