"""A page: panels in a grid, with what every page of a district has.

That is its variables, annotations (alarms, commands, deliveries), links to the other pages, and at its end the table of
the devices that are silent now and why, so that an empty panel explains itself.

A panel's id follows from its key (its English title when it has none), not from its place: links to a panel and alert
rules stay right when another one is put above it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as d

from dashboards.kit import common
from dashboards.kit.draw import Drawing
from dashboards.kit.made import Dashboard, Options
from dashboards.kit.names import TAG, district_tag, folder_uid, page_uid, source_uid
from dashboards.kit.names import Page as PageName
from dashboards.kit.texts import Text, shown
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.kit.inventory import Inventory
    from dashboards.kit.panels import Panel

_COLUMNS = 24
_WIDEST = 3
"""How many times as wide as it was meant a panel may become where a line has room."""
_SCHEMA = 39
"""What Grafana 11.0 writes. Nothing of ours differs in later ones, and each Grafana raises it to its own; a number
above its own is one that it says it could not convert."""


class Page:
    """One page of one district, filled from top to bottom and from left to right."""

    def __init__(
        self, inventory: Inventory, name: PageName, title: Text, about: Text, options: Options
    ) -> None:
        self.inventory = inventory
        self.district = inventory.district
        self.name = name
        self.title = title
        self.about = about
        self.options = options
        self.lists: PageName = "quality"
        """The page that lists the devices behind a number that belongs to no single one."""
        self._panels: list[dict[str, Any]] = []
        self._sizes: list[tuple[int, int]] = []
        self._ids: dict[int, str] = {}
        self._row: Text | None = None
        self._variables: list[dict[str, Any]] = []
        self._kinds: dict[str, None] = {}
        self._silent = False
        self._about_events = ""

    @property
    def empty(self) -> bool:
        """Whether there is no panel yet that shows something of this district."""
        return not self._panels

    def row(self, title: Text) -> None:
        """Begin a row; it appears with the first panel that is added to it."""
        self._row = title

    def add(self, panel: Panel) -> bool:
        """Add a panel, unless the district has nothing of what it reads; return whether it was added."""
        drawn = Drawing(self.inventory, self.options, self.lists).panel(panel)
        if drawn is None:
            return False
        if self._row is not None:
            self._put(self._drawn_row(self._row), "row " + self._row.en, _COLUMNS, 1)
            self._row = None
        self._put(drawn.json, panel.key or panel.title.en, panel.width, panel.height)
        self._kinds.update(dict.fromkeys(drawn.kinds))
        return True

    def variable(self, name: str, title: Text, choices: Mapping[str, str], *, multi: bool = True) -> None:
        """Add a variable with choices from the model: value to the name that people read.

        With `multi` several can be chosen, and `All`, which is `.*` in queries, however many there are.
        """
        self._variables.append(common.variable(name, title.of(self.options.lang), choices, multi=multi))

    def silent(self, condition: str = "", *, everywhere: bool = False) -> None:
        """Add the table of silent devices here; without this it is added at the end.

        It is about the kinds of devices that panels read so far, or `everywhere` about all of them. `condition` narrows
        it by tags.
        """
        if not self._silent:
            self._silent = True
            self.row(common.SILENT_ROW)
            self.add(common.silent_devices(() if everywhere else tuple(self._kinds), condition))

    def events_of(self, condition: str) -> None:
        """Draw only events that a condition on tags holds for; all of the district's without this."""
        self._about_events = condition

    def without_silent(self) -> None:
        """Leave the table of silent devices out: the page says by other means who is silent."""
        self._silent = True

    def build(self) -> Dashboard | None:
        """Return the page, None when the district has nothing for it."""
        if self.empty:
            return None
        self.silent()
        title = Text(
            f"{self.title.en} – {shown(self.district.name)}", f"{self.title.es} – {shown(self.district.name)}"
        )
        uid = page_uid(self.district.id, self.name)
        built = dashboard.Dashboard(title.of(self.options.lang)).uid(uid)
        built = built.description(self.about.of(self.options.lang)).tags(
            [TAG, district_tag(self.district.id)]
        )
        built = built.timezone(self.district.zone.key)
        found = finished(
            built, placed(self._panels, self._sizes), self._variables, self._annotations(), self._links()
        )
        return Dashboard(
            uid,
            title.of(self.options.lang),
            self.district.id,
            folder_uid(self.district.id),
            f"{self.district.id}-{self.name}",
            found,
        )

    def _put(self, panel: dict[str, Any], key: str, width: int, height: int) -> None:
        number = panel_id(key)
        if number in self._ids:
            raise ValueError(
                f"two panels of {self.name} are called {key!r} (or {self._ids[number]!r}): give one a key"
            )
        self._ids[number] = key
        self._panels.append({**panel, "id": number})
        self._sizes.append((width, height))

    def _drawn_row(self, title: Text) -> dict[str, Any]:
        return {"type": "row", "title": title.of(self.options.lang), "collapsed": False, "panels": []}

    def _annotations(self) -> list[dict[str, Any]]:
        source = source_uid(self.district.id, Resolution.RAW)
        return common.happenings(source, self.options.lang, self._about_events)

    def _links(self) -> list[dict[str, Any]]:
        return common.page_links(self.district.id, self.options)


