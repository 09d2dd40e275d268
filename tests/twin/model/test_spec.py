"""What a person may write for durations and ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from twin.model.spec import Code, DistrictId, Id, Poll, Seconds, TableFile, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("5s", 5),
        (" 1.5 min ", 90),
        ("15m", 900),
        ("1h", 3600),
        ("90d", 7_776_000),
        (3, 3),
        (0.5, 0.5),
    ],
)
def test_durations(text, seconds):
    """A duration is a number with a unit, or a number of seconds."""

    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5 seconds", "-5s", "1h30m", "1e3s", "s", True, None, [5], "٣s", "12:30"]
)
def test_what_is_no_duration(text):
    """Anything else is refused in words that say what was meant."""
    with pytest.raises(ValueError, match="a number with a unit, such as 250ms"):
        parse_duration(text)


@pytest.mark.parametrize("value", [0, -1, "0s", float("inf"), float("nan"), "36526d"])
def test_seconds_fit_into_nanoseconds(value):
    """A duration is above zero and short enough to be counted in 64 bits of nanoseconds."""
    with pytest.raises(ValidationError):
        TypeAdapter(Seconds).validate_python(value)


def test_polls_leave_time_to_breathe():
    """A device is not polled more often than a hundred times a second."""
    with pytest.raises(ValidationError, match=r"0\.01"):
        TypeAdapter(Poll).validate_python("1ms")


@pytest.mark.parametrize("text", ["a", "lamp-1", "a_b", "0", "a" * 64])
def test_ids(text):
    """Ids are short, lower-case and fit for paths, databases and URLs."""

    assert TypeAdapter(Id).validate_python(text) == text


@pytest.mark.parametrize("text", ["", "A", "a/b", "..", "-a", "a-", "a b", "ñ", "a" * 65, "a\n", "²"])
def test_what_is_no_id(text):
    """Anything that could be a path, or differ from another id in case only, is refused."""
    with pytest.raises(ValidationError, match="an id is 1 to 64"):
        TypeAdapter(Id).validate_python(text)


@pytest.mark.parametrize("text", ["a_15m", "a_1h", "a_1d"])
def test_district_ids_leave_room_for_rollups(text):
    """A district is not called like another one's database of rollups."""
    with pytest.raises(ValidationError, match="databases of rollups"):
        TypeAdapter(DistrictId).validate_python(text)


@pytest.mark.parametrize(
    "text", ["/etc/passwd", "../a.csv", "a/../../b.csv", "..\\a.csv", "a\0b", "", "x" * 201]
)
def test_table_files_stay_in_the_folder(text):
    """A table is named by a plain relative path."""
    with pytest.raises(ValidationError):
        TypeAdapter(TableFile).validate_python(text)


@given(st.booleans() | st.integers() | st.text())
def test_codes_of_states_keep_their_type(value):
    """1, true and "1" are three codes."""
    found = TypeAdapter(Code).validate_python(value)

    assert (found, type(found)) == (value, type(value))
