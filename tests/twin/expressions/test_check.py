"""Names, units and types: what is refused, in which words, and what comes of what is not."""

import time

import pytest

from tests.twin.expressions.town import check, district, ground
from twin.expressions.checked import ExpressionError, Kind, check_text
from twin.expressions.scope import Scope
from twin.model.ground import Ground


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # names
        ("levl > 20 %", "column 1: there is no point 'levl' on tank-a (did you mean level?)"),
        ("1 % + levl", "column 7: there is no point 'levl' on tank-a (did you mean level?)"),
        ("tank-c/level", "column 1: there is no device or site 'tank-c' (did you mean tank-b?)"),
        ("tank-b/levle", "column 1: there is no point 'levle' on tank-b (did you mean level?)"),
        ("inlet_flow-outlet_flow", "write spaces around - and / (inlet_flow - outlet_flow)"),
        ("volume/outlet_flow", "write spaces around - and / (volume / outlet_flow)"),
        ("avg(level, 3 %)", "column 1: there is no function 'avg'"),
        ("roung(level)", "there is no function 'roung' (did you mean round?)"),
        ("rate(level)", "rate needs a time: rate(POINT over 1h)"),
        ("count(level)", "count needs a selection or a time"),
        ("abs(level, level)", "abs is written abs(x), found 2 arguments"),
        ("if(pump = 'on', 1)", "if is written if(condition, a, b), found 2 arguments"),
        # units
        ("2 level", "'level' is not a unit: write * between a number and a point"),
        ("6 m/volume", "'volume' is not a unit: write spaces around / to divide"),
        ("20 kWh", "column 3: 'kWh' is not a unit (did you mean kW.h?)"),
        ("meter-a/active_power + volume", "column 24: power (W) and volume (m3) do not add"),
        ("meter-a/active_power - volume", "power (W) and volume (m3) do not subtract"),
        ("meter-a/active_power > volume", "power (W) and volume (m3) do not compare"),
        ("min(meter-a/active_power, volume)", "power (W) and volume (m3) do not compare"),
        ("if(pump = 'on', volume, level)", "volume (m3) and ratio (%) do not stand for one another"),
        (
            "meter-a/active_power + meter-a/reactive_power",
            "power (W) and reactive power (V.A{reactive}) do not add",
        ),
        ("meter-a/active_power + meter-a/apparent_power", "power (W) and apparent power (V.A) do not add"),
        ("level > 20", "column 9: 20 has no unit, and what it stands beside is ratio (%): write 20 %"),
        ("20 < level", "column 1: 20 has no unit, and what it stands beside is ratio (%): write 20 %"),
        ("volume + 3", "3 has no unit, and what it stands beside is volume (m3): write 3 m3"),
        ("3 + volume", "3 has no unit, and what it stands beside is volume (m3): write 3 m3"),
        ("volume / outlet_flow > 3", "3 has no unit, and what it stands beside is time (h): write 3 h"),
        ("volume / 0", "division by zero"),
        ("sqrt(volume)", "there is no square root of volume (m3): divide by a unit first"),
        ("volume ^ 2.5", "a power is a whole number from 0 to 9"),
        ("volume ^ level", "'level' is not expected here"),
        ("((volume ^ 9) ^ 9)", "the powers of its unit are too high"),
        ("round(level)", "say to what ratio (%) is rounded: round(x, 1 %)"),
        ("round(level, 0 %)", "a step is larger than 0"),
        ("1e999 m", "the number is too long, too large or too small"),
        ("1e300 km", None),
        # temperatures
        ("temperature + temperature", "temperature (Cel) and temperature (Cel) do not add"),
        ("temperature + 20 Cel", "do not add: their mean is mean(a, b), a difference is added in K"),
        ("temperature * 2", "counts from a zero that was chosen: * takes a difference of two"),
        ("-temperature", "the negative of temperature (Cel) means nothing"),
        ("abs(temperature)", "the size of temperature (Cel) means nothing"),
        ("temperature - 10 Cel > 5 Cel", "temperature difference (K) and temperature (Cel) do not compare"),
        ("3 K - temperature", "temperature (Cel) is not subtracted from a difference"),
        ("integral(temperature over 1h)", "has no sum over time, a difference has"),
        ("sum(temperature where kind = WaterTank)", "temperature (Cel) does not add up, it has a mean"),
        ("temperature > 0", "0 has no unit, and what it stands beside is temperature (Cel): write 0 Cel"),
        # states and conditions
        ("inlet = 'opn'", "column 9: there is no state 'opn' here (did you mean open?): closed, open"),
        ("inlet = pump", "the two sides have no state in common"),
        ("inlet > 'open'", "a state is no number, and > takes numbers"),
        ("inlet = 3", "do not compare"),
        ("inlet + 1", "a state is no number, and add takes numbers"),
        ("pump", None),
        (
            "pump and level > 2 %",
            "a condition is expected here, found a state: compare it, as in pump = 'on'",
        ),
        ("level and pump = 'on'", "a condition is expected here, found ratio (%)"),
        ("(level > 2 %) + 1", "a condition is no number"),
        ("if(level, 1, 2)", "a condition is expected here, found ratio (%)"),
        ("if(pump = 'on', 1, 'off')", "a bare number and a state do not stand for one another"),
        # windows
        ("rate(level over 10)", "a window is 1s to 366d long"),
        ("rate(level over 10ms)", "a window is 1s to 366d long"),
        ("rate(level over 1wk)", "a window is 1s to 366d long"),
        ("rate(level over 1wk)", "for example 15min, 1h or 1d"),
        ("rate(level over 1e3h)", "a window is 1s to 366d long"),
        ("median(level over 1h)", "there is no 'median' over a time"),
        ("rate(level - volume over 1h)", "rate over a time follows one point"),
        ("rate(rate(level over 1h) over 1h)", "rate over a time follows one point"),
        ("rate(3 over 1h)", "rate over a time follows one point"),
        ("mean(pump over 1h)", "mean does not take a state: say which, as in pump = 'on'"),
        ("delta(pump = 'on' over 1h)", "a condition has no delta"),
        ("delta(met/wind over 1h)", "wind_direction goes round: it has no delta"),
        # selections
        (
            "sum(level where kind = WaterTnk)",
            "no device or site of kind 'WaterTnk' (did you mean WaterTank?)",
        ),
        ("sum(level where site within tower-c)", "there is no site 'tower-c' (did you mean tower-b?)"),
        ("sum(level where fed by feedr)", "there is no device or site 'feedr' (did you mean feeder?)"),
        ("sum(level where knd = WaterTank)", "a selection does not know 'knd' (did you mean kind?)"),
        ("sum(level where kind < WaterTank)", "kind takes = or !="),
        ("sum(level where kind within WaterTank)", "kind takes = or !="),
        ("sum(levl where kind = WaterTank)", "the selection finds no 'levl' (did you mean level?)"),
        ("sum(level where kind = Streetlight)", "the selection finds no 'level'"),
        ("sum(level where kind = WaterTank and kind = Streetlight)", "nothing fulfils all of its conditions"),
        ("sum(volume + level where kind = WaterTank)", "names one quantity or point, found level, volume"),
        ("sum(3 where kind = WaterTank)", "names one quantity or point, found none"),
        (
            "sum(sum(level where kind = WaterTank) where kind = WaterTank)",
            "does not stand inside of another one",
        ),
        ("median(level where kind = WaterTank)", "there is no 'median' over a selection"),
        (
            "sum(power where kind = Streetlight)",
            "sum takes numbers, found a state: count(power = 'on' where …) counts",
        ),
        ("sum(level > 3 % where kind = WaterTank)", "sum takes numbers, found a condition"),
        ("sum(draw where not kind = WaterTank)", "that measure different things"),
    ],
)
def test_words(text, words):
    """Whoever wrote what makes no sense reads where it is, why, and what was probably meant."""
    try:
        check(text)
        found = None
    except ExpressionError as error:
        found = str(error)

    assert (words is None and found is None) or (found is not None and words is not None and words in found)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("meter-a/active_power + 3 kW", "power (W)"),
        ("volume / outlet_flow", "time (h)"),
        ("outlet_flow * 3 h", "volume (m3)"),
        ("meter-a/voltage_l1 * meter-a/current", "power (W)"),
        ("meter-a/voltage_l1 * meter-a/current + meter-a/apparent_power", "apparent power (W)"),
        ("meter-a/apparent_power * meter-a/power_factor + meter-a/active_power", "power (W)"),
        ("sqrt(meter-a/active_power ^ 2 + meter-a/reactive_power ^ 2)", "power (W)"),
        ("meter-a/active_power / meter-b/active_power", "a bare number"),
        ("temperature + 3 K", "temperature (Cel)"),
        ("3 K + temperature", "temperature (Cel)"),
        ("temperature - tank-b/temperature", "temperature difference (K)"),
        ("mean(temperature, tank-b/temperature)", "temperature (Cel)"),
        ("(temperature - tank-b/temperature) * 2", "temperature difference (K)"),
        ("rate(level over 1h)", "frequency"),
        ("rate(temperature over 1h) * 1 h", "temperature difference"),
        ("delta(drawn over 1h)", "volume (m3)"),
        ("integral(meter-a/active_power over 1d)", "energy (J)"),
        ("integral(pump = 'on' over 1d)", "time (s)"),
        ("mean(pump = 'on' over 1d)", "a bare number"),
        ("max(pump = 'on' over 1h)", "a condition"),
        ("count(pump = 'on' over 1h)", "a bare number"),
        ("count(level where kind = WaterTank)", "a bare number"),
        ("if(level > 20 %, 'on', 'off')", "a state"),
        ("hour", "a bare number"),
        ("max(level, 0)", "ratio (%)"),
        ("met/people + 20", "ratio ({people})"),
        ("(rate(met/rain over 1h))", "speed (mm/s)"),
    ],
)
def test_what_comes_of_it(text, kind):
    """Units are multiplied, divided and kept as physics has it."""
    assert check(text).unit_kind == kind


