"""From a recipe to the JSON of a panel: queries, unit, limits, names, colours, links, and the words about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import common as bc
from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as d

from dashboards.kit import common, units
from dashboards.kit.alertlist import AlertList
from dashboards.kit.basemap import basemap, layer
from dashboards.kit.colours import BLUE, PALETTE
from dashboards.kit.looks import bands, fixed, mappings, thresholds
from dashboards.kit.series import Compiled, Of, Told, compiled, tag_of
from dashboards.kit.states import shown_states
from dashboards.kit.steps import MAX_POINTS
from dashboards.kit.targets import Targets, alias_of, letters
from dashboards.kit.telling import about, why_empty
from dashboards.kit.texts import Text, shown
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.kit.inventory import Inventory
    from dashboards.kit.made import Options
    from dashboards.kit.names import Page as PageName
    from dashboards.kit.panels import Builder, Column, Panel, Shown, Thresholds
    from twin.model.district import District

_NAMED = 40


@dataclass(frozen=True, slots=True)
class Drawn:
    """A panel without id and place, and the kinds of the devices that it reads."""

    json: dict[str, Any]
    kinds: tuple[str, ...]


class Drawing:
    """Draws panels of one district in one language."""

    def __init__(self, inventory: Inventory, options: Options, lists: PageName) -> None:
        self._inventory = inventory
        self._district: District = inventory.district
        self._lang = options.lang
        self._lists = lists

    def panel(self, panel: Panel) -> Drawn | None:
        """Return a panel, None when the district has nothing of what it reads."""
        reads = [(one, self._compiled(panel, one)) for one in panel.reads]
        kept = [(one, found) for one, found in reads if isinstance(one, Told) or found is not None]
        if panel.reads and not kept:
            return None
        chosen = [found for _, found in kept if found is not None]
        built = panel.make()
        self._say(built, panel, chosen)
        Targets(self._district, self._lang).put(built, panel, kept)
        lines = [line for one in kept for line in self._lines(panel, *one)]
        self._show(built, panel, chosen)
        self._colour(built, panel, chosen, len(dict(lines)))
        self._lead(built, panel, kept)
        self._columns(built, panel)
        self._name(built, panel, dict(lines))
        self._own(built, panel)
        found = common.plain(built.build())
        if panel.transformations:
            found["transformations"] = [dict(one) for one in panel.transformations]
        devices = self._district.devices
        kinds = (seen.kind for one in chosen for seen in one.points if seen.owner in devices)
        return Drawn(found, tuple(dict.fromkeys(kinds)))

    def _compiled(self, panel: Panel, read: Of | Told) -> Compiled | None:
        if isinstance(read, Told):
            return read.about(shown((read.alias or panel.title).of(self._lang)))
        label = (read.label or panel.title).of(self._lang)
        return compiled(
            self._inventory, read, shown(label), self._district.zone.key, panel.points or MAX_POINTS
        )

    # --- words ------------------------------------------------------------------------------------------------------

    def _say(self, built: Builder, panel: Panel, chosen: Sequence[Compiled]) -> None:
        built.title(panel.title.of(self._lang)).description(about(panel, chosen).of(self._lang))
        built.no_value(why_empty(panel, chosen, self._district.retention_raw_s).of(self._lang))

    # --- values -----------------------------------------------------------------------------------------------------

    def _show(self, built: Builder, panel: Panel, chosen: Sequence[Compiled]) -> None:
        quantity = chosen[0].quantity if chosen else None
        built.unit(panel.unit or (units.grafana_unit(quantity.unit) if quantity else units.COUNT))
        for set_it, given in (
            (built.decimals, panel.decimals),
            (built.min, panel.minimum),
            (built.max, panel.maximum),
        ):
            if given is not None:
                set_it(given)
        built.mappings(self._mappings(panel, chosen))
        limits = panel.thresholds or self._limits(panel, chosen)
        built.thresholds(thresholds(limits or [(None, BLUE)]))

    def _colour(self, built: Builder, panel: Panel, chosen: Sequence[Compiled], lines: int) -> None:
        """Colour by limits and states; few lines have a colour each, of many it says how large they are."""
        colour = dashboard.FieldColor()
        states = bool(chosen) and chosen[0].quantity.aggregation is Aggregation.STATE
        if panel.thresholds or self._limits(panel, chosen) or panel.shown or states:
            built.color_scheme(colour.mode(d.FieldColorModeId.THRESHOLDS))
        elif not panel.short and not panel.lines and (lines > _NAMED or not lines):
            built.color_scheme(colour.mode(d.FieldColorModeId.CONTINUOUS_BL_PU))
        else:
            built.color_scheme(colour.mode(d.FieldColorModeId.FIXED).fixed_color(BLUE))

    def _limits(self, panel: Panel, chosen: Sequence[Compiled]) -> Thresholds:
        """Return the limits of the alarm rules for what is shown, where it is shown as it is and not as a sum."""
        if not panel.limits or len(chosen) != 1:
            return ()
        bounds = self._inventory.limits(chosen[0].points)
        return () if bounds is None else bands(bounds)

    def _mappings(self, panel: Panel, chosen: Sequence[Compiled]) -> list[d.ValueMapping]:
        known: Shown = panel.shown
        if not known:
            found = [
                one for one in chosen if one.quantity.aggregation is Aggregation.STATE and one.shows_states
            ]
            points = [seen for one in found for seen in one.points]
            known = shown_states(
                dict.fromkeys(state for seen in points for state in seen.states),
                self._inventory.alarming(points),
            )
        return mappings(known, self._lang)

    # --- names, colours, links --------------------------------------------------------------------------------------

    def _lead(self, built: Builder, panel: Panel, kept: Sequence[tuple[Of | Told, Compiled | None]]) -> None:
        """Lead every number to the device behind it, or to the page that lists them."""
        built.data_links([])
        leads = panel.leads or next((self._link(*one) for one in kept), (common.TO_LIST, self._list_url))
        if panel.leads or not any(column.link for column in panel.columns.values()):
            title, url = leads
            built.data_links(
                [dashboard.DashboardLink(title.of(self._lang)).type(d.DashboardLinkType.LINK).url(url)]
            )

    def _name(self, built: Builder, panel: Panel, lines: Mapping[str, str]) -> None:
        """Give lines the names of people's things, where they are not too many, and few of them a colour each."""
        turn = cycle(PALETTE)
        for line, unit in panel.lines.items():
            properties = [d.DynamicConfigValue(id_val="unit", value=unit)]
            built.override_by_name(line, properties if panel.short else [*properties, fixed(next(turn))])
        if not panel.named or len(lines) > _NAMED:
            return
        own = len(lines) > 1 and panel.colours and not (panel.thresholds or panel.shown)
        names = self._told_apart(lines)
        for alias in lines:
            self._line(built, alias, names[alias], next(turn) if own else "")

    def _told_apart(self, lines: Mapping[str, str]) -> dict[str, str]:
        """Return what each line is called; devices of one name are told apart by their sites."""
        names = {one: self._called(one, owner) for one, owner in lines.items()}
        often = Counter(names.values())
        for alias, owner in lines.items():
            device = self._district.devices.get(owner)
            if device is not None and often[names[alias]] > 1:
                names[alias] += f" · {shown(self._inventory.site_name(device.site))}"
        return names

    @property
    def _list_url(self) -> str:
        return common.page_url(self._district.id, self._lists)

    def _link(self, read: Of | Told, found: Compiled | None) -> tuple[Text, str]:
        """Return where a number leads: to its device, or to the page that lists the devices behind it."""
        owners = {seen.owner for seen in found.points} if found else set()
        if "$tag_device" in (read.lines if isinstance(read, Told) else "") or (
            found and "device" in found.by
        ):
            return common.TO_DEVICE, common.device_url(self._district.id)
        if len(owners) == 1:
            return common.TO_DEVICE, common.device_url(self._district.id, next(iter(owners)))
        return common.TO_LIST, self._list_url

    def _lines(self, panel: Panel, read: Of | Told, found: Compiled | None) -> list[tuple[str, str]]:
        """Return the names that lines have, each with the device or site whose name for people it gets."""
        if found is not None:
            return _lines(found)
        if isinstance(read, Told) and read.lines in ("$tag_device", "$tag_site"):
            # Places have points too, those that barrio computes, and stand where devices do.
            of_sites = dict.fromkeys(one.site for one in self._district.devices.values()) | dict.fromkeys(
                self._district.sites
            )
            return [(one, one) for one in (self._district.devices if "device" in read.lines else of_sites)]
        if isinstance(read, Told) and read.form == "time_series" and not read.lines:
            return [(alias_of(panel, read, self._lang), "")]
        return []

    def _called(self, alias: str, owner: str) -> str:
        """Return what a line is called: the name of its device or site, and its point where there are several."""
        if not owner:
            return alias
        point = alias.removeprefix(owner).strip().replace("_", " ")
        return " · ".join(filter(None, (shown(self._inventory.name_of(owner)), point)))

    def _line(self, built: Builder, alias: str, name: str, colour: str) -> None:
        properties = [] if name == alias else [d.DynamicConfigValue(id_val="displayName", value=name)]
        if colour:
            properties.append(fixed(colour))
        if properties:
            built.override_by_name(alias, properties)

    def _columns(self, built: Builder, panel: Panel) -> None:
        for key, column in panel.columns.items():
            built.override_by_name(key, self._column(column))

    def _column(self, column: Column) -> list[d.DynamicConfigValue]:
        lang = self._lang
        given: list[tuple[str, Any]] = [("displayName", column.title.of(lang)), ("noValue", "–")]
        given += [
            (key, one)
            for key, one in (
                ("unit", column.unit),
                ("decimals", column.decimals),
                ("custom.width", column.width),
            )
            if one not in (None, "")
        ]
        if column.shown:
            given.append(("mappings", [common.plain(one) for one in mappings(column.shown, lang)]))
        if any(colour for _, colour in column.shown.values()):
            given.append(("custom.cellOptions", {"type": "color-text"}))
        if column.thresholds:
            given.append(("thresholds", common.plain(thresholds(column.thresholds).build())))
            given.append(
                (
                    "custom.cellOptions",
                    {"type": "gauge", "mode": "basic"} if column.bar else {"type": "color-text"},
                )
            )
            given.append(("color", {"mode": "thresholds"}))
        if column.link:
            url = common.device_url(self._district.id, "${__data.fields.device}")
            given.append(("links", [common.data_link(common.TO_DEVICE, url, lang)]))
        elif column.url:
            given.append(("links", [common.data_link(column.title, column.url, lang)]))
        return [d.DynamicConfigValue(id_val=key, value=one) for key, one in given]

    def _own(self, built: Builder, panel: Panel) -> None:
        """Add what only some kinds of panels have."""
        if panel.links:
            links = [
                dashboard.DashboardLink(title.of(self._lang)).type(d.DashboardLinkType.LINK).url(url)
                for title, url in panel.links
            ]
            built.links(links)
        if panel.content is not None:
            built.content(panel.content.of(self._lang))
        if panel.layers:
            built.layers(
                [
                    layer(one, "" if panel.whole else letters(number), self._lang)
                    for number, one in enumerate(panel.layers)
                ]
            )
            built.basemap(basemap(self._district))
        if panel.sort is not None:
            built.sort_by(
                [bc.TableSortByFieldState().display_name(panel.sort[0].of(self._lang)).desc(panel.sort[1])]
            )
        if isinstance(built, AlertList):
            built.district(self._district.id)


def _lines(found: Compiled) -> list[tuple[str, str]]:
    """Return the names that lines have, each with the device or site whose name for people it gets."""
    if len(found.by) != 1 or found.by[0] == "point":
        keys = dict.fromkeys(tuple(tag_of(seen, tag) for tag in found.by) for seen in found.points)
        ours = len(found.by) > 1 and found.by[0] in ("device", "site")
        return [(" ".join(key) or found.alias, key[0] if ours else "") for key in keys]
    return [(one, one) for one in dict.fromkeys(tag_of(seen, found.by[0]) for seen in found.points)]
