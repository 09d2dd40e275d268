"""Units of measure: which UCUM codes the twin understands and how one becomes another.

Codes follow The Unified Code for Units of Measure 2.2 (https://ucum.org), case-sensitive. A unit belongs to one
kind of quantity and converts only inside it. Conversions are affine, since that is all that field devices need;
levels (`dB`) therefore convert among levels, never to the power or pressure behind them.

Three decisions that UCUM leaves open or takes differently:

- An annotation in braces carries no meaning in UCUM (section 6), so `{people}`, `{vehicles}` and `1` are one unit.
  An annotated code that stands in the table by itself keeps its own kind, because mixing it up gives a wrong
  number: `V.A{reactive}`, `dB[SPL]{A}`, `dB{mW}`, `{NTU}`.
- UCUM knows no var. Reactive power is written `V.A{reactive}`, which every UCUM parser reads. `W`, `V.A` and
  `V.A{reactive}` have one dimension and still do not convert: they are different facts about a circuit.
- UCUM 2.2 has `B[W]` and `B[kW]` but no `B[mW]`. A level over one milliwatt (dBm) is written `dB{mW}`.

Colloquial spellings (`kWh`, `ppm`, `kvar`) are refused with the right code in the message: one unit, one name.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from types import MappingProxyType
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Conversion:
    """How to express a value in another unit: `target = value * scale + offset`.

    Holds plain floats, so that a whole block of readings can be converted at once.
    """

    scale: float
    offset: float = 0.0

    def __call__(self, value: float) -> float:
        """Convert one value."""
        return value * self.scale + self.offset


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its kind and its place in it: `base = value * scale + offset`, exactly."""

    code: str
    kind: str
    scale: Fraction
    offset: Fraction = Fraction(0)


class UnitError(ValueError):
    """Raised when two units do not convert, or when one of them is not a code we know."""

    def __init__(self, source: str, target: str, reason: str) -> None:
        """Keep both codes as they were written, for a message that names the line they stand on."""
        super().__init__(f"cannot convert {source!r} to {target!r}: {reason}")
        self.source = source
        self.target = target
        self.reason = reason


_Scale: TypeAlias = Fraction | str | int

_FOOT = Fraction("0.3048")
_INCH = Fraction("0.0254")
_MILE = 5280 * _FOOT
_POUND = Fraction("0.45359237")
_GRAVITY = Fraction("9.80665")
_POUND_FORCE = _POUND * _GRAVITY
_GALLON_US = 231 * _INCH**3
_BTU = Fraction("1055.05585262")
_MINUTE, _HOUR, _DAY = Fraction(60), Fraction(3600), Fraction(86400)

