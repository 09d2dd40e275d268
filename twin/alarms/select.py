"""Which devices and sites a rule is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.selection import known, selected

if TYPE_CHECKING:
    from twin.alarms.spec import RuleSpec
    from twin.model.ground import Ground
    from twin.model.source import Faults, Place


def owners_of(spec: RuleSpec, place: Place, ground: Ground, faults: Faults) -> list[str]:
    """Return the owners that a rule is for, empty with the reason among the faults."""
    if spec.on is not None and spec.chosen is not None:
        faults.add(place.at("for"), "a rule has `on` or `for`, not both")
        return []
    if spec.on is not None:
        return known(spec.on, ground, place.at("on"), faults)
    if spec.chosen is not None:
        return selected(spec.chosen, ground, place.at("for"), faults)
    if spec.point is not None and "/" in spec.point:
        return known(spec.point.partition("/")[0], ground, place.at("point"), faults)
    faults.add(place, "says not where: `on` a device or site, or `for` each device of a selection")
    return []
