"""A dashboard as one picture: panels in Grafana's grid of 24 columns, with the data that they found."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dashboards.preview.ask import AskedDashboard, AskedPanel, Panel
from dashboards.preview.canvas import CARD, FAINT, TEXT, Box, Canvas, settings
from dashboards.preview.fields import colour, styles
from dashboards.preview.interpolate import chosen, with_variables
from dashboards.preview.scene import Mark, Scene
from dashboards.preview.transform import NotKnown, transformed

WIDTH = 1280
_HEAD = 46
_MARGIN = 8
_UNIT = 30.0
_COLUMNS = 24
_TITLE = 26.0


class NotInstalled(RuntimeError):
    """Raised when the library that draws is missing."""

    def __init__(self) -> None:
        super().__init__(
            "pictures need matplotlib: `make dev` installs it here, the extra `preview` with a wheel of barrio"
        )


@dataclass(frozen=True, slots=True)
class _Placed:
    """A panel of the grid with what it was answered; None for the head of a row."""

    panel: Panel
    asked: AskedPanel | None


def draw(asked: AskedDashboard, form: str = "png") -> bytes:
    """Return a dashboard as a picture, `png` or `svg`; NotInstalled where matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise NotInstalled
    placed = _placed(asked)
    bottom = max((one.panel["gridPos"]["y"] + one.panel["gridPos"]["h"] for one in placed), default=1)
    with settings():
        canvas = Canvas(WIDTH, round(_HEAD + bottom * (_UNIT + _MARGIN) + _MARGIN))
        _head(canvas, asked)
        marks = _marks(asked)
        for one in placed:
            box = _box(one.panel["gridPos"])
            if one.asked is None:
                _row(canvas, one.panel, box)
            else:
                _panel(canvas, asked, one.asked, box, marks)
        return canvas.picture(form)


def _placed(asked: AskedDashboard) -> list[_Placed]:
    by_panel = {id(one.panel): one for one in asked.panels}
    found = []
    for panel in asked.json.get("panels", ()):
        answered = by_panel.get(id(panel))
        if answered is not None or panel.get("type") == "row":
            found.append(_Placed(panel, answered))
    return found


def _box(place: Mapping[str, int]) -> Box:
    column = (WIDTH - _MARGIN) / _COLUMNS
    return Box(
        _MARGIN + place["x"] * column,
        _HEAD + place["y"] * (_UNIT + _MARGIN),
        place["w"] * column - _MARGIN,
        place["h"] * (_UNIT + _MARGIN) - _MARGIN,
    )


def _head(canvas: Canvas, asked: AskedDashboard) -> None:
    title = with_variables(str(asked.json.get("title", "")), asked.variables)
    used = canvas.words(_MARGIN + 6, _HEAD / 2, title, 14.0, TEXT, bold=True, room=WIDTH * 0.6)
    x = _MARGIN + 6 + used + 24
    for variable in (asked.json.get("templating") or {}).get("list", ()):
        if variable.get("hide") not in (2, "hideVariable"):
            text = _chosen(variable, asked)
            name = f"{variable.get('label') or variable['name']}:"
            x += canvas.words(x, _HEAD / 2, name, 9.0, FAINT) + 5
            x += canvas.words(x, _HEAD / 2, text, 9.0, TEXT, room=180) + 18
    start, stop = (
        datetime.fromtimestamp(ms / 1000, UTC).astimezone(asked.zone)
        for ms in (asked.span.start_ms, asked.span.stop_ms)
    )
    words = f"{start:%Y-%m-%d %H:%M} … {stop:%Y-%m-%d %H:%M}  {asked.zone.key}"
    canvas.words(WIDTH - _MARGIN - 6, _HEAD / 2, words, 9.0, FAINT, side="right")


def _chosen(variable: Mapping[str, Any], asked: AskedDashboard) -> str:
    """Return what stands in a variable's box: the name of what is chosen."""
    current = variable.get("current") or {}
    value = asked.variables.get(str(variable["name"]), "")
    if value == chosen({"templating": {"list": [variable]}})[str(variable["name"])]:
        shown = current.get("text")
        return ", ".join(shown) if isinstance(shown, list) else str(shown or "")
    names = {one.get("value"): str(one.get("text")) for one in variable.get("options") or ()}
    return ", ".join(names.get(one, one) for one in ([value] if isinstance(value, str) else value))


def _row(canvas: Canvas, panel: Panel, box: Box) -> None:
    hidden = len(panel.get("panels") or ())
    mark, more = ("▸", f"   ({hidden})") if panel.get("collapsed") else ("▾", "")
    canvas.words(box.x + 4, box.middle, f"{mark} {panel.get('title', '')}{more}", 11.0, TEXT, bold=True)


def _panel(canvas: Canvas, asked: AskedDashboard, one: AskedPanel, box: Box, marks: Sequence[Mark]) -> None:
    panel = one.panel
    if not panel.get("transparent"):
        canvas.card(box, CARD)
    title = with_variables(str(panel.get("title") or ""), asked.variables)
    if title:
        own = "" if panel.get("hideTimeOverride") else str(panel.get("timeFrom") or "")
        room = box.width - 20 - (46 if own else 0)
        canvas.words(box.x + 10, box.y + 14, title, 9.5, TEXT, bold=True, room=room)
        if own:
            canvas.words(box.x + box.width - 8, box.y + 14, own, 8.0, FAINT, side="right")
    inner = box.inside(6, _TITLE if title else 6, 6, 6)
    error = next((answer.error for answer in one.answers if answer.error), "")
    try:
        frames = transformed(one.frames, panel.get("transformations") or ())
        scene = Scene(
            canvas,
            inner,
            panel,
            frames,
            styles(panel, frames, asked.zone, asked.span.stop_ms),
            one.span,
            asked.zone,
            tuple(marks),
        )
        if error:
            scene.nothing(error)
        else:
            _KINDS.get(str(panel.get("type")), _unknown)(scene)
    except NotKnown as problem:
        Scene(canvas, inner, panel, [], [], one.span, asked.zone).nothing(str(problem))


def _unknown(scene: Scene) -> None:
    scene.nothing(f"panels of the type {scene.panel.get('type')!r} are not drawn")


def _marks(asked: AskedDashboard) -> list[Mark]:
    shades = {
        one.get("name"): colour(str(one.get("iconColor") or "gray"))
        for one in (asked.json.get("annotations") or {}).get("list", ())
    }
    return [
        Mark(float(ms), shades.get(name, "#8E8E8E"), name)
        for name, answer in asked.annotations
        for frame in answer.frames
        for ms in (frame.time.values if frame.time is not None else ())
    ]


def _kinds() -> dict[str, Callable[[Scene], Any]]:
    from dashboards.preview import draw_map, draw_numbers, draw_rows, draw_series, draw_words

    return {
        "timeseries": draw_series.series,
        "barchart": draw_numbers.bars,
        "heatmap": draw_series.heat,
        "stat": draw_numbers.figures,
        "gauge": draw_numbers.dials,
        "bargauge": draw_numbers.bars,
        "table": draw_rows.table,
        "state-timeline": draw_rows.states,
        "status-history": draw_rows.states,
        "geomap": draw_map.places,
        "text": draw_words.words,
        "alertlist": draw_words.alerts,
    }


_KINDS = _kinds()