def test_the_three_kinds():
    """An expression gives a number, a condition or a state."""
    assert [check(text).kind for text in ("level", "level > 20 %", "pump")] == [
        Kind.NUMBER,
        Kind.BOOLEAN,
        Kind.STATE,
    ]
    assert check("if(level > 20 %, 'on', pump)").states == {"on", "off"}


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("meter-a/active_power", "kW", None),
        ("meter-a/voltage_l1 * meter-a/current", "V.A", None),
        ("meter-a/voltage_l1 * meter-a/current", "V.A{reactive}", None),
        ("rate(met/rain over 1h)", "mm/h", None),
        ("rate(level over 1h)", "%/h", None),
        ("temperature", "[degF]", None),
        ("temperature - tank-b/temperature", "K", None),
        ("temperature - tank-b/temperature", "Cel", "a difference is in K"),
        ("meter-a/active_power", "V.A", "it gives power (W), and apparent power (V.A) is expected"),
        ("meter-a/active_power", "m3", "it gives power (W), and volume (m3) is expected"),
        ("meter-a/active_power", "kilowatt", "'kilowatt' is not a unit"),
        ("pump = 'on'", "kW", "a number in kW is expected, found a condition"),
    ],
)
def test_in_a_unit(text, unit, words):
    """A number is expressed in a unit of its kind; what was computed goes for any kind with its exponents."""
    try:
        found = check(text).in_unit(unit).unit_kind.endswith(f"({unit})")
    except ExpressionError as error:
        found = words is not None and words in str(error)

    assert found


