"""The device's own time of a value."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.mqtt.config import Clock
from connectors.mqtt.times import time_of
from connectors.payloads.decoding import NoValue
from tests.connectors.payloads.test_values import ANYTHING
from twin.quality import Reason


@pytest.mark.parametrize(
    ("raw", "clock", "ns"),
    [
        ("2026-03-01T12:00:00Z", None, 1_772_366_400_000_000_000),
        ("2026-03-01T06:00:00.5-06:00", Clock.ISO, 1_772_366_400_500_000_000),
        (1_772_366_400, None, 1_772_366_400_000_000_000),
        (1_772_366_400_250, Clock.MILLISECONDS, 1_772_366_400_250_000_000),
        ("1772366400", Clock.SECONDS, 1_772_366_400_000_000_000),
        (1_772_366_400_000_000_001, Clock.NANOSECONDS, 1_772_366_400_000_000_001),
        (1_772_366_400.5, None, 1_772_366_400_500_000_000),
    ],
)
def test_times_as_devices_write_them(raw, clock, ns):
    """ISO 8601 with a zone, and counts since 1970 in the unit that the profile names."""

    assert time_of(raw, clock) == ns


@pytest.mark.parametrize(
    ("raw", "clock"),
    [
        ("2026-03-01T12:00:00", None),
        ("soon", None),
        (True, None),
        (0, None),
        (-5, None),
        (1_772_366_400_250, None),
        (math.nan, None),
        (1e300, Clock.NANOSECONDS),
        (1_772_366_400, Clock.ISO),
        (None, None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_what_is_no_time(raw, clock):
    """A local time, a time of another unit and nonsense are refused, never guessed."""
    with pytest.raises(NoValue) as caught:
        time_of(raw, clock)

    assert caught.value.reason is Reason.UNDECODABLE


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(ANYTHING, st.sampled_from([None, *Clock]))
def test_any_time_fits_or_is_refused(raw, clock):
    """Whatever stands in the place of a time, it is ns within 64 bits, or NoValue."""
    try:
        found = time_of(raw, clock)
    except NoValue:
        return

    assert -(2**63) < found < 2**63
