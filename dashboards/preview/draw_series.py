"""Values over time: lines, areas, bars, heat maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from dashboards.preview.canvas import FAINT, LINES, TEXT, Box, length
from dashboards.preview.fields import Style
from dashboards.preview.reduce import reduced
from dashboards.preview.scene import Scene, Shown
from dashboards.preview.span import Span

_Values = npt.NDArray[np.float64]
_STEPS_S = (
    60,
    300,
    900,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
    172_800,
    604_800,
    1_209_600,
    2_592_000,
    7_776_000,
)


_SECONDS = frozenset({"s", "dtdurations", "dthms"})


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A series with its times in ms and its values, NaN where there is none."""

    shown: Shown
    times: _Values
    values: _Values

    @property
    def colour(self) -> str:
        """Its colour."""
        chosen = self.shown.style.config.get("color") or {}
        last = next((value for value in reversed(self.values) if not math.isnan(value)), None)
        return self.shown.style.colour(last if chosen.get("mode") == "thresholds" else None)

    def custom(self, name: str, otherwise: Any) -> Any:
        """Return an option of this kind of panel."""
        found = self.shown.style.custom.get(name)
        return otherwise if found is None else found


def lines_of(scene: Scene) -> list[Line]:
    """Return the series of numbers, those without any value left out."""
    found = []
    for one in scene.shown("number", "boolean"):
        if one.frame.time is None:
            continue
        values = np.array([math.nan if value is None else float(value) for value in one.column.values])
        if not np.isnan(values).all():
            found.append(Line(one, np.array(one.frame.time.values, float), values))
    return found


def series(scene: Scene) -> None:
    """Draw a time series panel."""
    lines = lines_of(scene)
    if not lines:
        return scene.nothing()
    legend = scene.options.get("legend") or {}
    shows = legend.get("showLegend", True) and legend.get("displayMode") != "hidden"
    height = _legend_height(scene, lines) if shows else 0.0
    sides = _sides(lines)
    rooms = [max(length(text, 7.5) for text in _axis_texts(side)) + 10 for side in sides[:2]]
    box = scene.box.inside(rooms[0], 6, rooms[1] if len(rooms) > 1 else 8.0, 20 + height)
    axes = scene.canvas.axes(box)
    for place, side in enumerate(sides):
        _plot_side(axes if not place else axes.twinx(), scene, side, lines, place)
    _marks(axes, scene)
    if shows:
        _legend(scene, lines, height, legend.get("calcs") or ())
    return None


def _plot_side(axes: Any, scene: Scene, side: Sequence[Line], lines: Sequence[Line], place: int) -> None:
    """Plot the lines of one scale: the first is written on the left, the second on the right, others nowhere."""
    if place:
        for edge in axes.spines.values():
            edge.set_visible(False)
        axes.tick_params(colors=FAINT, labelsize=7.5, length=0, pad=3)
    _plot(axes, scene, side, [line for line in lines if line.custom("drawStyle", "line") == "bars"])
    _scales(axes, scene, side, grid=not place)
    if place > 1:
        axes.set_yticks([])


def _sides(lines: Sequence[Line]) -> list[list[Line]]:
    """Return lines by the scale that they belong to: each unit has one, and what is placed on the right another."""
    found: dict[tuple[Any, bool], list[Line]] = {}
    for line in lines:
        is_right = line.custom("axisPlacement", "auto") == "right"
        found.setdefault((line.shown.style.config.get("unit"), is_right), []).append(line)
    return sorted(found.values(), key=lambda side: side[0].custom("axisPlacement", "auto") == "right")


def _axis_texts(lines: Sequence[Line]) -> list[str]:
    style = lines[0].shown.style
    low, high = _range(lines)
    return _tick_texts(style, _ticks(low, high, _unit(style))) or [""]


def _is_stacked(lines: Sequence[Line]) -> bool:
    return any((line.custom("stacking", {}) or {}).get("mode") in ("normal", "percent") for line in lines)


