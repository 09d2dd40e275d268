"""Panels by the clock: days against the week before, the hours of the week, the largest. Made of `kit.clock`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common as m
from grafana_foundation_sdk.models import dashboard as d

from dashboards.kit.colours import ORANGE
from dashboards.kit.common import device_url
from dashboards.kit.panels import Column, Panel, trend
from dashboards.kit.steps import BUDGET
from dashboards.kit.texts import Text, same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.kit.clock import Clock
    from dashboards.kit.inventory import Inventory, Seen
    from dashboards.kit.panels import Builder
    from dashboards.kit.texts import Lang

_NAMED = 60
"""So many names stand in a panel without making it long."""

THAT_DAY = Text("that day", "ese día")
WEEK_BEFORE = Text("a week before", "una semana antes")
DEVICE = Text("Device", "Dispositivo")
SITE = Text("Site", "Sitio")

_DAYS = (
    Text("Mon", "Lun"),
    Text("Tue", "Mar"),
    Text("Wed", "Mié"),
    Text("Thu", "Jue"),
    Text("Fri", "Vie"),
    Text("Sat", "Sáb"),
    Text("Sun", "Dom"),
)
_HOUR = Text("Hour", "Hora")


def against(
    clock: Clock, points: Sequence[Seen], title: Text, *, about: Text, lang: Lang, **more: Any
) -> Panel:
    """Return a bar for each day of three weeks and, over two, a line of what the same day of the week before had."""
    reads = (*clock.days(points, THAT_DAY), *clock.week_before(points, WEEK_BEFORE))
    given: dict[str, Any] = {"last": "21d", "limits": False, "minimum": 0.0} | more
    panel = trend(title, *reads, about=about, bars=True, **given)

    def make() -> Builder:
        line = {
            "custom.drawStyle": "line",
            "custom.lineInterpolation": "stepAfter",
            "custom.lineWidth": 2,
            "custom.fillOpacity": 0,
            "color": {"mode": "fixed", "fixedColor": ORANGE},
        }
        built = panel.make().bar_alignment(m.BarAlignment.AFTER).bar_width_factor(0.7)
        return built.override_by_name(WEEK_BEFORE.of(lang), _properties(line))

    return replace(panel, make=make)


def hours_of_the_week(
    clock: Clock, points: Sequence[Seen], title: Text, *, about: Text, lang: Lang, unit: str, **more: Any
) -> Panel:
    """Return a table with the mean hour of each day of the week, over four weeks (of very many meters over one).

    It is coloured by how much it is. Grafana makes it of a table of hours: each becomes a text `day=1 hour=07`, is
    taken apart, grouped and turned.
    """
    zone = clock.inventory.district.zone.key
    stamp = {
        "targetField": "Time",
        "destinationType": "string",
        "dateFormat": "[day=]E[ hour=]HH",
        "timezone": zone,
    }
    groups = {
        **{key: {"operation": "groupby", "aggregations": []} for key in ("day", "hour")},
        "amount": {"operation": "aggregate", "aggregations": ["mean"]},
    }
    turned = {"columnField": "day", "rowField": "hour", "valueField": "amount (mean)", "emptyValue": "null"}
    names = {
        "hour\\day": _HOUR.of(lang),
        **{str(number): day.of(lang) for number, day in enumerate(_DAYS, 1)},
    }
    steps = (
        {"id": "convertFieldType", "options": {"fields": {}, "conversions": [stamp]}},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "Time", "desc": False}]}},
        {
            "id": "extractFields",
            "options": {"source": "Time", "format": "kvp", "replace": False, "keepTime": False},
        },
        {"id": "groupBy", "options": {"fields": groups}},
        {"id": "groupingToMatrix", "options": turned},
        {"id": "organize", "options": {"excludeByName": {}, "indexByName": {}, "renameByName": names}},
    )
    cells = {
        "custom.cellOptions": {"type": "color-background", "mode": "basic"},
        "color": {"mode": "continuous-BlPu"},
        "custom.align": "center",
    }

    def make() -> Builder:
        built = table.Panel().cell_height(m.TableCellHeight.SM).show_header(show_header=True)
        return built.override_by_field_type("number", _properties(cells))

    weeks = 4 if len(points) * 28 * 24 <= BUDGET else 1
    given: dict[str, Any] = {"last": f"{7 * weeks}d", "decimals": 1, "height": 26} | more
    reads = (clock.hours(points, "amount"),)
    return Panel(
        make=make,
        title=title,
        about=about,
        reads=reads,
        transformations=steps,
        unit=unit,
        named=False,
        **given,
    )


_ROOM_FOR_PLACES = 8


def largest(
    clock: Clock,
    points: Sequence[Seen],
    title: Text,
    *,
    about: Text,
    amount: Column,
    aggregate: str = 'sum("delta")',
    **more: Any,
) -> Panel:
    """Return a table of the ten largest over the range with their places; each leads to its device.

    A narrow table has no room for the places.
    """
    columns = {"device": device_column(clock.inventory, points)}
    if more.get("width", _ROOM_FOR_PLACES) >= _ROOM_FOR_PLACES:
        columns["site"] = site_column(clock.inventory, points)
    reads = clock.largest(points, column="amount", aggregate=aggregate)
    return ranked(title, *reads, about=about, columns=columns | {"amount": amount}, **more)


def device_column(inventory: Inventory, points: Sequence[Seen], title: Text = DEVICE) -> Column:
    """Return the column of devices: called as people call them while they are few, else by their ids; with links.

    The link takes the id, which is the value behind the name.
    """
    owners = dict.fromkeys(seen.owner for seen in points)
    url = device_url(inventory.district.id, "${__value.raw}")
    if len(owners) > _NAMED:
        return Column(title=title, url=url)
    return Column(title=title, url=url, shown={one: (same(inventory.name_of(one)), "") for one in owners})


def site_column(inventory: Inventory, points: Sequence[Seen]) -> Column:
    """Return the column of sites, called in the same way."""
    sites = inventory.sites_of(points)
    if len(sites) > _NAMED:
        return Column(title=SITE)
    return Column(title=SITE, shown={one: (same(inventory.site_name(one)), "") for one in sites})


def ranked(
    title: Text,
    *reads: Any,
    about: Text,
    columns: Mapping[str, Column],
    top: tuple[str, int] | None = None,
    **more: Any,
) -> Panel:
    """Return a table of what several queries, of which one answers, give, in their order.

    With `top`, Grafana keeps the rows that have most in a column: its name, and how many.
    """
    kept = {
        "includeByName": dict.fromkeys(columns, True),
        "excludeByName": {},
        "indexByName": {key: place for place, key in enumerate(columns)},
        "renameByName": {},
    }
    chosen: tuple[Mapping[str, Any], ...] = ()
    if top is not None:
        order = {"fields": {}, "sort": [{"field": top[0], "desc": True}]}
        chosen = ({"id": "sortBy", "options": order}, {"id": "limit", "options": {"limitField": top[1]}})
    steps = ({"id": "merge", "options": {}}, *chosen, {"id": "organize", "options": kept})

    def make() -> Builder:
        return table.Panel().cell_height(m.TableCellHeight.SM).show_header(show_header=True)

    return Panel(
        make=make, title=title, about=about, reads=reads, transformations=steps, columns=columns, **more
    )


def _properties(given: Mapping[str, Any]) -> list[d.DynamicConfigValue]:
    return [d.DynamicConfigValue(id_val=key, value=value) for key, value in given.items()]
