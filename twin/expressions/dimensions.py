"""The algebra of units: what comes of multiplying, dividing and adding measures, over the table of `twin.model.units`.

Every kind of the table has exponents over base dimensions: those of the SI, and one for each fact that the SI calls
dimensionless or leaves out and that must not be mixed up all the same (angle, data, light, levels, pH, turbidity).
`%` is a ratio: 20 % is 0.2.

Kinds of equal exponents stay apart where both sides know their kind: W, V.A and V.A{reactive} do not add, nor do rain
and speed. What was computed (V times A) has no kind of its own and goes for any with its exponents.

Temperatures and levels (dB) have a zero that somebody chose. Two of them differ by a difference; a difference is added
to one of them; nothing else is done with them. A literal in K may be meant either way and is taken as it fits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from twin.model.units import UNITS, find, suggestion

Exponents = tuple[int, ...]

_BASES = ("m", "kg", "s", "A", "K", "lm", "bit", "rad", "dB", "[pH]", "{NTU}")
HIGHEST = 30
"""The highest power of a base dimension that a measure may have."""
PLAIN: Exponents = (0,) * len(_BASES)


class Nature(StrEnum):
    """Whether a number counts from a zero that was chosen, is a difference of two such, or neither."""

    PLAIN = "plain"
    ABSOLUTE = "absolute"
    DIFFERENCE = "difference"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Measure:
    """What a number measures: `SI value = number * scale + offset`.

    `kind` is empty for what was computed. `code` is the unit in words, empty for a bare number.
    """

    exponents: Exponents = PLAIN
    scale: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    kind: str = ""
    nature: Nature = Nature.PLAIN
    code: str = ""

    @property
    def bare(self) -> bool:
        """Whether this is a number without any unit."""
        return self.exponents == PLAIN and self.scale == 1 and not self.code

    @property
    def words(self) -> str:
        """Kind and unit for people: `power (kW)`."""
        if self.bare:
            return "a bare number"
        name = self.kind or kind_of(self.exponents)
        if self.nature is Nature.DIFFERENCE and not name.endswith("difference"):
            name = f"{name} difference"
        code = self.code or code_of(self.exponents, self.scale)
        if not name:
            return f"a measure in {code or _spelled(self.exponents)}"
        return f"{name} ({code})" if code else name


BARE = Measure()


class UnknownUnit(ValueError):
    """Raised for a code that is neither in the table nor made of codes of the table."""


def _dims(text: str) -> Exponents:
    powers = dict.fromkeys(_BASES, 0)
    for part in text.split():
        base, _, power = part.partition("^")
        powers[base] = int(power or 1)
    return tuple(powers.values())


# Kind to its exponents; where the table's base unit is not the SI's, the factor stands in `_FACTORS`.
_KINDS = {
    kind: _dims(text)
    for kind, text in {
        "temperature": "K",
        "ratio": "",
        "power": "kg m^2 s^-3",
        "apparent power": "kg m^2 s^-3",
        "reactive power": "kg m^2 s^-3",
        "energy": "kg m^2 s^-2",
        "apparent energy": "kg m^2 s^-2",
        "reactive energy": "kg m^2 s^-2",
        "voltage": "kg m^2 s^-3 A^-1",
        "current": "A",
        "electric charge": "A s",
        "resistance": "kg m^2 s^-3 A^-2",
        "conductivity": "kg^-1 m^-3 s^3 A^2",
        "frequency": "s^-1",
        "time": "s",
        "length": "m",
        "area": "m^2",
        "volume": "m^3",
        "volume flow": "m^3 s^-1",
        "mass": "kg",
        "mass flow": "kg s^-1",
        "pressure": "kg m^-1 s^-2",
        "speed": "m s^-1",
        "acceleration": "m s^-2",
        "rain rate": "m s^-1",
        "angle": "rad",
        "illuminance": "lm m^-2",
        "luminous flux": "lm",
        "irradiance": "kg s^-3",
        "irradiation": "kg s^-2",
        "mass concentration": "kg m^-3",
        "acidity": "[pH]",
        "turbidity": "{NTU}",
        "sound pressure level": "dB",
        "A-weighted sound level": "dB",
        "power level": "dB",
        "level difference": "dB",
        "amount of data": "bit",
        "data rate": "bit s^-1",
    }.items()
}
_FACTORS = {
    "rain rate": Fraction(1, 3_600_000),
    "apparent energy": Fraction(3600),
    "reactive energy": Fraction(3600),
}
_ABSOLUTE = frozenset({"temperature", "sound pressure level", "A-weighted sound level", "power level"})
_DIFFERENCES = frozenset({_dims("K"), _dims("dB")})
_COMPONENT = re.compile(r"([./]?)((?:\[[^\[\]]*\]|\{[^{}]*\}|[^./\[\]{}])+)")
_POWER = re.compile(r"(.*?)([0-9]{1,2})", re.DOTALL)


def kinds() -> frozenset[str]:
    """Return every kind that has exponents here; a test holds them to the table."""
    return frozenset(_KINDS)


@lru_cache(maxsize=1024)
def measure(code: str) -> Measure:
    """Return what a unit measures: a code of the table, or codes joined by `.` and `/` with whole powers (`%/h`).

    A temperature or a level by itself counts from its zero, within a compound it is a difference. UnknownUnit with
    words otherwise.
    """
    unit = find(code)
    if unit is None:
        return _compound(code)
    factor = _FACTORS.get(unit.kind, Fraction(1))
    nature = Nature.ABSOLUTE if unit.kind in _ABSOLUTE else Nature.PLAIN
    if unit.kind == "level difference":
        nature = Nature.DIFFERENCE
    return Measure(_KINDS[unit.kind], unit.scale * factor, unit.offset * factor, unit.kind, nature, code)


@lru_cache(maxsize=1024)
def literal(code: str) -> Measure:
    """Return what a number with a unit measures: K may be a temperature or a difference of two."""
    found = measure(code) if code else BARE
    if found.kind == "temperature" and found.offset == 0:
        return replace(found, nature=Nature.EITHER)
    return found


def _compound(code: str) -> Measure:
    parts = _COMPONENT.findall(code)
    if "".join(joint + part for joint, part in parts) != code or not parts or parts[0][0] == ".":
        raise UnknownUnit(_unknown(code))
    found = BARE
    for joint, part in parts:
        factor = _component(part, code)
        found = times(found, factor, divide=joint == "/")
        if max(map(abs, found.exponents)) > HIGHEST:
            raise UnknownUnit(f"the powers of {code!r} are too high")
    return replace(found, code=code)


def _component(part: str, code: str) -> Measure:
    """One part of a compound; of a temperature only the size of the degree counts."""
    unit, power = find(part), 1
    if unit is None and (match := _POWER.fullmatch(part)):
        unit, power = find(match[1]), int(match[2])
    if unit is None or not 0 < power <= HIGHEST:
        raise UnknownUnit(_unknown(code if part == code else part))
    one = Measure(_KINDS[unit.kind], unit.scale * _FACTORS.get(unit.kind, 1))
    return Measure(tuple(power * exponent for exponent in one.exponents), one.scale**power)


def _unknown(code: str) -> str:
    near = suggestion(code)
    return f"{code!r} is not a unit{f' (did you mean {near}?)' if near else ''}"


def times(left: Measure, right: Measure, *, divide: bool = False) -> Measure:
    """Return the product or quotient of two measures, of no kind of its own."""
    sign = -1 if divide else 1
    exponents = tuple(a + sign * b for a, b in zip(left.exponents, right.exponents, strict=True))
    scale = left.scale / right.scale if divide else left.scale * right.scale
    return Measure(exponents, scale, nature=nature_of(exponents))


def nature_of(exponents: Exponents) -> Nature:
    """Return the nature of what was computed: kelvins and decibels that come of arithmetic are differences."""
    return Nature.DIFFERENCE if exponents in _DIFFERENCES else Nature.PLAIN


@lru_cache(maxsize=256)
def kind_of(exponents: Exponents) -> str:
    """Return the first kind of the table with these exponents, empty where there is none."""
    return next((kind for kind, found in _KINDS.items() if found == exponents), "")


@lru_cache(maxsize=256)
def code_of(exponents: Exponents, scale: Fraction) -> str:
    """Return a unit of the table with these exponents and this scale, empty where there is none."""
    for code, unit in UNITS.items():
        factor = _FACTORS.get(unit.kind, 1)
        if _KINDS[unit.kind] == exponents and unit.scale * factor == scale and not unit.offset:
            return "" if code == "1" else code
    return ""


def _spelled(exponents: Exponents) -> str:
    """Write exponents out in base units: `kg.m2/s3`."""
    over = [f"{base}{power if power > 1 else ''}" for base, power in _powers(exponents) if power > 0]
    under = [f"{base}{-power if power < -1 else ''}" for base, power in _powers(exponents) if power < 0]
    return ".".join(over) + "".join(f"/{part}" for part in under)


def _powers(exponents: Exponents) -> list[tuple[str, int]]:
    return [(base, power) for base, power in zip(_BASES, exponents, strict=True) if power]
