"""The energy page: how much, where, when nobody is there, at most, and how much of it from the sun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit.clock import Clock
from dashboards.kit.days import against, hours_of_the_week, largest
from dashboards.kit.many import by_site, each, each_state, spread
from dashboards.kit.meters import nearest_meters
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, figure, per_day, trend
from dashboards.kit.series import of
from dashboards.kit.texts import Text
from dashboards.kit.units import grafana_unit

if TYPE_CHECKING:
    from dashboards.kit.inventory import Inventory, Seen
    from dashboards.kit.made import Dashboard, Options

_KWH, _W = grafana_unit("kW.h"), grafana_unit("W")
_NETWORK = ("ElectricityMeter", "Transformer", "LightingCabinet", "Inverter")
_MEDIUM_V = 1000.0
_NIGHT = Text("02 to 05", "02 a 05")


def page(inventory: Inventory, options: Options) -> Dashboard | None:
    """Return the page, None for a district that measures no electricity."""
    title = Text("Energy", "Energía")
    about = Text(
        "How much electricity, where, when nobody is there, at most, and how much of it from the sun",
        "Cuánta electricidad, dónde, carga base, demanda máxima y cuánta viene del sol",
    )
    made = Page(inventory, "energy", title, about, options)
    clock = Clock(inventory)
    energy = nearest_meters(inventory, inventory.points("active_energy_import", computed=False))
    power = _power(inventory, energy)
    _now(made, power)
    _days(made, clock, energy)
    _places(made, power)
    _empty_hours(made, clock, energy)
    _sun(made)
    _storage(made)
    _network(made)
    return made.build()


def _power(inventory: Inventory, energy: tuple[Seen, ...]) -> frozenset[str]:
    """Return whose power makes up the district: the meters that are added up, or those that only say their power."""
    points = inventory.points("active_power", computed=False)
    owners = {seen.owner for seen in energy}
    if any(seen.owner in owners for seen in points):
        return frozenset(owners)
    return frozenset(seen.owner for seen in nearest_meters(inventory, points))


def _now(page: Page, power: frozenset[str]) -> None:
    page.row(Text("Now", "Ahora"))
    whole = page.inventory.points("active_power", kind="District", computed=True)
    title = Text("Power now", "Potencia ahora")
    if whole:
        about = Text(
            "What the district draws now, as barrio computes it.",
            "Lo que el distrito toma ahora, según calcula barrio.",
        )
        page.add(figure(title, of("active_power", kind="District", computed=True), about=about))
    else:
        about = Text("What all meters say now, together.", "Lo que dicen ahora todos los medidores, juntos.")
        page.add(
            figure(
                title, of("active_power", owners=power, computed=False, fold="sum", over="now"), about=about
            )
        )
    page.add(
        figure(
            Text("Sun now", "Generación solar ahora"),
            of("pv_power", computed=False, fold="sum", over="now"),
            about=Text(
                "What all inverters give now, together.", "Lo que dan ahora todos los inversores, juntos."
            ),
        )
    )
    page.add(
        figure(
            Text("Share of the sun", "Aportación solar"),
            of("solar_share", over="time"),
            about=Text(
                "How much of the district's power the sun gives.",
                "Cuánto de la potencia del distrito da el sol.",
            ),
        )
    )
    page.add(
        figure(
            Text("Load of transformers", "Carga de transformadores"),
            of("load_ratio", fold="max", take="max"),
            about=Text("The highest load against the rating.", "La carga más alta frente a la nominal."),
        )
    )
    page.add(
        figure(
            Text("Hottest transformer", "Transformador más caliente"),
            of("transformer_temperature", fold="max", take="max"),
            about=Text(
                "The highest oil or winding temperature.", "La temperatura más alta de aceite o devanado."
            ),
        )
    )


def _days(page: Page, clock: Clock, energy: tuple[Seen, ...]) -> None:
    if not energy:
        return
    page.row(Text("Days", "Días"))
    page.add(
        against(
            clock,
            energy,
            Text("Energy per day against the week before", "Energía por día frente a la semana anterior"),
            about=Text(
                "What the meters counted on each day of the district's calendar, and the same day a week before. "
                "Meters that feed other meters are left out, so nothing is counted twice. Today goes as far as now.",
                "Lo que los medidores contaron en cada día del calendario del distrito, y el mismo día de la semana "
                "anterior. Los que alimentan a otros medidores no cuentan: nada cuenta dos veces. Hoy va hasta ahora.",
            ),
            lang=page.options.lang,
            unit=_KWH,
            width=15,
            height=10,
        )
    )
    page.add(
        largest(
            clock,
            energy,
            Text("Ten largest", "Los diez mayores"),
            about=Text(
                "The meters that counted most in the time shown; each leads to its device.",
                "Los medidores que más contaron en el periodo mostrado; cada uno lleva a su dispositivo.",
            ),
            amount=Column(title=Text("Energy", "Energía"), unit=_KWH, decimals=1),
            width=9,
            height=10,
        )
    )


def _places(page: Page, power: frozenset[str]) -> None:
    page.row(Text("Places", "Lugares"))
    page.add(
        trend(
            Text("Power by site", "Potencia por sitio"),
            *by_site(page.inventory, "active_power", fold="sum", owners=power, computed=False),
            about=Text(
                "Mean power of the meters at each site, on top of one another. Meters that feed others are left out.",
                "Potencia media de los medidores de cada sitio, una sobre otra. Sin los que alimentan a otros.",
            ),
            stacked=True,
            width=24,
            height=10,
        )
    )


def _empty_hours(page: Page, clock: Clock, energy: tuple[Seen, ...]) -> None:
    if not energy:
        return
    page.row(Text("Base load and peaks", "Carga base y demanda máxima"))
    few = len({seen.site for seen in energy}) <= 12
    page.add(
        trend(
            Text("Base load of the night", "Carga base nocturna"),
            *clock.night_power(energy, _NIGHT, by=("site",) if few else ()),
            about=Text(
                "Mean power between 02 and 05 of the clock, when hardly anybody needs anything: what is left on.",
                "Potencia media entre las 02 y las 05, cuando casi nadie necesita nada: lo que queda encendido.",
            ),
            stacked=few,
            unit=_W,
            last="14d",
            width=8,
        )
    )
    page.add(
        trend(
            Text("Weekends against the week", "Fines de semana frente a la semana"),
            *clock.weekends(
                energy,
                Text("Saturday", "sábado"),
                Text("Sunday", "domingo"),
                Text("whole week", "semana entera"),
            ),
            about=Text(
                "Mean power of each Saturday and Sunday, and of the week that began on that Monday.",
                "Potencia media de cada sábado y domingo, y de la semana que empezó ese lunes.",
            ),
            bars=True,
            limits=False,
            unit=_W,
            minimum=0.0,
            last="56d",
            width=8,
        )
    )
    page.add(
        trend(
            Text("Peak demand of each day", "Demanda máxima de cada día"),
            *clock.peaks(energy, Text("peak", "máxima")),
            about=Text(
                "The highest mean power of a quarter hour, all meters together, as many tariffs bill it.",
                "La potencia media más alta de un cuarto de hora, todos juntos, como la cobran muchas tarifas.",
            ),
            bars=True,
            limits=False,
            unit=_W,
            minimum=0.0,
            last="28d",
            width=8,
        )
    )
    page.add(
        hours_of_the_week(
            clock,
            energy,
            Text("The hours of the week", "Las horas de la semana"),
            about=Text(
                "Mean energy of each hour of each day of the week, over the weeks shown: the darker, the more.",
                "Energía media de cada hora de la semana, en las semanas mostradas: cuanto más oscuro, más.",
            ),
            lang=page.options.lang,
            unit=_KWH,
            width=24,
        )
    )


def _sun(page: Page) -> None:
    page.row(Text("Sun", "Energía solar"))
    page.add(
        trend(
            Text("Sun and draw", "Generación solar y consumo"),
            of("pv_power", computed=False, fold="sum", label=Text("sun", "sol")),
            of("active_power", kind="District", computed=True, label=Text("draw", "consumo")),
            about=Text(
                "What the inverters give, and what the district draws.",
                "Lo que dan los inversores y lo que toma el distrito.",
            ),
            limits=False,
        )
    )
    page.add(
        trend(
            Text("Share of the sun over time", "Aportación solar en el tiempo"),
            of("solar_share"),
            about=Text(
                "How much of the district's power the sun gives.",
                "Cuánto de la potencia del distrito da el sol.",
            ),
            minimum=0.0,
            maximum=100.0,
            width=6,
        )
    )
    page.add(
        per_day(
            Text("Energy of the sun per day", "Energía solar por día"),
            of("pv_energy", fold="sum", label=Text("sun", "sol")),
            about=Text(
                "What all inverters counted on each day.", "Lo que todos los inversores contaron cada día."
            ),
            width=6,
        )
    )
    page.add(
        each_state(
            page.inventory,
            "inverter_state",
            Text("Inverters", "Inversores"),
            about=Text("How each inverter was.", "Cómo estuvo cada inversor."),
        )
    )
    page.add(
        trend(
            Text("Irradiance", "Irradiancia"),
            *spread("irradiance", lowest=False),
            about=Text("How strongly the sun shines.", "Con cuánta fuerza brilla el sol."),
            limits=False,
        )
    )


def _storage(page: Page) -> None:
    page.row(Text("Storage", "Almacenamiento"))
    page.add(
        trend(
            Text("Charge of batteries", "Carga de las baterías"),
            *each(page.inventory, "battery_state_of_charge"),
            about=Text("How full each battery is.", "Cuán llena está cada batería."),
            minimum=0.0,
            maximum=100.0,
        )
    )
    page.add(
        trend(
            Text("Power of batteries", "Potencia de las baterías"),
            *each(page.inventory, "battery_power", fold="sum"),
            about=Text(
                "What batteries give (or take, below zero).", "Lo que las baterías dan (o toman, bajo cero)."
            ),
            limits=False,
        )
    )


def _network(page: Page) -> None:
    page.row(Text("Network", "Red"))
    # A mean of 127 V at the meters and 277 V at the inverters is the voltage of nothing.
    voltages = page.inventory.points("voltage", kind=_NETWORK, computed=False)
    low = [seen for seen in voltages if seen.maximum < _MEDIUM_V]
    for title, key, owners in (
        (
            Text("Voltage", "Voltaje"),
            "voltage",
            {seen.owner for seen in low if seen.kind != "Inverter"},
        ),
        (
            Text("Medium voltage", "Media tensión"),
            "medium voltage",
            {seen.owner for seen in voltages if seen.maximum >= _MEDIUM_V},
        ),
        (
            Text("Voltage of inverters", "Voltaje de los inversores"),
            "voltage of inverters",
            {seen.owner for seen in low if seen.kind == "Inverter"},
        ),
    ):
        if not owners:
            continue
        page.add(
            trend(
                title,
                *spread("voltage", owners=owners),
                about=Text(
                    "The lowest, the mean and the highest of all phases.",
                    "La mínima, la media y la máxima de las fases.",
                ),
                limits=False,
                key=key,
            )
        )
    page.add(
        trend(
            Text("Power factor", "Factor de potencia"),
            *each(page.inventory, "power_factor", few=12),
            about=Text("How much of what flows does work.", "Cuánto de lo que fluye hace trabajo."),
        )
    )
    page.add(
        trend(
            Text("Harmonics of the voltage", "Armónicos del voltaje"),
            *each(page.inventory, "thd_voltage", few=12),
            about=Text("Total harmonic distortion.", "Distorsión armónica total."),
        )
    )
    page.add(
        each_state(
            page.inventory,
            "breaker_state",
            Text("Breakers", "Interruptores"),
            about=Text("Whether each breaker was closed.", "Si cada interruptor estuvo cerrado."),
        )
    )
