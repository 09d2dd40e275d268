"""Days as bytes, and back."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.clock import NS
from twin.intervals.line import Line
from twin.intervals.pack import packed, unpacked

steps = st.integers(-(2**55), 2**55)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 100).flatmap(
        lambda n: st.tuples(*(st.lists(steps, min_size=n, max_size=n) for _ in range(2)))
    )
)
def test_a_day_is_the_same_again(pair):
    """Whatever a day holds, its bytes give it back."""
    delta, register = pair
    number = len(delta)
    codes = np.arange(number + 1, dtype=np.uint8)
    line = Line(
        np.arange(number + 1) * 900 * NS + 1_774_000_800 * NS,
        np.array([*register, 5]),
        codes,
        np.array(delta),
        codes[:-1],
        codes[1:],
        np.full(number, 7),
    )
    again = unpacked(packed(line), 7)

    for name in ("edges", "register", "edge", "delta", "flag", "why", "version"):
        assert getattr(again, name).tolist() == getattr(line, name).tolist()
