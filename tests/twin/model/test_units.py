"""Units: the table against pint, the way there and back, and the words of a refusal."""

import math
from itertools import permutations, product

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.model.units import UNITS, Conversion, UnitError, conversion, find, suggestion

# What pint calls each code; a code that is not here must be in BEYOND_PINT with its reason.
# fmt: off
PINT = {
    "K": "kelvin", "Cel": "degC", "[degF]": "degF",
    "1": "dimensionless", "%": "percent", "[ppth]": "permille", "[ppm]": "ppm", "[ppb]": "ug/kg",
    "mW": "mW", "W": "W", "kW": "kW", "MW": "MW", "GW": "GW", "kJ/h": "kJ/hour",
    "[Btu_IT]/h": "Btu_it/hour", "[HP]": "hp",
    "V.A": "VA", "kV.A": "kVA", "MV.A": "MVA",
    "V.A{reactive}": "VA", "kV.A{reactive}": "kVA", "MV.A{reactive}": "MVA",
    "J": "J", "kJ": "kJ", "MJ": "MJ", "GJ": "GJ", "[Btu_IT]": "Btu_it",
    "W.h": "Wh", "kW.h": "kWh", "MW.h": "MWh", "GW.h": "GWh",
    "V.A.h": "VA*hour", "kV.A.h": "kVA*hour", "MV.A.h": "MVA*hour",
    "V.A{reactive}.h": "VA*hour", "kV.A{reactive}.h": "kVA*hour", "MV.A{reactive}.h": "MVA*hour",
    "uV": "uV", "mV": "mV", "V": "V", "kV": "kV", "uA": "uA", "mA": "mA", "A": "A", "kA": "kA",
    "C": "coulomb", "mA.h": "mA*hour", "A.h": "A*hour",
    "mOhm": "mohm", "Ohm": "ohm", "kOhm": "kohm", "MOhm": "Mohm",
    "uS/cm": "uS/cm", "mS/cm": "mS/cm", "uS/m": "uS/m", "mS/m": "mS/m", "S/m": "S/m",
    "Hz": "1/second", "kHz": "1/millisecond", "MHz": "1/microsecond",
    "/s": "1/second", "/min": "1/minute", "/h": "1/hour", "/d": "1/day",
    "us": "us", "ms": "ms", "s": "s", "min": "minute", "h": "hour", "d": "day", "wk": "week",
    "um": "um", "mm": "mm", "cm": "cm", "m": "m", "km": "km", "[in_i]": "inch", "[ft_i]": "foot", "[mi_i]": "mile",
    "L/m2": "liter/m**2", "l/m2": "liter/m**2",
    "cm2": "cm**2", "m2": "m**2", "har": "hectare", "km2": "km**2", "[ft_i]2": "foot**2",
    "mL": "mL", "ml": "mL", "cm3": "cm**3", "L": "liter", "l": "liter", "dm3": "dm**3", "hL": "hL", "hl": "hL",
    "m3": "m**3", "ML": "ML", "[gal_us]": "gallon", "[gal_br]": "imperial_gallon", "[cft_i]": "foot**3",
    "[ft_i]3": "foot**3",
    "m3/s": "m**3/s", "m3/min": "m**3/minute", "m3/h": "m**3/hour", "m3/d": "m**3/day",
    "L/s": "L/s", "L/min": "L/minute", "L/h": "L/hour", "l/s": "L/s", "l/min": "L/minute", "l/h": "L/hour",
    "mL/min": "mL/minute", "ML/d": "ML/day", "[gal_us]/min": "gallon/minute", "[cft_i]/min": "foot**3/minute",
    "[ft_i]3/min": "foot**3/minute",
    "mg": "mg", "g": "g", "kg": "kg", "t": "tonne", "[lb_av]": "pound",
    "kg/s": "kg/s", "kg/h": "kg/hour", "t/h": "tonne/hour",
    "Pa": "Pa", "hPa": "hPa", "kPa": "kPa", "MPa": "MPa", "mbar": "mbar", "bar": "bar", "atm": "atm", "[psi]": "psi",
    "mm[H2O]": "mm/m*mH2O", "cm[H2O]": "cm/m*mH2O",
    "m[H2O]": "mH2O", "[in_i'H2O]": "inH2O",
    "mm/s": "mm/s", "cm/s": "cm/s", "m/s": "m/s", "km/h": "km/hour", "[mi_i]/h": "mile/hour", "[kn_i]": "knot",
    "[ft_i]/min": "foot/minute",
    "mm/s2": "mm/s**2", "m/s2": "m/s**2", "m[g]": "mm/m*g_0", "[g]": "g_0",
    "mm/h": "mm/hour", "mm/min": "mm/minute", "mm/d": "mm/day", "L/m2/h": "liter/m**2/hour", "[in_i]/h": "inch/hour",
    "rad": "radian", "deg": "degree", "lx": "lux", "klx": "klux", "lm/[ft_i]2": "lumen/foot**2",
    "lm": "lumen", "klm": "klumen",
    "W/m2": "W/m**2", "kW/m2": "kW/m**2", "mW/cm2": "mW/cm**2",
    "J/m2": "J/m**2", "kJ/m2": "kJ/m**2", "MJ/m2": "MJ/m**2", "W.h/m2": "Wh/m**2", "kW.h/m2": "kWh/m**2",
    "ng/m3": "ng/m**3", "ug/m3": "ug/m**3", "mg/m3": "mg/m**3", "g/m3": "g/m**3", "kg/m3": "kg/m**3",
    "ug/L": "ug/L", "mg/L": "mg/L", "g/L": "g/L", "ug/l": "ug/L", "mg/l": "mg/L", "g/l": "g/L",
    "dB[W]": "dBW", "dB{mW}": "dBm",
    "bit": "bit", "kbit": "kbit", "Mbit": "Mbit", "By": "byte", "kBy": "kB", "MBy": "MB", "GBy": "GB",
    "KiBy": "KiB", "MiBy": "MiB", "GiBy": "GiB",
    "bit/s": "bit/s", "kbit/s": "kbit/s", "Mbit/s": "Mbit/s", "Gbit/s": "Gbit/s",
    "By/s": "byte/s", "kBy/s": "kB/s", "MBy/s": "MB/s",
}
# fmt: on

