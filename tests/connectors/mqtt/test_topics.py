"""Topics and filters."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.mqtt.topics import covers, fault_of, filter_fault_of, grouped, join

_LEVELS = st.lists(st.sampled_from(["a", "b", "", "$x"]), min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("wide", "narrow", "yes"),
    [
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/+", "a", False),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("+/+", "/a", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("a/+/c", "a/+/c", True),
        ("a/+", "a/#", False),
        ("a/#", "a/+/#", True),
        ("a", "a/b", False),
        ("a/b", "a", False),
    ],
)
def test_what_a_filter_covers(wide, narrow, yes):
    """Wildcards take what section 4.7 says, and nothing of `$` topics in their first level."""

    assert covers(wide, narrow) is yes


@pytest.mark.parametrize("topic", ["", "a/+", "a/#", "a\0b", "x" * 65_536])
def test_what_is_no_topic(topic):
    """Wildcards, nothing, a null character and too many bytes name no topic."""

    assert fault_of(topic)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("a/#", True),
        ("#", True),
        ("+/a/+", True),
        ("a#", False),
        ("a/#/b", False),
        ("a+/b", False),
        ("", False),
    ],
)
def test_what_is_a_filter(text, fine):
    """Wildcards stand alone in their level, and # in the last."""

    assert (filter_fault_of(text) == "") is fine


def test_topics_are_joined():
    """A base and a topic make one, and either may be missing."""

    assert (join("a/b", "c"), join("", "c"), join("a", ""), join("", "")) == ("a/b/c", "c", "a", "")


def test_filters_that_others_cover_are_left_out():
    """No message comes twice because two filters take it."""

    assert grouped(["a/b", "a/#", "c", "c", "a/+/d"]) == ["a/#", "c"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_LEVELS, max_size=6), _LEVELS)
def test_groups_take_what_their_members_took(filters, topic):
    """Leaving filters out loses no topic."""

    assert any(covers(one, topic) for one in filters) == any(covers(one, topic) for one in grouped(filters))