def _stacked(lines: Sequence[Line]) -> tuple[_Values, list[_Values]]:
    """Return all times, and the values of each line there, NaN as 0."""
    times = np.unique(np.concatenate([line.times for line in lines]))
    found = []
    for line in lines:
        values = np.zeros(len(times))
        values[np.searchsorted(times, line.times)] = np.nan_to_num(line.values)
        found.append(values)
    return times, found


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """Return what the vertical axis spans."""
    if _is_stacked(lines):
        _, stacked = _stacked(lines)
        total = np.sum(stacked, axis=0)
        low, high = min(0.0, float(total.min())), float(total.max())
    else:
        low = min(float(np.nanmin(line.values)) for line in lines)
        high = max(float(np.nanmax(line.values)) for line in lines)
    if any(line.custom("drawStyle", "line") == "bars" for line in lines):
        low = min(low, 0.0)
    if low == high == 0.0:
        high = 1.0
    room = (high - low) or max(abs(high) * 0.1, 1.0)
    low, high = (low - 0.04 * room if low else 0.0), high + 0.08 * room
    config = lines[0].shown.style.config
    least, most = config.get("min"), config.get("max")
    soft_low, soft_high = lines[0].custom("axisSoftMin", None), lines[0].custom("axisSoftMax", None)
    low = float(least) if least is not None else min(low, soft_low) if soft_low is not None else low
    high = float(most) if most is not None else max(high, soft_high) if soft_high is not None else high
    return low, high if high > low else low + 1.0


def _ticks(low: float, high: float, unit: str = "") -> list[float]:
    """Return round numbers between two values, about five; whole minutes, hours and days of a time."""
    step = _step(low, high)
    if unit in _SECONDS and high - low > 60:
        step = next((one for one in _STEPS_S if (high - low) / one <= 5), step)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _step(low: float, high: float) -> float:
    step: float = 10 ** math.floor(math.log10((high - low) / 4 or 1.0))
    return step * next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 5)


def _unit(style: Style) -> str:
    return str(style.config.get("unit") or "")


def _tick_texts(style: Style, ticks: Sequence[float]) -> list[str]:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    return [style.tick(value, step) for value in ticks]


def _plot(axes: Any, scene: Scene, lines: Sequence[Line], bars: Sequence[Line]) -> None:
    """Plot lines of one scale; `bars` are all that are drawn as bars, beside one another."""
    if _is_stacked(lines):
        _plot_stack(axes, scene, lines)
        return
    for line in lines:
        if line not in bars:
            _plot_line(axes, line)
            continue
        place, many = bars.index(line), len(bars)
        width = _bar_width(line.times, scene.span) / many
        at = line.times + width * (place - (many - 1) / 2 + _shift(line) * many)
        axes.bar(
            at, np.nan_to_num(line.values), width=width, color=line.colour, alpha=_alpha(line), linewidth=0
        )


def _plot_line(axes: Any, line: Line) -> None:
    stepped = str(line.custom("lineInterpolation", "linear"))
    style = {"stepAfter": "steps-post", "stepBefore": "steps-pre"}.get(stepped, "default")
    dashed = (line.custom("lineStyle", {}) or {}).get("fill") in ("dash", "dot")
    width = min(float(line.custom("lineWidth", 1)), 2.0) * 0.75
    times, values = line.times, line.values
    if line.custom("spanNulls", otherwise=False) is True:
        there = ~np.isnan(values)
        times, values = times[there], values[there]
    points = line.custom("drawStyle", "line") == "points" or np.count_nonzero(~np.isnan(values)) == 1
    axes.plot(
        times,
        values,
        color=line.colour,
        linewidth=0 if points else max(width, 0.8),
        drawstyle=style,
        linestyle=(0, (4, 2)) if dashed else "-",
        marker="o" if points else None,
        markersize=3,
    )
    opacity = float(line.custom("fillOpacity", 0))
    if opacity:
        step = {"steps-post": "post", "steps-pre": "pre"}.get(style)
        axes.fill_between(
            times, values, 0, color=line.colour, alpha=opacity / 100 * 0.8, step=step, linewidth=0
        )


