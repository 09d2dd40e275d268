"""What is put into windows that have no value, and what never is."""

import numpy as np
import pytest

from twin.history.fill import Fill, filled

NAN = np.nan
STARTS = np.array([0, 10, 20, 30, 40, 60, 70], np.int64)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Fill.NULL, [NAN, 1, NAN, NAN, 4, NAN, NAN]),
        (Fill.NONE, [NAN, 1, NAN, NAN, 4, NAN, NAN]),
        (Fill.PREVIOUS, [NAN, 1, 1, 1, 4, NAN, NAN]),
        (Fill.LINEAR, [NAN, 1, 2, 3, 4, NAN, NAN]),
    ],
)
def test_only_what_lies_between_two_values_is_filled(how, expected):
    """Nothing before the first value, nothing after the last one, and what was filled is marked."""
    column = np.array([NAN, 1, NAN, NAN, 4, NAN, NAN])
    found, marks = filled(column, STARTS, how)

    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(marks, ~np.isnan(expected) & np.isnan(column))
    assert np.isnan(column[2])


def test_windows_of_different_lengths_weigh_by_their_starts():
    """A line is drawn over time, not over the number of windows: months differ."""
    found, _ = filled(np.array([NAN, NAN, NAN, NAN, 0, NAN, 30]), STARTS, Fill.LINEAR)

    assert found[5] == 20


def test_directions_turn_the_shorter_way():
    """Between 350 and 10 degrees lies north."""
    found, _ = filled(np.array([350, NAN, 10.0]), np.array([0, 10, 20]), Fill.LINEAR, 360.0)

    assert found[1] == 0


@pytest.mark.parametrize("column", [[NAN, NAN], [NAN, 1], [1, NAN], []])
def test_less_than_two_values_fill_nothing(column):
    """One value says nothing of the windows around it."""
    found, marks = filled(np.array(column, float), STARTS[: len(column)], Fill.PREVIOUS)

    np.testing.assert_array_equal(found, column)
    assert not marks.any()
