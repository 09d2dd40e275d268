from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.clock import NS, rfc3339


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("microseconds", "2026-09-21T14:13:20.123456Z"),
        ("milliseconds", "2026-09-21T14:13:20.123Z"),
        ("seconds", "2026-09-21T14:13:20Z"),
    ],
)
def test_a_time_as_text(digits, expected):
    """In UTC; what is finer than asked for is cut off."""

    assert rfc3339(1_790_000_000 * NS + 123_456_789, digits) == expected


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_later_is_greater(one, other):
    """Texts of times have their order."""
    first, second = sorted((one, other))

    assert rfc3339(first) <= rfc3339(second)


@given(st.integers(0, 2**62))
def test_a_text_is_the_time(ns):
    """It reads as the microsecond that it was made of."""
    moment = datetime.fromisoformat(rfc3339(ns)) - datetime(1970, 1, 1, tzinfo=UTC)

    assert moment // timedelta(microseconds=1) == ns // 1000