def _plot_stack(axes: Any, scene: Scene, lines: Sequence[Line]) -> None:
    times, stacked = _stacked(lines)
    base = np.zeros(len(times))
    for line, values in zip(lines, stacked, strict=True):
        if line.custom("drawStyle", "line") == "bars":
            width = _bar_width(times, scene.span)
            axes.bar(
                times + _shift(line) * width,
                values,
                bottom=base,
                width=width,
                color=line.colour,
                alpha=_alpha(line),
                linewidth=0,
            )
        else:
            axes.fill_between(times, base, base + values, color=line.colour, alpha=_alpha(line), linewidth=0)
            axes.plot(times, base + values, color=line.colour, linewidth=1.0)
        base = base + values


def _alpha(line: Line) -> float:
    return max(0.15, float(line.custom("fillOpacity", 80)) / 100)


def _shift(line: Line) -> float:
    """Return where a bar stands beside its time: -1/2 before it, 0 around it, 1/2 after it."""
    return float(line.custom("barAlignment", 0)) / 2


def _bar_width(times: _Values, span: Span) -> float:
    gap = float(np.diff(np.unique(times)).min()) if len(np.unique(times)) > 1 else span.length_ms / 20
    return gap * 0.7


def _scales(axes: Any, scene: Scene, lines: Sequence[Line], *, grid: bool = True) -> None:
    low, high = _range(lines)
    style = lines[0].shown.style
    axes.set_ylim(low, high)
    ticks = _ticks(low, high, _unit(style))
    axes.set_yticks(ticks, _tick_texts(style, ticks))
    time_axis(axes, scene.span, scene.zone, scene.box.width - 60)
    if grid:
        axes.grid(visible=True, color=LINES, linewidth=0.6)
    axes.set_axisbelow(True)
    if (lines[0].custom("thresholdsStyle", {}) or {}).get("mode", "off") != "off":
        for value, shade in style.thresholds:
            if low <= value <= high:
                axes.axhline(value, color=shade, linewidth=1.0, linestyle=(0, (5, 3)))


