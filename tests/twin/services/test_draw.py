"""The draw of a tank: how fast, how well it is known, what does not count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.services.draw import Draw, NotKnown, estimate, falling

OVER_S = 3 * 3600.0
SEEDS = 300


def history(
    seed: int,
    *,
    number: int = 120,
    rate: float = 6.0,
    noise: float = 0.3,
    outliers: float = 0.0,
    unrest: float = 0.0,
    refills: tuple[float, ...] = (),
    step: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return times, levels as a sensor shows them, and the mean draw in percent an hour."""
    random = np.random.default_rng(seed)
    time_s = np.linspace(0, OVER_S, number) + random.uniform(-2, 2, number)
    flow = np.clip(rate * (1 + unrest * random.normal(0, 1, number)), 0, None)
    level = 95 - np.cumsum(flow * np.diff(time_s, prepend=time_s[0])) / 3600
    true = (level[0] - level[-1]) / ((time_s[-1] - time_s[0]) / 3600)
    for share in refills:
        level += np.clip((np.arange(number) - int(share * number)) / (number / 20), 0, 1) * 30
    level += random.normal(0, noise, number)
    off = random.random(number) < outliers
    level[off] += random.choice([-60.0, 20.0, 40.0], off.sum())
    return time_s, np.round(level / step) * step if step else level, float(true)


CASES = {
    "noise": {},
    "few samples": {"number": 30},
    "outliers": {"outliers": 0.1},
    "many outliers": {"outliers": 0.2},
    "a refill": {"refills": (0.5,), "outliers": 0.05},
    "two refills": {"refills": (0.3, 0.7), "outliers": 0.1},
    "a draw that is not even": {"unrest": 0.3, "noise": 0.1, "outliers": 0.05},
    "a slow draw": {"rate": 1.0},
    "a coarse sensor": {"step": 0.5, "noise": 0.02},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_interval_holds_as_often_as_it_says(case):
    """In nine of ten simulated histories or more the true draw lies in the interval, and it is known in nearly all."""
    held = known = 0
    for seed in range(SEEDS):
        time_s, level, true = history(seed, **case)
        found = estimate(time_s, level, 10.0, 600.0)
        if isinstance(found, Draw):
            known += 1
            held += found.low <= true <= found.high

    assert known >= 0.95 * SEEDS
    # Two standard deviations of a count that holds nine times of ten.
    assert held >= 0.9 * known - 2 * np.sqrt(0.09 * known)


def test_the_interval_is_of_use():
    """An interval that always holds because it is wide says nothing: with a plain sensor it is a few percent."""
    widths = []
    for seed in range(50):
        found = estimate(*history(seed)[:2], 10.0, 600.0)
        assert isinstance(found, Draw)
        widths.append((found.high - found.low) / found.rate)

    assert np.median(widths) < 0.05


def test_a_tank_at_rest_is_seldom_drawn_from():
    """Where nothing is drawn, noise looks like a draw no more often than the interval allows."""
    found = [estimate(*history(seed, rate=0.0)[:2], 10.0, 600.0) for seed in range(SEEDS)]

    assert sum(isinstance(one, Draw) for one in found) <= 0.06 * SEEDS
    assert "the level does not fall" in {one.words for one in found if isinstance(one, NotKnown)}


@given(rate=st.floats(0.5, 60), start=st.floats(0, 100), number=st.integers(8, 150), at=st.floats(-1e9, 2e9))
@settings(max_examples=60, deadline=None)
def test_a_straight_line_is_its_own_slope(rate, start, number, at):
    """Without noise the draw is exact, wherever time and level begin."""
    time_s = at + np.linspace(0, OVER_S, number)
    found = estimate(time_s, start - rate * (time_s - time_s[0]) / 3600, 10.0, 600.0)

    assert isinstance(found, Draw)
    assert found.rate == pytest.approx(rate, rel=1e-4)
    assert found.low <= found.rate <= found.high


def test_hours_left_turn_the_interval_round():
    """The highest draw gives the fewest hours; what lies below `empty_at` is not there."""
    left = Draw(5.0, 4.0, 10.0, 100, OVER_S).hours_left(55.0, 5.0)

    assert (left.hours, left.low, left.high) == (10.0, 5.0, 12.5)
    assert Draw(5.0, 4.0, 10.0, 100, OVER_S).hours_left(3.0, 5.0).hours == 0.0


@pytest.mark.parametrize("number", [0, 1, 7])
def test_too_few_samples_say_so(number):
    """Nothing is told from a handful of readings."""
    found = estimate(np.arange(number, dtype=float), np.zeros(number), 10.0, 600.0)

    assert found == NotKnown(f"not known yet: {number} of 8 samples")


def test_too_short_a_time_says_so():
    """It is said how much longer it takes."""
    time_s = np.linspace(0, 240, 20)

    assert estimate(time_s, 90 - time_s / 100, 10.0, 600.0) == NotKnown(
        "not known yet: 4 min of 10 min without a rise"
    )


def test_samples_of_one_instant_are_no_slope():
    """A device that gives two values at one time does not divide by zero."""
    time_s = np.repeat(np.linspace(0, OVER_S, 20), 2)
    found = estimate(time_s, 90 - time_s / 3600, 10.0, 600.0)

    assert isinstance(found, Draw)
    assert found.rate == pytest.approx(1.0)


def test_refills_divide_the_history():
    """Rises are left out from their bottom to their top, however long the level stays there."""
    down, up = np.linspace(90, 60, 30), np.linspace(60, 95, 10)
    parts = falling(np.concatenate((down, up, np.full(5, 95.0), np.linspace(95, 80, 20))), 10.0)

    assert [(part.start, part.stop) for part in parts] == [(0, 30), (45, 65)]


def test_a_leak_that_is_over_says_nothing_of_a_full_tank():
    """A tank that lost a percent a second, was filled and stands has no hours left, not half a minute."""
    level = np.concatenate((np.linspace(72, 14, 12), np.linspace(20, 90, 6), np.full(20, 90.0)))
    found = estimate(np.arange(len(level), dtype=np.float64) * 2.5, level, 20.0, 15.0)

    assert found == NotKnown("the level does not fall")


def test_a_draw_after_a_refill_that_contradicts_the_one_before_stands():
    """Three hours of people after a leak are people, not something between both."""
    level = np.concatenate((np.linspace(90, 10, 60), np.linspace(15, 90, 5), 90 - np.arange(30) * 0.1))
    found = estimate(np.arange(len(level), dtype=np.float64) * 60.0, level, 20.0, 600.0)

    assert isinstance(found, Draw)
    assert found.rate == pytest.approx(6.0)


def test_a_short_time_after_a_refill_changes_nothing_yet():
    """Until the time after a refill can be judged, people are taken to go on as they did."""
    level = np.concatenate((np.linspace(90, 10, 60), np.linspace(15, 90, 5), np.full(5, 90.0)))
    found = estimate(np.arange(len(level), dtype=np.float64) * 60.0, level, 20.0, 600.0)

    assert isinstance(found, Draw)
    assert found.rate == pytest.approx(80 / 59 * 60)


def test_one_wild_sample_divides_nothing():
    """A single reading that is off is no refill."""
    level = np.linspace(90, 60, 40)
    level[20] = 100.0

    assert falling(level, 10.0) == [slice(0, 40)]
