"""Which part of a city a device belongs to, for the layers of maps; by what it measures, so new kinds find theirs."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from dashboards.kit.colours import BLUE, ORANGE, PURPLE, SKY, YELLOW
from dashboards.kit.texts import Text
from twin.model.catalogue import GROUPS

if TYPE_CHECKING:
    from dashboards.kit.inventory import Inventory

LIGHTING, WATER, ENERGY, BUILDINGS, CITY = "lighting", "water", "energy", "buildings", "city"
TITLES = {
    LIGHTING: Text("Lighting", "Alumbrado"),
    WATER: Text("Water and gas", "Agua y gas"),
    ENERGY: Text("Energy", "Energía"),
    BUILDINGS: Text("Buildings", "Edificios"),
    CITY: Text("Mobility and places", "Movilidad y lugares"),
}
COLOURS = {LIGHTING: YELLOW, WATER: SKY, ENERGY: ORANGE, BUILDINGS: PURPLE, CITY: BLUE}

_WET = (
    "water",
    "gas",
    "tank",
    "level",
    "volume",
    "ph",
    "turbidity",
    "chlorine",
    "methane",
    "flood",
    "wastewater",
)
_LIT = 0.2
_GROUP = {quantity.name: group for group, rows in GROUPS.items() for quantity in rows}


def kinds_by_domain(inventory: Inventory) -> dict[str, list[str]]:
    """Return the kinds of devices of each part of the city, in a fixed order; parts without a device are left out."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for seen in inventory.points(computed=False):
        votes[seen.kind][_domain(seen.quantity.name)] += 1
    found: dict[str, list[str]] = {one: [] for one in TITLES}
    for kind, counted in votes.items():
        found[_most(counted)].append(kind)
    return {domain: sorted(kinds) for domain, kinds in found.items() if kinds}


def _most(counted: Counter[str]) -> str:
    """Return the part that most points speak for; a cabinet of lamps measures power most of all, and lights."""
    if counted[LIGHTING] >= _LIT * counted.total():
        return LIGHTING
    best = max(counted.values())
    return next(one for one in TITLES if counted[one] == best)


def _domain(quantity: str) -> str:
    group = _GROUP.get(quantity, "City")
    if group == "Utilities":
        return WATER if any(word in quantity.split("_") for word in _WET) else ENERGY
    return {"Buildings": BUILDINGS, "Lighting": LIGHTING}.get(group, CITY)
