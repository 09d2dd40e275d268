"""The page of mobility and places: who is where, how full it is, what moves, what waits to be emptied, and the air."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit.clock import Clock
from dashboards.kit.colours import ATTENTION, BAD, GOOD
from dashboards.kit.days import device_column, hours_of_the_week, ranked, site_column
from dashboards.kit.many import FEW, by_site, each, each_state
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, bars, compare, figure, per_day, trend
from dashboards.kit.series import of
from dashboards.kit.texts import Text
from dashboards.kit.units import PERCENT
from twin.model.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.kit.inventory import Inventory
    from dashboards.kit.made import Dashboard, Options
    from dashboards.kit.panels import Panel

_LEVELS: Mapping[str, tuple[Text, str]] = {
    "green": (Text("✓ room enough", "✓ hay lugar"), GOOD),
    "amber": (Text("▲ filling up", "▲ se llena"), ATTENTION),
    "red": (Text("✗ full", "✗ lleno"), BAD),
}
"""Levels of occupancy in words, signs and colours that all differ; no red stands against green."""

_AMBER, _RED = 70.0, 90.0
_AIR = ("air_quality_index", "pm25", "pm10", "pm1", "no2", "o3", "co", "so2", "noise_level")
_WEATHER = (
    "outdoor_temperature",
    "outdoor_humidity",
    "wind_speed",
    "rain_rate",
    "uv_index",
    "atmospheric_pressure",
)


def page(inventory: Inventory, options: Options) -> Dashboard | None:
    """Return the page, None for a district without any of it."""
    made = Page(
        inventory,
        "mobility",
        Text("Mobility and places", "Movilidad y lugares"),
        Text(
            "Who is where and how full it is, what moves, what waits to be emptied, and the air",
            "Quién está dónde y cuán lleno está, qué se mueve, qué espera a ser vaciado, y el aire",
        ),
        options,
    )
    clock = Clock(inventory)
    _places(made)
    _traffic(made, clock)
    _people(made)
    _parking(made)
    _chargers(made)
    _waste(made, clock)
    _wifi(made)
    _air(made)
    _weather(made)
    return made.build()


def _places(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("Places", "Lugares"))
    crowds = inventory.district.services.crowds if inventory.district.services else ()
    ratios = inventory.points("occupancy_ratio", computed=True)
    amber = min((crowd.rule.amber for crowd in crowds), default=_AMBER)
    red = min((crowd.rule.red for crowd in crowds), default=_RED)
    steps = [(None, GOOD), (amber, ATTENTION), (red, BAD)]
    if ratios:
        page.add(
            bars(
                Text("How full places are", "Cuán llenos están los lugares"),
                of("occupancy_ratio", by="device", over="now", computed=True),
                about=Text(
                    "People against capacity now: blue while there is room, orange from {amber} %, red from {red} %.",
                    "Personas frente al aforo ahora: azul si hay lugar, naranja desde {amber} %, rojo desde {red} %.",
                ).fill(amber=f"{amber:g}", red=f"{red:g}"),
                thresholds=steps,
                minimum=0.0,
                maximum=100.0,
                width=8,
                height=7,
            )
        )
    page.add(
        each_state(
            inventory,
            "occupancy_level",
            Text("Levels of occupancy", "Niveles de ocupación"),
            about=Text(
                "How full each place was, against the shares that its capacity says.",
                "Cuán lleno estuvo cada lugar, frente a las partes que dice su aforo.",
            ),
            shown=_LEVELS,
            width=8,
            height=7,
        )
    )
    page.add(
        compare(
            Text("Places now", "Lugares ahora"),
            {
                "people": (
                    Column(title=Text("People", "Personas"), decimals=0),
                    of(
                        "occupancy",
                        by="device",
                        over="now",
                        owners={seen.owner for seen in ratios},
                        fold="max",
                    ),
                ),
                "share": (
                    Column(title=Text("Full", "Lleno"), unit=PERCENT, decimals=0, thresholds=steps),
                    of("occupancy_ratio", by="device", over="now", computed=True),
                ),
                "level": (
                    Column(title=Text("Level", "Nivel"), shown=_LEVELS),
                    of("occupancy_level", by="device", over="now"),
                ),
            },
            about=Text("Every place with a capacity, as of now.", "Cada lugar con aforo, ahora."),
            first=device_column(inventory, ratios, Text("Place", "Lugar")),
            width=8,
            height=7,
        )
    )
    page.add(
        trend(
            Text("People present", "Personas presentes"),
            *each(inventory, "occupancy", fold="sum", computed=True if ratios else None),
            about=Text("How many people were where.", "Cuántas personas hubo y dónde."),
            limits=False,
            minimum=0.0,
        )
    )


def _traffic(page: Page, clock: Clock) -> None:
    inventory = page.inventory
    page.row(Text("Traffic", "Tránsito"))
    page.add(
        trend(
            Text("Flow of vehicles", "Flujo de vehículos"),
            *each(inventory, "vehicle_flow", fold="sum", computed=False),
            about=Text(
                "Vehicles an hour that pass each counter.", "Vehículos por hora que pasan cada contador."
            ),
            minimum=0.0,
        )
    )
    page.add(
        per_day(
            Text("Vehicles per day", "Vehículos por día"),
            *by_site(inventory, "vehicle_count"),
            about=Text(
                "What the counters of each site counted.", "Lo que contaron los contadores de cada sitio."
            ),
        )
    )
    page.add(
        trend(
            Text("Speed of vehicles", "Velocidad de los vehículos"),
            *each(inventory, "vehicle_speed"),
            about=Text("Mean speed at each counter.", "Velocidad media en cada contador."),
            minimum=0.0,
        )
    )
    page.add(
        trend(
            Text("Occupancy of roads", "Ocupación de las vías"),
            *each(inventory, "road_occupancy"),
            about=Text(
                "How much of the time a vehicle stands over the counter.",
                "Parte del tiempo con un vehículo encima.",
            ),
            minimum=0.0,
        )
    )
    vehicles = inventory.points("vehicle_count", computed=False)
    if vehicles:
        page.add(
            hours_of_the_week(
                clock,
                vehicles,
                Text("Vehicles by hour of the week", "Vehículos por hora de la semana"),
                about=Text(
                    "Mean number of vehicles of each hour of each day of the week, over the weeks shown.",
                    "Número medio de vehículos de cada hora de cada día de la semana, en las semanas mostradas.",
                ),
                lang=page.options.lang,
                unit="none",
                decimals=0,
                width=24,
            )
        )
    for quantity in ("traffic_light_state", "crossing_light_state"):
        page.add(_stated(inventory, quantity))


def _people(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("On foot and by bicycle", "A pie y en bicicleta"))
    page.add(
        per_day(
            Text("Pedestrians per day", "Peatones por día"),
            *by_site(inventory, "pedestrian_count"),
            about=Text(
                "What the counters at doors and ways of each site counted.",
                "Lo que contaron los contadores de puertas y caminos de cada sitio.",
            ),
        )
    )
    page.add(
        per_day(
            Text("Bicycles per day", "Bicicletas por día"),
            *by_site(inventory, "bicycle_count"),
            about=Text(
                "What the counters of each site counted.", "Lo que contaron los contadores de cada sitio."
            ),
        )
    )
    for quantity in ("bikes_available", "bike_docks_free"):
        page.add(_measured(inventory, quantity, fold_sum=True))


def _parking(page: Page) -> None:
    inventory = page.inventory
    lots = {seen.owner for seen in inventory.points("parking_capacity", "parking_spaces_free")}
    page.row(Text("Parking", "Estacionamiento"))
    page.add(
        figure(
            Text("Free spaces", "Cajones libres"),
            of("parking_spaces_free", fold="sum", over="now"),
            about=Text(
                "Spaces that are free now in all car parks.",
                "Cajones libres ahora en todos los estacionamientos.",
            ),
        )
    )
    page.add(
        figure(
            Text("Single spaces that are free", "Cajones sueltos libres"),
            of("parking_state", take="count", state="free", over="now", owners=_spaces(inventory)),
            about=Text(
                "Spaces with a sensor of their own that are free.",
                "Cajones con sensor propio que están libres.",
            ),
        )
    )
    page.add(
        trend(
            Text("How full car parks are", "Cuán llenos están los estacionamientos"),
            *each(inventory, "occupancy_ratio", computed=False, owners=lots),
            about=Text("Spaces taken, of all.", "Cajones ocupados, del total."),
            minimum=0.0,
            maximum=100.0,
            width=8,
        )
    )
    page.add(
        trend(
            Text("Free spaces over time", "Cajones libres en el tiempo"),
            *each(inventory, "parking_spaces_free", fold="sum"),
            about=Text("Spaces that are free in each car park.", "Cajones libres en cada estacionamiento."),
            limits=False,
            minimum=0.0,
            width=8,
        )
    )
    page.add(
        each_state(
            inventory,
            "parking_state",
            Text("Car parks", "Estacionamientos"),
            about=Text("Whether each car park was open.", "Si cada estacionamiento estuvo abierto."),
            reading={"owners": lots},
            width=8,
        )
    )


def _spaces(inventory: Inventory) -> set[str]:
    """Return the devices that stand for one parking space each: they know no capacity."""
    lots = {seen.owner for seen in inventory.points("parking_capacity", "parking_spaces_free")}
    return {seen.owner for seen in inventory.points("parking_state")} - lots


def _chargers(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("Vehicle chargers", "Cargadores de vehículos"))
    page.add(
        trend(
            Text("Power of chargers", "Potencia de los cargadores"),
            *each(inventory, "ev_charger_power", fold="sum"),
            about=Text("What vehicles are charged with.", "Con cuánto se cargan los vehículos."),
            limits=False,
            minimum=0.0,
            width=8,
        )
    )
    page.add(
        per_day(
            Text("Energy of chargers per day", "Energía de los cargadores por día"),
            *by_site(inventory, "ev_charger_energy"),
            about=Text(
                "What the chargers of each site counted.", "Lo que contaron los cargadores de cada sitio."
            ),
            width=8,
        )
    )
    page.add(
        each_state(
            inventory,
            "ev_charger_state",
            Text("Chargers", "Cargadores"),
            about=Text(
                "Whether each charger was free, busy or broken.",
                "Si cada cargador estuvo libre, ocupado o dañado.",
            ),
            width=8,
        )
    )


def _waste(page: Page, clock: Clock) -> None:
    inventory = page.inventory
    points = inventory.points("waste_level_ratio", computed=False)
    page.row(Text("Waste", "Residuos"))
    if not points:
        return
    about = Text(
        "How full containers are; from the limit of the alarm rule on they are to be emptied.",
        "Cuán llenos están los contenedores; desde el límite de la regla hay que vaciarlos.",
    )
    title = Text("Containers now", "Contenedores ahora")
    if len(points) <= FEW:
        read = of("waste_level_ratio", by="device", over="now")
        page.add(bars(title, read, about=about, minimum=0.0, maximum=100.0, width=8))
    else:
        columns = {
            "device": device_column(inventory, points),
            "site": site_column(inventory, points),
            "amount": Column(title=Text("Full", "Lleno"), unit=PERCENT, decimals=0),
        }
        reads = clock.largest(points, column="amount", top=25, aggregate='last("last")')
        full = Text("Fullest containers", "Los contenedores más llenos")
        page.add(ranked(full, *reads, about=about, columns=columns, width=8))
    page.add(
        trend(
            Text("Filling of containers", "Llenado de los contenedores"),
            *each(inventory, "waste_level_ratio"),
            about=about,
            minimum=0.0,
            maximum=110.0,
            width=10,
        )
    )
    page.add(
        trend(
            Text("Warmth in containers", "Temperatura de los contenedores"),
            *each(inventory, "waste_temperature"),
            about=Text("A container that grows hot may burn.", "Un contenedor que se calienta puede arder."),
            width=6,
        )
    )


def _wifi(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("Public Wi-Fi", "Wi-Fi público"))
    page.add(
        figure(
            Text("Wi-Fi clients", "Clientes de Wi-Fi"),
            of("wifi_clients", fold="sum", over="now"),
            about=Text("Clients of all access points now.", "Clientes de todos los puntos de acceso ahora."),
        )
    )
    page.add(
        trend(
            Text("Clients", "Clientes"),
            *by_site(inventory, "wifi_clients", fold="sum"),
            about=Text(
                "Clients of the access points of each site.",
                "Clientes de los puntos de acceso de cada sitio.",
            ),
            stacked=True,
            width=10,
        )
    )
    for quantity in ("latency", "packet_loss", "data_rate"):
        page.add(_measured(inventory, quantity, kind=("WifiAccessPoint", "WifiController", "WifiRouter")))


def _air(page: Page) -> None:
    page.row(Text("Air and noise", "Aire y ruido"))
    for quantity in _AIR:
        page.add(_measured(page.inventory, quantity))


def _weather(page: Page) -> None:
    page.row(Text("Weather", "Clima"))
    for quantity in _WEATHER:
        page.add(_measured(page.inventory, quantity))
    page.add(
        per_day(
            Text("Rain per day", "Lluvia por día"),
            of("rain", by="device") if _few(page.inventory, "rain") else of("rain", fold="max"),
            about=Text("What each gauge collected.", "Lo que juntó cada pluviómetro."),
            stacked=False,
            width=8,
        )
    )


def _measured(
    inventory: Inventory, quantity: str, *, fold_sum: bool = False, kind: Sequence[str] | None = None
) -> Panel:
    row = CATALOGUE[quantity]
    return trend(
        Text(row.title, row.titulo),
        *each(inventory, quantity, fold="sum" if fold_sum else "mean", kind=kind, few=12),
        about=Text(
            "Of each device, or over all; with the limits of the alarm rules, if there are any.",
            "De cada dispositivo, o de todos; con los límites de las reglas, si las hay.",
        ),
        key=f"measured {quantity}",
        width=8,
        height=7,
    )


def _stated(inventory: Inventory, quantity: str) -> Panel:
    row = CATALOGUE[quantity]
    return each_state(
        inventory,
        quantity,
        Text(row.title, row.titulo),
        about=Text("How each one was.", "Cómo estuvo cada uno."),
        key=f"stated {quantity}",
        width=8,
    )


def _few(inventory: Inventory, quantity: str) -> bool:
    return len(inventory.points(quantity)) <= FEW
