"""City overview: which district needs me. All districts on one page, however many they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import dashboard

from dashboards.kit import facts
from dashboards.kit.colours import ATTENTION, BAD, GOOD
from dashboards.kit.common import TO_LIST, page_url
from dashboards.kit.draw import Drawing
from dashboards.kit.influxql import name, select
from dashboards.kit.made import Dashboard
from dashboards.kit.maps import zoom_of
from dashboards.kit.names import CITY, ROOT_FOLDER, TAG, page_uid
from dashboards.kit.page import finished, panel_id, placed
from dashboards.kit.panels import Column, Layer, bars, figure, places
from dashboards.kit.series import Told, told
from dashboards.kit.texts import Text, same
from dashboards.kit.totals import power, water_today
from dashboards.quality import SHARES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dashboards.kit.inventory import Inventory
    from dashboards.kit.made import Options
    from dashboards.kit.panels import Panel

MOST_ROWS = 8
"""So many districts have a row of tiles each; more of them share one picture for each figure."""

ALARMS = ((None, GOOD), (1.0, ATTENTION), (10.0, BAD))
_HOME = Text("Open the district", "Abrir el distrito")


def page(inventories: Sequence[Inventory], options: Options) -> Dashboard | None:
    """Return the page, None when there is no district."""
    if not inventories:
        return None
    made = _City(options)
    if len(inventories) <= MOST_ROWS:
        for inventory in inventories:
            made.row(same(inventory.district.name), inventory.district.id)
            for figures in _FIGURES:
                made.add(figures.tile(inventory), inventory)
    else:
        made.row(Text("Districts", "Distritos"))
        for figures in _FIGURES:
            made.add(figures.picture(inventories), inventories[0])
    made.row(Text("Map", "Mapa"))
    made.add(_map(inventories), inventories[0])
    return made.build(inventories)


class _City:
    """A page of several districts: a grid, and panels drawn with the inventory of a district each."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._panels: list[dict[str, Any]] = []
        self._sizes: list[tuple[int, int]] = []

    def row(self, title: Text, key: str = "") -> None:
        """Begin a row; districts may have the same name, so theirs have a `key`."""
        text = title.of(self._options.lang)
        row = {"type": "row", "title": text, "collapsed": False, "panels": []}
        self._put(row, f"row {key or title.en}", 24, 1)

    def add(self, panel: Panel | None, inventory: Inventory) -> None:
        """Add a panel if there is one."""
        drawn = Drawing(inventory, self._options, "quality").panel(panel) if panel else None
        if panel is not None and drawn is not None:
            self._put(drawn.json, f"{panel.key} {panel.title.en}", panel.width, panel.height)

    def build(self, inventories: Sequence[Inventory]) -> Dashboard:
        """Return the page; its time zone is that of the districts where they share one."""
        title = Text("City overview", "Panorama de la ciudad").of(self._options.lang)
        zones = {one.district.zone.key for one in inventories}
        about = Text(
            "Which district needs me: alarms, who is heard, power, water and completeness. Each number "
            "leads to its district.",
            "Qué distrito me necesita: alarmas, quién está en línea, potencia, agua y completitud. Cada número "
            "lleva a su distrito.",
        )
        built = dashboard.Dashboard(title).uid(CITY).tags([TAG]).description(about.of(self._options.lang))
        built = built.timezone(zones.pop() if len(zones) == 1 else "browser")
        links = [
            {
                "asDropdown": True,
                "icon": "",
                "includeVars": False,
                "keepTime": True,
                "tags": [TAG],
                "targetBlank": False,
                "title": Text("All pages", "Todas las páginas").of(self._options.lang),
                "tooltip": "",
                "type": "dashboards",
            }
        ]
        found = finished(built, placed(self._panels, self._sizes), (), (), links)
        return Dashboard(CITY, title, None, ROOT_FOLDER, "city", found)

    def _put(self, panel: dict[str, Any], key: str, width: int, height: int) -> None:
        self._panels.append({**panel, "id": panel_id(key)})
        self._sizes.append((width, height))


class _Figure:
    """One figure of every district: a tile in a district's row, or a bar in a picture of all."""

    def __init__(
        self,
        title: Text,
        about: Text,
        read: Callable[[Inventory], tuple[Told, ...]],
        tile: int = 5,
        **more: Any,
    ) -> None:
        self._tile = tile
        self._title, self._about, self._read, self._more = title, about, read, more

    def tile(self, inventory: Inventory) -> Panel | None:
        """Return the tile of a district, None when it has nothing of it."""
        reads = self._read(inventory)
        given: dict[str, Any] = {"width": self._tile, "height": 4} | self._more
        leads = (_HOME, page_url(inventory.district.id, "home"))
        return (
            figure(self._title, *reads, about=self._about, leads=leads, key=inventory.district.id, **given)
            if reads
            else None
        )

    def picture(self, inventories: Sequence[Inventory]) -> Panel | None:
        """Return bars of all districts, None when none of them has anything of it."""
        reads = [one for inventory in inventories for one in self._read(inventory)]
        given: dict[str, Any] = {"width": 8, "height": max(8, len(inventories))} | self._more
        return (
            bars(self._title, *reads, about=self._about, leads=(TO_LIST, f"/d/{CITY}"), **given)
            if reads
            else None
        )


