"""What pages have in common: links, variables, annotations, the table of silent devices, and what is said where."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as m
from grafana_foundation_sdk.models import dashboard as d

from dashboards.kit.colours import ATTENTION, GOOD, PURPLE
from dashboards.kit.influxql import INFLUXDB, Query, Target, one_of, select, value
from dashboards.kit.names import CITY, district_tag, page_uid
from dashboards.kit.panels import Column, Panel, listing
from dashboards.kit.series import Told
from dashboards.kit.texts import Text, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.kit.made import Options
    from dashboards.kit.names import Page as PageName
    from dashboards.kit.texts import Lang

EMPTY = Text(
    "Nothing heard in this time: the table of devices on this page says who is silent, and why",
    "Nada recibido en este periodo: la tabla de dispositivos de esta página dice quién no comunica, y por qué",
)
EMPTY_FIGURE = Text("nothing heard", "nada recibido")
NONE_IN_STATE = Text("0, or silent", "0, o sin comunicación")
SILENT_ROW = Text("What is missing", "Lo que falta")
TIME = "${__url_time_range}"

_LEAKED = {"placement": "inControlsMenu", "auto": False, "auto_min": "10s", "auto_count": 30}


def tidied(found: Any) -> Any:
    """Return JSON without the defaults that the SDK adds: those that hide links in a menu, and those of other kinds."""
    if isinstance(found, dict):
        return {
            key: tidied(one) for key, one in found.items() if not (key in _LEAKED and one == _LEAKED[key])
        }
    return [tidied(one) for one in found] if isinstance(found, list) else found


def plain(model: object) -> Any:
    """Return a model of the SDK as JSON."""
    return tidied(json.loads(json.dumps(model, cls=JSONEncoder)))


# --- links ----------------------------------------------------------------------------------------------------------


def page_url(district: str, page: PageName, **variables: str) -> str:
    """Return the address of a page, with the time range kept; `variables` may hold Grafana's own (`${__field…}`)."""
    chosen = "".join(f"&var-{key}={one}" for key, one in variables.items())
    return f"/d/{page_uid(district, page)}?{TIME}{chosen}"


def device_url(district: str, device: str = "${__field.labels.device}") -> str:
    """Return the address of the page of a device: that of a series, of a row (`${__data.fields.device}`), or one."""
    return page_url(district, "device", device=device)


def data_link(title: Text, url: str, lang: Lang) -> dict[str, Any]:
    """Return a link behind a value."""
    return {"title": title.of(lang), "url": url, "targetBlank": False}


TO_DEVICE = Text("Open the device", "Abrir el dispositivo")
TO_LIST = Text("The devices behind it", "Los dispositivos detrás")


def page_links(district: str, options: Options) -> list[dict[str, Any]]:
    """Return the links at the top of a page: the city, the district's pages, and barrio itself where it is known."""
    lang = options.lang
    links = [
        dashboard.DashboardLink(Text("City", "Ciudad").of(lang))
        .type(d.DashboardLinkType.LINK)
        .url(f"/d/{CITY}")
        .icon("apps"),
        dashboard.DashboardLink(Text("Pages of the district", "Páginas del distrito").of(lang))
        .type(d.DashboardLinkType.DASHBOARDS)
        .tags([district_tag(district)])
        .as_dropdown(as_dropdown=True),
    ]
    if options.barrio_url:
        links.append(
            dashboard.DashboardLink("barrio")
            .type(d.DashboardLinkType.LINK)
            .url(options.barrio_url)
            .icon("external link")
        )
    return [plain(one.keep_time(keep_time=True).build()) for one in links]


# --- variables ------------------------------------------------------------------------------------------------------

_TAKEN = re.compile(r"[,\\:]")


