import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.model.amount import Amount, parse_amount
from twin.model.units import UnitError


@pytest.mark.parametrize(
    ("found", "amount"),
    [
        ("20 %", Amount(20.0, "%")),
        ("4.5bar", Amount(4.5, "bar")),
        ("-3 Cel", Amount(-3.0, "Cel")),
        (" 1e3 L ", Amount(1000.0, "L")),
        (".5", Amount(0.5)),
        ("-5 %/h", Amount(-5.0, "%/h")),
        (0, Amount(0.0)),
        (Amount(1.0, "m"), Amount(1.0, "m")),
    ],
)
def test_a_number_and_its_unit(found, amount):
    """An amount is read with or without a unit, as a number or a text."""

    assert parse_amount(found) == amount


@pytest.mark.parametrize(
    "found", ["", "much", "20 % off", True, None, [1], float("nan"), "1e999", "inf", "--1"]
)
def test_what_is_no_amount(found):
    """What is no number with at most one unit is refused in words."""

    with pytest.raises(ValueError, match="an amount is a number with its unit, such as 20 %"):
        parse_amount(found)


@given(st.floats(allow_nan=False, min_value=-1e14, max_value=1e14), st.sampled_from([None, "%", "Cel", "m3"]))
def test_what_is_shown_is_read(number, unit):
    """An amount as it is shown reads as the same amount, to twelve digits."""

    again = parse_amount(str(Amount(number, unit)))

    assert again.unit == unit
    assert again.number == pytest.approx(number, rel=1e-11)


def test_a_value_and_a_distance():
    """The zero of a temperature scale counts for a value and not for a distance."""

    assert Amount(10.0, "Cel").in_unit("K") == pytest.approx(283.15)
    assert Amount(10.0, "Cel").difference_in("K") == 10.0
    assert Amount(10.0).in_unit("K") == Amount(10.0).difference_in("K") == 10.0


def test_the_unit_is_its_own():
    """A compound that the table does not list is in itself, and in nothing else."""

    assert Amount(-5.0, "%/h").in_unit("%/h") == -5.0
    with pytest.raises(UnitError, match="'%/h' is not a UCUM code"):
        Amount(-5.0, "%/h").in_unit("%")


def test_only_what_is_counted_needs_no_unit():
    """2 people are people and a number is a number; 2 of a pressure, or of what a rate is in, may be anything."""

    assert Amount(2.0, "bar").lacks_unit("kPa") == ""
    assert [Amount(2.0).lacks_unit(unit) for unit in ("", "1", "{people}")] == ["", "", ""]
    assert Amount(2.0).lacks_unit("kPa") == "has no unit: write it behind the number, such as 2 kPa"
    assert Amount(2.0).lacks_unit("%/h") == "has no unit: write it behind the number, such as 2 %/h"
