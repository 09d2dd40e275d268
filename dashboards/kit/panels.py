"""Panels: what a person reads, as one line each.

A function here returns a `Panel`: a recipe that a page makes JSON of, in its language and from what its district has.
Every panel has a title, and a text (`about`) of what it shows; where its numbers come from is added by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    gauge,
    geomap,
    heatmap,
    stat,
    statetimeline,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.models import common as m
from grafana_foundation_sdk.models import geomap as geo
from grafana_foundation_sdk.models.text import TextMode

from dashboards.kit.alertlist import AlertList
from dashboards.kit.series import Of, Told
from dashboards.kit.texts import Text

# The SDK's builders share no base that has what they have in common.
Builder: TypeAlias = Any
Read: TypeAlias = Of | Told
Thresholds: TypeAlias = Sequence[tuple[float | None, str]]
Symbol: TypeAlias = Literal["circle", "square", "triangle", "star", "diamond", "cross", "x-mark"]
Shown: TypeAlias = Mapping[str, tuple[Text, str]]
"""What a value (a state, a number as text) is shown as: words and a colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its title, unit, and what its values are shown as; `link` names the page it leads to."""

    title: Text
    unit: str = ""
    decimals: int | None = None
    shown: Shown = field(default_factory=dict)
    thresholds: Thresholds = ()
    link: bool = False
    width: int | None = None
    bar: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A recipe. `make` returns the SDK's builder with what belongs to its kind; the page adds what all have."""

    make: Callable[[], Builder]
    title: Text
    about: Text
    reads: tuple[Read, ...] = ()
    width: int = 12
    height: int = 8
    unit: str | None = None
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    limits: bool = False
    thresholds: Thresholds = ()
    shown: Shown = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    transformations: tuple[Mapping[str, Any], ...] = ()
    last: str = ""
    key: str = ""
    floor_s: float = 0.0
    points: int | None = None
    links: tuple[tuple[Text, str], ...] = ()
    leads: tuple[Text, str] | None = None
    empty: Text | None = None
    short: bool = False
    lines: Mapping[str, str] = field(default_factory=dict)
    named: bool = True
    colours: bool = True
    content: Text | None = None
    layers: tuple[Layer, ...] = ()
    whole: bool = False
    sort: tuple[Text, bool] | None = None

    def sized(self, width: int, height: int) -> Panel:
        """Return the panel in another size: columns of 24, rows of about 3 cm."""
        return replace(self, width=width, height=height)

    def reading(self, *reads: Read) -> Panel:
        """Return the panel with other reads; a map whose one layer is to show all of them is `whole`."""
        return replace(self, reads=reads)


def trend(
    title: Text,
    *reads: Read,
    about: Text,
    stacked: bool = False,
    bars: bool = False,
    steps: bool = False,
    limits: bool = True,
    **more: Any,
) -> Panel:
    """Return a time series: lines, areas on one another (`stacked`), or `bars`; `limits` draws those of alarm rules.

    `more` are fields of `Panel`: `unit`, `decimals`, `minimum`, `maximum`, `shown`, `last`, `width`, `height`, `key` …
    """

    def make() -> Builder:
        built = timeseries.Panel().legend(_legend()).tooltip(_tooltip(m.TooltipDisplayMode.MULTI))
        built = built.line_width(2).fill_opacity(30 if stacked else 8).show_points(m.VisibilityMode.AUTO)
        if bars:
            built = built.draw_style(m.GraphDrawStyle.BARS).fill_opacity(80)
        if steps:
            built = built.line_interpolation(m.LineInterpolation.STEP_AFTER)
        if stacked:
            built = built.stacking(common.StackingConfig().mode(m.StackingMode.NORMAL))
        if limits and not stacked:
            built = built.thresholds_style(
                common.GraphThresholdsStyleConfig().mode(m.GraphThresholdsStyleMode.LINE)
            )
        return built

    return Panel(make=make, title=title, about=about, reads=reads, limits=limits and not stacked, **more)


def figure(
    title: Text, *reads: Read, about: Text, sparkline: bool = True, calc: str = "lastNotNull", **more: Any
) -> Panel:
    """Return a large number with its course behind it; coloured by the alarm rules' limits or `thresholds`."""

    def make() -> Builder:
        built = stat.Panel().reduce_options(common.ReduceDataOptions().calcs([calc]).values(values=False))
        built = built.graph_mode(m.BigValueGraphMode.AREA if sparkline else m.BigValueGraphMode.NONE)
        return built.color_mode(m.BigValueColorMode.VALUE).text_mode(m.BigValueTextMode.AUTO)

    given: dict[str, Any] = {"width": 4, "height": 4, "limits": True, "short": True} | more
    return Panel(make=make, title=title, about=about, reads=reads, **given)


