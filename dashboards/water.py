"""The water and gas page: what is left in tanks and for how long, what flows, what leaks, what was ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit.clock import Clock
from dashboards.kit.days import against, device_column, largest
from dashboards.kit.facts import newest
from dashboards.kit.many import each, each_state, spread
from dashboards.kit.meters import nearest_meters
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, compare, figure, listing, per_day, trend
from dashboards.kit.series import Told, of
from dashboards.kit.states import shown_states
from dashboards.kit.texts import Text, same
from dashboards.kit.units import PERCENT, grafana_unit
from twin.model.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.kit.inventory import Inventory, Seen
    from dashboards.kit.made import Dashboard, Options

_PLANT = ("Chiller", "Boiler", "AirHandlingUnit", "HeatPump", "Generator", "Elevator")
"""Kinds whose water goes round in a building: they stand on its page."""

_MOST_ROWS = 300
_FEW_NIGHTS = 12
_M3 = grafana_unit("m3")
_QUALITY = (
    "residual_chlorine",
    "ph",
    "turbidity",
    "conductivity",
    "redox_potential",
    "dissolved_oxygen",
    "water_temperature",
)


def page(inventory: Inventory, options: Options) -> Dashboard | None:
    """Return the page, None for a district without water and gas."""
    made = Page(
        inventory,
        "water",
        Text("Water and gas", "Agua y gas"),
        Text(
            "What is left in tanks and for how long, what flows, what leaks, and what was ordered",
            "Qué queda en los tanques y para cuánto, qué fluye, qué se fuga y qué se pidió",
        ),
        options,
    )
    clock = Clock(inventory)
    _now(made)
    _tanks(made)
    _requests(made)
    _flows(made, clock)
    _pressure(made, clock)
    _quality(made)
    _pumps(made)
    _wastewater(made)
    _gas(made, clock)
    return made.build()


def wet(inventory: Inventory, *quantities: str) -> tuple[str, ...]:
    """Return the kinds of devices and sites that have such points and are no plant of buildings."""
    kinds = (seen.kind for seen in inventory.points(*quantities) if seen.kind not in _PLANT)
    return tuple(dict.fromkeys(kinds))


def _now(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("Now", "Ahora"))
    page.add(
        figure(
            Text("Lowest water tank", "Cisterna más baja"),
            of("level_ratio", kind=wet(inventory, "level_ratio"), fold="min", over="now"),
            about=Text("The level of the lowest tank now.", "El nivel de la cisterna más baja ahora."),
        )
    )
    page.add(
        figure(
            Text("Lowest gas tank", "Tanque de gas más bajo"),
            of("gas_level_ratio", fold="min", over="now"),
            about=Text("The level of the lowest gas tank now.", "El nivel del tanque de gas más bajo ahora."),
        )
    )
    page.add(
        figure(
            Text("First to be empty in", "El primero se vacía en"),
            of("hours_left", fold="min", over="now"),
            decimals=1,
            about=Text(
                "Hours until the first tank is empty if it is drawn from as of late.",
                "Horas hasta que el primer tanque quede vacío si se toma como últimamente.",
            ),
        )
    )
    page.add(
        figure(
            Text("Water that flows", "Agua que fluye"),
            of(
                "water_flow",
                owners=_owners(taken(inventory)),
                point=_names(taken(inventory)),
                fold="sum",
                over="now",
            ),
            about=Text(
                "What all meters and tanks give out now.", "Lo que dan ahora todos los medidores y cisternas."
            ),
        )
    )
    page.add(
        figure(
            Text("Lowest pressure", "Presión más baja"),
            of("water_pressure", kind=wet(inventory, "water_pressure"), fold="min", over="now"),
            about=Text("The lowest water pressure now.", "La presión de agua más baja ahora."),
        )
    )
    page.add(
        figure(
            Text("Most methane", "Más metano"),
            of("methane", fold="max", over="now"),
            about=Text(
                "The highest methane beside a tank now.", "El metano más alto junto a un tanque ahora."
            ),
        )
    )


def _tanks(page: Page) -> None:
    inventory = page.inventory
    tanks = inventory.points("level_ratio", kind=wet(inventory, "level_ratio"))
    every = (*tanks, *inventory.points("gas_level_ratio"))
    both = {seen.owner for seen in every}
    page.row(Text("Tanks", "Tanques"))
    if 0 < len(both) <= _MOST_ROWS:
        known = shown_states(CATALOGUE["supply_state"].states, ("escalated",))
        page.add(
            compare(
                Text("Tanks now", "Tanques ahora"),
                {
                    "level": (
                        _column(Text("Water", "Agua"), "%", 0),
                        of("level_ratio", by="device", over="now", owners=both),
                    ),
                    "gas": (
                        _column(Text("Gas", "Gas"), "%", 0),
                        of("gas_level_ratio", by="device", over="now"),
                    ),
                    "hours": (
                        _column(Text("Hours left", "Horas restantes"), "h", 1),
                        of("hours_left", by="device", over="now"),
                    ),
                    "state": (
                        Column(title=Text("Supply", "Suministro"), shown=known),
                        of("supply_state", by="device", over="now"),
                    ),
                },
                about=Text(
                    "Every tank as last heard: how full, for how long it lasts at the draw of late, what is ordered.",
                    "Cada tanque según lo último recibido: cuán lleno, para cuánto alcanza y qué se ha pedido.",
                ),
                first=device_column(inventory, every),
                width=10,
                height=10,
            )
        )
    page.add(
        trend(
            Text("Levels of water tanks", "Niveles de las cisternas"),
            *each(inventory, "level_ratio", kind=wet(inventory, "level_ratio")),
            about=Text("How full each tank is.", "Cuán llena está cada cisterna."),
            minimum=0.0,
            maximum=100.0,
            width=14,
            height=10,
        )
    )
    page.add(
        trend(
            Text("Levels of gas tanks", "Niveles de los tanques de gas"),
            *each(inventory, "gas_level_ratio"),
            about=Text("How full each tank is.", "Cuán lleno está cada tanque."),
            minimum=0.0,
            maximum=100.0,
        )
    )
    page.add(
        trend(
            Text("Hours left", "Horas restantes"),
            *each(inventory, "hours_left"),
            about=Text(
                "For how long each tank lasts if it is drawn from as of late, as barrio computes it.",
                "Para cuánto alcanza cada tanque si se toma como últimamente, según calcula barrio.",
            ),
            minimum=0.0,
        )
    )
    page.add(
        trend(
            Text("Depth of water", "Altura del agua"),
            *each(inventory, "tank_level"),
            about=Text("How high the water stands.", "A qué altura está el agua."),
        )
    )


def _requests(page: Page) -> None:
    district = page.district
    if district.services is None or not district.services.tanks:
        return
    page.row(Text("Supply", "Suministro"))
    tanks = page.inventory.points("hours_left")
    fields = ("state", "what", "quantity", "unit", "deadline", "hours_left", "since", "text")
    known = shown_states(CATALOGUE["supply_state"].states, ("escalated",))
    page.add(
        listing(
            Text("Supply requests", "Solicitudes de suministro"),
            Told(query=newest("barrio_requests", "open", fields, ("device", "number"))),
            about=Text(
                "What was ordered in the time shown, and how it stands; it leads to its tank. Source: barrio_requests.",
                "Lo que se pidió en el periodo mostrado, y cómo va; lleva a su tanque. Fuente: barrio_requests.",
            ),
            columns={
                "number": Column(title=Text("Number", "Número"), width=90),
                "device": device_column(page.inventory, tanks, Text("Tank", "Tanque")),
                "what": Column(title=Text("What", "Qué")),
                "quantity": Column(title=Text("How much", "Cuánto"), decimals=1, width=110),
                "unit": Column(title=Text("Unit", "Unidad"), width=70, shown={"m3": (same("m³"), "")}),
                "state": Column(title=Text("State", "Estado"), shown=known, width=140),
                "since": Column(title=Text("Ordered", "Pedido"), unit="dateTimeAsLocal", width=170),
                "deadline": Column(
                    title=Text("Needed by", "Se necesita para"), unit="dateTimeAsLocal", width=170
                ),
                "hours_left": _column(Text("Hours left", "Horas restantes"), "h", 1),
            },
            sort=("since", True),
            height=8,
            empty=Text("Nothing was ordered in this time", "No se pidió nada en este periodo"),
        )
    )
    page.add(
        each_state(
            page.inventory,
            "supply_state",
            Text("Supply over time", "Suministro en el tiempo"),
            about=Text("How the supply of each tank stood.", "Cómo estuvo el suministro de cada tanque."),
            width=24,
        )
    )


def taken(inventory: Inventory) -> tuple[Seen, ...]:
    """Return the flows of water that is used: of two flows of a device the one that goes out."""
    flows = inventory.points("water_flow", kind=wet(inventory, "water_flow"), computed=False)
    out = {seen.owner for seen in flows if "out" in seen.point}
    return tuple(seen for seen in flows if "out" in seen.point or seen.owner not in out)


def _ways(flows: Sequence[Seen]) -> dict[str, Text]:
    """Return the names of the points of flows, with what people call them."""
    known = {
        "inlet_flow": Text("in", "entra"),
        "outlet_flow": Text("out", "sale"),
        "flow": Text("flow", "caudal"),
    }
    return {seen.point: known.get(seen.point, same(seen.point.replace("_", " "))) for seen in flows}


def _flows(page: Page, clock: Clock) -> None:
    inventory = page.inventory
    page.row(Text("Flow and leaks", "Caudal y fugas"))
    flows = inventory.points("water_flow", kind=wet(inventory, "water_flow"), computed=False)
    if flows:
        page.add(
            trend(
                Text("Flow of water", "Caudal de agua"),
                *(
                    of("water_flow", point=one, fold="sum", owners=_owners(flows), computed=False, label=text)
                    for one, text in _ways(flows).items()
                ),
                about=Text(
                    "All flows of one name together: what goes in, what goes out.",
                    "Todos los caudales de un nombre juntos: lo que entra, lo que sale.",
                ),
                limits=False,
                minimum=0.0,
            )
        )
        used = taken(inventory)
        page.add(
            trend(
                Text("Least flow of the night", "Caudal mínimo de la noche"),
                *clock.nights(used, Text("night", "noche"), by=_by(used)),
                about=Text(
                    "The lowest flow between 02 and 05 of the clock. Hardly anybody needs water then: "
                    "what flows all the same, night for night, is a leak.",
                    "El caudal más bajo entre las 02 y las 05. Casi nadie necesita agua entonces: "
                    "lo que fluye aun así, noche tras noche, es una fuga.",
                ),
                bars=True,
                limits=False,
                minimum=0.0,
                last="28d",
            )
        )
    volumes = nearest_meters(inventory, inventory.points("water_meter_volume", computed=False))
    _volumes(
        page, clock, volumes, Text("Water per day", "Agua por día"), Text("Most water", "Quién más agua")
    )
    page.add(
        each_state(
            inventory,
            "leak_alarm_state",
            Text("Leak sensors", "Sensores de fuga"),
            about=Text(
                "Whether each sensor found water or gas where none should be.",
                "Si cada sensor halló una fuga.",
            ),
        )
    )


def _volumes(page: Page, clock: Clock, volumes: Sequence[Seen], title: Text, most: Text) -> None:
    if not volumes:
        return
    page.add(
        against(
            clock,
            volumes,
            title,
            about=Text(
                "What the meters counted on each day of the district's calendar, and on the same day a week before.",
                "Lo que los medidores contaron en cada día del calendario, y el mismo día de la semana anterior.",
            ),
            lang=page.options.lang,
            unit=_M3,
            width=15,
        )
    )
    page.add(
        largest(
            clock,
            volumes,
            most,
            about=Text(
                "The meters that counted most in the time shown; each leads to its device.",
                "Los medidores que más contaron en el periodo mostrado; cada uno lleva a su dispositivo.",
            ),
            amount=Column(title=Text("Volume", "Volumen"), unit=_M3, decimals=1),
            width=9,
        )
    )


def _pressure(page: Page, clock: Clock) -> None:
    inventory = page.inventory
    kinds = wet(inventory, "water_pressure")
    points = inventory.points("water_pressure", kind=kinds, computed=False)
    page.row(Text("Pressure", "Presión"))
    page.add(
        trend(
            Text("Pressure of water", "Presión del agua"),
            *each(inventory, "water_pressure", kind=kinds, computed=False),
            about=Text(
                "With the limits of the alarm rules, if there are any.",
                "Con los límites de las reglas, si las hay.",
            ),
        )
    )
    page.add(
        trend(
            Text("Pressure against set point", "Presión frente al punto de ajuste"),
            *(
                spread("water_pressure", kind=kinds, computed=False)
                if inventory.has("water_pressure_setpoint")
                else ()
            ),
            of("water_pressure_setpoint", label=Text("set point, mean", "punto de ajuste, medio")),
            about=Text(
                "The lowest, the mean and the highest pressure, and the mean set point: the band that is kept.",
                "La presión más baja, la media y la más alta, y el punto de ajuste medio: la banda que se mantiene.",
            ),
            limits=False,
        )
    )
    bounds = inventory.limits(points) if points else None
    if bounds is not None:
        page.add(
            trend(
                Text("Share of time in the pressure band", "Porcentaje del tiempo con presión en rango"),
                *clock.share_inside(points, bounds, Text("in band", "en rango"), by=_by(points)),
                about=Text(
                    "How many quarter hours had a mean pressure within the limits of the alarm rule {rule}.",
                    "Cuántos cuartos de hora tuvieron una presión media dentro de los límites de la regla {rule}.",
                ).fill(rule=", ".join(bounds.rules)),
                limits=False,
                unit=PERCENT,
                maximum=100.0,
                floor_s=900.0,
            )
        )


def _quality(page: Page) -> None:
    page.row(Text("Quality of water", "Calidad del agua"))
    for quantity in _QUALITY:
        row = CATALOGUE[quantity]
        page.add(
            trend(
                Text(row.title, row.titulo),
                *each(page.inventory, quantity, kind=wet(page.inventory, quantity)),
                about=Text("Of each tank or station.", "De cada cisterna o estación."),
                key=quantity,
                width=8,
            )
        )


def _pumps(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("Pumps and valves", "Bombas y válvulas"))
    for quantity, title in (
        ("pump_state", Text("Pumps", "Bombas")),
        ("valve_state", Text("Valves", "Válvulas")),
    ):
        page.add(
            each_state(
                inventory,
                quantity,
                title,
                about=Text("How each one was.", "Cómo estuvo cada una."),
                reading={"kind": wet(inventory, quantity)},
            )
        )
    page.add(
        per_day(
            Text("Starts of pumps per day", "Arranques de bombas por día"),
            *each(inventory, "pump_starts", fold="sum", few=12),
            about=Text("Often on and off wears a pump out.", "Arrancar y parar a menudo desgasta una bomba."),
        )
    )
    page.add(
        per_day(
            Text("Hours of pumps per day", "Horas de bombas por día"),
            *each(inventory, "pump_hours", fold="sum", few=12),
            about=Text("How long each pump ran.", "Cuánto funcionó cada bomba."),
        )
    )


def _wastewater(page: Page) -> None:
    page.row(Text("Wastewater and floods", "Aguas residuales e inundaciones"))
    for quantity in ("wastewater_level", "wastewater_flow", "flood_level"):
        row = CATALOGUE[quantity]
        page.add(
            trend(
                Text(row.title, row.titulo),
                *each(page.inventory, quantity),
                about=Text("Of each pit, channel or crossing.", "De cada cárcamo, canal o cruce."),
                key=quantity,
            )
        )


def _gas(page: Page, clock: Clock) -> None:
    inventory = page.inventory
    page.row(Text("Gas", "Gas"))
    for quantity, fold in (("gas_flow", True), ("gas_pressure", False), ("methane", False)):
        row = CATALOGUE[quantity]
        page.add(
            trend(
                Text(row.title, row.titulo),
                *each(inventory, quantity, fold="sum" if fold else "mean"),
                about=Text("Of each tank, meter or sensor.", "De cada tanque, medidor o sensor."),
                key=quantity,
                width=8,
            )
        )
    volumes = nearest_meters(inventory, inventory.points("gas_meter_volume", computed=False))
    _volumes(page, clock, volumes, Text("Gas per day", "Gas por día"), Text("Most gas", "Quién más gas"))


def _by(points: Sequence[Seen]) -> tuple[str, ...]:
    """Return by what a panel tells lines apart: devices while they are few, then sites, then not at all."""
    for tag, found in (("device", {seen.owner for seen in points}), ("site", {seen.site for seen in points})):
        if len(found) <= _FEW_NIGHTS:
            return (tag,)
    return ()


def _owners(points: Sequence[Seen]) -> frozenset[str]:
    return frozenset(seen.owner for seen in points)


def _names(points: Sequence[Seen]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(seen.point for seen in points))


def _column(title: Text, unit: str, decimals: int) -> Column:
    return Column(title=title, unit=grafana_unit(unit), decimals=decimals)
