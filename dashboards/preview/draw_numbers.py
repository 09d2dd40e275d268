"""Single numbers: figures with their course, gauges, bars."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from dashboards.preview.canvas import FAINT, LINES, TEXT, Box, largest, length
from dashboards.preview.fields import Style
from dashboards.preview.frames import Column
from dashboards.preview.reduce import reduced
from dashboards.preview.scene import Scene

_TILE = 110.0


@dataclass(frozen=True, slots=True)
class Number:
    """One value to show, under its name; `course` is the column that it comes from, with its times."""

    name: str
    value: Any
    style: Style
    times: Sequence[float] = ()
    course: Column | None = None

    @property
    def text(self) -> str:
        """The value in words."""
        return self.style.text(self.value)

    @property
    def colour(self) -> str:
        """The colour of the value."""
        return self.style.colour(self.value)


def numbers(scene: Scene) -> list[Number]:
    """Return what a panel with `reduceOptions` shows: a value for each field, or one for each row."""
    options = scene.options.get("reduceOptions") or {}
    pattern = str(options.get("fields") or "")
    fields = [one for one in scene.shown() if _is_wanted(one.style.name, one.column, pattern)]
    if not options.get("values"):
        calc = next(iter(options.get("calcs") or ()), "lastNotNull")
        found = []
        for one in fields:
            times = one.frame.time.values if one.frame.time is not None else ()
            found.append(
                Number(one.style.name, reduced(one.column.values, calc), one.style, times, one.column)
            )
        return found
    most = int(options.get("limit") or 25)
    rows = []
    for one in fields:
        others = [column for column in one.frame.columns if column.kind == "string"]
        for row, value in enumerate(one.column.values[:most]):
            name = " ".join(str(column.values[row]) for column in others) or one.style.name
            rows.append(Number(name, value, one.style))
    return rows


def _is_wanted(name: str, column: Column, pattern: str) -> bool:
    if not pattern:
        return column.kind == "number" or (column.kind == "string" and bool(column.labels or column.title))
    return re.search(pattern.strip("/"), name) is not None or pattern in (name, column.name)


def figures(scene: Scene) -> None:
    """Draw a stat panel: large numbers, each with its course behind it."""
    found = numbers(scene)
    if not _any_value(found):
        return scene.nothing()
    rows, columns = _tiling(len(found), scene.box)
    width, height = scene.box.width / columns, scene.box.height / rows
    for place, number in enumerate(found[: rows * columns]):
        box = Box(
            scene.box.x + place % columns * width, scene.box.y + place // columns * height, width, height
        )
        _figure(scene, number, box.inside(3, 2, 3, 2), [one.text for one in found])
    return None


def _any_value(found: Sequence[Number]) -> bool:
    return any(number.value is not None or number.style.config.get("noValue") for number in found)


def _tiling(count: int, box: Box) -> tuple[int, int]:
    across = max(1, min(count, int(box.width // _TILE)))
    return math.ceil(count / across), across


def _figure(scene: Scene, number: Number, box: Box, texts: Sequence[str]) -> None:
    """Draw one number, in the size at which all `texts` of the panel fit."""
    named = len(texts) > 1
    colour = number.colour
    fills = scene.options.get("colorMode") == "background"
    if fills:
        scene.canvas.bar(box, colour, 0.85)
    has_course = scene.options.get("graphMode") == "area" and box.height > 45
    has_course = has_course and _course(scene, number, box, "#FFFFFF" if fills else colour)
    shows_name = named and scene.options.get("textMode") != "value" and bool(number.name)
    height = box.height * (0.62 if has_course else 1.0)
    size = largest(texts, box.width - 12, min(30.0, height * 0.42))
    middle = box.y + height / 2 + (7 if shows_name else 0)
    ink = "#FFFFFF" if fills else colour if scene.options.get("colorMode") != "none" else TEXT
    scene.canvas.words(
        box.x + box.width / 2, middle, number.text, size, ink, side="center", bold=True, room=box.width
    )
    if shows_name:
        top = max(box.y + 8, middle - size * 1.0 - 10)
        scene.canvas.words(
            box.x + box.width / 2, top, number.name, 8.5, FAINT, side="center", room=box.width - 6
        )


def _course(scene: Scene, number: Number, box: Box, colour: str) -> bool:
    """Draw what a number did over time; returns whether there is anything to draw."""
    pairs = [
        (t, v)
        for t, v in zip(number.times, number.course.values if number.course else (), strict=True)
        if isinstance(v, (int, float))
    ]
    if len(pairs) < 2:
        return False
    times, values = np.array(pairs, float).T
    lower = box.inside(0, box.height * 0.62, 0, -2)
    axes = scene.canvas.axes(lower)
    axes.set_axis_off()
    low, high = float(values.min()), float(values.max())
    room = (high - low) or max(abs(high), 1.0)
    axes.set_xlim(scene.span.start_ms, scene.span.stop_ms)
    axes.set_ylim(low - 0.1 * room, high + 0.1 * room)
    axes.fill_between(times, values, low - 0.1 * room, color=colour, alpha=0.18, linewidth=0)
    axes.plot(times, values, color=colour, linewidth=1.2)
    return True


def dials(scene: Scene) -> None:
    """Draw gauges: an arc from the least to the greatest value, with the bands of the thresholds outside."""
    found = numbers(scene)
    if not _any_value(found):
        return scene.nothing()
    across = max(1, min(len(found), int(scene.box.width // 90)))
    rows = math.ceil(len(found) / across)
    width, height = scene.box.width / across, scene.box.height / rows
    for place, number in enumerate(found):
        box = Box(scene.box.x + place % across * width, scene.box.y + place // across * height, width, height)
        _dial(scene, number, box, named=len(found) > 1)
    return None


def _dial(scene: Scene, number: Number, box: Box, *, named: bool) -> None:
    from matplotlib.patches import Wedge

    low, high = bounds(number.style, [number.value])
    axes = scene.canvas.axes(box.inside(4, 2, 4, 18 if named else 4))
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-1.15, 1.15)
    axes.set_ylim(-0.75, 1.15)

    def angle(value: float) -> float:
        return 215.0 - 250.0 * min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0)

    axes.add_patch(Wedge((0, 0), 0.95, -35, 215, width=0.26, color=LINES))
    if isinstance(number.value, (int, float)):
        axes.add_patch(Wedge((0, 0), 0.95, angle(number.value), 215, width=0.26, color=number.colour))
    steps = number.style.thresholds
    for (least, shade), (until, _) in pairwise([*steps, (math.inf, "")]):
        start, stop = angle(min(until, high)), angle(max(least, low))
        if stop > start:
            axes.add_patch(Wedge((0, 0), 1.06, start, stop, width=0.06, color=shade))
    size = largest([number.text], min(box.width, box.height * 1.1) * 0.46, 18.0, 6.5)
    axes.text(
        0, -0.02, number.text, color=number.colour, fontsize=size, ha="center", va="center", fontweight="bold"
    )
    if named:
        scene.canvas.words(
            box.x + box.width / 2,
            box.y + box.height - 10,
            number.name,
            8.0,
            FAINT,
            side="center",
            room=box.width - 4,
        )


def bounds(style: Style, values: Sequence[Any]) -> tuple[float, float]:
    """Return the least and the greatest value of an axis: as configured, else of the values themselves."""
    there = [float(value) for value in values if isinstance(value, (int, float))]
    low, high = style.config.get("min"), style.config.get("max")
    if high is None:
        high = 100.0 if style.config.get("unit") == "percent" else max([*there, 0.0]) or 1.0
    return float(min([*there, 0.0]) if low is None else low), float(high)


def bars(scene: Scene) -> None:
    """Draw a bar for each value, one under another."""
    found = [number for number in numbers(scene) if number.value is not None]
    if not found:
        return scene.nothing()
    values = [number.value for number in found]
    height = min(scene.box.height / len(found), 34.0)
    shown = found[: int(scene.box.height // max(height, 15.0))]
    names = min(max(length(number.name, 8.5) for number in shown) + 10, scene.box.width * 0.45)
    texts = max(length(number.text, 8.5, bold=True) for number in shown) + 12
    for place, number in enumerate(shown):
        low, high = bounds(number.style, values)
        row = Box(scene.box.x, scene.box.y + place * max(height, 15.0), scene.box.width, max(height, 15.0))
        scene.canvas.words(
            row.x + names - 6, row.middle, number.name, 8.5, TEXT, side="right", room=names - 8
        )
        track = Box(row.x + names, row.y + row.height * 0.16, row.width - names - texts, row.height * 0.68)
        scene.canvas.bar(track, LINES, 0.7)
        share = (
            min(max((float(number.value) - low) / ((high - low) or 1.0), 0.0), 1.0)
            if isinstance(number.value, (int, float))
            else 1.0
        )
        scene.canvas.bar(Box(track.x, track.y, max(track.width * share, 1.0), track.height), number.colour)
        scene.canvas.words(
            row.x + row.width - 2, row.middle, number.text, 8.5, number.colour, side="right", bold=True
        )
    return None