def variable(name: str, title: str, choices: Mapping[str, str], *, multi: bool) -> dict[str, Any]:
    """Return a variable of which the choices are known: value to the name that people read.

    A comma, a backslash or a colon in a name would be read as the end of it, and are shown as a space.
    """
    written = [(_TAKEN.sub(" ", shown(text)) or value, value) for value, text in choices.items()]
    query = ",".join(value if text == value else f"{text} : {value}" for text, value in written)
    first = ("All", "$__all") if multi else written[0]
    built = dashboard.CustomVariable(name).label(title).values(query).multi(multi).include_all(multi)
    built = built.current(
        d.VariableOption(
            selected=True, text=[first[0]] if multi else first[0], value=[first[1]] if multi else first[1]
        )
    )
    if multi:
        built = built.all_value(".*")
    found: dict[str, Any] = plain(built.allow_custom_value(allow_custom_value=False).build())
    return found


# --- annotations ----------------------------------------------------------------------------------------------------

_EVENTS = (
    ("alarm", Text("Alarms", "Alarmas"), ATTENTION),
    ("command", Text("Commands", "Órdenes"), GOOD),
    ("delivery", Text("Deliveries", "Suministros"), PURPLE),
)


def happenings(source: str, lang: Lang, condition: str = "") -> list[dict[str, Any]]:
    """Return what is drawn into every panel over time: transitions of alarms, commands, deliveries."""
    found = []
    for kind, title, colour in _EVENTS:
        where = ("$timeFilter", f'"kind" = {value(kind)}', *([condition] if condition else []))
        columns = '"title", "text", "device", "what"'
        query = select(columns, "barrio_events", where, tail="ORDER BY time DESC LIMIT 200")
        extra = {
            "fromAnnotations": True,
            "titleColumn": "title",
            "textColumn": "text",
            "tagsColumn": "device,what",
            "timeEndColumn": "",
            "queryType": "tags",
            "name": title.of(lang),
        }
        built = (
            dashboard.AnnotationQuery()
            .name(title.of(lang))
            .enable(enable=kind != "command")
            .icon_color(colour)
        )
        built = built.datasource(m.DataSourceRef(type_val=INFLUXDB, uid=source))
        built = built.target(Target(Query(f"annotation-{kind}", source, query, "table", "", extra)))
        found.append(plain(built.build()))
    return found


# --- why a panel may be empty -----------------------------------------------------------------------------------------


def silent_devices(kinds: Sequence[str], condition: str = "") -> Panel:
    """Return the table of the devices of these kinds (all when none) that are silent now, with the reason in words."""
    fields = '"kind", "name", "words", "silent_s", "heard"'
    where = ("$timeFilter", *([condition] if condition else []))
    inner = select(f'last("up") AS "up", {fields}', "barrio_devices", where, by=("device",))
    silent = ('"up" = 0', *([one_of("kind", kinds)] if kinds and not condition else []))
    query = select(f'"up", "device", {fields}', f"({inner})", silent)
    return listing(
        Text("Silent now, and why", "Sin comunicación ahora, y por qué"),
        Told(query=query),
        about=Text(
            "The devices of this page that are not heard at the end of the time shown, and the reason. "
            "While one is here, panels that read it stay empty.",
            "Los dispositivos de esta página sin comunicación al final del periodo mostrado, y la causa. "
            "Mientras uno esté aquí, los paneles que lo leen quedan vacíos.",
        ),
        columns={
            "device": Column(title=Text("Device", "Dispositivo"), link=True),
            "name": Column(title=Text("Name", "Nombre")),
            "kind": Column(title=Text("Kind", "Tipo")),
            "words": Column(title=Text("Why", "Por qué")),
            "silent_s": Column(title=Text("Silent for", "Sin comunicación desde hace"), unit="s"),
            "heard": Column(title=Text("Last heard", "Última comunicación"), unit="dateTimeAsLocal"),
        },
        height=7,
        last="15m",
        empty=Text(
            "None: all devices of this page are heard",
            "Ninguno: todos los dispositivos de esta página están en línea",
        ),
    )