def time_axis(axes: Any, span: Span, zone: ZoneInfo, width: float) -> None:
    """Put times of the zone under a picture that is so many pixels wide."""
    axes.set_xlim(span.start_ms, span.stop_ms)
    ticks, form = _times(span, zone, max(2, min(9, int(width // 58))))
    axes.set_xticks([tick.timestamp() * 1000 for tick in ticks], [tick.strftime(form) for tick in ticks])


def _times(span: Span, zone: ZoneInfo, most: int) -> tuple[list[datetime], str]:
    step = next((one for one in _STEPS_S if span.length_ms / 1000 / one <= most), _STEPS_S[-1])
    start = datetime.fromtimestamp(span.start_ms / 1000, UTC).astimezone(zone)
    tick = start.replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    while tick.timestamp() * 1000 <= span.stop_ms:
        if tick.timestamp() * 1000 >= span.start_ms:
            found.append(tick)
        tick = (
            tick + timedelta(days=step // 86_400)
            if step >= 86_400
            else (tick.astimezone(UTC) + timedelta(seconds=step)).astimezone(zone)
        )
    return found, "%H:%M" if span.length_ms <= 172_800_000 else "%m-%d %H:%M" if step < 86_400 else "%m-%d"


def _marks(axes: Any, scene: Scene) -> None:
    for mark in scene.marks:
        if scene.span.start_ms <= mark.ms <= scene.span.stop_ms:
            axes.axvline(mark.ms, color=mark.colour, linewidth=0.8, linestyle=(0, (2, 3)), alpha=0.75)


def _legend_height(scene: Scene, lines: Sequence[Line]) -> float:
    rows = _legend_rows(scene, [_legend_text(line, ()) for line in lines])
    return 16.0 * min(len(rows), max(1, int(scene.box.height * 0.25 // 16)))


def _legend_text(line: Line, calcs: Sequence[str]) -> str:
    texts = [line.shown.style.text(reduced(line.shown.column.values, calc)) for calc in calcs]
    return "  ".join([line.shown.style.name, *texts])


def _legend_rows(scene: Scene, texts: Sequence[str]) -> list[list[int]]:
    rows: list[list[int]] = [[]]
    used = 0.0
    for place, text in enumerate(texts):
        width = length(text, 8.0) + 28
        if rows[-1] and used + width > scene.box.width - 12:
            rows.append([])
            used = 0.0
        rows[-1].append(place)
        used += width
    return rows


def _legend(scene: Scene, lines: Sequence[Line], height: float, calcs: Sequence[str]) -> None:
    texts = [_legend_text(line, calcs) for line in lines]
    rows = _legend_rows(scene, texts)
    room = int(height // 16)
    for number, row in enumerate(rows[:room]):
        x, y = scene.box.x + 10, scene.box.y + scene.box.height - height + 16 * number + 8
        for place in row:
            scene.canvas.bar(Box(x, y - 1.5, 10, 3), lines[place].colour)
            x += 15 + scene.canvas.words(x + 15, y, texts[place], 8.0, TEXT, room=scene.box.width - 30) + 13
        hidden = sum(map(len, rows[room:]))
        if number == room - 1 and hidden:
            scene.canvas.words(scene.box.x + scene.box.width - 8, y, f"+{hidden}", 8.0, FAINT, side="right")


def heat(scene: Scene) -> None:
    """Draw a heat map: how often which values occur over time, or the values of lines that are buckets already."""
    lines = lines_of(scene)
    if not lines:
        return scene.nothing()
    axes = scene.canvas.axes(scene.box.inside(58, 6, 8, 20))
    scheme = str((scene.options.get("color") or {}).get("scheme") or "Blues")
    shades = {
        "Blues": "Blues",
        "Oranges": "Oranges",
        "Viridis": "viridis",
        "Spectral": "cividis",
        "Turbo": "turbo",
    }.get(scheme, "Blues")
    if scene.options.get("calculate"):
        _heat_counted(axes, scene, lines, shades)
    else:
        _heat_given(axes, scene, lines, shades)
    time_axis(axes, scene.span, scene.zone, scene.box.width - 60)
    return None


def _heat_counted(axes: Any, scene: Scene, lines: Sequence[Line], shades: str) -> None:
    times = np.concatenate([line.times[~np.isnan(line.values)] for line in lines])
    values = np.concatenate([line.values[~np.isnan(line.values)] for line in lines])
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1, 21)
    across = np.linspace(scene.span.start_ms, scene.span.stop_ms, max(12, int(scene.box.width // 14)))
    counts, _, _ = np.histogram2d(times, values, (across, edges))
    _mesh(axes, across, edges, np.where(counts > 0, counts, np.nan).T, shades)
    ticks = _ticks(float(edges[0]), float(edges[-1]))
    axes.set_yticks(ticks, _tick_texts(lines[0].shown.style, ticks))


def _heat_given(axes: Any, scene: Scene, lines: Sequence[Line], shades: str) -> None:
    times = np.unique(np.concatenate([line.times for line in lines]))
    step = float(np.diff(times).min()) if len(times) > 1 else scene.span.length_ms / 24
    across = np.append(times, times[-1] + step)
    grid = np.full((len(lines), len(times)), np.nan)
    for row, line in enumerate(lines):
        grid[row, np.searchsorted(times, line.times)] = line.values
    _mesh(axes, across, np.arange(len(lines) + 1), grid, shades)
    axes.set_yticks(np.arange(len(lines)) + 0.5, [line.shown.style.name for line in lines])


def _mesh(axes: Any, across: _Values, up: Any, grid: _Values, shades: str) -> None:
    from matplotlib import colormaps

    bottom = 0.15 if shades in ("Blues", "Oranges") else 0.0
    map_of = colormaps[shades].reversed() if shades in ("Blues", "Oranges") else colormaps[shades]
    low, high = float(np.nanmin(grid)), float(np.nanmax(grid))
    axes.pcolormesh(
        across,
        up,
        grid,
        cmap=map_of,
        vmin=low - bottom * (high - low or 1),
        vmax=high,
        rasterized=True,
        edgecolors="none",
    )
