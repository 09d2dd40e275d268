"""Queries over what barrio tells beside readings (`twin.facts`), and the tables that several pages show of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit.influxql import name, select
from dashboards.kit.panels import Column, Panel, listing
from dashboards.kit.series import Told
from dashboards.kit.states import ALARM, PRIORITY, REASONS
from dashboards.kit.texts import Text
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLLED = (Resolution.QUARTER, Resolution.HOUR, Resolution.DAY)
HOURLY = (Resolution.HOUR,)
RECENT = "15m"
"""How far back the newest row of what is told every minute, or every five, is looked for."""

DEVICE = Column(title=Text("Device", "Dispositivo"), link=True, width=170)
WHEN = "dateTimeAsLocal"


def newest(
    measurement: str,
    field: str,
    further: Sequence[str],
    tags: Sequence[str],
    *,
    where: Sequence[str] = (),
    among: Sequence[str] = (),
) -> str:
    """Return the query for the newest row of each series: `field`, `further` fields and the tags, as columns.

    `where` are conditions on tags for the rows, `among` conditions on fields for what comes out.
    """
    columns = ", ".join(map(name, further))
    inner = select(
        f"last({name(field)}) AS {name(field)}, {columns}", measurement, ("$timeFilter", *where), by=tags
    )
    return select(f"{name(field)}, {', '.join(map(name, tags))}, {columns}", f"({inner})", among)


def standing_alarms(title: Text, *, where: Sequence[str] = (), about: Text, key: str = "") -> Panel:
    """Return the table of the alarms that stand: since when, how bad, what, and what to do."""
    query = newest(
        "barrio_alarms",
        "standing",
        ("state", "text", "advice", "since", "count"),
        ("priority", "device", "rule", "point"),
        where=where,
        among=('"standing" = 1',),
    )
    return listing(
        title,
        Told(query=query),
        about=about,
        columns={
            "priority": Column(title=Text("Priority", "Prioridad"), shown=PRIORITY, width=110),
            "since": Column(title=Text("Since", "Desde"), unit=WHEN, width=170),
            "device": DEVICE,
            "text": Column(title=Text("What", "Qué")),
            "advice": Column(title=Text("What to do", "Qué hacer")),
            "state": Column(title=Text("State", "Estado"), shown=ALARM, width=150),
            "count": Column(title=Text("Times", "Veces"), width=80),
            "rule": Column(title=Text("Rule", "Regla"), width=140),
        },
        sort=("since", True),
        last=RECENT,
        height=9,
        key=key,
        empty=Text(
            "No alarm stands (or the platform is silent: see how fresh the data is)",
            "No hay alarmas vigentes (o la plataforma no comunica: vea qué tan reciente es el dato)",
        ),
    )


def happened(title: Text, *, where: Sequence[str] = (), about: Text, height: int = 8) -> Panel:
    """Return the table of what happened in the range: transitions of alarms, commands, deliveries, the platform."""
    columns = '"kind", "what", "title", "text", "who", "device", "priority"'
    query = select(columns, "barrio_events", ("$timeFilter", *where), tail="ORDER BY time DESC LIMIT 500")
    return listing(
        title,
        Told(query=query),
        about=about,
        columns={
            "Time": Column(title=Text("When", "Cuándo"), width=170),
            "kind": Column(title=Text("Kind", "Clase"), shown=KINDS, width=110),
            "title": Column(title=Text("What", "Qué")),
            "text": Column(title=Text("In words", "En palabras")),
            "who": Column(title=Text("Who", "Quién"), width=130),
            "device": DEVICE,
        },
        height=height,
        empty=Text("Nothing happened in this time", "No ocurrió nada en este periodo"),
    )


KINDS = {
    "alarm": (Text("alarm", "alarma"), "#E69F00"),
    "command": (Text("command", "orden"), "#0072B2"),
    "delivery": (Text("delivery", "suministro"), "#CC79A7"),
    "platform": (Text("platform", "plataforma"), "#8E8E8E"),
}
"""Kinds of events."""


def gaps(title: Text, *, where: Sequence[str] = (), about: Text, height: int = 8) -> Panel:
    """Return the table of the gaps that began in the range, with their reasons."""
    columns = '"device", "reason", "seconds", "open", "points", "words", "filled"'
    query = select(columns, "barrio_gaps", ("$timeFilter", *where), tail="ORDER BY time DESC LIMIT 500")
    return listing(
        title,
        Told(query=query),
        about=about,
        columns={
            "Time": Column(title=Text("Began", "Comenzó"), width=170),
            "device": DEVICE,
            "words": Column(title=Text("Why", "Por qué")),
            "reason": Column(title=Text("Reason", "Causa"), shown=REASONS, width=150),
            "seconds": Column(title=Text("Lasted", "Duró"), unit="s", width=110),
            "open": Column(title=Text("Now", "Ahora"), shown=OPEN, width=110),
            "points": Column(title=Text("Points", "Puntos"), width=90),
            "filled": Column(title=Text("Filled later", "Rellenados después"), width=130),
        },
        height=height,
        empty=Text("No gap began in this time", "Ninguna interrupción comenzó en este periodo"),
    )


OPEN = {
    "0": (Text("over", "terminada"), "#0072B2"),
    "1": (Text("lasts", "continúa"), "#D55E00"),
}
"""Whether a gap lasts still."""


def completeness(by: str = "", *, column: str = "", where: Sequence[str] = (), history: bool = True) -> Told:
    """Return the share of the expected time that has good values, in %, over time or over the whole range."""
    share = '100 * sum("good_s") / sum("expected_s")'
    groups = [*(["time($__interval)"] if history else []), *([by] if by else [])]
    query = select(
        f"{share} AS {name(column)}" if column else share,
        "barrio_coverage",
        ("$timeFilter{guard}", *where),
        by=groups,
        fill="none" if history else "",
    )
    lines = f"$tag_{by}" if by else ""
    return Told(query=query, form="table" if column else "time_series", lines=lines, resolutions=ROLLED)
