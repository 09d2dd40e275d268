"""District home: what is wrong and since when, the figures that matter, the map, and how fresh it all is."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from dashboards.kit import facts
from dashboards.kit.colours import ATTENTION, BAD, GOOD
from dashboards.kit.common import page_url
from dashboards.kit.domains import COLOURS, TITLES, kinds_by_domain
from dashboards.kit.facts import RECENT, newest
from dashboards.kit.influxql import one_of, select, shapes_of
from dashboards.kit.meters import nearest_meters
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, Layer, alert_list, figure, listing, places, trend
from dashboards.kit.series import Told, of
from dashboards.kit.states import UP
from dashboards.kit.texts import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dashboards.kit.inventory import Inventory, Seen
    from dashboards.kit.made import Dashboard, Options
    from dashboards.kit.names import Page as PageName
    from dashboards.kit.panels import Panel, Symbol
    from dashboards.kit.series import Fold, Of
    from twin.model.spec import Location

_MOST_FIGURES = 12
_MOST_SHAPES = 40
_SHARES = ("%", "1")


def page(inventory: Inventory, options: Options) -> Dashboard | None:
    """Return the page of a district; there is none without devices and computed points."""
    found = Page(
        inventory,
        "home",
        Text("Home", "Inicio"),
        Text(
            "What is wrong and since when, the figures that matter, and how fresh they are.",
            "Qué está mal y desde cuándo, las cifras que importan y qué tan recientes son.",
        ),
        options,
    )
    if not inventory.points():
        return None
    _wrong(found)
    _figures(found)
    _where(found)
    found.silent(everywhere=True)
    return found.build()


def _wrong(page: Page) -> None:
    page.row(Text("What is wrong", "Qué está mal"))
    page.add(
        facts.standing_alarms(
            Text("Alarms that stand", "Alarmas vigentes"),
            about=Text(
                "Every alarm that stands, since when, and what to do. Source: barrio_alarms, told each "
                "minute.",
                "Todas las alarmas vigentes, desde cuándo y qué hacer. Fuente: barrio_alarms, dicho cada "
                "minuto.",
            ),
        ).sized(17, 9)
    )
    page.add(
        alert_list(
            Text("Platform alerts", "Alertas de la plataforma"),
            about=Text(
                "Grafana's own alerts: what barrio cannot say itself, such as that it is silent.",
                "Alertas de Grafana: lo que barrio no puede decir de sí mismo, por ejemplo que calla.",
            ),
            empty=Text("No alert fires", "Ninguna alerta activa"),
        ).sized(7, 9)
    )


# --- figures --------------------------------------------------------------------------------------------------------


def _figures(page: Page) -> None:
    page.row(Text("Key figures", "Cifras clave"))
    page.add(_alarms())
    panels = [make(page.inventory) for make in _FIGURES]
    for panel in [one for one in panels if one is not None][: _MOST_FIGURES - 1]:
        page.add(panel)


def _alarms() -> Panel:
    query = select(
        'last("alarms")', "barrio_health", ("$timeFilter",), by=("time($__interval)",), fill="none"
    )
    return figure(
        Text("Alarms", "Alarmas"),
        Told(query=query, form="time_series"),
        about=Text("Alarms that stand. Source: barrio_health.", "Alarmas vigentes. Fuente: barrio_health."),
        unit="none",
        floor_s=60.0,
        thresholds=((None, GOOD), (1.0, ATTENTION), (10.0, BAD)),
    )


def best_of(
    inventory: Inventory, quantity: str, *, direct: Callable[[Inventory], Sequence[Seen]] | None = None
) -> Of | None:
    """Return what says a quantity for the whole district: a history, or one number as of now.

    That is the computed point of the outermost site where there is one, which has a history; else the sum of those that
    measure it (the mean of shares), of which only what it is now is exact.
    """
    outer = {one.id for one in inventory.district.sites.values() if one.within is None}
    computed = [one for one in inventory.points(quantity, computed=True) if one.owner in outer]
    if len(computed) == 1:
        return of(quantity, computed=True, owners={computed[0].owner}, point=computed[0].point)
    measured = direct(inventory) if direct else inventory.points(quantity, computed=False)
    found = measured or inventory.points(quantity)
    if not found:
        return None
    owners, names = {one.owner for one in found}, {one.point for one in found}
    fold: Fold = "mean" if found[0].quantity.unit in _SHARES else "sum"
    return of(quantity, fold=fold, owners=owners, point=names, over="now")


def power(inventory: Inventory) -> Of | None:
    """Return what says the power that a district takes."""
    return best_of(inventory, "active_power", direct=lambda one: _meters(one, "active_power"))


def water_today(inventory: Inventory) -> Of | None:
    """Return what says the water that meters counted since midnight."""
    return _counted(inventory, "water_meter_volume")


def _counted(inventory: Inventory, quantity: str) -> Of | None:
    points = _meters(inventory, quantity)
    if not points:
        return None
    return of(quantity, fold="sum", take="delta", owners={one.owner for one in points}, daily=True)


def _meters(inventory: Inventory, quantity: str) -> Sequence[Seen]:
    return nearest_meters(inventory, inventory.points(quantity, computed=False))


def _total(quantity: str, title: Text, about: Text, leads: PageName) -> Callable[[Inventory], Panel | None]:
    def make(inventory: Inventory) -> Panel | None:
        found = best_of(inventory, quantity, direct=lambda one: _meters(one, quantity))
        if found is None:
            return None
        return figure(
            title, found, about=about, sparkline=found.over == "time", links=_more(inventory, leads)
        )

    return make


def _today(quantity: str, title: Text, about: Text, leads: PageName) -> Callable[[Inventory], Panel | None]:
    def make(inventory: Inventory) -> Panel | None:
        read = _counted(inventory, quantity)
        if read is None:
            return None
        return figure(title, read, about=about, last="7d", limits=False, links=_more(inventory, leads))

    return make


def _worst(
    quantity: str, fold: Fold, title: Text, about: Text, leads: PageName
) -> Callable[[Inventory], Panel | None]:
    def make(inventory: Inventory) -> Panel | None:
        if not inventory.has(quantity):
            return None
        read = of(quantity, fold=fold, over="now")
        return figure(title, read, about=about, sparkline=False, links=_more(inventory, leads))

    return make


def _more(inventory: Inventory, page: PageName) -> tuple[tuple[Text, str], ...]:
    return ((Text("More", "Más"), page_url(inventory.district.id, page)),)


_FIGURES: tuple[Callable[[Inventory], Panel | None], ...] = (
    _total(
        "active_power",
        Text("Power now", "Potencia ahora"),
        Text("Power that the district takes.", "Potencia que toma el distrito."),
        "energy",
    ),
    _today(
        "active_energy_import",
        Text("Energy today", "Energía hoy"),
        Text(
            "What meters counted since midnight; behind it the last days.",
            "Lo contado desde medianoche; detrás, los últimos días.",
        ),
        "energy",
    ),
    _total(
        "solar_share",
        Text("Share of solar power", "Proporción solar"),
        Text("Share of the power that comes from the sun.", "Proporción de la potencia que viene del sol."),
        "energy",
    ),
    _today(
        "water_meter_volume",
        Text("Water today", "Agua hoy"),
        Text(
            "What water meters counted since midnight; behind it the last days.",
            "Lo contado por los medidores de agua desde medianoche; detrás, los últimos días.",
        ),
        "water",
    ),
    _worst(
        "hours_left",
        "min",
        Text("Shortest supply", "Suministro más corto"),
        Text("Hours until the first tank is empty.", "Horas hasta que el primer tanque se vacíe."),
        "water",
    ),
    _total(
        "occupancy",
        Text("People present", "Personas presentes"),
        Text("People counted in rooms and places.", "Personas contadas en salas y lugares."),
        "mobility",
    ),
    _total(
        "lamps_lit",
        Text("Lamps that burn", "Luminarias encendidas"),
        Text("Lamps that burn now.", "Luminarias encendidas ahora."),
        "lighting",
    ),
    _total(
        "parking_spaces_free",
        Text("Free parking spaces", "Cajones libres"),
        Text("Parking spaces that are free now.", "Cajones de estacionamiento libres ahora."),
        "mobility",
    ),
    _worst(
        "waste_level_ratio",
        "max",
        Text("Fullest container", "Contenedor más lleno"),
        Text("Filling of the fullest waste container.", "Llenado del contenedor de residuos más lleno."),
        "mobility",
    ),
    _worst(
        "air_quality_index",
        "max",
        Text("Air quality index", "Índice de calidad del aire"),
        Text("The worst of the stations.", "El peor de las estaciones."),
        "mobility",
    ),
    _worst(
        "outdoor_temperature",
        "mean",
        Text("Outdoors", "Exterior"),
        Text("Outdoor temperature, mean of the stations.", "Temperatura exterior, media de las estaciones."),
        "buildings",
    ),
)


# --- map and freshness ----------------------------------------------------------------------------------------------


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
    "up": Column(title=Text("Heard", "Se oye"), shown=UP),
    "words": Column(title=Text("Why not", "Por qué no")),
    "silent_s": Column(title=Text("Silent for", "En silencio desde hace"), unit="s"),
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
            "Todos los dispositivos con lugar: azul si se oyen, bermellón si callan; la forma dice a qué "
            "parte de la "
            "ciudad pertenecen. Fuente: barrio_devices.",
        ),
        lat=middle.lat,
        lon=middle.lon,
        zoom=zoom_of([one.location for one in inventory.devices() if one.location is not None]),
        last=RECENT,
        columns=_MARKER,
    )


def _where(page: Page) -> None:
    page.row(Text("Where, and how fresh", "Dónde, y qué tan reciente"))
    page.add(device_map(page.inventory, Text("Map", "Mapa")).sized(14, 14))
    whole = len(page.district.devices)
    query = select(
        'last("devices_heard")', "barrio_health", ("$timeFilter",), by=("time($__interval)",), fill="none"
    )
    page.add(
        trend(
            Text("Devices heard", "Dispositivos oídos"),
            Told(query=query, form="time_series", alias=Text("Heard", "Se oyen")),
            about=Text(
                f"Of {whole} in all. Source: barrio_health.", f"De {whole} en total. Fuente: barrio_health."
            ),
            unit="none",
            minimum=0.0,
            floor_s=60.0,
        ).sized(10, 7)
    )
    page.add(_slowest())


def _slowest() -> Panel:
    query = newest(
        "barrio_devices",
        "up",
        ("name", "words", "silent_s", "heard"),
        ("device",),
        among=('"silent_s" >= 60',),
    )
    return listing(
        Text("Slowest to be heard", "Los que más tardan en oírse"),
        Told(query=query),
        about=Text(
            "Devices of which nothing came for a minute or more, the slowest first; those that are "
            "silent are told "
            "below with the reason. Source: barrio_devices.",
            "Dispositivos de los que no llegó nada en un minuto o más, primero el más lento; los que "
            "callan están abajo "
            "con la causa. Fuente: barrio_devices.",
        ),
        columns={
            "device": facts.DEVICE,
            "name": Column(title=Text("Name", "Nombre")),
            "silent_s": Column(title=Text("Silent for", "En silencio desde hace"), unit="s", width=150),
        },
        sort=("silent_s", True),
        last=RECENT,
        empty=Text("All were heard within a minute", "Todos se oyeron en el último minuto"),
    ).sized(10, 7)
