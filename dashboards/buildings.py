"""The buildings page: whether people are comfortable, and how the plant that keeps them so is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit.clock import Clock
from dashboards.kit.days import device_column
from dashboards.kit.many import HIGHEST, LOWEST, MEAN, by_site, each, each_state, spread
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, compare, figure, per_day, trend
from dashboards.kit.series import Fold, of
from dashboards.kit.texts import Text
from dashboards.kit.units import PERCENT, grafana_unit
from twin.alarms.rule import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.kit.inventory import Inventory, Seen
    from dashboards.kit.made import Dashboard, Options

_MOST_ROWS = 400
_PICK: Mapping[str, str] = {"site": "site"}
_HVAC = ("AirHandlingUnit", "Chiller", "Boiler", "HeatPump", "Pump", "Drive", "RoomController", "Generator")
_COMFORT = ("air_temperature", "co2", "relative_humidity", "tvoc", "occupancy")
_PLANT = (
    "ahu_mode",
    "chiller_state",
    "boiler_state",
    "generator_state",
    "power_source_state",
    "lift_state",
    "drive_state",
)
_SAFETY = ("fire_alarm_state", "smoke_alarm_state", "intrusion_alarm_state", "emergency_button_state")


def page(inventory: Inventory, options: Options) -> Dashboard | None:
    """Return the page, None for a district without rooms and plant."""
    made = Page(
        inventory,
        "buildings",
        Text("Buildings", "Edificios"),
        Text(
            "Whether people are comfortable, and how the plant that keeps them so is, by site",
            "Si la gente está a gusto, y cómo están las instalaciones que lo procuran, por sitio",
        ),
        options,
    )
    points = inventory.points(*_COMFORT, *_PLANT, *_SAFETY, "door_state", "supply_air_temperature")
    sites = inventory.sites_of(seen for seen in points if not seen.computed)
    if sites:
        names = {site: inventory.site_name(site) for site in sites}
        made.variable("site", Text("Site", "Sitio"), names)
    clock = Clock(inventory)
    _now(made)
    _temperature(made, clock)
    _air(made, clock)
    _rooms(made)
    _plant(made)
    _safety(made)
    return made.build()


def _now(page: Page) -> None:
    page.row(Text("Now", "Ahora"))
    figures: tuple[tuple[str, Fold, Text, Text], ...] = (
        (
            "air_temperature",
            "mean",
            Text("Rooms on average", "Media de las salas"),
            Text("Mean temperature of the rooms now.", "Temperatura media de las salas ahora."),
        ),
        (
            "air_temperature",
            "max",
            Text("Warmest room", "La sala más cálida"),
            Text("Temperature of the warmest room now.", "Temperatura de la sala más cálida ahora."),
        ),
        (
            "air_temperature",
            "min",
            Text("Coldest room", "La sala más fría"),
            Text("Temperature of the coldest room now.", "Temperatura de la sala más fría ahora."),
        ),
        (
            "co2",
            "max",
            Text("Stalest air", "Aire más viciado"),
            Text("The highest CO2 now.", "El CO2 más alto ahora."),
        ),
        (
            "relative_humidity",
            "mean",
            Text("Humidity", "Humedad"),
            Text("Mean relative humidity now.", "Humedad relativa media ahora."),
        ),
        (
            "occupancy",
            "sum",
            Text("People", "Personas"),
            Text("People in all rooms now.", "Personas en todas las salas ahora."),
        ),
    )
    for quantity, fold, title, about in figures:
        page.add(figure(title, of(quantity, fold=fold, over="now", computed=False, pick=_PICK), about=about))


def _temperature(page: Page, clock: Clock) -> None:
    inventory = page.inventory
    page.row(Text("Temperature", "Temperatura"))
    rooms = inventory.points("air_temperature", computed=False)
    owners = frozenset(seen.owner for seen in rooms)
    page.add(
        trend(
            Text("Temperature against set point", "Temperatura frente al punto de ajuste"),
            of("air_temperature", fold="min", take="min", label=LOWEST, computed=False, pick=_PICK),
            of("air_temperature", fold="mean", label=MEAN, computed=False, pick=_PICK),
            of("air_temperature", fold="max", take="max", label=HIGHEST, computed=False, pick=_PICK),
            of(
                "temperature_setpoint",
                owners=owners,
                label=Text("set point, mean", "punto de ajuste, medio"),
                pick=_PICK,
            ),
            about=Text(
                "The coldest, the mean and the warmest of the rooms chosen, and the mean of their set points.",
                "La más fría, la media y la más cálida de las salas elegidas, y la media de sus puntos de ajuste.",
            ),
            limits=False,
            height=9,
        )
    )
    _in_band(page, clock, rooms)


def _in_band(page: Page, clock: Clock, rooms: tuple[Seen, ...]) -> None:
    """Add the share of time in band: within the limits of a rule, or free of the rule about the set point."""
    title = Text("Share of time in band", "Porcentaje del tiempo en rango")
    bounds = page.inventory.limits(rooms) if rooms else None
    band = Text("in band", "en rango")
    if bounds is not None:
        reads = clock.share_inside(rooms, bounds, band)
        about = Text(
            "How many quarter hours of all rooms had a mean within the limits of the alarm rule {rule}.",
            "Cuántos cuartos de hora de todas las salas tuvieron una media dentro de los límites de la regla {rule}.",
        ).fill(rule=", ".join(bounds.rules))
    elif (found := deviation_rule(page.inventory, rooms)) is not None:
        rule, tolerance, watched = found
        reads = (clock.free_of_alarm(watched, rule, band),)
        about = Text(
            "Minutes in which no room stood more than {tolerance} K from its set point for long (alarm rule {rule}), "
            "of all minutes of the rooms of all sites.",
            "Minutos en que ninguna sala estuvo mucho tiempo a más de {tolerance} K de su punto de ajuste "
            "(regla {rule}), de todos los minutos de las salas de todos los sitios.",
        ).fill(tolerance=f"{tolerance:g}", rule=rule)
    else:
        return
    page.add(
        trend(
            title,
            *reads,
            about=about,
            limits=False,
            unit=PERCENT,
            maximum=100.0,
            floor_s=900.0,
            height=9,
            empty=Text(
                "No alarm of this rule stood in this time: always in band",
                "Ninguna alarma de esta regla en este periodo: siempre en rango",
            )
            if bounds is None
            else None,
        )
    )


def deviation_rule(
    inventory: Inventory, rooms: tuple[Seen, ...]
) -> tuple[str, float, tuple[Seen, ...]] | None:
    """Return the rule about how far rooms are from their set points: its id, the tolerance in K, the rooms."""
    temperatures = {seen.path: seen for seen in rooms}
    setpoints = {seen.path for seen in inventory.points("temperature_setpoint")}
    book = inventory.district.alarms
    for rule in book.rules if book else ():
        watched = []
        tolerance = 0.0
        for subject in rule.subjects:
            paths = {one.path for one in subject.expression.reads} if subject.expression else set()
            inside = [temperatures[path] for path in paths if path in temperatures]
            if inside and paths & setpoints and isinstance(subject.condition, Limits):
                watched += inside
                tolerance = subject.condition.above
        if watched:
            return rule.id, tolerance, tuple(watched)
    return None


def _air(page: Page, clock: Clock) -> None:
    inventory = page.inventory
    page.row(Text("Air", "Aire"))
    co2 = inventory.points("co2", computed=False)
    page.add(
        trend(
            Text("CO2", "CO2"),
            *by_site(inventory, "co2", fold="max", take="max", computed=False, pick=_PICK),
            about=Text("The highest CO2 at each site.", "El CO2 más alto de cada sitio."),
            width=10,
        )
    )
    bounds = inventory.limits(co2) if co2 else None
    if bounds is not None:
        page.add(
            trend(
                Text("Share of time with good air", "Porcentaje del tiempo con buen aire"),
                *clock.share_inside(co2, bounds, Text("good air", "buen aire")),
                about=Text(
                    "How many quarter hours had a mean CO2 within the limits of the alarm rule {rule}.",
                    "Cuántos cuartos de hora tuvieron un CO2 medio dentro de los límites de la regla {rule}.",
                ).fill(rule=", ".join(bounds.rules)),
                limits=False,
                unit=PERCENT,
                maximum=100.0,
                floor_s=900.0,
                width=6,
            )
        )
    page.add(
        trend(
            Text("Humidity of the air", "Humedad del aire"),
            *spread("relative_humidity", computed=False, pick=_PICK),
            about=Text("The lowest, the mean and the highest.", "La más baja, la media y la más alta."),
            limits=False,
            width=8,
        )
    )
    page.add(
        trend(
            Text("Volatile compounds", "Compuestos volátiles"),
            *each(inventory, "tvoc", computed=False),
            about=Text(
                "Volatile organic compounds in the air.", "Compuestos orgánicos volátiles en el aire."
            ),
        )
    )


def _rooms(page: Page) -> None:
    measured = page.inventory.points("air_temperature", computed=False)
    rooms = frozenset(seen.owner for seen in measured)
    if not 0 < len(rooms) <= _MOST_ROWS:
        return
    page.row(Text("Rooms", "Salas"))
    columns = {
        key: (
            Column(title=title, unit=grafana_unit(unit), decimals=decimals),
            of(quantity, by="device", over="now", owners=rooms, pick=_PICK, computed=False),
        )
        for key, quantity, title, unit, decimals in (
            ("temperature", "air_temperature", Text("Temperature", "Temperatura"), "Cel", 1),
            ("setpoint", "temperature_setpoint", Text("Set point", "Punto de ajuste"), "Cel", 1),
            ("co2", "co2", Text("CO2", "CO2"), "[ppm]", 0),
            ("humidity", "relative_humidity", Text("Humidity", "Humedad"), "%", 0),
            ("people", "occupancy", Text("People", "Personas"), "", 0),
        )
    }
    page.add(
        compare(
            Text("Rooms now", "Salas ahora"),
            columns,
            about=Text(
                "Every room of the sites chosen, as last heard; each leads to its device.",
                "Cada sala de los sitios elegidos, según lo último recibido; cada una lleva a su dispositivo.",
            ),
            first=device_column(page.inventory, measured),
            height=10,
        )
    )


def _plant(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("Plant", "Instalaciones"))
    rows = max((len(inventory.points(quantity)) for quantity in _PLANT), default=0)
    for quantity in _PLANT:
        points = inventory.points(quantity)
        if points:
            row = points[0].quantity
            page.add(
                each_state(
                    inventory,
                    quantity,
                    Text(row.title, row.titulo),
                    about=Text("How each one was.", "Cómo estuvo cada uno."),
                    reading={"pick": _PICK},
                    key=quantity,
                    height=max(5, min(10, 4 + rows // 2)),
                )
            )
    for quantity, kind in (
        ("supply_air_temperature", None),
        ("filter_differential_pressure", None),
        ("supply_water_temperature", ("Chiller", "HeatPump")),
        ("hot_water_temperature", None),
        ("thermal_power", None),
        ("air_flow", None),
    ):
        points = inventory.points(quantity, kind=kind)
        if points:
            row = points[0].quantity
            page.add(
                trend(
                    Text(row.title, row.titulo),
                    *each(inventory, quantity, kind=kind, pick=_PICK),
                    about=Text("Of each, or of all together.", "De cada uno, o de todos juntos."),
                    key=f"plant {quantity}",
                    width=8,
                )
            )
    page.add(
        trend(
            Text("Power of the plant", "Potencia de las instalaciones"),
            *each(inventory, "active_power", fold="sum", kind=_HVAC, pick=_PICK),
            about=Text("What the plant draws.", "Lo que toman las instalaciones."),
            limits=False,
            width=8,
        )
    )
    page.add(
        per_day(
            Text("Energy of chillers per day", "Energía de enfriadoras por día"),
            *each(inventory, "active_energy_import", fold="sum", kind=("Chiller", "HeatPump"), few=6),
            about=Text(
                "What chillers and heat pumps counted.", "Lo que contaron enfriadoras y bombas de calor."
            ),
            width=8,
        )
    )
    page.add(
        trend(
            Text("Fuel of generators", "Combustible de las plantas de emergencia"),
            *each(inventory, "level_ratio", kind="Generator", pick=_PICK),
            about=Text("How full the tanks of the generators are.", "Cuán llenos están sus tanques."),
            minimum=0.0,
            maximum=100.0,
            width=8,
        )
    )


def _safety(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("Safety", "Seguridad"))
    for quantity in _SAFETY:
        points = inventory.points(quantity)
        if points:
            row = points[0].quantity
            page.add(
                each_state(
                    inventory,
                    quantity,
                    Text(row.title, row.titulo),
                    about=Text("How each one was.", "Cómo estuvo cada uno."),
                    reading={"pick": _PICK},
                    key=quantity,
                )
            )
    page.add(
        each_state(
            inventory,
            "door_state",
            Text("Doors", "Puertas"),
            about=Text("Whether each door stood open.", "Si cada puerta estuvo abierta."),
            reading={"kind": "Door", "pick": _PICK},
        )
    )
