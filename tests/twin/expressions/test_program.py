"""Evaluation: values, qualities, times, and whom an event concerns."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.expressions.naive import interpret
from tests.twin.expressions.town import (
    IDS,
    SIZE,
    START,
    STATES,
    Now,
    S,
    check,
    district,
    program,
    readings,
    result_of,
    series,
    value_of,
)
from twin.expressions.checked import ExpressionError, check_text
from twin.expressions.grammar import parse
from twin.expressions.program import Program
from twin.expressions.scope import Scope
from twin.model.ground import Ground
from twin.quality import Reason

POINTS = ("met/people", "meter-a/power_factor", "meter-b/power_factor", "met-2/people")
VALUES = st.one_of(st.none(), st.sampled_from([0.0, 1.0, -1.0, 2.0]), st.floats(-1e6, 1e6))


def number(draw, depth):
    """Draw the text of a number."""
    if not depth:
        return draw(st.sampled_from([*POINTS, "0", "1", "2.5", "1e3"]))
    a, b, c = (number(draw, depth - 1) for _ in range(3))
    forms = [
        f"({a} {draw(st.sampled_from('+-*/'))} {b})",
        f"({a} {draw(st.sampled_from('+-*/'))} {b})",
        f"{draw(st.sampled_from(['min', 'max', 'mean', 'otherwise']))}({a}, {b})",
        draw(st.sampled_from(["(-{})", "abs({})", "sqrt({})"])).format(a),
        f"({a} ^ {draw(st.integers(0, 3))})",
        f"clamp({a}, {b}, {c})",
        f"if({truth(draw, depth - 1)}, {a}, {b})",
    ]
    return draw(st.sampled_from(forms))


def truth(draw, depth):
    """Draw the text of a condition."""
    form = draw(st.integers(0, 4)) if depth else 0
    match form:
        case 0 | 1:
            sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
            return f"({number(draw, depth - 1 if depth else 0)} {sign} {number(draw, depth - 1 if depth else 0)})"
        case 2:
            return f"known({number(draw, depth - 1)})"
        case 3:
            return f"(not {truth(draw, depth - 1)})"
        case _:
            return (
                f"({truth(draw, depth - 1)} {draw(st.sampled_from(['and', 'or']))} {truth(draw, depth - 1)})"
            )


@st.composite
def expressions(draw):
    return draw(st.sampled_from([number, truth]))(draw, draw(st.integers(0, 3)))


@settings(max_examples=300, deadline=None)
@given(
    texts=st.lists(expressions(), min_size=1, max_size=4),
    values=st.lists(VALUES, min_size=len(POINTS), max_size=len(POINTS)),
)
def test_columns_say_what_a_slow_reading_says(texts, values):
    """Whatever is computed in columns is what comes of reading the expression value by value."""
    points = dict(zip(POINTS, values, strict=True))
    now = Now()
    for name, value in points.items():
        if value is not None:
            now.set(name, value)
    texts = [text for text in texts if _is_one(text)]
    found = program(*texts).evaluate(None, now, START)
    for position, text in enumerate(texts):
        expected = interpret(parse(text), points)
        value = float(found.value[position])
        if expected is None or not math.isfinite(expected):
            assert math.isnan(value), text
            assert found.quality[position] in (Reason.INPUT_MISSING, Reason.UNDEFINED)
        else:
            assert value == pytest.approx(float(expected), rel=1e-9, abs=1e-12, nan_ok=True), text


def _is_one(text: str) -> bool:
    """Whether the checker lets it pass: a division by a literal that is zero is refused."""
    try:
        check(text)
    except ExpressionError as error:
        if "division by zero" not in str(error):
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("volume + 1000 L", 31.0),
        ("volume / outlet_flow", 6.0),
        ("level + 1 %", 41.0),
        ("level * 2", 80.0),
        ("level > 20 %", 1.0),
        ("level = 40 %", 1.0),
        ("temperature + 3 K", 13.0),
        ("temperature > 50 [degF]", 0.0),
        ("temperature >= 50 [degF]", 1.0),
        ("temperature - tank-b/temperature", -5.0),
        ("mean(temperature, 20 Cel)", 15.0),
        ("max(level, 50 %, 0)", 50.0),
        ("clamp(level, 50 %, 60 %)", 50.0),
        ("round(volume, 20 m3)", 40.0),
        ("round(temperature, 4 K)", 8.0),
        ("if(pump = 'on', volume, 0)", 30.0),
        ("if(pump != 'on', volume, 0)", 0.0),
        ("sum(volume, tank-b/volume)", 50.0),
        ("sum(volume where kind = WaterTank)", 50.0),
        ("mean(level where kind = WaterTank)", 50.0),
        ("min(level where kind = WaterTank)", 40.0),
        ("max(level where kind = WaterTank)", 60.0),
        ("count(level where kind = WaterTank)", 2.0),
        ("count(level > 50 % where kind = WaterTank)", 1.0),
        ("sum(volume * 2 where kind = WaterTank)", 100.0),
        ("sum(level * tank-b/volume where kind = WaterTank)", 2000.0),
        ("mean(wind_direction where kind = WeatherStation)", 0.0),
        ("hour", 9.0),
        ("minute", 0.0),
        ("weekday", 5.0),
    ],
)
def test_values(text, expected):
    """Values are kept in the unit of their quantity and brought together where they meet."""
    now = Now()
    values: dict[str, float | str] = {
        "tank-a/volume": 30.0,
        "tank-b/volume": 20.0,
        "tank-a/outlet_flow": 5.0,
        "tank-a/level": 40.0,
        "tank-b/level": 60.0,
        "tank-a/temperature": 10.0,
        "tank-b/temperature": 15.0,
        "tank-a/pump": "on",
        "met/wind": 350.0,
        "met-2/wind": 10.0,
    }
    for name, value in values.items():
        now.set(name, value)

    assert value_of(text, now) == pytest.approx(expected, abs=1e-9)


def test_numbers_stay_exact():
    """A level that is passed on is the number that the device gave, not nearly that number."""
    now = Now().set("tank-a/level", 7.0).set("meter-a/active_power", 54.41)

    assert value_of("level", now) == 7.0
    assert (
        float(
            Program([check("meter-a/active_power").in_unit("kW")], IDS, STATES, SIZE)
            .evaluate(None, now, START)
            .value[0]
        )
        == 0.05441
    )
    assert value_of("level = 7 %", now) == 1.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("level", Reason.GOOD),
        ("volume", Reason.INPUT_MISSING),
        ("level > 3 % and volume > 1 m3", Reason.INPUT_MISSING),
        ("level > 90 % and volume > 1 m3", Reason.GOOD),
        ("level > 3 % or volume > 1 m3", Reason.GOOD),
        ("outlet_flow", Reason.INPUT_UNCERTAIN),
        ("temperature", Reason.INPUT_MISSING),
        ("level / (level - level)", Reason.UNDEFINED),
        ("volume / (level - level)", Reason.INPUT_MISSING),
        ("sqrt(-level)", Reason.UNDEFINED),
        ("if(level > 3 %, level, volume / 1 m3)", Reason.GOOD),
        ("if(level < 3 %, level, volume / 1 m3)", Reason.INPUT_MISSING),
        ("if(volume > 3 m3, level, level)", Reason.INPUT_MISSING),
        ("if(outlet_flow > 1 m3/h, level, level)", Reason.INPUT_UNCERTAIN),
        ("known(volume)", Reason.GOOD),
        ("known(level / (level - level))", Reason.GOOD),
        ("otherwise(volume, 3 m3)", Reason.GOOD),
        ("otherwise(level, volume / 1 m3)", Reason.GOOD),
        ("otherwise(outlet_flow, 3 m3/h)", Reason.INPUT_UNCERTAIN),
        ("sum(level where kind = WaterTank)", Reason.INPUT_MISSING),
        ("count(level where kind = WaterTank)", Reason.GOOD),
        ("max(level where device = tank-a)", Reason.GOOD),
        ("sum(outlet_flow where device = tank-a)", Reason.INPUT_UNCERTAIN),
        ("hour", Reason.GOOD),
    ],
)
def test_reasons(text, reason):
    """Quality follows the inputs: missing, uncertain, undefined, and only of what is needed."""
    now = Now().set("tank-a/level", 40.0).set("tank-a/outlet_flow", 5.0, Reason.IMPRECISE)
    now.set("tank-a/temperature", math.nan, Reason.NOT_AVAILABLE)

    found = result_of(text.replace("volume / 1 m3", "volume * 1 % / 1 m3"), now)
    assert found.quality[0] == reason
    assert math.isnan(found.value[0]) == (found.quality[0] >= Reason.INPUT_MISSING)


@pytest.mark.parametrize(
    ("require", "reason"),
    [
        (None, Reason.INPUT_MISSING),
        (1.0, Reason.INPUT_MISSING),
        (0.5, Reason.INCOMPLETE),
        (0.51, Reason.INPUT_MISSING),
    ],
)
def test_require_says_how_many_inputs_may_be_missing(require, reason):
    """Of a selection, the share that is required must be usable; what is missing all the same is told."""
    now = Now().set("tank-a/level", 40.0)
    found = result_of("sum(level where kind = WaterTank)", now, require=require)

    assert found.quality[0] == reason
    assert reason != Reason.INCOMPLETE or found.value[0] == 40.0


def test_a_point_in_a_gap_has_no_value():
    """What was heard before a gap is not what is now."""
    now = Now().set("tank-a/level", 40.0)
    now.gap[series("tank-a/level")] = True

    assert result_of("level", now).quality[0] == Reason.INPUT_MISSING


def test_the_time_is_that_of_the_newest_input():
    """A computed value is as new as the newest of what it was computed from."""
    now = Now().set("tank-a/level", 40.0, time=START + S).set("tank-b/level", 40.0, time=START + 5 * S)

    assert result_of("level + tank-b/level", now).time[0] == START + 5 * S
    assert result_of("hour", now).time[0] == 0


def test_only_who_reads_it_is_affected():
    """An event concerns the expressions that read it, directly, in a window or in a selection."""
    some = program("level", "volume", "max(level where kind = WaterTank)", "mean(level over 1h)", "hour")
    touched = np.zeros(SIZE, np.bool_)
    touched[series("tank-a/level")] = True

    assert some.affected(touched).tolist() == [0, 2, 3]
    assert some.affected(np.zeros(SIZE, np.bool_)).tolist() == []
    assert sorted(some.inputs.tolist()) == sorted(
        series(f"tank-{one}") for one in ("a/level", "a/volume", "b/level")
    )


def test_some_are_evaluated_in_the_order_asked_for():
    """Whoever asks for some expressions has their values in that order."""
    some = program("level", "tank-b/level", "level + 1 %", "hour")
    now = Now().set("tank-a/level", 40.0).set("tank-b/level", 60.0)

    assert some.evaluate(np.array([2, 1, 0]), now, START).value.tolist() == [41.0, 60.0, 40.0]
    assert len(some.evaluate(np.array([], np.intp), now, START).value) == 0


def test_expressions_of_one_shape_are_one_group():
    """Thousands of expressions that differ in points and literals are evaluated together."""
    texts = [f"{owner}/level + {number} %" for number in range(50) for owner in ("tank-a", "tank-b")]

    assert len(program(*texts)._groups) == 1


def test_a_program_of_nothing():
    """A district without expressions costs nothing and says nothing."""
    nothing = Program([], IDS, STATES, SIZE)

    assert nothing.affected(np.ones(SIZE, np.bool_)).tolist() == []
    assert nothing.advance(START).tolist() == []
    assert len(nothing.evaluate(None, Now(), START).value) == 0
    assert (nothing.inputs.tolist(), list(nothing.needs)) == ([], [])


def test_clocks_and_windows_move_on():
    """A window moves on after a sixtieth of its length, a clock with the minute, other expressions never."""
    some = program("level", "mean(level over 1h)", "mean(level over 10s)", "hour")
    now = Now().set("tank-a/level", 40.0)
    some.evaluate(None, now, START)

    assert some.advance(START + S // 2).tolist() == []
    assert some.advance(START + S).tolist() == [2]
    assert some.advance(START + 59 * S).tolist() == [2]
    assert some.advance(START + 60 * S).tolist() == [1, 2, 3]


def test_the_clock_is_that_of_the_district():
    """Hours are those that the district's people read, also on the day when the clocks change."""
    before = 1_792_889_999 * S  # 2026-10-25T02:59:59 in Madrid, summer time

    assert value_of("hour * 100 + minute", Now()) == 900.0
    assert program("hour * 100 + minute").evaluate(None, Now(), before).value[0] == 259.0
    assert program("hour * 100 + minute").evaluate(None, Now(), before + S).value[0] == 200.0
    assert program("weekday").evaluate(None, Now(), before).value[0] == 7.0