BEYOND_PINT = {
    "[pH]": "pint's pH is a logarithm of a concentration; ours is a number of its own",
    "{NTU}": "a procedure, not a physical unit",
    "{FNU}": "a procedure, calibrated with the same formazin as NTU",
    "dB[SPL]": "pint has no level over 20 uPa",
    "B[SPL]": "pint has no level over 20 uPa",
    "dB[SPL]{A}": "pint knows no weighting",
    "dB": "pint takes the power ratio behind a level",
    "B": "pint has no bel",
}

SAME_KIND = [(a, b) for a, b in product(UNITS, UNITS) if UNITS[a].kind == UNITS[b].kind]
CHECKABLE = [(a, b) for a, b in SAME_KIND if a in PINT and b in PINT]


@pytest.fixture(scope="module")
def registry():
    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def test_every_code_is_checked_or_has_a_reason():
    """Each code of the table is compared with pint, or says why it cannot be."""

    assert PINT.keys() | BEYOND_PINT.keys() == UNITS.keys()
    assert not PINT.keys() & BEYOND_PINT.keys()
    assert all(BEYOND_PINT.values())


@pytest.mark.parametrize("kind", sorted({UNITS[source].kind for source, _ in CHECKABLE}))
def test_conversions_agree_with_pint(registry, kind):
    """Any two units of a kind convert as pint converts them."""
    pairs = [(source, target) for source, target in CHECKABLE if UNITS[source].kind == kind]

    for source, target in pairs:
        for value in (0.0, 1.0, -40.0, 37.5, 250.0):
            expected = registry.Quantity(value, PINT[source]).to(PINT[target]).magnitude
            assert conversion(source, target)(value) == pytest.approx(expected, rel=1e-9, abs=1e-9), (
                source,
                target,
            )


@pytest.mark.parametrize(
    ("source", "value", "target", "expected"),
    [
        ("B[SPL]", 6.5, "dB[SPL]", 65.0),
        ("B", 2.0, "dB", 20.0),
        ("dB{mW}", -67.0, "dB[W]", -97.0),
        ("{FNU}", 4.2, "{NTU}", 4.2),
        ("[degF]", 212.0, "Cel", 100.0),
        ("Cel", -273.15, "K", 0.0),
        ("[degF]", -40.0, "Cel", -40.0),
        ("kW.h", 1.0, "MJ", 3.6),
        ("uS/cm", 1413.0, "S/m", 0.1413),
    ],
)
def test_known_conversions(source, value, target, expected):
    """Values that an engineer knows by heart come out."""

    assert conversion(source, target)(value) == pytest.approx(expected, abs=1e-9)


