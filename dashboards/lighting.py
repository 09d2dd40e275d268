"""The lighting page: which lamps burn by day or are dark by night, what they use, what is broken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import dashboard as d

from dashboards.kit.clock import Clock
from dashboards.kit.colours import BAD, GOOD
from dashboards.kit.days import against, device_column, largest, ranked, site_column
from dashboards.kit.facts import newest
from dashboards.kit.influxql import one_of, select, value
from dashboards.kit.many import MOST_ROWS, by_site, each, each_state
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, Layer, Panel, figure, listing, per_day, places, states, trend
from dashboards.kit.series import Told, of
from dashboards.kit.states import shown_states
from dashboards.kit.texts import Text
from dashboards.kit.units import grafana_unit

if TYPE_CHECKING:
    from dashboards.kit.inventory import Inventory, Seen
    from dashboards.kit.made import Dashboard, Options
    from dashboards.kit.panels import Builder

_OF_LAMPS = ("lamp_power", "lamp_energy", "lamp_hours", "lamp_fault_state", "lamp_current", "dimming_level")
_CABINET = "LightingCabinet"
_NOON, _MIDNIGHT = 11, 23
_KWH = grafana_unit("kW.h")


def page(inventory: Inventory, options: Options) -> Dashboard | None:
    """Return the page, None for a district without lamps."""
    made = Page(
        inventory,
        "lighting",
        Text("Street lighting", "Alumbrado público"),
        Text(
            "Which lamps burn by day or are dark by night, what they use, and what is broken",
            "Qué luminarias están encendidas de día o están apagadas de noche, cuánto consumen y qué está dañado",
        ),
        options,
    )
    clock = Clock(inventory)
    owners = {seen.owner for seen in inventory.points(*_OF_LAMPS, computed=False)}
    lit = tuple(seen for seen in inventory.points("power_state") if seen.owner in owners)
    _now(made, lit)
    _day_and_night(made, clock, lit)
    _cabinets(made)
    _lamps(made, lit)
    _use(made, clock)
    _faults(made)
    return made.build()


def _now(page: Page, lit: tuple[Seen, ...]) -> None:
    page.row(Text("Now", "Ahora"))
    if lit:
        page.add(
            figure(
                Text("Lamps that burn", "Luminarias encendidas"),
                of("power_state", take="count", state="on", owners={seen.owner for seen in lit}, over="now"),
                about=Text("Lamps that say that they burn.", "Luminarias que reportan estar encendidas."),
            )
        )
    page.add(
        figure(
            Text("Power of the lamps", "Potencia de las luminarias"),
            of("lamp_power", fold="sum", over="now"),
            about=Text("What all lamps draw now.", "Lo que toman todas las luminarias ahora."),
        )
    )
    page.add(
        figure(
            Text("Dimming", "Atenuación"),
            of("dimming_level", over="now"),
            about=Text("The mean level of all lamps now.", "El nivel medio de todas las luminarias ahora."),
        )
    )
    if page.inventory.has("lamp_fault_state"):
        page.add(
            figure(
                Text("Lamps with a fault", "Luminarias con falla"),
                _faulty('count("v")', page.inventory),
                about=Text("Lamps that report a fault now.", "Luminarias que reportan una falla ahora."),
                thresholds=[(None, GOOD), (1.0, BAD)],
                last=_recent(page.inventory, "lamp_fault_state"),
                sparkline=False,
                empty=Text("None", "Ninguna"),
            )
        )
    page.add(
        figure(
            Text("Darkest light outside", "La luz exterior más baja"),
            of("ambient_light", fold="min", over="now"),
            about=Text(
                "The least ambient light that is measured now.", "La menor luz ambiente que se mide ahora."
            ),
        )
    )


def _day_and_night(page: Page, clock: Clock, lit: tuple[Seen, ...]) -> None:
    if not lit:
        return
    page.row(Text("By day and by night", "De día y de noche"))
    outside = Text("light outside", "luz exterior")
    light = "ambient_light" if page.inventory.has("ambient_light") else "irradiance"
    unit = grafana_unit("lx" if light == "ambient_light" else "W/m2")
    burning = trend(
        Text("Lamps that burn, and daylight", "Luminarias encendidas y luz del día"),
        of(
            "power_state",
            take="count",
            state="on",
            owners={seen.owner for seen in lit},
            label=Text("lamps", "luminarias"),
        ),
        of(light, label=outside),
        about=Text(
            "How many lamps burn, and how light it is outside (on the right): "
            "both high is light wasted, both low is dark.",
            "Cuántas luminarias están encendidas, y cuánta luz hay afuera (a la derecha): "
            "ambas altas es luz perdida, ambas bajas es oscuridad.",
        ),
        limits=False,
        minimum=0.0,
        width=12,
        height=10,
    )
    page.add(_on_the_right(burning, outside.of(page.options.lang), unit))
    for title, state, begin, about, empty in (
        (
            Text("Burn by day", "Encendidas de día"),
            "on",
            _NOON,
            Text(
                "Lamps that burned between 11 and 14 of the clock, when it is day everywhere; the longest first.",
                "Luminarias encendidas entre las 11 y las 14, cuando es de día en todas partes; la mayor primero.",
            ),
            Text(
                "No lamp burned by day in this time",
                "Ninguna luminaria estuvo encendida de día en este periodo",
            ),
        ),
        (
            Text("Dark by night", "Apagadas de noche"),
            "off",
            _MIDNIGHT,
            Text(
                "Lamps that were off between 23 and 02 of the clock, when they should burn; the longest first. "
                "One that is not heard is no reading and not here.",
                "Luminarias apagadas entre las 23 y las 02, cuando deberían estar encendidas; la mayor primero. "
                "De una sin comunicación no hay lectura, y no está aquí.",
            ),
            Text(
                "No lamp was dark by night in this time",
                "Ninguna luminaria estuvo apagada de noche en este periodo",
            ),
        ),
    ):
        page.add(
            ranked(
                title,
                clock.hours_in_state(lit, state, begin, column="amount"),
                about=about,
                columns={
                    "device": device_column(page.inventory, lit),
                    "site": site_column(page.inventory, lit),
                    "amount": Column(title=Text("For", "Durante"), unit="suffix:h", decimals=1),
                },
                top=("amount", 15),
                last="7d",
                width=6,
                height=10,
                empty=empty,
            )
        )


def _on_the_right(panel: Panel, name: str, unit: str) -> Panel:
    """Return the panel with one line on an axis of its own, with its own unit."""

    def make() -> Builder:
        properties = {"unit": unit, "custom.axisPlacement": "right", "custom.fillOpacity": 0}
        listed = [d.DynamicConfigValue(id_val=key, value=value) for key, value in properties.items()]
        return panel.make().override_by_name(name, listed)

    return replace(panel, make=make)


def _cabinets(page: Page) -> None:
    page.row(Text("Cabinets", "Tableros"))
    for quantity, title, about in (
        (
            "contactor_state",
            Text("Contactors", "Contactores"),
            Text(
                "When each cabinet gave its lamps power.", "Cuándo cada tablero dio energía a sus luminarias."
            ),
        ),
        (
            "breaker_state",
            Text("Breakers of cabinets", "Interruptores de los tableros"),
            Text("Whether each breaker was closed.", "Si cada interruptor estuvo cerrado."),
        ),
        (
            "control_mode",
            Text("Who controls", "Quién controla"),
            Text("Whether each cabinet runs by itself or by hand.", "Si cada tablero opera solo o a mano."),
        ),
        (
            "cabinet_door_state",
            Text("Doors of cabinets", "Puertas de los tableros"),
            Text("Whether each door stood open.", "Si cada puerta estuvo abierta."),
        ),
    ):
        page.add(each_state(page.inventory, quantity, title, about=about, reading={"kind": _CABINET}))
    page.add(
        trend(
            Text("Lamps that burn, by cabinet", "Luminarias encendidas, por tablero"),
            *each(page.inventory, "lamps_lit", fold="sum"),
            about=Text(
                "How many lamps of each cabinet burn.", "Cuántas luminarias de cada tablero están encendidas."
            ),
            limits=False,
            steps=True,
        )
    )
    page.add(
        per_day(
            Text("Energy of cabinets per day", "Energía de los tableros por día"),
            *each(page.inventory, "active_energy_import", fold="sum", kind=_CABINET, few=12),
            about=Text("What the meter of each cabinet counted.", "Lo que contó el medidor de cada tablero."),
        )
    )


def _lamps(page: Page, lit: tuple[Seen, ...]) -> None:
    page.row(Text("Lamps", "Luminarias"))
    if 0 < len(lit) <= MOST_ROWS:
        page.add(
            states(
                Text("Lamps over time", "Luminarias en el tiempo"),
                of("power_state", by="device", owners={seen.owner for seen in lit}),
                about=Text("When each lamp burned.", "Cuándo estuvo encendida cada luminaria."),
                height=max(6, min(16, 3 + len(lit) // 2)),
                per_page=30,
                width=14,
            )
        )
    page.add(
        trend(
            Text("Dimming by site", "Atenuación por sitio"),
            *by_site(page.inventory, "dimming_level"),
            about=Text(
                "The mean level of the lamps of each site.", "El nivel medio de las luminarias de cada sitio."
            ),
            minimum=0.0,
            maximum=100.0,
            steps=True,
            width=10,
        )
    )


def _use(page: Page, clock: Clock) -> None:
    inventory = page.inventory
    page.row(Text("Use", "Consumo"))
    energy, hours = inventory.points("lamp_energy"), inventory.points("lamp_hours")
    if energy:
        page.add(
            against(
                clock,
                energy,
                Text("Energy of lamps per day", "Energía de las luminarias por día"),
                about=Text(
                    "What all lamps counted on each day, and on the same day a week before.",
                    "Lo que todas las luminarias contaron cada día, y el mismo día de la semana anterior.",
                ),
                lang=page.options.lang,
                unit=_KWH,
                width=9,
                height=10,
            )
        )
        page.add(
            largest(
                clock,
                energy,
                Text("Hungriest lamps", "Las que más consumen"),
                about=Text(
                    "The lamps that counted most energy in the time shown.",
                    "Las luminarias que más energía contaron en el periodo mostrado.",
                ),
                amount=Column(title=Text("Energy", "Energía"), unit=_KWH, decimals=2),
                width=5,
                height=10,
            )
        )
    for title, aggregate, about in (
        (
            Text("Longest burning", "Más horas encendidas"),
            'sum("delta")',
            Text("Hours that lamps burned in the time shown.", "Horas encendidas en el periodo mostrado."),
        ),
        (
            Text("Oldest lamps", "Las más antiguas"),
            'last("last")',
            Text("Hours that lamps have burned in all their life.", "Horas encendidas en toda su vida."),
        ),
    ):
        if hours:
            amount = Column(title=Text("Hours", "Horas"), unit="suffix:h", decimals=1)
            panel = largest(
                clock, hours, title, about=about, amount=amount, aggregate=aggregate, width=5, height=10
            )
            page.add(panel)


def _faults(page: Page) -> None:
    inventory = page.inventory
    page.row(Text("Faults", "Fallas"))
    if inventory.has("lamp_fault_state"):
        faults = inventory.points("lamp_fault_state")
        known = shown_states(
            dict.fromkeys(state for seen in faults for state in seen.states), inventory.alarming(faults)
        )
        page.add(
            listing(
                Text("Lamps that report a fault", "Luminarias que reportan una falla"),
                _faulty('"v", "device", "site"', inventory),
                about=Text(
                    "What each of them says now; each leads to its device.",
                    "Lo que cada una dice ahora; cada una lleva a su dispositivo.",
                ),
                columns={
                    "device": device_column(inventory, faults),
                    "site": site_column(inventory, faults),
                    "v": Column(title=Text("Fault", "Falla"), shown=known),
                },
                last=_recent(inventory, "lamp_fault_state"),
                width=10,
                height=12,
                empty=Text("None: no lamp reports a fault", "Ninguna: ninguna luminaria reporta una falla"),
            )
        )
    kinds = sorted(
        {seen.kind for seen in inventory.points(*_OF_LAMPS)} | ({_CABINET} & inventory.kinds.keys())
    )
    if any(device.location for device in inventory.devices(*kinds)) and kinds:
        fields = ("lat", "lon", "name", "kind", "words", "up", "state")
        told = Told(
            query=newest("barrio_devices", "alarms", fields, ("device",), among=(one_of("kind", kinds),))
        )
        middle = inventory.district.location
        page.add(
            places(
                Text("Faults on the map", "Fallas en el mapa"),
                [
                    Layer(
                        title=Text("Lamps and cabinets", "Luminarias y tableros"), read=told, colour="alarms"
                    )
                ],
                about=Text(
                    "Every lamp and cabinet that has a place; vermillion where an alarm stands.",
                    "Cada luminaria y tablero con lugar; bermellón donde hay una alarma vigente.",
                ),
                lat=middle.lat,
                lon=middle.lon,
                zoom=15,
                thresholds=[(None, GOOD), (1.0, BAD)],
                last="15m",
                width=14,
                height=12,
            )
        )
    page.add(
        trend(
            Text("Warmest driver", "Controlador más caliente"),
            of("driver_temperature", fold="max", take="max"),
            about=Text(
                "The highest temperature of all drivers.",
                "La temperatura más alta de todos los controladores.",
            ),
        )
    )


def _faulty(columns: str, inventory: Inventory) -> Told:
    """Return the lamps of which the newest state is a fault."""
    good = [seen.states[0] for seen in inventory.points("lamp_fault_state") if seen.states][:1] or ["ok"]
    inner = select('last("state") AS "v"', "lamp_fault_state", ("$timeFilter",), by=("device", "site"))
    return Told(
        query=select(columns, f"({inner})", (f'"v" != {value(good[0])}',)),
        form="time_series" if columns.startswith("count") else "table",
    )


def _recent(inventory: Inventory, quantity: str) -> str:
    """Return how far back the newest state of each is looked for: three heartbeats."""
    slowest = max(seen.heartbeat_s for seen in inventory.points(quantity))
    return f"{max(15, int(slowest * 3 // 60))}m"