def per_day_told(title: Text, *reads: Told, about: Text, last: str = "14d", **more: Any) -> Panel:
    """Return `per_day` of queries that group by days themselves."""
    panel = per_day(title, about=about, last=last, **more)
    return replace(panel, reads=reads)


def per_day(
    title: Text, *reads: Of, about: Text, last: str = "14d", stacked: bool = True, **more: Any
) -> Panel:
    """Return bars, one for each day of the district's calendar, over the `last` days whatever the range is.

    The day that is not over yet is shown as far as it has come.
    """

    def make() -> Builder:
        built = timeseries.Panel().draw_style(m.GraphDrawStyle.BARS).fill_opacity(80).line_width(1)
        built = built.bar_alignment(m.BarAlignment.AFTER).bar_width_factor(0.7)
        if stacked:
            built = built.stacking(common.StackingConfig().mode(m.StackingMode.NORMAL))
        return built.legend(_legend()).tooltip(_tooltip(m.TooltipDisplayMode.MULTI))

    given: dict[str, Any] = {"minimum": 0.0} | more
    daily = tuple(replace(one, daily=True) for one in reads)
    return Panel(make=make, title=title, about=about, reads=daily, last=last, **given)


def bars(title: Text, *reads: Read, about: Text, calc: str = "lastNotNull", **more: Any) -> Panel:
    """Return one horizontal bar for each line, as of now or over the range; best with `of(…, over="now")`."""

    def make() -> Builder:
        built = (
            bargauge.Panel()
            .orientation(m.VizOrientation.HORIZONTAL)
            .display_mode(m.BarGaugeDisplayMode.BASIC)
        )
        return built.value_mode(m.BarGaugeValueMode.TEXT).reduce_options(
            common.ReduceDataOptions().calcs([calc]).values(values=False)
        )

    given: dict[str, Any] = {"limits": True} | more
    return Panel(make=make, title=title, about=about, reads=reads, **given)


def ranking(title: Text, read: Of, *, about: Text, top: int = 10, **more: Any) -> Panel:
    """Return the largest of the lines over the range as bars, the largest first."""

    def make() -> Builder:
        built = (
            bargauge.Panel()
            .orientation(m.VizOrientation.HORIZONTAL)
            .display_mode(m.BarGaugeDisplayMode.BASIC)
        )
        reduced = common.ReduceDataOptions().calcs([]).values(values=True).limit(top).fields("/^value$/")
        return built.value_mode(m.BarGaugeValueMode.TEXT).reduce_options(reduced)

    order = (
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "value", "desc": True}]}},
        {"id": "limit", "options": {"limitField": top}},
    )
    chosen = replace(read, over="range", column="value")
    return Panel(
        make=make, title=title, about=about, reads=(chosen,), transformations=order, named=False, **more
    )


def dial(title: Text, *reads: Read, about: Text, **more: Any) -> Panel:
    """Return a gauge for each line, with the limits of the alarm rules as its bands; best with `over="now"`."""

    def make() -> Builder:
        reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False)
        return gauge.Panel().reduce_options(reduced).show_threshold_markers(show_threshold_markers=True)

    given: dict[str, Any] = {"limits": True, "width": 6, "height": 6, "short": True} | more
    return Panel(make=make, title=title, about=about, reads=reads, **given)


def states(title: Text, *reads: Read, about: Text, per_page: int = 20, **more: Any) -> Panel:
    """Return states over time, a bar for each line; words and colours are those of `dashboards.kit.states`."""

    def make() -> Builder:
        built = statetimeline.Panel().show_value(m.VisibilityMode.AUTO).row_height(0.8).per_page(per_page)
        return (
            built.merge_values(merge_values=True)
            .fill_opacity(80)
            .legend(_legend())
            .tooltip(_tooltip(m.TooltipDisplayMode.SINGLE))
        )

    return Panel(make=make, title=title, about=about, reads=reads, **more)


def heat(title: Text, read: Of, *, about: Text, scheme: str = "Blues", **more: Any) -> Panel:
    """Return a heat map of how often which values occur over time (many lines, one picture)."""

    def make() -> Builder:
        built = heatmap.Panel().calculate(calculate=True)
        colours = heatmap.HeatmapColorOptions().mode(_heat_mode("scheme")).scheme(scheme).steps(64)
        return built.color(colours).cell_gap(1)

    return Panel(make=make, title=title, about=about, reads=(read,), **more)


