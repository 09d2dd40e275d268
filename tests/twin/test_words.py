import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.words import storable


@pytest.mark.parametrize(
    ("text", "found"), [("", ""), ("out of range", "out of range"), ("90 °C", "90 °C"), ("\ud83d!", "?!")]
)
def test_text_stays_and_what_is_none_is_marked(text, found):
    """Only half of a sign is replaced."""

    assert storable(text) == found


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_can_be_stored(text):
    """Nothing that a device says stops a file from being written."""

    assert storable(text).encode("utf-8").decode("utf-8") == storable(storable(text))
