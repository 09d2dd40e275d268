"""The ring against a list that forgets nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from barrio.live.ring import Ring, Rows

MOST = 7


def rows(numbers):
    number = np.array(numbers, np.int64)
    count = len(numbers)
    return Rows(number, number.astype(np.int32), number * 10, number / 2, np.zeros(count, np.uint8))


@given(
    st.lists(st.lists(st.integers(1, 5), max_size=11), max_size=12), st.integers(-2, 200), st.integers(1, 9)
)
def test_what_is_after_the_floor_is_all_here(batches, after, most):
    """However batches lie over the turn of the circle, everything after the floor is found, in order."""
    ring, everything, last = Ring(0, MOST), [], 0
    for steps in batches:
        numbers = [last := last + step for step in steps]
        ring.add(rows(numbers))
        everything += numbers
        asked = max(after, ring.floor)

        found = ring.since(asked, most)

        assert found.number.tolist() == [one for one in everything if one > asked][:most]
        assert found.value.tolist() == [one / 2 for one in found.ids.tolist()]
        assert ring.floor == (everything[-MOST - 1] if len(everything) > MOST else 0)
