"""Districts to draw: a small town as its relations say, without files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twin.model.graph import Graph
from twin.model.spec import RelationSpec, SiteSpec

SITES = {"town": None, "tower": "town", "floor": "tower", "room": "floor", "street": "town", "yard": "town"}
DEVICES = {
    "transformer": ("yard", "Transformer"),
    "feeder-1": ("yard", "Meter"),
    "feeder-2": ("yard", "Meter"),
    "cabinet": ("yard", "Cabinet"),
    "ahu": ("floor", "AirHandlingUnit"),
    "sensor": ("room", "Room"),
    "tank": ("tower", "WaterTank"),
    **{f"lamp-{number}": ("street", "Streetlight") for number in range(1, 11)},
}
RELATIONS = (
    ("feeds", "transformer", "feeder-1"),
    ("feeds", "transformer", "feeder-2"),
    ("feeds", "feeder-1", "tower"),
    ("feeds", "feeder-2", "cabinet"),
    ("controls", "cabinet", "street"),
    ("feeds", "ahu", "room"),
    ("feeds", "tank", "tower"),
)


def district(
    name: str = "little",
    sites: Any = None,
    devices: Any = None,
    relations: Any = RELATIONS,
    title: str = "Little Town",
) -> Any:
    """Return as much of a district as a drawing asks for."""
    places = SITES if sites is None else sites
    things = DEVICES if devices is None else devices
    found_sites = {
        one: SiteSpec.model_construct(id=one, name="", kind="Site", within=within, location=None)
        for one, within in places.items()
    }
    found_devices: Any = {
        one: SimpleNamespace(id=one, name=one, site=site, kind=kind) for one, (site, kind) in things.items()
    }
    edges = [RelationSpec.model_construct(type=kind, source=one, target=two) for kind, one, two in relations]
    graph = Graph(edges, found_sites, found_devices)
    return SimpleNamespace(id=name, name=title, sites=found_sites, devices=found_devices, graph=graph)
