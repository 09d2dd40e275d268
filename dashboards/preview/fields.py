"""What a panel says of its fields: names, units, colours, words for values, from `fieldConfig` and its overrides."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.preview.frames import Column, Frame
from dashboards.preview.units import is_scaled, written

Config = Mapping[str, Any]

CLASSIC = (
    "#73BF69",
    "#F2CC0C",
    "#8AB8FF",
    "#FF780A",
    "#F2495C",
    "#5794F2",
    "#B877D9",
    "#705DA0",
    "#37872D",
    "#FADE2A",
)
_NAMED = {
    "green": "#73BF69",
    "dark-green": "#37872D",
    "semi-dark-green": "#56A64B",
    "light-green": "#96D98D",
    "yellow": "#FADE2A",
    "dark-yellow": "#E0B400",
    "red": "#F2495C",
    "dark-red": "#C4162A",
    "semi-dark-red": "#E02F44",
    "blue": "#5794F2",
    "dark-blue": "#1F60C4",
    "semi-dark-blue": "#3274D9",
    "light-blue": "#8AB8FF",
    "orange": "#FF9830",
    "dark-orange": "#FA6400",
    "semi-dark-orange": "#FF780A",
    "purple": "#B877D9",
    "dark-purple": "#8F3BB8",
    "text": "#D8D9DA",
    "gray": "#8E8E8E",
    "transparent": "#181B1F",
}
_PLAIN = "#5794F2"
_SCHEMES = {
    "GrYlRd": ("#73BF69", "#FADE2A", "#F2495C"),
    "RdYlGr": ("#F2495C", "#FADE2A", "#73BF69"),
    "BlYlRd": ("#1F60C4", "#FFF899", "#C4162A"),
    "YlRd": ("#FFF899", "#C4162A"),
    "BlPu": ("#1F60C4", "#A352CC"),
    "YlBl": ("#FFF899", "#1F60C4"),
    "blues": ("#181B1F", "#1F60C4"),
    "reds": ("#181B1F", "#C4162A"),
    "greens": ("#181B1F", "#37872D"),
    "purples": ("#181B1F", "#8F3BB8"),
}
_LABEL = re.compile(r"\$\{__field\.(?:labels\.(\w+)|(name|displayName))\}|\$\{__series\.name\}")


@dataclass(frozen=True, slots=True)
class Style:
    """How a field is shown; `number` is its place among the numbers of the panel, by which its colour is chosen."""

    name: str
    config: Config
    number: int
    zone: ZoneInfo
    now_ms: float
    low: float = 0.0
    high: float = 100.0
    """The least and the greatest number of all fields, between which continuous colours go."""

    @property
    def custom(self) -> Mapping[str, Any]:
        """What only this kind of panel knows."""
        found: Mapping[str, Any] = self.config.get("custom") or {}
        return found

    @property
    def thresholds(self) -> list[tuple[float, str]]:
        """Values from which on a colour holds, the first from minus infinity."""
        steps = (self.config.get("thresholds") or {}).get("steps") or ()
        found = [
            (-math.inf if one.get("value") is None else float(one["value"]), str(one["color"]))
            for one in steps
        ]
        return [(value, colour(name)) for value, name in found]

    def text(self, value: Any) -> str:
        """Return a value in words."""
        mapped = self._mapped(value).get("text")
        if mapped:
            return str(mapped)
        if value is None or value == "":
            return str(self.config.get("noValue") or "")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return str(value)
        return written(
            float(value),
            str(self.config.get("unit") or ""),
            self.config.get("decimals"),
            self.zone,
            self.now_ms,
        )

    def tick(self, value: float, step: float) -> str:
        """Return a value beside an axis whose marks are `step` apart: with as many decimals as tell them apart."""
        unit, decimals = str(self.config.get("unit") or ""), self.config.get("decimals")
        plain = not is_scaled(unit) or (unit == "short" and abs(value) < 1000)
        if decimals is None and plain:
            decimals = max(0, math.ceil(-math.log10(step) - 1e-9))
        elif decimals is None and value % step == 0 and step >= 1 and unit in ("s", "short"):
            return re.sub(r"\.0+(?=\D|$)", "", written(value, unit, 2, self.zone, self.now_ms))
        return written(value, unit, decimals, self.zone, self.now_ms)

    def colour(self, value: Any = None) -> str:
        """Return the colour of a value, or of the field where it has one for all."""
        mapped = self._mapped(value).get("color") if value is not None else None
        if mapped:
            return colour(str(mapped))
        chosen = self.config.get("color") or {}
        mode = str(
            chosen.get("mode")
            or ("thresholds" if self.thresholds and value is not None else "palette-classic")
        )
        if mode in ("fixed", "shades") and chosen.get("fixedColor"):
            return colour(str(chosen["fixedColor"]))
        if mode == "thresholds":
            return self.by_thresholds(value)
        if mode.startswith("continuous-") and isinstance(value, (int, float)):
            return self._between(
                _SCHEMES.get(mode.removeprefix("continuous-"), _SCHEMES["BlPu"]), float(value)
            )
        return CLASSIC[self.number % len(CLASSIC)]

    def by_thresholds(self, value: Any) -> str:
        """Return the colour of the highest threshold that a value reaches."""
        number = float(value) if isinstance(value, (int, float)) else -math.inf
        reached = [name for least, name in self.thresholds if number >= least]
        return reached[-1] if reached else _PLAIN

    def _between(self, shades: Sequence[str], value: float) -> str:
        low = float(self.config.get("min", self.low))
        high = float(self.config.get("max", self.high))
        place = min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0) * (len(shades) - 1)
        first = min(int(place), len(shades) - 2)
        parts = zip(_channels(shades[first]), _channels(shades[first + 1]), strict=True)
        return "#" + "".join(f"{round(one + (other - one) * (place - first)):02X}" for one, other in parts)

    def _mapped(self, value: Any) -> Mapping[str, Any]:
        for one in self.config.get("mappings") or ():
            found = _MATCHES.get(str(one.get("type")), _no_match)(one.get("options") or {}, value)
            if found:
                return found
        return {}


def _channels(shade: str) -> tuple[int, int, int]:
    return int(shade[1:3], 16), int(shade[3:5], 16), int(shade[5:7], 16)


def colour(name: str) -> str:
    """Return a colour as `#RRGGBB`; Grafana's names are known, other words are grey."""
    return name if re.fullmatch(r"#[0-9A-Fa-f]{6}", name) else _NAMED.get(name, "#8E8E8E")


