"""District home: what is wrong and since when, the figures that matter, the map, and how fresh it all is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit import facts
from dashboards.kit.colours import ATTENTION, BAD, GOOD
from dashboards.kit.common import page_url
from dashboards.kit.facts import RECENT, newest
from dashboards.kit.influxql import select
from dashboards.kit.maps import device_map
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, alert_list, figure, listing, trend
from dashboards.kit.series import Told, of
from dashboards.kit.texts import Text
from dashboards.kit.totals import best_of, counted, meters

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboards.kit.inventory import Inventory
    from dashboards.kit.made import Dashboard, Options
    from dashboards.kit.names import Page as PageName
    from dashboards.kit.panels import Panel
    from dashboards.kit.series import Fold

_MOST_FIGURES = 12


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
                "Alertas de Grafana: lo que barrio no puede decir de sí mismo, por ejemplo que no responde.",
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


def _total(quantity: str, title: Text, about: Text, leads: PageName) -> Callable[[Inventory], Panel | None]:
    def make(inventory: Inventory) -> Panel | None:
        found = best_of(inventory, quantity, direct=lambda one: meters(one, quantity))
        if found is None:
            return None
        return figure(
            title, found, about=about, sparkline=found.over == "time", links=_more(inventory, leads)
        )

    return make


def _today(quantity: str, title: Text, about: Text, leads: PageName) -> Callable[[Inventory], Panel | None]:
    def make(inventory: Inventory) -> Panel | None:
        read = counted(inventory, quantity)
        if read is None:
            return None
        links = _more(inventory, leads)
        return figure(title, read, about=about, last="7d", limits=False, links=links, calc="last")

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
        Text("Share of solar power", "Aportación solar"),
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
        Text("Shortest supply", "Primer tanque vacío en"),
        Text("Hours until the first tank is empty.", "Horas hasta que el primer tanque se vacíe."),
        "water",
    ),
    _total(
        "occupancy",
        Text("People present", "Personas presentes"),
        Text(
            "People that sensors count, each of them once.",
            "Personas que cuentan los sensores, cada una una vez.",
        ),
        "mobility",
    ),
    _total(
        "lamps_lit",
        Text("Lamps that burn", "Luminarias encendidas"),
        Text(
            "Lamps that burn now, as their cabinets count them: one that is silent counts as well.",
            "Luminarias encendidas ahora, según sus tableros: también cuenta una sin comunicación.",
        ),
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


def _where(page: Page) -> None:
    page.row(Text("Where, and how fresh", "Dónde, y qué tan reciente"))
    page.add(device_map(page.inventory, Text("Map", "Mapa")).sized(14, 14))
    whole = len(page.district.devices)
    query = select(
        'last("devices_heard")', "barrio_health", ("$timeFilter",), by=("time($__interval)",), fill="none"
    )
    page.add(
        trend(
            Text("Devices heard", "Dispositivos en línea"),
            Told(query=query, form="time_series", alias=Text("Heard", "En línea")),
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
        Text("Slowest to be heard", "Más tiempo sin comunicación"),
        Told(query=query),
        about=Text(
            "Devices of which nothing came for a minute or more, the slowest first; those that are "
            "silent are told "
            "below with the reason. Source: barrio_devices.",
            "Dispositivos de los que no llegó nada en un minuto o más, primero el más lento; los que "
            "no comunican están abajo "
            "con la causa. Fuente: barrio_devices.",
        ),
        columns={
            "device": facts.DEVICE,
            "name": Column(title=Text("Name", "Nombre")),
            "silent_s": Column(title=Text("Silent for", "Sin comunicación desde hace"), unit="s", width=150),
        },
        sort=("silent_s", True),
        last=RECENT,
        empty=Text("All were heard within a minute", "Todos comunicaron en el último minuto"),
    ).sized(10, 7)
