"""Data quality: who was heard when, what is missing and why, and how the platform itself does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit import facts
from dashboards.kit.colours import ATTENTION, BAD, GOOD
from dashboards.kit.facts import RECENT, completeness, newest
from dashboards.kit.influxql import select
from dashboards.kit.page import Page
from dashboards.kit.panels import Column, figure, listing, states, trend
from dashboards.kit.series import Told
from dashboards.kit.states import UP
from dashboards.kit.steps import BUDGET
from dashboards.kit.texts import Text

if TYPE_CHECKING:
    from dashboards.kit.inventory import Inventory
    from dashboards.kit.made import Dashboard, Options
    from dashboards.kit.panels import Panel

_TOLD_S = 300.0
"""How often devices and links are told."""

_SPANS = {"7d": 604_800, "2d": 172_800, "12h": 43_200, "3h": 10_800}

SHARES = ((None, BAD), (90.0, ATTENTION), (99.0, GOOD))
_PLATFORM = Text("Told by the platform every 30 s.", "La plataforma lo dice cada 30 s.")


def page(inventory: Inventory, options: Options) -> Dashboard | None:
    """Return the page of a district; there is none without devices."""
    found = Page(
        inventory,
        "quality",
        Text("Data quality", "Calidad de los datos"),
        Text(
            "Which devices are heard, what is missing and why, and how the platform itself does.",
            "Qué dispositivos están en línea, qué falta y por qué, y cómo va la plataforma.",
        ),
        options,
    )
    if not inventory.devices():
        return None
    _now(found)
    _devices(found)
    _missing(found)
    _platform(found)
    found.without_silent()
    return found.build()


def _now(page: Page) -> None:
    page.row(Text("Now", "Ahora"))
    page.add(
        health(Text("Devices heard", "Dispositivos en línea"), "devices_heard", len(page.district.devices))
    )
    page.add(
        health(
            Text("Points heard", "Puntos con dato"),
            "points_heard",
            len(page.inventory.points(computed=False)),
        )
    )
    page.add(
        figure(
            Text("Completeness", "Completitud"),
            completeness(),
            about=Text(
                "Share of the expected time that has good values, over the range. Source: "
                "barrio_coverage, made with the "
                "rollups.",
                "Proporción del tiempo esperado con valores buenos, en el periodo. Fuente: "
                "barrio_coverage, hecha con los "
                "resúmenes.",
            ),
            unit="percent",
            decimals=1,
            calc="mean",
            thresholds=SHARES,
        )
    )
    page.add(
        health(
            Text("Gaps that last", "Interrupciones abiertas"),
            "gaps",
            thresholds=((None, GOOD), (1.0, ATTENTION)),
        )
    )
    page.add(health(Text("Links up", "Enlaces en línea"), "links_up"))
    page.add(
        health(
            Text("Waiting in the spool", "En espera en el búfer"),
            "spool_waiting",
            thresholds=((None, GOOD), (10_000.0, ATTENTION), (1_000_000.0, BAD)),
        )
    )


def health(
    title: Text, field: str, whole: int = 0, thresholds: tuple[tuple[float | None, str], ...] = ()
) -> Panel:
    """Return a number of `barrio_health` with its course; of `whole` ones, fewer than all are coloured."""
    query = select(
        f'last("{field}")', "barrio_health", ("$timeFilter",), by=("time($__interval)",), fill="none"
    )
    words = Text(f"{whole} in all.", f"{whole} en total.") + _PLATFORM if whole else _PLATFORM
    steps = ((None, BAD), (0.9 * whole, ATTENTION), (float(whole), GOOD)) if whole else ()
    return figure(
        title,
        Told(query=query, form="time_series"),
        about=words,
        unit="none",
        floor_s=60.0,
        thresholds=thresholds or steps or ((None, GOOD),),
        key=f"health {field}",
    )


def _devices(page: Page) -> None:
    page.row(Text("Devices", "Dispositivos"))
    query = newest(
        "barrio_devices",
        "up",
        ("kind", "name", "words", "silent_s", "heard", "skew_s", "points", "points_silent", "alarms"),
        ("device", "site"),
    )
    page.add(
        listing(
            Text("Last heard", "Última comunicación"),
            Told(query=query),
            about=Text(
                "Every device: whether it is heard, since when not and why, and how far its clock is off. "
                "Source: barrio_devices, told at each change and every five minutes.",
                "Todos los dispositivos: si están en línea, desde cuándo no y por qué, y cuánto se desvía su reloj. "
                "Fuente: barrio_devices, dicho en cada cambio y cada cinco minutos.",
            ),
            columns={
                "device": facts.DEVICE,
                "name": Column(title=Text("Name", "Nombre")),
                "kind": Column(title=Text("Kind", "Tipo"), width=150),
                "site": Column(title=Text("Site", "Sitio"), width=150),
                "up": Column(title=Text("Heard", "En línea"), shown=UP, width=110),
                "words": Column(title=Text("Why not", "Por qué no")),
                "silent_s": Column(
                    title=Text("Silent for", "Sin comunicación desde hace"), unit="s", width=120
                ),
                "heard": Column(title=Text("Last heard", "Última comunicación"), unit=facts.WHEN, width=170),
                "skew_s": Column(title=Text("Clock off by", "Desvío del reloj"), unit="s", width=110),
                "points_silent": Column(title=Text("Silent points", "Puntos sin dato"), width=110),
                "alarms": Column(title=Text("Alarms", "Alarmas"), width=90),
            },
            sort=("silent_s", True),
            last=RECENT,
            height=12,
            empty=Text("The platform told nothing in 15 minutes", "La plataforma no dijo nada en 15 minutos"),
        )
    )
    page.add(
        listing(
            Text("Completeness by device", "Completitud por dispositivo"),
            completeness("device", column="share", history=False),
            about=Text(
                "Share of the expected time with good values, for each device over the range, the worst "
                "first. "
                "Source: barrio_coverage.",
                "Proporción del tiempo esperado con valores buenos, por dispositivo en el periodo, "
                "primero el peor. "
                "Fuente: barrio_coverage.",
            ),
            columns={
                "device": facts.DEVICE,
                "share": Column(
                    title=Text("Completeness", "Completitud"), unit="percent", decimals=1, thresholds=SHARES
                ),
            },
            sort=("share", False),
            width=8,
            height=10,
            floor_s=900.0,
        )
    )
    page.add(
        trend(
            Text("Completeness by site", "Completitud por sitio"),
            completeness("site"),
            about=Text(
                "Share of the expected time with good values, for each site. Source: barrio_coverage.",
                "Proporción del tiempo esperado con valores buenos, por sitio. Fuente: barrio_coverage.",
            ),
            unit="percent",
            minimum=0.0,
            maximum=100.0,
            floor_s=900.0,
            width=16,
            height=10,
        )
    )


def _missing(page: Page) -> None:
    page.row(Text("Gaps", "Interrupciones"))
    seconds = select(
        'sum("seconds")', "barrio_gaps", ("$timeFilter",), by=("time($__interval)", "reason"), fill="none"
    )
    page.add(
        trend(
            Text("Time missing by reason", "Tiempo faltante por causa"),
            Told(query=seconds, form="time_series", alias=None, lines="$tag_reason"),
            about=Text(
                "Seconds of gaps of devices, at the time they began, by reason. Source: barrio_gaps.",
                "Segundos de interrupción de los dispositivos, cuando comenzaron, por causa. Fuente: "
                "barrio_gaps.",
            ),
            unit="s",
            bars=True,
            stacked=True,
            width=10,
            floor_s=900.0,
            empty=Text("No gap began in this time", "Ninguna interrupción comenzó en este periodo"),
        )
    )
    page.add(
        facts.gaps(
            Text("Gaps and their reasons", "Interrupciones y sus causas"),
            about=Text(
                "Times in which a device gave nothing good, the newest first. Source: barrio_gaps.",
                "Periodos en que un dispositivo no dio nada bueno, primero los recientes. Fuente: "
                "barrio_gaps.",
            ),
        ).sized(14, 8)
    )


def _platform(page: Page) -> None:
    page.row(Text("Platform", "Plataforma"))
    links = select(
        'last("up")', "barrio_links", ("$timeFilter",), by=("time($__interval)", "link"), fill="none"
    )
    page.add(
        states(
            Text("Links over time", "Enlaces en el tiempo"),
            Told(query=links, form="time_series", lines="$tag_link"),
            about=Text(
                "Each link to devices: up or down. Source: barrio_links, told at each change and every "
                "five minutes.",
                "Cada enlace con dispositivos: en línea o caído. Fuente: barrio_links, dicho en cada "
                "cambio y cada cinco "
                "minutos.",
            ),
            shown=UP,
            floor_s=_TOLD_S,
            last=_back(_links(page.inventory)),
            width=24,
            height=10,
        )
    )
    page.add(
        trend(
            Text("Spool", "Búfer"),
            _course("spool_waiting", Text("Readings that wait", "Lecturas en espera")),
            about=Text("Readings that wait to be stored.", "Lecturas que esperan ser guardadas.") + _PLATFORM,
            unit="short",
            floor_s=60.0,
            width=8,
        )
    )
    page.add(
        trend(
            Text("Stored", "Guardadas"),
            _growth("stored", Text("Readings stored", "Lecturas guardadas")),
            about=Text("Readings stored in each interval.", "Lecturas guardadas en cada intervalo.")
            + _PLATFORM,
            unit="short",
            bars=True,
            floor_s=60.0,
            width=8,
        )
    )
    page.add(
        trend(
            Text("Errors of the store", "Errores de la base de datos"),
            _growth("store_errors", Text("Writes that failed", "Escrituras fallidas")),
            _growth("quarantined", Text("Readings put aside", "Lecturas apartadas")),
            _growth("dropped", Text("Readings lost", "Lecturas perdidas")),
            about=Text(
                "Writes that failed and are tried again, readings put aside and readings lost, in each "
                "interval.",
                "Escrituras fallidas que se repiten, lecturas apartadas y lecturas perdidas, en cada "
                "intervalo.",
            )
            + _PLATFORM,
            unit="short",
            bars=True,
            floor_s=60.0,
            width=8,
        )
    )


def _back(links: int) -> str:
    """Return how far back the course of so many links is shown: rows of it have no rollups."""
    fits = (span for span, length_s in _SPANS.items() if links * length_s / _TOLD_S <= BUDGET)
    return next(fits, "1h")


def _links(inventory: Inventory) -> int:
    """Return about how many links there are: addresses that are dialled."""
    return len({one.endpoint.peer for one in inventory.devices()})


def _course(field: str, label: Text) -> Told:
    query = select(
        f'max("{field}")', "barrio_health", ("$timeFilter",), by=("time($__interval)",), fill="none"
    )
    return Told(query=query, form="time_series", alias=label)


def _growth(field: str, label: Text) -> Told:
    column = f'non_negative_difference(last("{field}"))'
    query = select(column, "barrio_health", ("$timeFilter",), by=("time($__interval)",), fill="none")
    return Told(query=query, form="time_series", alias=label)
