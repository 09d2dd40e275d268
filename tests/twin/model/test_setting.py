import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.modbus import connector
from twin.frame import Frame
from twin.ingest.settle import Settler
from twin.ingest.table import PointTable
from twin.model.setting import NotAllowed, raw_of


def point(*, writable=True, states=None, **facts):
    """A point with limits of 0 to 100, its facts replaced."""
    address = {"register": "holding:0", "writable": writable, **({"states": states} if states else {})}
    one = device(connector, "modbus+tcp://h:502/1", {"level": address}).points["level"]
    return replace(one, **{"minimum": 0.0, "maximum": 100.0, **facts})


@pytest.mark.parametrize(
    ("value", "scale", "offset", "raw"),
    [
        (0, 1.0, 0.0, 0),
        (0.29, 0.01, 0.0, 29),
        (54.41, 0.01, 0.0, 5441),
        (21.3, 0.1, -273.1, 2944),
        (7.5, 2.0, 0.5, 3.5),
        (21.57, 0.1, 0.0, 215.7),
        (50.0, -1.0, 100.0, 50),
    ],
)
def test_scale_and_offset_are_undone(value, scale, offset, raw):
    """A number that is whole on the wire comes out whole, one that is not stays as it is."""
    found = raw_of(point(scale=scale, offset=offset), value)

    assert found == pytest.approx(raw, rel=1e-12)
    assert float(found).is_integer() is float(raw).is_integer()


@given(
    raw=st.integers(-32768, 65535),
    scale=st.sampled_from([1.0, 0.1, 0.01, 0.001, 10.0, 1 / 3.6, 0.25, 6894.757293168361]),
    offset=st.sampled_from([0.0, -273.15, 0.5, 32.0, -40.0]),
)
def test_what_is_set_is_what_is_read(raw, scale, offset):
    """The value that ingest makes of a raw integer gives the same raw integer back."""
    bound = bind(device(connector, "modbus+tcp://h:502/1", {"level": {"register": "holding:0"}}))
    one = point(scale=scale, offset=offset, minimum=-math.inf, maximum=math.inf)
    bound = replace(bound, points=(replace(bound.points[0], point=one),))
    frame = Frame(np.array([0], np.int32), np.array([float(raw)]), 10**18)
    value = Settler(PointTable([bound], 1)).settle([frame]).readings.value[0]

    assert raw_of(one, float(value)) == raw


@pytest.mark.parametrize("value", [0, 100, 100.0])
def test_the_limits_themselves_are_allowed(value):
    """Zero and the maximum are values."""

    assert raw_of(point(), value) == value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (100.0000001, "test/device/level takes 0 to 100, found 100.0000001"),
        (-0.5, "found -0.5"),
        (math.nan, "takes a number, found nan"),
        (math.inf, "takes a number, found inf"),
        ("50", "takes a number, found '50'"),
    ],
)
def test_what_is_outside_is_refused_in_words(value, words):
    """Who asked is told what would be allowed, and what was found."""
    with pytest.raises(NotAllowed) as caught:
        raw_of(point(), value)

    assert words in str(caught.value)


def test_a_value_that_no_number_can_carry_is_refused():
    """A scale that makes it infinite is no reason to send infinity."""
    with pytest.raises(NotAllowed, match="cannot be sent"):
        raw_of(point(scale=1e-300, maximum=math.inf), 1e300)


def test_a_point_that_is_not_writable_is_refused():
    """Writable is what the profile calls so, whatever the value."""
    with pytest.raises(NotAllowed, match="test/device/level is not writable"):
        raw_of(point(writable=False), 50)


def test_a_state_goes_by_its_name():
    """The code of the name is what is sent; of several with one name, the first."""
    one = point(states={0: "closed", 1: "open", 2: "open"})

    assert [raw_of(one, name) for name in ("closed", "open")] == [0, 1]


@pytest.mark.parametrize("value", ["opne", 1, True])
def test_a_state_that_is_none_is_refused(value):
    """A code is no name; the error lists the names, and the nearest."""
    with pytest.raises(NotAllowed) as caught:
        raw_of(point(states={0: "closed", 1: "open"}), value)

    assert f"no state {str(value)!r}, only closed, open" in str(caught.value)
    assert ("did you mean open?" in str(caught.value)) is (value == "opne")