def styles(
    panel: Mapping[str, Any], frames: Sequence[Frame], zone: ZoneInfo, now_ms: float
) -> list[list[Style]]:
    """Return the style of every column of every frame."""
    config = panel.get("fieldConfig") or {}
    low, high = _range(frames)
    found, number = [], 0
    for frame in frames:
        row = []
        for column in frame.columns:
            style = _style(config, frame, column, number, zone, now_ms)
            row.append(replace(style, low=low, high=high))
            number += column.kind == "number"
        found.append(row)
    return found


def _range(frames: Sequence[Frame]) -> tuple[float, float]:
    values = [
        float(value)
        for frame in frames
        for column in frame.columns
        if column.kind == "number"
        for value in column.values
        if isinstance(value, (int, float))
    ]
    return (min(values), max(values)) if values else (0.0, 100.0)


def plain_style(panel: Mapping[str, Any], zone: ZoneInfo) -> Style:
    """Return the style that holds where no field has its own."""
    return Style("", (panel.get("fieldConfig") or {}).get("defaults") or {}, 0, zone, 0.0)


def _style(config: Config, frame: Frame, column: Column, number: int, zone: ZoneInfo, now_ms: float) -> Style:
    merged: dict[str, Any] = _joined(config.get("defaults") or {}, column.config)
    name = _named(merged, column, frame)
    for override in config.get("overrides") or ():
        if _matches(override.get("matcher") or {}, name, column, frame):
            for one in override.get("properties") or ():
                merged = _joined(merged, _nested(str(one["id"]), one.get("value")))
    return Style(_named(merged, column, frame), merged, number, zone, now_ms)


def _named(config: Config, column: Column, frame: Frame) -> str:
    given = config.get("displayName")
    if not given:
        return column.title or column.name
    names = {"name": column.name, "displayName": column.title or column.name}
    return _LABEL.sub(
        lambda found: (
            column.labels.get(found[1], found[0]) if found[1] else names.get(found[2] or "", frame.name)
        ),
        str(given),
    )


def _matches(matcher: Config, name: str, column: Column, frame: Frame) -> bool:
    kind, options = matcher.get("id"), matcher.get("options")
    if kind == "byName":
        return options in (name, column.name)
    if kind == "byNames":
        names = (options or {}).get("names", ())
        return name in names or column.name in names
    if kind == "byRegexp":
        return re.search(str(options).strip("/"), name) is not None
    if kind == "byType":
        return bool(options == column.kind)
    return bool(kind in ("byFrameRefID", "byQuery") and options == frame.ref)


def _nested(path: str, value: Any) -> dict[str, Any]:
    """Return `{"custom": {"width": 3}}` for `custom.width` and 3."""
    for part in reversed(path.split(".")):
        value = {part: value}
    found: dict[str, Any] = value
    return found


def _joined(one: Config, other: Config) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        deeper = key == "custom" and isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = _joined(found[key], value) if deeper else value
    return found


def _no_match(_: Config, __: Any) -> Config:
    return {}


def _by_value(options: Config, value: Any) -> Config:
    text = (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
    found: Config = options.get(text) or {}
    return found


def _by_range(options: Config, value: Any) -> Config:
    if not isinstance(value, (int, float)):
        return {}
    low, high = options.get("from"), options.get("to")
    inside = (low is None or value >= low) and (high is None or value <= high)
    found: Config = options.get("result") or {}
    return found if inside else {}


def _by_regex(options: Config, value: Any) -> Config:
    found: Config = options.get("result") or {}
    return found if re.search(str(options.get("pattern", "")).strip("/"), str(value)) else {}


def _by_special(options: Config, value: Any) -> Config:
    missing = value is None
    not_number = isinstance(value, float) and math.isnan(value)
    matches = {
        "null": missing,
        "nan": not_number,
        "null+nan": missing or not_number,
        "empty": value == "",
        "true": value is True,
        "false": value is False,
    }
    found: Config = options.get("result") or {}
    return found if matches.get(str(options.get("match"))) else {}


_MATCHES = {"value": _by_value, "range": _by_range, "regex": _by_regex, "special": _by_special}
