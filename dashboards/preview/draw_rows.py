"""Tables, and states over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboards.preview.canvas import EDGE, FAINT, LINES, TEXT, Box, fitting, length
from dashboards.preview.draw_numbers import bounds
from dashboards.preview.draw_series import time_axis
from dashboards.preview.fields import Style
from dashboards.preview.frames import Column, Frame
from dashboards.preview.scene import Scene, Shown
from dashboards.preview.units import is_moment, written

_ROW = {"sm": 36.0, "md": 42.0, "lg": 48.0}
"""Heights of rows as Grafana has them."""
_HEAD = 30.0
_TYPE = {
    "color-text": "text",
    "color-background": "background",
    "gauge": "gauge",
    "color-background-solid": "background",
}


def table(scene: Scene) -> None:
    """Draw a table: its first frame, as Grafana opens it."""
    frame = next((one for one in scene.frames if one.columns and one.rows), None)
    if frame is None:
        return scene.nothing()
    styles = scene.styles[scene.frames.index(frame)]
    shown = [
        Shown(frame, column, style)
        for column, style in zip(frame.columns, styles, strict=True)
        if not style.custom.get("hidden") and not (style.custom.get("hideFrom") or {}).get("viz")
    ]
    rows = _order(scene, frame, shown)
    height = _ROW.get(str(scene.options.get("cellHeight") or "sm"), 36.0)
    room = int((scene.box.height - _HEAD) // height)
    texts = [[_text(one, row) for row in rows[: room + 1]] for one in shown]
    widths = _widths(scene, shown, texts)
    _head(scene, shown, widths)
    for place, row in enumerate(rows[:room]):
        _row(scene, shown, widths, row, (scene.box.y + _HEAD + place * height, height))
    if len(rows) > room:
        words = f"{len(rows)} rows"
        scene.canvas.words(
            scene.box.x + scene.box.width - 6,
            scene.box.y + scene.box.height - 4,
            words,
            7.5,
            FAINT,
            side="right",
        )
    return None


def _order(scene: Scene, frame: Frame, shown: Sequence[Shown]) -> list[int]:
    rows = list(range(frame.rows))
    for one in reversed(scene.options.get("sortBy") or ()):
        by = next((each.column for each in shown if each.style.name == one.get("displayName")), None)
        if by is not None:
            missing = [row for row in rows if by.values[row] is None]
            there = sorted(
                (row for row in rows if by.values[row] is not None),
                key=lambda row: by.values[row],
                reverse=bool(one.get("desc")),
            )
            rows = [*there, *missing]
    return rows


def _text(one: Shown, row: int) -> str:
    value = one.column.values[row]
    if (
        one.column.kind == "time"
        and value is not None
        and not is_moment(str(one.style.config.get("unit") or ""))
    ):
        return written(float(value), "dateTimeAsIso", None, one.style.zone)
    return one.style.text(value)


def _widths(scene: Scene, shown: Sequence[Shown], texts: Sequence[Sequence[str]]) -> list[float]:
    """Return how wide columns are: as configured or as their texts need, then what is too much or left is shared."""
    needed = [
        max([length(one.style.name, 8.5, bold=True), *(length(text, 8.5) for text in column)]) + 20
        for one, column in zip(shown, texts, strict=True)
    ]
    fixed = [float(one.style.custom.get("width") or 0) for one in shown]
    wanted = [
        min(given, max(need, 40)) if given else min(max(need, 48), scene.box.width * 0.45)
        for given, need in zip(fixed, needed, strict=True)
    ]
    spare = scene.box.width - sum(wanted)
    if spare >= 0:
        free = [
            0.0 if given and any(not each for each in fixed) else width
            for given, width in zip(fixed, wanted, strict=True)
        ]
        return [width + spare * part / sum(free) for width, part in zip(wanted, free, strict=True)]
    # The longest texts give way first.
    limit = max(wanted)
    while limit > 40 and sum(min(width, limit) for width in wanted) > scene.box.width:
        limit *= 0.97
    cut = [min(width, limit) for width in wanted]
    return [width * scene.box.width / sum(cut) for width in cut]


def _head(scene: Scene, shown: Sequence[Shown], widths: Sequence[float]) -> None:
    x, y = scene.box.x, scene.box.y + _HEAD / 2
    for one, width in zip(shown, widths, strict=True):
        right = _is_right(one)
        at = x + width - 8 if right else x + 8
        scene.canvas.words(
            at,
            y,
            one.style.name,
            8.5,
            "#6E9FFF",
            bold=True,
            room=width - 12,
            side="right" if right else "left",
        )
        x += width
    scene.canvas.line(
        (scene.box.x, scene.box.y + _HEAD), (scene.box.x + scene.box.width, scene.box.y + _HEAD), EDGE
    )


def _is_right(one: Shown) -> bool:
    align = one.style.custom.get("align")
    return bool(
        align == "right"
        or (align in (None, "auto") and one.column.kind == "number" and not one.style.config.get("mappings"))
    )


def _row(
    scene: Scene, shown: Sequence[Shown], widths: Sequence[float], row: int, place: tuple[float, float]
) -> None:
    x, (y, height) = scene.box.x, place
    for one, width in zip(shown, widths, strict=True):
        _cell(scene, one, row, Box(x, y, width, height))
        x += width
    scene.canvas.line((scene.box.x, y + height), (scene.box.x + scene.box.width, y + height), LINES, 0.5)


def _cell(scene: Scene, one: Shown, row: int, box: Box) -> None:
    value, text = one.column.values[row], _text(one, row)
    options = one.style.custom.get("cellOptions") or {}
    kind = _TYPE.get(str(options.get("type") or one.style.custom.get("displayMode") or ""), "")
    colour = TEXT
    if kind == "gauge" and isinstance(value, (int, float)):
        _bar(scene, one.style, one.column, value, box)
        return
    if kind and value is not None:
        shade = one.style.colour(value)
        if kind == "background":
            scene.canvas.bar(box.inside(1, 1, 1, 1), shade, 0.75)
        else:
            colour = shade
    elif _has_link(one.style) and text:
        colour = "#8AB8FF"
    right = _is_right(one)
    at = box.x + box.width - 8 if right else box.x + 8
    scene.canvas.words(
        at, box.middle, text, 8.5, colour, room=box.width - 10, side="right" if right else "left"
    )


def _has_link(style: Style) -> bool:
    return bool(style.config.get("links"))


def _bar(scene: Scene, style: Style, column: Column, value: float, box: Box) -> None:
    low, high = bounds(style, column.values)
    text = style.text(value)
    room = max(length(style.text(one), 8.0) for one in column.values) + 10
    track = box.inside(8, box.height * 0.3, room + 4, box.height * 0.3)
    share = min(max((value - low) / ((high - low) or 1), 0.0), 1.0)
    scene.canvas.bar(track, LINES)
    scene.canvas.bar(Box(track.x, track.y, max(track.width * share, 1), track.height), style.colour(value))
    scene.canvas.words(box.x + box.width - 6, box.middle, text, 8.0, style.colour(value), side="right")


def states(scene: Scene) -> None:
    """Draw a bar for each field, in the colours of its values over time."""
    found = [
        one
        for one in scene.shown("string", "number", "boolean")
        if one.frame.time is not None and one.frame.rows
    ]
    found = [one for one in found if any(value is not None for value in one.column.values)]
    if not found:
        return scene.nothing()
    per_page = int(scene.options.get("perPage") or 20)
    hidden = max(len(found) - per_page, 0)
    found = found[:per_page]
    legend = _legend_of(found)
    rows = scene.box.inside(0, 4, 8, 38 if legend else 22)
    names = min(max(length(one.style.name, 8.5) for one in found) + 14, scene.box.width * 0.36)
    height = rows.height / len(found)
    axes = scene.canvas.axes(Box(rows.x + names, rows.y, rows.width - names, rows.height))
    axes.set_ylim(len(found), 0)
    axes.set_yticks([])
    time_axis(axes, scene.span, scene.zone, rows.width - names)
    for place, one in enumerate(found):
        scene.canvas.words(
            rows.x + names - 8,
            rows.y + (place + 0.5) * height,
            one.style.name,
            min(8.5, height * 0.6),
            TEXT,
            side="right",
            room=names - 10,
        )
        _state_row(axes, scene, one, place, (rows.width - names) / scene.span.length_ms, height)
    _state_legend(scene, legend, hidden)
    return None


def _state_row(axes: Any, scene: Scene, one: Shown, place: int, pixels: float, height: float) -> None:
    times = list(one.frame.time.values) if one.frame.time is not None else []
    for start, stop, value in _merged(times, one.column.values, scene.span.stop_ms):
        if value is None:
            continue
        colour, text = one.style.colour(value), one.style.text(value)
        axes.barh(place + 0.5, stop - start, left=start, height=0.8, color=colour, alpha=0.85, linewidth=0)
        room = (stop - start) * pixels - 8
        shown = fitting(text, 7.5, room=room) if room > 14 and height > 11 else ""
        if shown and (shown == text or len(shown) > 3):
            axes.text(
                start + 4 / pixels,
                place + 0.5,
                shown,
                fontsize=7.5,
                color=_ink(colour),
                va="center_baseline",
                clip_on=True,
            )


def _merged(times: Sequence[float], values: Sequence[Any], end: float) -> list[tuple[float, float, Any]]:
    """Return stretches of one value each; a value holds until the next one, the last one a usual step longer."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else end
    found: list[tuple[float, float, Any]] = []
    for place, (time, value) in enumerate(zip(times, values, strict=True)):
        until = times[place + 1] if place + 1 < len(times) else min(end, time + 2 * step)
        if found and found[-1][2] == value and found[-1][1] >= time:
            found[-1] = (found[-1][0], until, value)
        else:
            found.append((time, until, value))
    return found


def _ink(colour: str) -> str:
    """Return black or white, whichever is read better on a colour."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#111217" if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else "#FFFFFF"


def _legend_of(found: Sequence[Shown]) -> dict[str, str]:
    legend: dict[str, str] = {}
    for one in found:
        for value in one.column.values:
            if value is not None:
                legend.setdefault(one.style.text(value), one.style.colour(value))
    return legend if len(legend) <= 12 else {}


def _state_legend(scene: Scene, legend: dict[str, str], hidden: int) -> None:
    x, y = scene.box.x + 10, scene.box.y + scene.box.height - 8
    for text, colour in sorted(legend.items()):
        if x + length(text, 8.0) + 20 > scene.box.x + scene.box.width - 40:
            break
        scene.canvas.bar(Box(x, y - 4, 9, 8), colour)
        x += 14 + scene.canvas.words(x + 14, y, text, 8.0, TEXT) + 14
    if hidden:
        scene.canvas.words(scene.box.x + scene.box.width - 8, y, f"+{hidden}", 8.0, FAINT, side="right")