# A table is read by its columns; the formatter would give every entry a line of its own.
# fmt: off
_KINDS: Mapping[str, Mapping[str, _Scale]] = {
    "temperature": {"K": 1, "Cel": 1, "[degF]": "5/9"},
    "ratio": {"1": 1, "%": "1e-2", "[ppth]": "1e-3", "[ppm]": "1e-6", "[ppb]": "1e-9"},
    "power": {
        "mW": "1e-3", "W": 1, "kW": "1e3", "MW": "1e6", "GW": "1e9",
        "kJ/h": 1000 / _HOUR, "[Btu_IT]/h": _BTU / _HOUR, "[HP]": 550 * _FOOT * _POUND_FORCE,
    },
    "apparent power": {"V.A": 1, "kV.A": "1e3", "MV.A": "1e6"},
    "reactive power": {"V.A{reactive}": 1, "kV.A{reactive}": "1e3", "MV.A{reactive}": "1e6"},
    "energy": {
        "J": 1, "kJ": "1e3", "MJ": "1e6", "GJ": "1e9", "[Btu_IT]": _BTU,
        "W.h": _HOUR, "kW.h": 1000 * _HOUR, "MW.h": 10**6 * _HOUR, "GW.h": 10**9 * _HOUR,
    },
    "apparent energy": {"V.A.h": 1, "kV.A.h": "1e3", "MV.A.h": "1e6"},
    "reactive energy": {"V.A{reactive}.h": 1, "kV.A{reactive}.h": "1e3", "MV.A{reactive}.h": "1e6"},
    "voltage": {"uV": "1e-6", "mV": "1e-3", "V": 1, "kV": "1e3"},
    "current": {"uA": "1e-6", "mA": "1e-3", "A": 1, "kA": "1e3"},
    "electric charge": {"C": 1, "mA.h": _HOUR / 1000, "A.h": _HOUR},
    "resistance": {"mOhm": "1e-3", "Ohm": 1, "kOhm": "1e3", "MOhm": "1e6"},
    "conductivity": {"uS/cm": "1e-4", "mS/cm": "1e-1", "uS/m": "1e-6", "mS/m": "1e-3", "S/m": 1},
    "frequency": {
        "Hz": 1, "kHz": "1e3", "MHz": "1e6",
        "/s": 1, "/min": 1 / _MINUTE, "/h": 1 / _HOUR, "/d": 1 / _DAY,
    },
    "time": {"us": "1e-6", "ms": "1e-3", "s": 1, "min": _MINUTE, "h": _HOUR, "d": _DAY, "wk": 7 * _DAY},
    "length": {
        "um": "1e-6", "mm": "1e-3", "cm": "1e-2", "m": 1, "km": "1e3",
        "[in_i]": _INCH, "[ft_i]": _FOOT, "[mi_i]": _MILE, "L/m2": "1e-3", "l/m2": "1e-3",
    },
    "area": {"cm2": "1e-4", "m2": 1, "har": "1e4", "km2": "1e6", "[ft_i]2": _FOOT**2},
    "volume": {
        "mL": "1e-6", "ml": "1e-6", "cm3": "1e-6", "L": "1e-3", "l": "1e-3", "dm3": "1e-3",
        "hL": "1e-1", "hl": "1e-1", "m3": 1, "ML": "1e3",
        "[gal_us]": _GALLON_US, "[gal_br]": "0.00454609", "[cft_i]": _FOOT**3, "[ft_i]3": _FOOT**3,
    },
    "volume flow": {
        "m3/s": 1, "m3/min": 1 / _MINUTE, "m3/h": 1 / _HOUR, "m3/d": 1 / _DAY,
        "L/s": "1e-3", "L/min": 1 / (1000 * _MINUTE), "L/h": 1 / (1000 * _HOUR),
        "l/s": "1e-3", "l/min": 1 / (1000 * _MINUTE), "l/h": 1 / (1000 * _HOUR),
        "mL/min": 1 / (10**6 * _MINUTE), "ML/d": 1000 / _DAY, "[gal_us]/min": _GALLON_US / _MINUTE,
        "[cft_i]/min": _FOOT**3 / _MINUTE, "[ft_i]3/min": _FOOT**3 / _MINUTE,
    },
    "mass": {"mg": "1e-6", "g": "1e-3", "kg": 1, "t": "1e3", "[lb_av]": _POUND},
    "mass flow": {"kg/s": 1, "kg/h": 1 / _HOUR, "t/h": 1000 / _HOUR},
    "pressure": {
        "Pa": 1, "hPa": "1e2", "kPa": "1e3", "MPa": "1e6", "mbar": "1e2", "bar": "1e5", "atm": 101325,
        "[psi]": _POUND_FORCE / _INCH**2, "mm[H2O]": _GRAVITY, "cm[H2O]": 10 * _GRAVITY,
        "m[H2O]": 1000 * _GRAVITY, "[in_i'H2O]": 1000 * _GRAVITY * _INCH,
    },
    "speed": {
        "mm/s": "1e-3", "cm/s": "1e-2", "m/s": 1, "km/h": 1000 / _HOUR,
        "[mi_i]/h": _MILE / _HOUR, "[kn_i]": 1852 / _HOUR, "[ft_i]/min": _FOOT / _MINUTE,
    },
    "acceleration": {"mm/s2": "1e-3", "m/s2": 1, "m[g]": _GRAVITY / 1000, "[g]": _GRAVITY},
    "rain rate": {"mm/h": 1, "mm/min": 60, "mm/d": "1/24", "L/m2/h": 1, "[in_i]/h": "25.4"},
    "angle": {"rad": 1, "deg": Fraction(math.pi) / 180},
    "illuminance": {"lx": 1, "klx": "1e3", "lm/[ft_i]2": 1 / _FOOT**2},
    "luminous flux": {"lm": 1, "klm": "1e3"},
    "irradiance": {"W/m2": 1, "kW/m2": "1e3", "mW/cm2": 10},
    "irradiation": {"J/m2": 1, "kJ/m2": "1e3", "MJ/m2": "1e6", "W.h/m2": _HOUR, "kW.h/m2": 1000 * _HOUR},
    "mass concentration": {
        "ng/m3": "1e-12", "ug/m3": "1e-9", "mg/m3": "1e-6", "g/m3": "1e-3", "kg/m3": 1,
        "ug/L": "1e-6", "mg/L": "1e-3", "g/L": 1, "ug/l": "1e-6", "mg/l": "1e-3", "g/l": 1,
    },
    "acidity": {"[pH]": 1},
    "turbidity": {"{NTU}": 1, "{FNU}": 1},
    "sound pressure level": {"dB[SPL]": 1, "B[SPL]": 10},
    "A-weighted sound level": {"dB[SPL]{A}": 1},
    "power level": {"dB[W]": 1, "dB{mW}": 1},
    "level difference": {"dB": 1, "B": 10},
    "amount of data": {
        "bit": 1, "kbit": "1e3", "Mbit": "1e6", "By": 8, "kBy": "8e3", "MBy": "8e6", "GBy": "8e9",
        "KiBy": 8 * 2**10, "MiBy": 8 * 2**20, "GiBy": 8 * 2**30,
    },
    "data rate": {
        "bit/s": 1, "kbit/s": "1e3", "Mbit/s": "1e6", "Gbit/s": "1e9",
        "By/s": 8, "kBy/s": "8e3", "MBy/s": "8e6",
    },
}
# fmt: on

