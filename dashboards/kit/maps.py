"""The map of a district's devices, with a layer for each part of the city."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from dashboards.kit import facts
from dashboards.kit.domains import COLOURS, TITLES, kinds_by_domain
from dashboards.kit.facts import RECENT, newest
from dashboards.kit.influxql import one_of, shapes_of
from dashboards.kit.panels import Column, Layer, places
from dashboards.kit.series import Told
from dashboards.kit.states import UP
from dashboards.kit.texts import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dashboards.kit.inventory import Inventory
    from dashboards.kit.panels import Panel, Symbol
    from twin.model.spec import Location

_MOST_SHAPES = 40


def layers(inventory: Inventory, only: Iterable[str] | None = None) -> list[Layer]:
    """Return a layer of markers for each part of the city, or `only` those; the colour says who is heard."""
    return [
        Layer(
            title=TITLES[domain],
            read=_markers(inventory, kinds),
            colour="up",
            fixed=COLOURS[domain],
            symbol=_SYMBOLS[domain],
        )
        for domain, kinds in kinds_by_domain(inventory).items()
        if only is None or domain in only
    ]


_SYMBOLS: dict[str, Symbol] = {
    "lighting": "circle",
    "water": "square",
    "energy": "triangle",
    "buildings": "diamond",
    "city": "star",
}


_MARKER = {
    "device": facts.DEVICE,
    "name": Column(title=Text("Name", "Nombre")),
    "kind": Column(title=Text("Kind", "Tipo")),
    "up": Column(title=Text("Heard", "En línea"), shown=UP),
    "words": Column(title=Text("Why not", "Por qué no")),
    "silent_s": Column(title=Text("Silent for", "Sin comunicación desde hace"), unit="s"),
    "alarms": Column(title=Text("Alarms", "Alarmas")),
}


def _markers(inventory: Inventory, kinds: Sequence[str]) -> Told:
    """Return the query for the devices of these kinds: by the shape of their ids where it tells them from others.

    Else the kinds are looked for in what the newest rows of all devices say, which takes longer.
    """
    fields = ("lat", "lon", "name", "kind", "words", "alarms", "silent_s")
    shapes = shapes_of([one.id for one in inventory.devices(*kinds)])
    pattern = f"^({'|'.join(shapes)})$"
    others = (one.id for one in inventory.devices() if one.kind not in kinds)
    if len(shapes) <= _MOST_SHAPES and not any(map(re.compile(pattern).search, others)):
        query = newest("barrio_devices", "up", fields, ("device",), where=(f'"device" =~ /{pattern}/',))
    else:
        query = newest("barrio_devices", "up", fields, ("device",), among=(one_of("kind", kinds),))
    return Told(query=query)


def zoom_of(spots: Sequence[Location]) -> int:
    """Return the zoom at which these spots fit on a map of half the screen."""
    if len(spots) < 2:
        return 15
    width = max(one.lon for one in spots) - min(one.lon for one in spots)
    height = max(one.lat for one in spots) - min(one.lat for one in spots)
    return max(3, min(18, int(math.log2(540 / max(width, 1.5 * height, 0.001)))))


def device_map(inventory: Inventory, title: Text, only: Iterable[str] | None = None) -> Panel:
    """Return the map of the devices; those without a place stand only in tables."""
    found = layers(inventory, only)
    middle = inventory.district.location
    return places(
        title,
        found,
        about=Text(
            "Every device that has a place: blue when it is heard, vermillion when silent; the shape "
            "says to which part "
            "of the city it belongs. Source: barrio_devices.",
            "Todos los dispositivos con lugar: azul si están en línea, bermellón si no; la forma dice a qué "
            "parte de la "
            "ciudad pertenecen. Fuente: barrio_devices.",
        ),
        lat=middle.lat,
        lon=middle.lon,
        zoom=zoom_of([one.location for one in inventory.devices() if one.location is not None]),
        last=RECENT,
        columns=_MARKER,
    )
