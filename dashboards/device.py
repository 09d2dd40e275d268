"""One device: what it is, all its points, its alarms and commands, and when it was not heard.

The page is the same for every device: a variable says which one, and every panel lists all quantities of the district
that it may have. What a device does not have gives no tile and no line.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dashboards.kit import facts, units
from dashboards.kit.facts import RECENT, newest
from dashboards.kit.influxql import name, one_of, picked, value
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, figure, listing, per_day_told, states, trend
from dashboards.kit.series import Told
from dashboards.kit.states import UP, shown_states
from dashboards.kit.steps import Step, duration, steps
from dashboards.kit.texts import Text
from twin.model.quantities import Aggregation
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dashboards.kit.inventory import Inventory, Seen
    from dashboards.kit.made import Dashboard, Options

VARIABLE = "device"
QUANTITY = "quantity"
THIS = picked("device", f"={VARIABLE}")
_WITH_QUANTITY = "$tag_point ($m)"
_NONE = Text(
    "This device has no such point, or is silent: see above",
    "Este dispositivo no tiene tal punto, o no comunica: vea arriba",
)


def page(inventory: Inventory, options: Options) -> Dashboard | None:
    """Return the page of a district; there is none without devices."""
    if not inventory.devices():
        return None
    found = Page(
        inventory,
        "device",
        Text("Device", "Dispositivo"),
        Text(
            "One device: what it is, all its points, alarms, commands and gaps. Choose it above, or come "
            "by a link.",
            "Un dispositivo: qué es, todos sus puntos, alarmas, órdenes e interrupciones. Elíjalo arriba "
            "o llegue por un enlace.",
        ),
        options,
    )
    found.variable(VARIABLE, Text("Device", "Dispositivo"), _choices(inventory), multi=False)
    found.events_of(THIS)
    found.variable(QUANTITY, Text("Quantity", "Magnitud"), _quantities(inventory, options))
    _state(found)
    _points(found)
    _happened(found)
    found.without_silent()
    return found.build()


def _choices(inventory: Inventory) -> dict[str, str]:
    """Return devices, and sites that have computed points, with their names; ids where there is no name."""
    found = {one.id: one.name for one in inventory.devices()}
    found |= {seen.owner: inventory.name_of(seen.owner) for seen in inventory.points(computed=True)}
    return {one: text if text in ("", one) else f"{text} ({one})" for one, text in found.items()}


def _quantities(inventory: Inventory, options: Options) -> dict[str, str]:
    kept = [one for one in inventory.quantities() if one.aggregation is Aggregation.GAUGE]
    named = {one.name: one.title if options.lang == "en" else one.titulo for one in kept}
    return dict(sorted(named.items(), key=lambda pair: pair[1]))


def _state(page: Page) -> None:
    query = newest(
        "barrio_devices",
        "up",
        ("name", "kind", "words", "silent_s", "heard", "skew_s", "points", "points_silent", "alarms"),
        ("device", "site"),
        where=(THIS,),
    )
    page.add(
        listing(
            Text("The device", "El dispositivo"),
            Told(query=query),
            about=Text(
                "What it is, whether it is heard, and if not, why. Source: barrio_devices, told at each "
                "change and every "
                "five minutes. A place that barrio computes points for is no device and has no row.",
                "Qué es, si está en línea y, si no, por qué. Fuente: barrio_devices, dicho en cada cambio y "
                "cada cinco minutos. Un "
                "lugar para el que barrio calcula puntos no es un dispositivo y no tiene fila.",
            ),
            columns={
                "name": Column(title=Text("Name", "Nombre")),
                "kind": Column(title=Text("Kind", "Tipo")),
                "site": Column(title=Text("Site", "Sitio")),
                "up": Column(title=Text("Heard", "En línea"), shown=UP),
                "words": Column(title=Text("Why not", "Por qué no")),
                "silent_s": Column(title=Text("Silent for", "Sin comunicación desde hace"), unit="s"),
                "heard": Column(title=Text("Last heard", "Última comunicación"), unit=facts.WHEN),
                "skew_s": Column(title=Text("Clock off by", "Desvío del reloj"), unit="s"),
                "points": Column(title=Text("Points", "Puntos")),
                "points_silent": Column(title=Text("Silent points", "Puntos sin dato")),
                "alarms": Column(title=Text("Alarms", "Alarmas")),
            },
            last=RECENT,
            height=4,
            empty=Text(
                "The platform told nothing of it in 15 minutes: it may be a place and no device",
                "La plataforma no dijo nada de él en 15 minutos: puede ser un lugar y no un dispositivo",
            ),
        )
    )


def _points(page: Page) -> None:
    inventory = page.inventory
    kinds: dict[Aggregation, list[Seen]] = defaultdict(list)
    for seen in inventory.points():
        kinds[seen.quantity.aggregation].append(seen)
    gauges, counters, named = (
        kinds[one] for one in (Aggregation.GAUGE, Aggregation.COUNTER, Aggregation.STATE)
    )
    page.row(Text("Its points", "Sus puntos"))
    if gauges:
        page.add(
            figure(
                Text("Values", "Valores"),
                *_course(gauges, 'mean("value")', 'mean("mean")'),
                about=Text(
                    "The newest value of every point that measures, with its course of an hour. Source: "
                    "its readings.",
                    "El valor más reciente de cada punto que mide, con su evolución de una hora. Fuente: sus "
                    "lecturas.",
                ),
                lines=_units(gauges),
                empty=_NONE,
                last="1h",
            ).sized(24, 10)
        )
        page.add(
            trend(
                Text("Course", "Evolución"),
                *_course(gauges, 'mean("value")', 'mean("mean")', quantity=True),
                about=Text(
                    "The course of every point that measures; choose the quantity above to see one kind "
                    "alone.",
                    "La evolución de cada punto que mide; elija arriba la magnitud para ver una sola.",
                ),
                lines=_units(gauges),
                limits=False,
                empty=_NONE,
            ).sized(24, 10)
        )
    if named:
        page.add(
            states(
                Text("States", "Estados"),
                *_course(named, 'last("state")', 'last("last_state")'),
                about=Text(
                    "What state each point was in. Source: the device's readings; long ranges show the "
                    "last state of each "
                    "window.",
                    "En qué estado estuvo cada punto. Fuente: las lecturas del dispositivo; los periodos "
                    "largos muestran el "
                    "último estado de cada ventana.",
                ),
                shown=shown_states(dict.fromkeys(state for seen in named for state in seen.states)),
                empty=_NONE,
                floor_s=60.0,
            )
        )
    if counters:
        page.add(
            per_day_told(
                Text("Counted per day", "Contado por día"),
                _daily(counters, page.district.zone.key),
                about=Text(
                    "How much each meter grew on each day. Source: rollups of the device.",
                    "Cuánto creció cada medidor en cada día. Fuente: resúmenes del dispositivo.",
                ),
                lines=_units(counters),
                stacked=False,
                empty=_NONE,
            )
        )


def _course(points: Sequence[Seen], raw: str, rolled: str, *, quantity: bool = False) -> tuple[Told, ...]:
    """Return the queries for all points of the device, over all quantities of the district of one kind."""
    most = max(_by_device(points).values())
    every_s = min(seen.every_s for seen in points)
    several = _ambiguous(points)
    others = [f'"point" != {value(one)}' for one in several]
    shared = [seen for seen in points if seen.point in several]
    reads: list[Told] = []
    for step in steps(most, every_s):
        column = rolled if step.resolution.seconds else raw
        reads.append(_one(points, step, column, quantity=quantity, where=others))
        if shared:
            these = (one_of("point", several),)
            reads.append(_one(shared, step, column, quantity=quantity, where=these, lines=_WITH_QUANTITY))
    return tuple(reads)


def _one(
    points: Sequence[Seen],
    step: Step,
    column: str,
    *,
    quantity: bool,
    where: Sequence[str],
    lines: str = "$tag_point",
) -> Told:
    source = f"/^${{{QUANTITY}:regex}}$/" if quantity else ", ".join(name(one) for one in _names(points))
    conditions = " AND ".join(("$timeFilter", THIS, *where, *step.guard))
    text = f'{_select(column)} {source} WHERE {conditions} GROUP BY time($__interval), "point" fill(none)'
    return Told(query=text, form="time_series", lines=lines, resolutions=(step.resolution,))


def _daily(points: Sequence[Seen], zone: str) -> Told:
    measurements = ", ".join(name(one) for one in _names(points))
    text = (
        f"{_select('sum(' + name('delta') + ')')} {measurements} WHERE $timeFilter AND {THIS} "
        f"GROUP BY time({duration(86_400)}), \"point\" fill(none) tz('{zone}')"
    )
    return Told(query=text, form="time_series", lines="$tag_point", resolutions=(Resolution.HOUR,))


def _select(column: str) -> str:
    return f"SELECT {column} FROM"


def _names(points: Iterable[Seen]) -> list[str]:
    return list(dict.fromkeys(seen.quantity.name for seen in points))


def _by_device(points: Iterable[Seen]) -> Mapping[str, int]:
    found: dict[str, int] = defaultdict(int)
    for seen in points:
        found[seen.owner] += 1
    return found


def _ambiguous(points: Iterable[Seen]) -> tuple[str, ...]:
    """Return the names of points that have several units in the district: a pressure of water, and of the air."""
    found: dict[str, set[str]] = defaultdict(set)
    for seen in points:
        found[seen.point].add(seen.quantity.unit)
    return tuple(point for point, codes in found.items() if len(codes) > 1)


def _units(points: Sequence[Seen]) -> dict[str, str]:
    """Return the unit of each line: of a point, or of a point and its quantity where the name has several units."""
    several = _ambiguous(points)
    return {
        f"{seen.point} ({seen.quantity.name})" if seen.point in several else seen.point: units.grafana_unit(
            seen.quantity.unit
        )
        for seen in points
    }


def _happened(page: Page) -> None:
    page.row(Text("What happened", "Qué ocurrió"))
    page.add(
        facts.standing_alarms(
            Text("Alarms that stand", "Alarmas vigentes"),
            where=(THIS,),
            about=Text(
                "Alarms of the device that stand now. Source: barrio_alarms.",
                "Alarmas vigentes del dispositivo. Fuente: barrio_alarms.",
            ),
        ).sized(24, 6)
    )
    page.add(
        facts.happened(
            Text("Alarms and commands", "Alarmas y órdenes"),
            where=(THIS,),
            about=Text(
                "Transitions of alarms, commands and deliveries in the range. Source: barrio_events.",
                "Cambios de alarmas, órdenes y suministros en el periodo. Fuente: barrio_events.",
            ),
        ).sized(24, 8)
    )
    page.add(
        facts.gaps(
            Text("Gaps", "Interrupciones"),
            where=(THIS,),
            about=Text(
                "When it gave nothing good, and why. Source: barrio_gaps.",
                "Cuándo no dio nada bueno, y por qué. Fuente: barrio_gaps.",
            ),
        ).sized(24, 8)
    )
