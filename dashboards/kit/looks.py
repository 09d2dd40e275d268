"""How values look: limits as bands, words and colours for states."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as d

from dashboards.kit.colours import BAD, GOOD

if TYPE_CHECKING:
    from dashboards.kit.inventory import Bounds
    from dashboards.kit.panels import Shown, Thresholds
    from dashboards.kit.texts import Lang


def bands(bounds: Bounds) -> Thresholds:
    """Return the bands of limits: bad below, good between, bad above."""
    low = [(None, BAD), (bounds.below, GOOD)] if isfinite(bounds.below) else [(None, GOOD)]
    return [*low, *([(bounds.above, BAD)] if isfinite(bounds.above) else [])]


def mappings(known: Shown, lang: Lang) -> list[d.ValueMapping]:
    """Return what values are shown as."""
    if not known:
        return []
    options = {
        value: d.ValueMappingResult(text=text.of(lang), color=colour, index=number)
        for number, (value, (text, colour)) in enumerate(known.items())
    }
    return [d.ValueMap(options=options)]


def fixed(colour: str) -> d.DynamicConfigValue:
    """Return the override that gives a line its colour."""
    return d.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})


def thresholds(limits: Thresholds) -> dashboard.ThresholdsConfig:
    """Return bands as the SDK takes them."""
    steps_ = [d.Threshold(value=value, color=colour) for value, colour in limits]
    return dashboard.ThresholdsConfig().mode(d.ThresholdsMode.ABSOLUTE).steps(steps_)