def _health(field: str) -> Callable[[Inventory], tuple[Told, ...]]:
    def read(inventory: Inventory) -> tuple[Told, ...]:
        district = inventory.district
        query = select(f"last({name(field)})", "barrio_health", ("$timeFilter",))
        return (Told(query=query, form="time_series", alias=same(district.name), district=district.id),)

    return read


def _heard(inventory: Inventory) -> tuple[Told, ...]:
    district = inventory.district
    column = '100 * last("devices_heard") / last("devices")'
    query = select(column, "barrio_health", ("$timeFilter",))
    return (Told(query=query, form="time_series", alias=same(district.name), district=district.id),)


def _power(inventory: Inventory) -> tuple[Told, ...]:
    found = power(inventory)
    return told(inventory, found, same(inventory.district.name)) if found else ()


def _water(inventory: Inventory) -> tuple[Told, ...]:
    found = water_today(inventory)
    return told(inventory, found, same(inventory.district.name)) if found else ()


def _complete(inventory: Inventory) -> tuple[Told, ...]:
    district = inventory.district
    share = '100 * sum("good_s") / sum("expected_s")'
    query = select(share, "barrio_coverage", ("$timeFilter",))
    return (
        Told(
            query=query,
            form="time_series",
            alias=same(district.name),
            district=district.id,
            resolutions=facts.HOURLY,
        ),
    )


_FIGURES = (
    _Figure(
        Text("Alarms", "Alarmas"),
        Text("Alarms that stand. Source: barrio_health.", "Alarmas vigentes. Fuente: barrio_health."),
        _health("alarms"),
        unit="none",
        thresholds=ALARMS,
        last=facts.RECENT,
        tile=4,
    ),
    _Figure(
        Text("Devices heard", "Dispositivos en línea"),
        Text(
            "Share of the devices that are heard now. Source: barrio_health.",
            "Proporción de dispositivos en línea. Fuente: barrio_health.",
        ),
        _heard,
        unit="percent",
        decimals=1,
        minimum=0.0,
        maximum=100.0,
        thresholds=SHARES,
        last=facts.RECENT,
    ),
    _Figure(
        Text("Power now", "Potencia ahora"),
        Text(
            "Power that the district takes. Source: active_power.",
            "Potencia que toma el distrito. Fuente: active_power.",
        ),
        _power,
        unit="watt",
        last="1h",
    ),
    _Figure(
        Text("Water today", "Agua hoy"),
        Text(
            "What water meters counted since midnight. Source: rollups of water_meter_volume.",
            "Lo contado por los medidores de agua desde medianoche. Fuente: resúmenes de water_meter_volume.",
        ),
        _water,
        unit="m3",
        last="2d",
        calc="last",
    ),
    _Figure(
        Text("Completeness", "Completitud"),
        Text(
            "Share of the expected time with good values, last 24 h. Source: barrio_coverage.",
            "Proporción del tiempo esperado con valores buenos, últimas 24 h. Fuente: barrio_coverage.",
        ),
        _complete,
        unit="percent",
        decimals=1,
        minimum=0.0,
        maximum=100.0,
        thresholds=SHARES,
        last="24h",
    ),
)


def _map(inventories: Sequence[Inventory]) -> Panel:
    """Return the map with a marker for each district, at the place that its files give it."""
    reads = [_marker(one) for one in inventories]
    spots = [one.district.location for one in inventories]
    fits = all(page_uid(one.district.id, "home") == f"barrio-home-{one.district.id}" for one in inventories)
    url = "/d/barrio-home-${__data.fields.district}?${__url_time_range}" if fits else f"/dashboards?tag={TAG}"
    named = {one.district.id: (same(one.district.name), GOOD) for one in inventories}
    layer = Layer(title=Text("Districts", "Distritos"), read=reads[0], colour="alarms", size=12)
    panel = places(
        Text("Districts", "Distritos"),
        (layer,),
        about=Text(
            "A marker for each district, coloured by the alarms that stand. Source: barrio_health.",
            "Un marcador por distrito, con el color de las alarmas vigentes. Fuente: barrio_health.",
        ),
        lat=sum(one.lat for one in spots) / len(spots),
        lon=sum(one.lon for one in spots) / len(spots),
        zoom=zoom_of(spots),
        last=facts.RECENT,
        columns={
            "district": Column(title=Text("District", "Distrito"), shown=named, url=url),
            "alarms": Column(title=Text("Alarms", "Alarmas"), thresholds=ALARMS),
            "devices": Column(title=Text("Devices", "Dispositivos")),
            "heard": Column(title=Text("Heard", "En línea")),
        },
        transformations=({"id": "merge", "options": {}},),
        whole=True,
    )
    return panel.reading(*reads).sized(24, 14)


def _marker(inventory: Inventory) -> Told:
    place = inventory.district.location
    columns = (
        'last("alarms") AS "alarms", last("devices") AS "devices", last("devices_heard") AS "heard", '
        f'last("alarms") * 0 + {place.lat:.6f} AS "lat", last("alarms") * 0 + {place.lon:.6f} AS "lon"'
    )
    query = select(columns, "barrio_health", ("$timeFilter",), by=("district",))
    return Told(query=query, district=inventory.district.id)