_OFFSETS: Mapping[str, Fraction] = {
    "Cel": Fraction("273.15"),
    "[degF]": Fraction("459.67") * Fraction(5, 9),
    "dB{mW}": Fraction(-30),
}

UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        code: Unit(code, kind, Fraction(scale), _OFFSETS.get(code, Fraction(0)))
        for kind, codes in _KINDS.items()
        for code, scale in codes.items()
    },
)
"""Every code that is understood, in the order in which the reference lists them."""

# What people write instead, where the nearest spelling would lead to another unit or to none.
# fmt: off
_COLLOQUIAL: Mapping[str, str] = {
    "": "1", "percent": "%", "ppm": "[ppm]", "ppb": "[ppb]",
    "degC": "Cel", "deg C": "Cel", "celsius": "Cel", "F": "[degF]", "degF": "[degF]", "deg F": "[degF]",
    "Wh": "W.h", "kWh": "kW.h", "MWh": "MW.h", "GWh": "GW.h", "Ah": "A.h", "mAh": "mA.h",
    "VA": "V.A", "kVA": "kV.A", "MVA": "MV.A", "VAh": "V.A.h", "kVAh": "kV.A.h", "MVAh": "MV.A.h",
    "var": "V.A{reactive}", "kvar": "kV.A{reactive}", "Mvar": "MV.A{reactive}",
    "varh": "V.A{reactive}.h", "kvarh": "kV.A{reactive}.h", "Mvarh": "MV.A{reactive}.h",
    "hp": "[HP]", "HP": "[HP]", "BTU": "[Btu_IT]", "Btu": "[Btu_IT]", "ohm": "Ohm", "rpm": "/min",
    "sec": "s", "minutes": "min", "hr": "h", "hours": "h", "day": "d", "days": "d",
    "in": "[in_i]", "inch": "[in_i]", "ft": "[ft_i]", "mi": "[mi_i]", "ha": "har", "ft2": "[ft_i]2",
    "gal": "[gal_us]", "ft3": "[cft_i]", "gpm": "[gal_us]/min", "cfm": "[cft_i]/min", "lpm": "L/min",
    "lb": "[lb_av]", "mph": "[mi_i]/h", "kph": "km/h", "kmh": "km/h", "kn": "[kn_i]",
    "psi": "[psi]", "mH2O": "m[H2O]", "mca": "m[H2O]", "mmH2O": "mm[H2O]", "inH2O": "[in_i'H2O]",
    "lux": "lx", "fc": "lm/[ft_i]2", "pH": "[pH]", "NTU": "{NTU}", "FNU": "{FNU}",
    "dBA": "dB[SPL]{A}", "dB(A)": "dB[SPL]{A}", "dBm": "dB{mW}", "dBW": "dB[W]",
    "byte": "By", "kB": "kBy", "MB": "MBy", "bps": "bit/s", "kbps": "kbit/s", "Mbps": "Mbit/s",
}
# fmt: on

_TYPOGRAPHIC = str.maketrans(
    {
        "\u00b2": "2",
        "\u00b3": "3",
        "\u00b5": "u",
        "\u03bc": "u",
        "\u03a9": "Ohm",
        "\u00b7": ".",
        "\u00b0": "deg",
    },
)
_ANNOTATION = re.compile(r"\{[^{}]*\}")


def find(code: str) -> Unit | None:
    """Return the unit that a code names, or None for a code that is not understood."""
    if code in UNITS:
        return UNITS[code]
    bare = _ANNOTATION.sub("", code)
    if bare == code:
        return None
    return UNITS.get(bare or "1")


def conversion(source: str, target: str) -> Conversion:
    """Return how a value in `source` is expressed in `target`; raise `UnitError` where that has no meaning."""
    old, new = find(source), find(target)
    if old is None:
        raise UnitError(source, target, unknown(source))
    if new is None:
        raise UnitError(source, target, unknown(target))
    if old.kind != new.kind:
        reason = f"{source} measures {old.kind}, {target} measures {new.kind}"
        raise UnitError(source, target, reason)
    return Conversion(float(old.scale / new.scale), float((old.offset - new.offset) / new.scale))


def suggestion(code: str) -> str | None:
    """Return the code that was most likely meant by one that is not understood."""
    plain = code.strip().translate(_TYPOGRAPHIC)
    if plain in UNITS:
        return plain
    if plain in _COLLOQUIAL:
        return _COLLOQUIAL[plain]
    near = get_close_matches(plain, UNITS, n=1)
    return near[0] if near else None


def unknown(code: str) -> str:
    """Return words that say that a code is none, with what was most likely meant."""
    near = suggestion(code)
    hint = f" (did you mean {near}?)" if near else ""
    return f"{code!r} is not a UCUM code that barrio knows{hint}"
