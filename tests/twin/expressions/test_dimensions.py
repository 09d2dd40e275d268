"""The algebra of units, held to the table of units."""

from fractions import Fraction

import pint
import pytest

from tests.twin.model.test_units import PINT
from twin.expressions import dimensions
from twin.expressions.dimensions import BARE, Nature, UnknownUnit, literal, measure, times
from twin.model.units import UNITS

REGISTRY: pint.UnitRegistry[float] = pint.UnitRegistry()
BASES = {
    "m": "[length]", "kg": "[mass]", "s": "[time]", "A": "[current]", "K": "[temperature]", "lm": "[luminosity]",
}  # fmt: skip


def test_every_kind_of_the_table_has_exponents():
    """No unit that a point may have is unknown to expressions, and no kind here is without units."""
    assert dimensions.kinds() == {unit.kind for unit in UNITS.values()}


@pytest.mark.parametrize("code", [code for code in PINT if not code.startswith("dB")])
def test_exponents_and_scale_are_those_of_another_library(code):
    """Pint agrees on what every code is made of, and on how much of the SI's unit it is."""
    found = measure(code)
    theirs = (1 * REGISTRY(PINT[code]).units).to_base_units() if found.offset == 0 else 1 * REGISTRY.kelvin
    powers = {base: power for base, power in dimensions._powers(found.exponents) if base in BASES}

    assert {BASES[base]: power for base, power in powers.items()} == dict(theirs.dimensionality)
    if found.offset == 0 and not set(dict(dimensions._powers(found.exponents))) - set(BASES):
        assert float(found.scale) == pytest.approx(theirs.magnitude, rel=1e-6)


@pytest.mark.parametrize(
    "code", ["kW.h", "m3/h", "km/h", "W.h/m2", "kg/m3", "L/m2/h", "kg/h", "bit/s", "A.h"]
)
def test_codes_of_several_parts_are_what_their_parts_say(code):
    """W.h is a watt times an hour: the table and the algebra agree on codes that have parts."""
    whole, parts = measure(code), dimensions._compound(code)

    assert (parts.exponents, parts.scale) == (whole.exponents, whole.scale)


def test_codes_that_the_table_does_not_have():
    """Codes are joined and raised: % an hour, degrees a minute, squares."""
    assert measure("%/h").scale == Fraction(1, 360_000)
    assert measure("Cel/min").exponents == times(measure("K"), measure("s"), divide=True).exponents
    assert measure("Cel/min").offset == 0
    assert measure("kW2").scale == 10**6


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("kWh", "'kWh' is not a unit (did you mean kW.h?)"),
        ("foo/h", "'foo' is not a unit"),
        (".h", "'.h' is not a unit"),
        ("m31", "'m31' is not a unit"),
        ("m30.m9", "the powers of 'm30.m9' are too high"),
        ("m99", "'m99' is not a unit"),
    ],
)
def test_codes_that_are_none(code, words):
    """What is no unit is refused with the nearest one."""
    with pytest.raises(UnknownUnit) as found:
        measure(code)

    assert str(found.value).startswith(words)


def test_kelvins_are_taken_either_way():
    """A literal in K may be a temperature or a difference, one in Cel is a temperature."""
    assert literal("K").nature is Nature.EITHER
    assert literal("Cel").nature is Nature.ABSOLUTE
    assert literal("") == BARE
