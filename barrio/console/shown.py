"""Values, units and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from barrio.console import words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from dashboards.kit.texts import Lang

_UNITS = {
    "1": "",
    "Cel": "°C",
    "K": "K",
    "m3": "m³",
    "m3/h": "m³/h",
    "m2": "m²",
    "W/m2": "W/m²",
    "kW.h": "kWh",
    "MW.h": "MWh",
    "kV.A": "kVA",
    "kV.A.h": "kVAh",
    "kV.A{reactive}": "kvar",
    "kV.A{reactive}.h": "kvarh",
    "ug/m3": "µg/m³",
    "mg/m3": "mg/m³",
    "uS/cm": "µS/cm",
    "[pH]": "pH",
    "[ppm]": "ppm",
    "[ppb]": "ppb",
    "{NTU}": "NTU",
    "deg": "°",
    "dB[SPL]{A}": "dB(A)",
    "dB{mW}": "dBm",
}


def unit(ucum: str) -> str:
    """Return a UCUM code as it is written on paper; an annotation as its word."""
    if ucum in _UNITS:
        return _UNITS[ucum]
    return ucum.replace("{", "").replace("}", "").replace(".", "·")


def value(latest: Mapping[str, Any], lang: Lang) -> str:
    """Return the newest value of a point with its unit, or that it has none."""
    found = latest["value"]
    if found is None:
        return words.NO_VALUE.of(lang)
    if isinstance(found, str):
        return words.state_words(found, lang)
    return f"{number(found, lang)} {unit(latest['unit'])}".strip()


def number(found: float, lang: Lang) -> str:
    """Return a number with five digits, its groups and decimals as the language writes them."""
    digits = 0 if abs(found) >= 10_000 else None
    text = f"{found:,.0f}" if digits == 0 else f"{found:.5g}"
    return text.translate(str.maketrans(",.", "\u202f,")) if lang == "es" else text


def clock(text: str | None, zone: ZoneInfo, lang: Lang) -> str:
    """Return a time of the API as the clock of the district shows it; without the day where that is today."""
    if text is None:
        return words.NEVER.of(lang)
    moment = datetime.fromisoformat(text).astimezone(zone)
    today = datetime.now(UTC).astimezone(zone).date()
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"


def quality(latest: Mapping[str, Any], zone: ZoneInfo, lang: Lang) -> str:
    """Return how good the newest value is, or since when nothing is heard and why."""
    gap = latest["gap"]
    if gap is not None:
        reason = words.reason_words(gap["reason"], gap["meaning"], lang)
        return words.NOT_HEARD.fill(reason=reason, time=clock(gap["since"], zone, lang)).of(lang)
    found = latest["quality"]
    level = words.LEVELS[found["level"]].of(lang)
    if found["level"] == "good":
        return level
    if found["reason"] == "input_missing" and latest.get("resolution", "raw") != "raw":
        return words.EMPTY_WINDOW.fill(window=latest["resolution"]).of(lang)
    said = words.reason_words(found["reason"], found["meaning"], lang)
    return f"{level}: {said}"