@given(pair=st.sampled_from(SAME_KIND), value=st.floats(min_value=-1e9, max_value=1e9))
def test_there_and_back(pair, value):
    """A value that goes to another unit and back is the value."""
    source, target = pair

    back = conversion(target, source)(conversion(source, target)(value))

    assert math.isclose(back, value, rel_tol=1e-9, abs_tol=1e-6)


@pytest.mark.parametrize("code", UNITS)
def test_a_unit_to_itself_changes_no_bit(code):
    """A conversion that is none is exactly one and zero."""

    assert conversion(code, code) == Conversion(1.0, 0.0)


def test_powers_of_ten_are_exact():
    """A decimal prefix costs no rounding: what the table divides, it divides exactly."""

    assert conversion("cm", "mm").scale == 10.0
    assert conversion("mbar", "kPa").scale == 0.1
    assert conversion("%", "1").scale == 0.01


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("{people}", "{vehicles}"),
        ("{people}", "1"),
        ("1", "{anything at all}"),
        ("m3{hot}", "m3{cold}"),
        ("{vehicles}/h", "/h"),
    ],
)
def test_annotations_convert_one_to_one(source, target):
    """What stands in braces names the thing that is counted and changes no number."""

    assert conversion(source, target) == Conversion(1.0, 0.0)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("kW", "m3", "kW measures power, m3 measures volume"),
        ("kV.A", "W", "kV.A measures apparent power, W measures power"),
        ("V.A{reactive}", "V.A", "V.A{reactive} measures reactive power, V.A measures apparent power"),
        (
            "dB[SPL]",
            "dB[SPL]{A}",
            "dB[SPL] measures sound pressure level, dB[SPL]{A} measures A-weighted sound level",
        ),
        ("[ppb]", "ug/m3", "[ppb] measures ratio, ug/m3 measures mass concentration"),
        ("C", "Cel", "C measures electric charge, Cel measures temperature"),
    ],
)
def test_clash_says_what_each_side_measures(source, target, words):
    """Two kinds do not convert, and the message names both."""
    with pytest.raises(UnitError) as caught:
        conversion(source, target)

    assert str(caught.value) == f"cannot convert {source!r} to {target!r}: {words}"
    assert (caught.value.source, caught.value.target) == (source, target)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("kWh", "kW.h"),
        ("°C", "Cel"),
        ("°F", "[degF]"),
        ("m³/h", "m3/h"),
        ("µg/m³", "ug/m3"),
        ("\u03bcS/cm", "uS/cm"),
        ("ppm", "[ppm]"),
        ("kvar", "kV.A{reactive}"),
        ("kVA", "kV.A"),
        ("dBm", "dB{mW}"),
        ("dB(A)", "dB[SPL]{A}"),
        ("psi", "[psi]"),
        ("rpm", "/min"),
        ("", "1"),
        ("kpa", "kPa"),
        (" kW ", "kW"),
    ],
)
def test_unknown_code_offers_what_was_meant(written, meant):
    """A spelling that UCUM does not have is refused with the one it has."""
    with pytest.raises(UnitError, match="did you mean") as caught:
        conversion(written, meant)

    assert suggestion(written) == meant
    assert caught.value.reason == f"{written!r} is not a UCUM code that barrio knows (did you mean {meant}?)"


def test_unknown_target_is_named():
    """The side that is not understood is the one that the message speaks of."""
    with pytest.raises(UnitError, match=r"'kWh' is not a UCUM code"):
        conversion("kW.h", "kWh")


def test_nonsense_gets_no_suggestion():
    """Nothing is offered where nothing is near."""
    with pytest.raises(UnitError) as caught:
        conversion("furlong_per_fortnight", "m/s")

    assert suggestion("furlong_per_fortnight") is None
    assert caught.value.reason == "'furlong_per_fortnight' is not a UCUM code that barrio knows"


def test_kinds_never_share_a_code():
    """A code stands in the table once, with a scale that can be divided by."""

    assert all(find(code) is unit and unit.code == code for code, unit in UNITS.items())
    assert all(unit.scale > 0 for unit in UNITS.values())
    assert all(UNITS[a].kind == UNITS[b].kind for a, b in permutations(("mg/L", "mg/l", "g/m3"), 2))


@pytest.mark.parametrize("code", ["{", "}", "{}", "{{x}}", "kW{", "m3/{x", "\n", "kW.h.h", "Kw"])
def test_malformed_codes_are_unknown_or_plain(code):
    """Broken braces and wrong case are not understood; empty braces are a bare number."""
    unit = find(code)

    assert unit is (UNITS["1"] if code == "{}" else None)