def listing(
    title: Text,
    read: Told,
    *,
    about: Text,
    columns: Mapping[str, Column],
    sort: tuple[str, bool] | None = None,
    **more: Any,
) -> Panel:
    """Return a table of what one query answers; `columns` in their order, the others are left out.

    `sort` names a column (of the query) and whether the largest comes first.
    """
    given: dict[str, Any] = {"width": 24, "transformations": (_organized(columns),)} | more
    order = None if sort is None else (columns[sort[0]].title, sort[1])
    return Panel(make=_table, sort=order, title=title, about=about, reads=(read,), columns=columns, **given)


def compare(
    title: Text, reads: Mapping[str, tuple[Column, Of]], *, about: Text, first: Column, **more: Any
) -> Panel:
    """Return a table with a row for each line and a column for each `of`, all of them by the same one tag.

    `first` is the column of the tag; the keys of `reads` name the columns (`sort` and overrides use them).
    """
    tag = next(iter(reads.values()))[1].by[0]
    columns = {tag: first, **{key: column for key, (column, _) in reads.items()}}
    chosen = tuple(
        replace(one, column=key, over="range" if one.over == "time" else one.over)
        for key, (_, one) in reads.items()
    )
    joined = {"id": "joinByField", "options": {"byField": tag, "mode": "outer"}}
    given: dict[str, Any] = {"width": 24, "transformations": (joined, _organized(columns))} | more
    return Panel(make=_table, title=title, about=about, reads=chosen, columns=columns, **given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of markers on a map. `read` answers with columns lat and lon, and with `colour` by which they differ."""

    title: Text
    read: Told
    colour: str | None = None
    fixed: str = "#0072B2"
    symbol: Symbol = "circle"
    size: int = 7


def places(
    title: Text, layers: Sequence[Layer], *, about: Text, lat: float, lon: float, zoom: int, **more: Any
) -> Panel:
    """Return a map. Its ground is drawn by the page: no tiles come from the internet unless the district wants them."""

    def make() -> Builder:
        built = geomap.Panel().view(geomap.MapViewConfig().id("coords").lat(lat).lon(lon).zoom(zoom))  # type: ignore[arg-type] # the SDK says int, Grafana takes degrees
        controls = (
            geomap.ControlsOptions()
            .show_zoom(show_zoom=True)
            .mouse_wheel_zoom(mouse_wheel_zoom=True)
            .show_scale(show_scale=True)
            .show_attribution(show_attribution=True)
        )
        return built.controls(controls).tooltip(geomap.TooltipOptions().mode(geo.TooltipMode.DETAILS))

    given: dict[str, Any] = {"width": 12, "height": 14} | more
    return Panel(
        make=make,
        title=title,
        about=about,
        reads=tuple(one.read for one in layers),
        layers=tuple(layers),
        **given,
    )


def words(title: Text, content: Text, *, about: Text, **more: Any) -> Panel:
    """Return a panel of text in Markdown; names in it have passed `texts.in_markdown`."""
    given: dict[str, Any] = {"width": 24, "height": 3} | more
    return Panel(
        make=lambda: text.Panel().mode(TextMode.MARKDOWN), title=title, about=about, content=content, **given
    )


def alert_list(title: Text, *, about: Text, **more: Any) -> Panel:
    """Return the list of Grafana's own alerts about the district."""
    given: dict[str, Any] = {"width": 8} | more
    return Panel(make=AlertList, title=title, about=about, **given)


def _table() -> Builder:
    return (
        table.Panel()
        .cell_height(m.TableCellHeight.SM)
        .show_header(show_header=True)
        .filterable(filterable=True)
    )


def _organized(columns: Mapping[str, Column]) -> Mapping[str, Any]:
    order = {one: place for place, one in enumerate(columns)}
    return {
        "id": "organize",
        "options": {
            "includeByName": dict.fromkeys(columns, True),
            "excludeByName": {},
            "indexByName": order,
            "renameByName": {},
        },
    }


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(m.LegendDisplayMode.LIST)
        .placement(m.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )


def _tooltip(mode: m.TooltipDisplayMode) -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(mode).sort(m.SortOrder.DESCENDING)


def _heat_mode(name: str) -> Any:
    from grafana_foundation_sdk.models.heatmap import HeatmapColorMode

    return HeatmapColorMode(name)