def test_two_districts_have_two_clocks():
    """A program over several districts reads each one's own clock."""
    from zoneinfo import ZoneInfo

    town = district()
    far = Ground(town.id, ZoneInfo("Asia/Tokyo"), town.location, town.sites, town.devices, town.graph)
    both = Program([check("hour"), check_text("hour", Scope(far))], IDS, STATES, SIZE)

    assert both.evaluate(None, Now(), START).value.tolist() == [9.0, 17.0]


def test_what_windows_need_at_the_start():
    """A program says how much history each of its windows wants, the longest of each point once."""
    some = program("mean(level over 1h)", "rate(level over 10min)", "delta(drawn over 1d)", "level")

    assert dict(some.needs) == {series("tank-a/level"): 3600.0, series("tank-a/drawn"): 86_400.0}


def test_history_fills_windows():
    """Windows that were given history say what they would have said without a restart."""
    first, second = program("mean(level over 60s)"), program("mean(level over 60s)")
    rows = readings("tank-a/level", [0, 10, 20, 30, 40, 50], [1, 2, 3, 4, 5, 6])
    for position in range(len(rows)):
        first.observe(rows.take(slice(position, position + 1)))
    second.warm(rows.take(np.array([3, 0, 5, 1, 4, 2])))
    now = Now().set("tank-a/level", 6.0)

    found = [one.evaluate(None, now, START + 60 * S).value[0] for one in (first, second)]
    assert found == [3.5, 3.5]
