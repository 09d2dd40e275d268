"""What stands in a decoded payload, and what it is as a reading."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.mqtt import connector
from connectors.payloads.decoding import NoValue
from connectors.payloads.values import Missing, follow, is_null, settle
from twin.quality import Reason

PLAIN = bind(device(connector, "mqtt://h/t", {"p": {}})).points[0]
STATES = bind(
    device(connector, "mqtt://h/t", {"p": {"states": {0: "off", 1: "on", "auto": "auto", "2": "x"}}})
).points[0]


@pytest.mark.parametrize(
    ("key", "found"),
    [(None, {"a": {"b": [1, {"c": 0}]}}), ("a.b.0", 1), ("/a/b/1/c", 0), ("a.b.1.c", 0)],
)
def test_a_key_leads_to_its_place(key, found):
    """Dots and JSON pointers lead through maps and lists; a zero is found like anything else."""

    assert follow({"a": {"b": [1, {"c": 0}]}}, key) == found


def test_a_key_that_holds_dots_goes_first():
    """A name with a dot is found as it is."""

    assert follow({"a.b": 1, "a": {"b": 2}}, "a.b") == 1


@pytest.mark.parametrize(
    ("found", "key", "words"),
    [
        ({"temp": 1}, "temperature", "it has: temp"),
        ([1], "1", "the list ends at 1"),
        ("21", "a", "it is 21"),
        ([1], "-1", "it is a list of 1"),
        ([1], "999999999999", "it is a list of 1"),
    ],
)
def test_a_key_that_leads_nowhere_says_what_is_there(found, key, words):
    """The words name the key and what the message has instead."""
    with pytest.raises(Missing, match=words):
        follow(found, key)


@pytest.mark.parametrize(
    ("raw", "textual", "expected"),
    [
        (0, False, (0.0, Reason.GOOD)),
        (-1.5, False, (-1.5, Reason.GOOD)),
        ("0", True, (0.0, Reason.GOOD)),
        (" 1e3", True, None),
        ("1e3", True, (1000.0, Reason.GOOD)),
        (2**53 + 1, False, (float(2**53), Reason.IMPRECISE)),
        ("21", False, None),
        (True, False, None),
        ([1], False, None),
    ],
)
def test_what_a_number_is(raw, textual, expected):
    """Numbers are read, text only where the format is text; what is none has the reason `wrong_type`."""
    if expected is None:
        with pytest.raises(NoValue) as caught:
            settle(PLAIN, raw, textual=textual)
        assert caught.value.reason is Reason.WRONG_TYPE
    else:
        assert settle(PLAIN, raw, textual=textual) == expected


@pytest.mark.parametrize("raw", [None, ""])
def test_absence_is_no_value(raw):
    """Null and empty text are `not_available`."""
    with pytest.raises(NoValue) as caught:
        settle(PLAIN, raw, textual=True)

    assert caught.value.reason is Reason.NOT_AVAILABLE


@pytest.mark.parametrize(
    ("raw", "state"),
    [(0, "off"), (1.0, "on"), (True, "on"), ("auto", "auto"), ("1", "on"), ("TRUE", "on"), ("2", "x")],
)
def test_states_by_their_codes(raw, state):
    """A code is a number, a truth value or a word, and text may write each of them."""
    names = sorted(set(STATES.point.states.values()))

    assert settle(STATES, raw, textual=False) == (names.index(state) + 1, Reason.GOOD)


@pytest.mark.parametrize(
    ("raw", "reason"), [(7, Reason.UNKNOWN_STATE), ("x", Reason.UNKNOWN_STATE), ([], Reason.WRONG_TYPE)]
)
def test_a_state_that_is_none(raw, reason):
    """A code that the profile does not name is an unknown state, a structure is of the wrong type."""
    with pytest.raises(NoValue) as caught:
        settle(STATES, raw, textual=False)

    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("raw", "nulls", "yes"),
    [
        (-999, (-999.0,), True),
        ("-999", (-999,), True),
        ("n/a", ("n/a",), True),
        (0, (False,), False),
        (1, (-999,), False),
    ],
)
def test_values_for_no_value(raw, nulls, yes):
    """A device's own signs for no value are known, as number and as text; zero is not false."""

    assert is_null(raw, nulls) is yes


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(ANYTHING, st.sampled_from([PLAIN, STATES]), st.booleans())
def test_anything_is_a_value_or_says_why_not(raw, point, textual):
    """Whatever stands in a payload, it is a float with a reason, or NoValue."""
    with suppress(NoValue):
        value, reason = settle(point, raw, textual=textual)
        assert isinstance(value, float)
        assert reason in {Reason.GOOD, Reason.IMPRECISE}