def test_inputs_are_full_paths_each_once():
    """What an expression reads is told by full paths, windows and selections included."""
    text = "level + level + sum(level where kind = WaterTank) + mean(level over 1h) + delta(tank-b/level over 1h)"

    assert check(text).inputs == ("riverside/tank-a/level", "riverside/tank-b/level")


def test_a_name_needs_an_owner():
    """Where a rule belongs to nobody, a bare name is refused with an example."""
    with pytest.raises(ExpressionError) as found:
        check_text("level > 20 %", Scope(ground()))

    assert str(found.value) == "column 1: whose 'level' is meant? Write OWNER/level, for example tank-a/level"
    assert found.value.unknown


def test_what_is_only_written_is_not_read():
    """A command gives no reading, so nothing is computed from it."""
    town = ground()
    point = town.devices["tank-a"].points["inlet"]
    town.added["tower-a"] = {"order": type(point)(**_fields(point) | {"name": "order", "readable": False})}

    with pytest.raises(ExpressionError, match="only written and never gives a reading"):
        check_text("tower-a/order = 'open'", Scope(town))


def _fields(point):
    return {name: getattr(point, name) for name in point.__dataclass_fields__}


def test_a_template_is_checked_once_and_named_anew():
    """An expression over many devices alike is looked up for each, and reads the points of each."""
    town = ground()
    first, second = (
        check_text("mean(level over 1h) - level", Scope(town, owner)) for owner in ("tank-a", "tank-b")
    )

    assert first.core is second.core
    assert (first.inputs, second.inputs) == (("riverside/tank-a/level",), ("riverside/tank-b/level",))


def test_a_template_sees_what_differs():
    """Where one device's point is of another kind, its expression is checked by itself."""
    town = ground()

    check_text("temperature + 3 K", Scope(town, "tank-a"))
    assert check_text("temperature + 3 K", Scope(town, "met")).inputs == ("riverside/met/temperature",)
    with pytest.raises(ExpressionError, match="no point 'temperature' on lamp-1"):
        check_text("temperature + 3 K", Scope(town, "lamp-1"))


def test_five_thousand_instances_load_fast():
    """A template of 5,000 instances costs far less than 5,000 checks."""
    town = district()
    tank = town.devices["tank-a"]
    devices = {f"tank-{number}": tank for number in range(5_000)}
    grown = Ground(town.id, town.zone, town.location, town.sites, devices, town.graph)
    began = time.process_time()
    for owner in devices:
        check_text("if(rate(level over 10min) < -5 %/h and pump = 'on', volume, 0 m3)", Scope(grown, owner))

    assert time.process_time() - began < 2.0
