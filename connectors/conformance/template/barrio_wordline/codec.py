"""Bytes to values and back, without I/O.

A question is `GET word`, its answer `word = value` or `word ! why not`, each one line of at most 512 bytes.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from twin.quality import Reason

if TYPE_CHECKING:
    from twin.model.bound import BoundPoint

LONGEST_LINE = 512
LONGEST_WORDS = 100
_LINE = re.compile(r"(?P<word>\S+) (?P<sign>[=!])(?P<rest> [^\n]*)?\n")


class WrongReplyError(ValueError):
    """Raised when a line does not answer what was asked: it gives no value at all."""


class Answer(NamedTuple):
    """What the device says of one word: a text, or why it gives none."""

    text: str
    refused: bool


class Decoded(NamedTuple):
    """A reading: NaN where there is no value, with a reason and the words that explain it."""

    value: float
    reason: Reason = Reason.GOOD
    detail: str = ""


def question(word: str) -> bytes:
    """Return the bytes that ask for a word."""
    return f"GET {word}\n".encode()


def answer(line: bytes, word: str) -> Answer:
    """Return what a line says of `word`; WrongReplyError when it is about something else."""
    try:
        text = line.decode("ascii")
    except UnicodeDecodeError as error:
        raise WrongReplyError("an answer that is not text") from error
    found = _LINE.fullmatch(text)
    if found is None:
        raise WrongReplyError("an answer without a word and a sign")
    if found["word"] != word:
        raise WrongReplyError("an answer to another question")
    return Answer((found["rest"] or "").strip()[:LONGEST_WORDS], refused=found["sign"] == "!")


def decode(bound: BoundPoint, said: Answer) -> Decoded:
    """Return the reading that an answer gives for a point."""
    if said.refused:
        return Decoded(math.nan, Reason.DEVICE_EXCEPTION, said.text or "the device gives no value")
    if not said.text:
        return Decoded(math.nan, Reason.NOT_AVAILABLE)
    if bound.state_ids:
        return _state(bound, said.text)
    try:
        value = float(said.text)
    except ValueError:
        return Decoded(math.nan, Reason.WRONG_TYPE, f"{said.text!r} is not a number")
    if not math.isfinite(value):
        return Decoded(math.nan, Reason.NOT_A_NUMBER, said.text)
    return Decoded(value)


def _state(bound: BoundPoint, text: str) -> Decoded:
    state = bound.state(text)
    if math.isnan(state):
        return Decoded(math.nan, Reason.UNKNOWN_STATE, f"{text!r} is no state of the profile")
    return Decoded(state)
