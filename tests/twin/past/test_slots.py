"""How far apart the readings of a healthy point may be."""

from dataclasses import replace
from math import inf

import pytest

from tests.barrio.scripted import PROFILE
from tests.twin.past.little import little
from twin.past.slots import COMPUTED_POLL_S, computed_poll_s, poll_s, slot_s


@pytest.fixture
def probe(tmp_path):
    return little(tmp_path, profile=PROFILE.replace("kind: Thing", "kind: Thing\npoll: 20s")).devices["probe"]


@pytest.mark.parametrize(
    ("heartbeat", "silent_after", "slot"), [(60, 60, 120), (60, 30.2, 91), (300, 3600, 3900), (60, inf, 120)]
)
def test_heartbeat_and_silence_together(probe, heartbeat, silent_after, slot):
    """A slot is as long as both, rounded up to a second; a point that is never silent is judged by its poll."""
    point = replace(probe.points["energy"], heartbeat_s=heartbeat, silent_after_s=silent_after)

    assert slot_s(point, poll_s(probe, point)) == slot


def test_the_poll_is_the_device_s_unless_the_point_has_its_own(probe):
    """What the profile says holds where an address has no period of its own."""
    assert poll_s(probe, probe.points["pump"]) == 20


def test_a_computed_point_is_as_slow_as_its_slowest_input():
    """Inputs that are not known do not count; without any there is a usual period."""
    assert computed_poll_s(["a", "b", "?"], {"a": 5.0, "b": 300.0, "c": 900.0}) == 300
    assert computed_poll_s(["?"], {}) == COMPUTED_POLL_S
