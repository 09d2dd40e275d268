"""Maps: markers where things are, on a plain ground with a scale, since no tiles are fetched."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.preview.canvas import FAINT, LINES, TEXT, Box, length
from dashboards.preview.fields import Style, colour
from dashboards.preview.frames import Frame
from dashboards.preview.scene import Scene

_M_A_DEGREE = 111_320.0
_ON_ITS_CORNER = 45
_MARKERS = {
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "star": "*",
    "diamond": "D",
    "cross": "P",
    "x-mark": "X",
}
_LAT, _LON = ("lat", "latitude"), ("lon", "lng", "longitude")


@dataclass(frozen=True, slots=True)
class Marker:
    """One thing on the map."""

    lat: float
    lon: float
    colour: str
    words: str
    field: str = ""


def places(scene: Scene) -> None:
    """Draw a geomap panel."""
    layers = [(layer, _markers(scene, layer)) for layer in scene.options.get("layers") or ()]
    everything = [marker for _, markers in layers for marker in markers]
    if not everything:
        return scene.nothing()
    box = scene.box.inside(2, 0, 2, 20)
    axes = scene.canvas.axes(box)
    axes.set_facecolor("#14171C")
    axes.set_xticks([])
    axes.set_yticks([])
    _frame(axes, everything, box)
    for layer, markers in layers:
        _layer(axes, layer, markers)
    _scale(axes, box)
    _legend(scene, layers)
    return None


def _markers(scene: Scene, layer: Mapping[str, Any]) -> list[Marker]:
    wanted = (layer.get("filterData") or {}).get("options")
    place = layer.get("location") or {}
    style = (layer.get("config") or {}).get("style") or {}
    found: list[Marker] = []
    for frame, styles in zip(scene.frames, scene.styles, strict=True):
        if wanted and frame.ref != wanted:
            continue
        lat = _column(frame, styles, str(place.get("latitude") or ""), _LAT)
        lon = _column(frame, styles, str(place.get("longitude") or ""), _LON)
        if lat is None or lon is None:
            continue
        shade = _column(frame, styles, str((style.get("color") or {}).get("field") or ""), ())
        for row in range(frame.rows):
            where = (frame.columns[lat].values[row], frame.columns[lon].values[row])
            if None in where:
                continue
            fixed = colour(str((style.get("color") or {}).get("fixed") or "#5794F2"))
            value = frame.columns[shade].values[row] if shade is not None else None
            found.append(
                Marker(
                    float(where[0]),
                    float(where[1]),
                    styles[shade].colour(value) if shade is not None else fixed,
                    styles[shade].text(value) if shade is not None else "",
                    styles[shade].name if shade is not None and isinstance(value, (int, float)) else "",
                )
            )
    return found


def _column(frame: Frame, styles: Sequence[Style], name: str, usual: Sequence[str]) -> int | None:
    wanted = (name,) if name else usual
    for place, (column, style) in enumerate(zip(frame.columns, styles, strict=True)):
        if column.name in wanted or style.name in wanted or (not name and column.name.lower() in usual):
            return place
    return None


def _frame(axes: Any, markers: Sequence[Marker], box: Box) -> None:
    """Show all markers, a degree east as long as a degree north there."""
    south, north = min(one.lat for one in markers), max(one.lat for one in markers)
    west, east = min(one.lon for one in markers), max(one.lon for one in markers)
    squeeze = math.cos(math.radians((south + north) / 2))
    tall = max(north - south, (east - west) * squeeze * box.height / box.width, 0.002) * 1.16
    wide = tall * box.width / box.height / squeeze
    middle = ((south + north) / 2, (west + east) / 2)
    axes.set_ylim(middle[0] - tall / 2, middle[0] + tall / 2)
    axes.set_xlim(middle[1] - wide / 2, middle[1] + wide / 2)
    step = 10 ** math.floor(math.log10(tall / 2))
    for lines, low, high in ((axes.axhline, *axes.get_ylim()), (axes.axvline, *axes.get_xlim())):
        at = math.ceil(low / step) * step
        while at < high:
            lines(at, color=LINES, linewidth=0.5, zorder=0)
            at += step


def _layer(axes: Any, layer: Mapping[str, Any], markers: Sequence[Marker]) -> None:
    style = (layer.get("config") or {}).get("style") or {}
    size = float((style.get("size") or {}).get("fixed") or 5)
    symbol = str((style.get("symbol") or {}).get("fixed") or "circle").rsplit("/", 1)[-1].removesuffix(".svg")
    if symbol == "square" and (style.get("rotation") or {}).get("fixed") == _ON_ITS_CORNER:
        symbol = "diamond"
    # What is rare lies on top: one silent lamp among forty is what somebody looks for.
    often = Counter(one.colour for one in markers)
    markers = sorted(markers, key=lambda one: -often[one.colour])
    axes.scatter(
        [one.lon for one in markers],
        [one.lat for one in markers],
        s=(size * 1.5) ** 2,
        c=[one.colour for one in markers],
        marker=_MARKERS.get(symbol, "o"),
        alpha=min(1.0, float(style.get("opacity") or 0.9) + 0.1),
        edgecolors="#111217",
        linewidths=0.6,
    )


def _scale(axes: Any, box: Box) -> None:
    """Draw how long a round number of metres is."""
    south, north = axes.get_ylim()
    metres = (north - south) * _M_A_DEGREE * box.width / box.height / 5
    step = 10 ** math.floor(math.log10(metres))
    step *= next(factor for factor in (5, 2, 1) if step * factor <= metres)
    width = step / ((north - south) * _M_A_DEGREE * box.width / box.height)
    axes.plot([0.02, 0.02 + width], [0.03, 0.03], color=TEXT, linewidth=1.4, transform=axes.transAxes)
    words = f"{step / 1000:g} km" if step >= 1000 else f"{step:g} m"
    axes.text(0.02, 0.045, words, color=TEXT, fontsize=7.5, transform=axes.transAxes, va="bottom")


def _legend(scene: Scene, layers: Sequence[tuple[Mapping[str, Any], Sequence[Marker]]]) -> None:
    """Name the layers, and what colours mean in them."""
    x, y = scene.box.x + 8, scene.box.y + scene.box.height - 8
    for layer, markers in layers:
        if not markers:
            continue
        name = str(layer.get("name") or "")
        plain = all(one.words.isdigit() for one in markers)
        name = f"{name}, {markers[0].field}:" if plain and markers[0].field else name
        if x + length(name, 8.0) > scene.box.x + scene.box.width - 20:
            break
        x += scene.canvas.words(x, y, name, 8.0, FAINT) + 6
        for words, shade in sorted({(one.words, one.colour) for one in markers}):
            if x + length(words, 8.0) > scene.box.x + scene.box.width - 20:
                break
            scene.canvas.bar(Box(x, y - 4, 8, 8), shade)
            x += 12 + scene.canvas.words(x + 12, y, words, 8.0, TEXT) + 8
        x += 8
