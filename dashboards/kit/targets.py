"""The queries of a panel: one target for each resolution of what it reads, and the time that they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import common as m

from dashboards.kit.influxql import INFLUXDB, Query, Target
from dashboards.kit.names import source_uid
from dashboards.kit.series import Of, Told
from dashboards.kit.steps import MAX_POINTS, duration, on_grid, steps
from dashboards.kit.texts import shown
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.kit.panels import Builder, Panel
    from dashboards.kit.series import Compiled
    from dashboards.kit.texts import Lang
    from twin.model.district import District

MIXED = m.DataSourceRef(type_val="datasource", uid="-- Mixed --")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NOW = 900.0


class Targets:
    """Writes the targets of panels of a district."""

    def __init__(self, district: District, lang: Lang) -> None:
        self._district = district
        self._lang = lang

    def put(self, built: Builder, panel: Panel, kept: Sequence[tuple[Of | Told, Compiled | None]]) -> None:
        """Give a panel its targets, its data source, its shortest interval and its range."""
        targets = []
        for number, (read, found) in enumerate(kept):
            for resolution, query, alias in self._queries(panel, read, found):
                ref = letters(number) + (resolution.value if resolution.seconds else "")
                form = read.form if isinstance(read, Told) else "table" if read.column else "time_series"
                district = (read.district if isinstance(read, Told) else None) or self._district.id
                targets.append(
                    Query(
                        ref,
                        source_uid(district, resolution),
                        query,
                        form,
                        alias if form == "time_series" else "",
                    )
                )
        if not targets:
            return
        sources = {one.source for one in targets}
        own = m.DataSourceRef(type_val=INFLUXDB, uid=targets[0].source) if len(sources) == 1 else MIXED
        built.datasource(own).targets(list(map(Target, targets)))
        built.max_data_points(panel.points or MAX_POINTS)
        floor = max([panel.floor_s, 10.0, *(found.floor_s for _, found in kept if found)])
        built.interval(duration(on_grid(floor)))
        self._span(built, panel, kept)

    def _span(self, built: Builder, panel: Panel, kept: Sequence[tuple[Of | Told, Compiled | None]]) -> None:
        """Panels as of now look back a little, whatever the range; so do those that say how far."""
        if panel.last:
            built.time_from(panel.last).hide_time_override(hide_time_override=panel.last == "15m")
        elif kept and all(isinstance(read, Of) and read.over == "now" for read, _ in kept):
            slowest = max(seen.heartbeat_s for _, found in kept if found for seen in found.points)
            built.time_from(duration(max(_NOW, 3 * slowest))).hide_time_override(hide_time_override=True)

    def _queries(
        self, panel: Panel, read: Of | Told, found: Compiled | None
    ) -> list[tuple[Resolution, str, str]]:
        if isinstance(read, Told):
            alias = read.lines or (found.alias if found else alias_of(panel, read, self._lang))
            return [(one, text, alias) for one, text in _told(read, panel, len(self._district.devices))]
        assert found is not None  # noqa: S101 - what was not found is not kept
        return [(one, text, found.alias) for one, text in found.queries]


def alias_of(panel: Panel, read: Told, lang: Lang) -> str:
    """Return what the one line of a query is called."""
    return shown((read.alias or panel.title).of(lang))


def letters(number: int) -> str:
    """Return the name of a query: A to Z, then AA, AB and so on."""
    first = letters(number // len(_LETTERS) - 1) if number >= len(_LETTERS) else ""
    return first + _LETTERS[number % len(_LETTERS)]


def _told(read: Told, panel: Panel, devices: int) -> list[tuple[Resolution, str]]:
    if len(read.resolutions) == 1:
        return [(read.resolutions[0], read.query.replace("{guard}", ""))]
    # Coverage: two fields of every device.
    found = steps(2 * devices, 900, finest=read.resolutions[0], points=panel.points or MAX_POINTS)
    return [
        (one.resolution, read.query.replace("{guard}", "".join(f" AND {guard}" for guard in one.guard)))
        for one in found
    ]
