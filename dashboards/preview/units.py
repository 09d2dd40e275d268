"""Values in words: Grafana's units and its number of decimals, as far as our dashboards use them.

Rules are those of `packages/grafana-data/src/valueFormats` (Grafana 11 to 13).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

_PREFIXES = ("n", "µ", "m", "", "k", "M", "G", "T", "P")
_NONE = 3
# Units that go up and down in thousands: what stands behind the prefix, and the prefix that the value comes in.
_SCALED: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "watt": ("W", 3),
        "kwatt": ("W", 4),
        "megwatt": ("W", 5),
        "watth": ("Wh", 3),
        "kwatth": ("Wh", 4),
        "voltamp": ("VA", 3),
        "kvoltamp": ("VA", 4),
        "voltampreact": ("VAr", 3),
        "volt": ("V", 3),
        "kvolt": ("V", 4),
        "mvolt": ("V", 2),
        "amp": ("A", 3),
        "hertz": ("Hz", 3),
        "lengthm": ("m", 3),
        "lengthkm": ("m", 4),
        "decbytes": ("B", 3),
        "bps": ("b/s", 3),
        "Mbits": ("b/s", 5),
        "pressurebar": ("bar", 3),
    }
)
_FIXED: Mapping[str, str] = MappingProxyType(
    {
        "percent": "%",
        "celsius": " °C",
        "fahrenheit": " °F",
        "kelvin": " K",
        "humidity": " %H",
        "ppm": " ppm",
        "conppb": " ppb",
        "conμgm3": " μg/m³",
        "conmgm3": " mg/m³",
        "Wm2": " W/m²",
        "lux": " lx",
        "pressurepa": " Pa",
        "pressurehpa": " hPa",
        "pressurekpa": " kPa",
        "m3": " m³",
        "litre": " L",
        "flowm3h": " m³/h",
        "velocityms": " m/s",
        "velocitykmh": " km/h",
        "rotrpm": " rpm",
        "degree": "°",
        "dBm": " dBm",
        "h": " h",
    }
)
_SPANS = ((31_536_000, "year"), (604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "min"))
_MOMENT: Mapping[str, str] = MappingProxyType(
    {
        "YYYY": "%Y",
        "MMM": "%b",
        "MM": "%m",
        "DD": "%d",
        "HH": "%H",
        "mm": "%M",
        "ss": "%S",
        "ddd": "%a",
        "E": "%u",
    }
)
_TOKEN = re.compile(r"\[([^\]]*)\]|YYYY|MMM|MM|DD|HH|mm|ss|ddd|E")


def written(value: float, unit: str, decimals: int | None, zone: ZoneInfo, now_ms: float = 0.0) -> str:
    """Return a number in words. `now_ms` is what `dateTimeFromNow` counts from."""
    if math.isnan(value):
        return "NaN"
    if is_moment(unit):
        return _moment(value, unit, zone, now_ms)
    if unit.startswith("suffix:"):
        return f"{fixed(value, decimals)} {unit[7:]}"
    if unit.startswith("prefix:"):
        return f"{unit[7:]} {fixed(value, decimals)}"
    if unit in _SCALED:
        return _scaled(value, *_SCALED[unit], decimals)
    special = _SPECIAL.get(unit)
    return special(value, decimals) if special else fixed(value, decimals) + _FIXED.get(unit, "")


def fixed(value: float, decimals: int | None) -> str:
    """Return a number with so many decimals, or as many as Grafana chooses; then whole numbers have none."""
    if decimals is not None:
        return f"{value:.{decimals}f}"
    if value == 0 or value % 1 == 0:
        return f"{value:.0f}"
    return f"{value:.{max(0, min(2 - math.floor(math.log10(abs(value))), 12))}f}"


def is_scaled(unit: str) -> bool:
    """Whether a unit is written with prefixes or as hours and minutes: its decimals are not those of the value."""
    return unit in _SCALED or unit in _SPECIAL or is_moment(unit)


def is_moment(unit: str) -> bool:
    """Whether a unit says that a number is a time."""
    return unit.startswith(("date", "time:"))


def _scaled(value: float, unit: str, prefix: int, decimals: int | None) -> str:
    if value:
        steps = math.floor(math.log10(abs(value)) / 3 + 1e-9)
        steps = max(-prefix, min(steps, len(_PREFIXES) - 1 - prefix))
        value, prefix = value / 1000.0**steps, prefix + steps
    else:
        prefix = max(prefix, _NONE)
    return f"{fixed(value, decimals)} {_PREFIXES[prefix]}{unit}"


def _seconds(value: float, decimals: int | None) -> str:
    for length, name in _SPANS:
        if abs(value) >= length:
            count = fixed(value / length, decimals)
            return f"{count} {name}{'' if count == '1' or name == 'min' else 's'}"
    if abs(value) < 1 and value:
        return f"{fixed(value * 1000, decimals)} ms"
    return f"{fixed(value, decimals)} s"


def _short(value: float, decimals: int | None) -> str:
    for length, name in ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K")):
        if abs(value) >= length:
            return fixed(value / length, decimals) + name
    return fixed(value, decimals)


def _duration(value: float, _: int | None) -> str:
    """Return hours, minutes and seconds (`dthms`)."""
    whole = round(value)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


_SPECIAL: Mapping[str, Callable[[float, int | None], str]] = MappingProxyType(
    {
        "s": _seconds,
        "ms": lambda value, decimals: _seconds(value / 1000, decimals),
        "m": lambda value, decimals: _seconds(value * 60, decimals),
        "d": lambda value, decimals: _seconds(value * 86_400, decimals),
        "dtdurations": _seconds,
        "dtdurationms": lambda value, decimals: _seconds(value / 1000, decimals),
        "dthms": _duration,
        "short": _short,
        "percentunit": lambda value, decimals: f"{fixed(value * 100, decimals)}%",
        "bool": lambda value, _: "True" if value else "False",
        "bool_yes_no": lambda value, _: "Yes" if value else "No",
        "bool_on_off": lambda value, _: "On" if value else "Off",
    }
)


def _moment(ms: float, unit: str, zone: ZoneInfo, now_ms: float) -> str:
    if unit == "dateTimeFromNow":
        return f"{_seconds(float(round((now_ms - ms) / 1000)), 0)} ago"
    return moment_text(ms, unit[5:] if unit.startswith("time:") else "YYYY-MM-DD HH:mm:ss", zone)


def moment_text(ms: float, form: str, zone: ZoneInfo) -> str:
    """Return a time in a format of moment.js, as far as our dashboards use it; words in brackets stay."""
    when = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    return _TOKEN.sub(lambda found: when.strftime(_MOMENT[found[0]]) if found[1] is None else found[1], form)
