"""UCUM codes as Grafana shows them.

Ids are those of `getCategories` in Grafana's `packages/grafana-data/src/valueFormats/categories.ts`. Where it has none,
or one that turns a value into another unit than people read on their meters (hours into weeks), the unit is a suffix.
Values are never scaled: what a dashboard shows is what the API gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_GRAFANA: Mapping[str, str] = MappingProxyType(
    {
        "": "none",
        "1": "none",
        "%": "percent",
        "[ppm]": "ppm",
        "[ppb]": "conppb",
        "Cel": "celsius",
        "[degF]": "fahrenheit",
        "K": "kelvin",
        "W": "watt",
        "kW": "kwatt",
        "W/m2": "Wm2",
        "V.A": "voltamp",
        "V.A{reactive}": "voltampreact",
        "W.h": "watth",
        "kW.h": "kwatth",
        "V": "volt",
        "mV": "mvolt",
        "A": "amp",
        "Hz": "hertz",
        "lx": "lux",
        "Pa": "pressurepa",
        "hPa": "pressurehpa",
        "kPa": "pressurekpa",
        "m": "lengthm",
        "m3": "m3",
        "m/s": "velocityms",
        "km/h": "velocitykmh",
        "ug/m3": "conμgm3",
        "mg/m3": "conmgm3",
        "deg": "degree",
        "/min": "rotrpm",
        "s": "s",
        "ms": "ms",
        "By": "decbytes",
        "Mbit/s": "Mbits",
        "dB{mW}": "dBm",
    }
)

_WRITTEN: Mapping[str, str] = MappingProxyType(
    {
        "h": "h",
        "mm": "mm",
        "mm/h": "mm/h",
        "m3/h": "m³/h",
        "mg/L": "mg/L",
        "uS/cm": "µS/cm",
        "[pH]": "pH",
        "{NTU}": "NTU",
        "kV.A{reactive}.h": "kvarh",
        "kV.A.h": "kVAh",
        "dB[SPL]{A}": "dB(A)",
    }
)

PERCENT = "percent"
COUNT = "none"
SECONDS = "s"


def grafana_unit(ucum: str) -> str:
    """Return Grafana's id for a UCUM code; a code that is not known is shown as it is, an annotation as its word.

    >>> grafana_unit("kW.h"), grafana_unit("m3/h"), grafana_unit("{vehicles}/h")
    ('kwatth', 'suffix:m³/h', 'suffix:vehicles/h')
    """
    if ucum in _GRAFANA:
        return _GRAFANA[ucum]
    if ucum in _WRITTEN:
        return f"suffix:{_WRITTEN[ucum]}"
    plain = ucum.replace("{", "").replace("}", "").replace(".", "·")
    return f"suffix:{plain}"
