"""Which devices and sites a rule is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.selection import chosen

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
        return _known(spec.on, place.at("on"), ground, faults)
    if spec.chosen is not None:
        return [device.id for device in chosen(spec.chosen, place.at("for"), ground, faults)]
    if spec.point is not None and "/" in spec.point:
        return _known(spec.point.partition("/")[0], place.at("point"), ground, faults)
    faults.add(place, "says not where: `on` a device or site, or `for` each device of a selection")
    return []


def _known(owner: str, place: Place, ground: Ground, faults: Faults) -> list[str]:
    if owner in ground.devices or owner in ground.sites:
        return [owner]
    ground.unknown(faults, place, ground.no_owner(owner))
    return []
