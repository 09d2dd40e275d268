"""Bytes to values, both ways."""

import math

import pytest
from connectors.conformance.recording import bind, device
from twin.model.bound import BoundPoint
from twin.quality import Reason

from barrio_wordline import connector
from barrio_wordline.codec import WrongReplyError, answer, decode, question


def point(**keys: object) -> BoundPoint:
    made = device(connector, "wordline://127.0.0.1:7007", {"level": {"word": "level", **keys}})
    return bind(made).points[0]


def test_question_names_the_word() -> None:
    """A question is one line."""

    assert question("level") == b"GET level\n"


@pytest.mark.parametrize(
    ("line", "value", "reason"),
    [
        (b"level = 12.5\n", 12.5, Reason.GOOD),
        (b"level = 0\n", 0.0, Reason.GOOD),
        (b"level =\n", math.nan, Reason.NOT_AVAILABLE),
        (b"level = much\n", math.nan, Reason.WRONG_TYPE),
        (b"level = nan\n", math.nan, Reason.NOT_A_NUMBER),
        (b"level ! broken\n", math.nan, Reason.DEVICE_EXCEPTION),
    ],
)
def test_answer_becomes_a_reading(line: bytes, value: float, reason: Reason) -> None:
    """Numbers are good; everything else is bad, with its reason and without a value."""
    found = decode(point(), answer(line, "level"))

    assert found.value == value or math.isnan(value)
    assert math.isnan(found.value) == math.isnan(value)
    assert found.reason is reason


def test_states_are_told_apart() -> None:
    """A state is what the profile names, anything else an unknown state."""
    bound = point(states={"off": "off", "on": "on"})

    assert decode(bound, answer(b"level = on\n", "level")).value == bound.state("on")
    assert decode(bound, answer(b"level = ajar\n", "level")).reason is Reason.UNKNOWN_STATE


@pytest.mark.parametrize("line", [b"", b"\n", b"level 5\n", b"other = 5\n", b"level = 5", b"\xff = 1\n"])
def test_wrong_reply_gives_nothing(line: bytes) -> None:
    """A line that does not answer the question is no reading at all."""

    with pytest.raises(WrongReplyError):
        answer(line, "level")
