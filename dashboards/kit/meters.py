"""Which meters may be added up: no kilowatt-hour is counted twice.

A transformer measures what its feeders measure again, and a building's meter what the chiller in it measures. Who
`feeds` whom and who `measures` what says so in the district's relations; what no relation speaks of is added.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.kit.inventory import Inventory, Seen

DISTRIBUTION = ("ElectricityMeter", "Transformer", "Switchboard", "WaterMeter", "GasMeter")
"""Kinds that measure what others downstream of them measure again: a chiller feeds no electricity."""


def nearest_meters(inventory: Inventory, points: Sequence[Seen]) -> tuple[Seen, ...]:
    """Return of these points those that are nearest to who uses it: each is counted once, and at its own place.

    A meter that feeds other meters makes room for them; what stands in a place that a meter measures is left to it.
    """
    graph = inventory.district.graph
    owners = dict.fromkeys(seen.owner for seen in points)
    ends = {
        seen.owner
        for seen in points
        if seen.kind not in DISTRIBUTION
        or not any(one in owners for one in graph.devices_below(seen.owner, ("feeds",)))
    }
    measured = _measured(inventory)
    covers = {owner: measured.get(owner, set()) & ends for owner in ends}
    covered = {
        below for owner, those in covers.items() for below in those if owner not in covers.get(below, ())
    }
    return tuple(seen for seen in points if seen.owner in ends - covered)


def _measured(inventory: Inventory) -> dict[str, set[str]]:
    """Return what meters measure: devices, and those that stand in the places; not what those measure in turn."""
    district = inventory.district
    found: dict[str, set[str]] = defaultdict(set)
    for relation in district.relations:
        if relation.type == "measures":
            found[relation.source].add(relation.target)
            if relation.target in district.sites:
                found[relation.source].update(district.graph.devices_below(relation.target, ("located_in",)))
    return {meter: below - {meter} for meter, below in found.items()}