@dataclass
class _Column:
    """Panels of one line that stand on one another."""

    x: int
    width: int
    panels: list[int]
    height: int


def laid_out(sizes: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    """Return places (`h`, `w`, `x`, `y`) for panels of these widths and heights, in lines from left to right.

    A panel stands under the last one of the same width where the line has room for both; and all columns of a line end
    at its lower edge, and the last one at the right edge, so that there are no gaps: what a district lacks makes room
    for what it has.
    """
    found: list[dict[str, int]] = []
    line: list[_Column] = []
    top = 0
    for number, (width, height) in enumerate(sizes):
        tallest = max((one.height for one in line), default=0)
        if line and line[-1].width == width and line[-1].height + height <= tallest:
            column = line[-1]
        else:
            x = sum(one.width for one in line)
            if x + width > _COLUMNS:
                _close(line, found, tallest)
                line, x, top = [], 0, top + tallest
            column = _Column(x, width, [], 0)
            line.append(column)
        found.append({"h": height, "w": width, "x": column.x, "y": top + column.height})
        column.panels.append(number)
        column.height += height
    _close(line, found, max((one.height for one in line), default=0))
    return found


def _close(line: Sequence[_Column], found: Sequence[dict[str, int]], tallest: int) -> None:
    total = sum(one.width for one in line)
    wider = min(_COLUMNS / total, _WIDEST) if line else 1.0
    for column in line:
        found[column.panels[-1]]["h"] += tallest - column.height
        left, right = round(column.x * wider), round((column.x + column.width) * wider)
        for number in column.panels:
            found[number] |= {"x": left, "w": right - left}


def placed(panels: Sequence[dict[str, Any]], sizes: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return panels with their places in the grid."""
    return [{**panel, "gridPos": place} for panel, place in zip(panels, laid_out(sizes), strict=True)]


def panel_id(key: str) -> int:
    """Return the id of a panel: the same in every run, whatever stands around it."""
    return int.from_bytes(sha256(key.encode()).digest()[:4], "big") % 1_000_000_000 + 1


def finished(
    built: dashboard.Dashboard,
    panels: Sequence[dict[str, Any]],
    variables: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]],
    links: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return the JSON of a dashboard with all its parts."""
    built = built.readonly().tooltip(d.DashboardCursorSync.CROSSHAIR).time("now-24h", "now").refresh("1m")
    found = plain(built.build())
    return found | {
        "schemaVersion": _SCHEMA,
        "panels": list(panels),
        "templating": {"list": list(variables)},
        "annotations": {"list": list(annotations)},
        "links": list(links),
    }


def plain(model: object) -> dict[str, Any]:
    """Return a model of the SDK as JSON, without the defaults that the SDK leaks."""
    found: dict[str, Any] = common.tidied(json.loads(json.dumps(model, cls=JSONEncoder)))
    return found
