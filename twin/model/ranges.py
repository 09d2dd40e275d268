"""Ranges: one entry for many devices alike, `lamp-{001..400}`.

A range is two whole numbers in braces. It counts from the first to the last, with zeros in front up to the width of
the first: `{001..400}`, `{1..240}`. Several ranges in one text give every combination, the last one running fastest,
as in a shell: `10.20.{1..2}.{1..200}` is 400 addresses. All texts of one device that hold a range step together, so
they must give equally many.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from twin.model.source import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from twin.model.source import Place

MOST_DEVICES = 100_000
MOST_CHARACTERS = 50_000_000
_RANGE = re.compile(r"\{([0-9]{1,9})\.\.([0-9]{1,9})\}")
_LIKE_A_RANGE = re.compile(r"\{[^{}]*\.\.[^{}]*\}")


class RangeError(ValueError):
    """Raised when a device's ranges do not make sense; `place` is where the offending one was written."""

    def __init__(self, place: Place, message: str) -> None:
        self.place = place
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text with ranges: what stands between them, and the numbers of each."""

    place: Place
    parts: list[str]
    runs: list[_Run]

    @property
    def count(self) -> int:
        return math.prod(run.count for run in self.runs)

    @property
    def characters(self) -> int:
        return self.count * sum(map(len, self.parts))

    def values(self) -> Iterator[str]:
        for numbers in product(*(run.texts() for run in self.runs)):
            pairs = zip(numbers, self.parts[1:], strict=True)
            yield self.parts[0] + "".join(number + part for number, part in pairs)


@dataclass(frozen=True, slots=True)
class _Run:
    """The numbers of one range."""

    first: int
    last: int
    width: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def texts(self) -> Iterator[str]:
        return (f"{number:0{self.width}d}" for number in range(self.first, self.last + 1))


def expand(raw: Mapping[str, Any], place: Place) -> Iterator[Mapping[str, Any]] | None:
    """Return the devices that an entry with ranges stands for, in order; None for an entry without any.

    RangeError when they are not ranges, are of unequal length, leave the id the same, are more than `MOST_DEVICES`,
    or would be written out in more than `MOST_CHARACTERS`.
    """
    texts = list(_texts(raw, place))
    if not texts:
        return None
    _check(texts, place)
    rows = zip(*(text.values() for text in texts), strict=True)
    paths = [text.place.where[len(place.where) :] for text in texts]
    return (_filled(raw, dict(zip(paths, row, strict=True))) for row in rows)


def _texts(raw: object, place: Place) -> Iterator[_Text]:
    """Yield every text inside an entry that holds a range."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield from _texts(value, place.at(key if isinstance(key, str) else str(key).lower()))
    elif isinstance(raw, str) and ".." in raw:
        parts, runs = _split(raw)
        if strange := _LIKE_A_RANGE.search("".join(parts)):
            words = f"{shown(strange[0])} is not a range, expected two whole numbers such as {{001..400}}"
            raise RangeError(place, words)
        if runs:
            yield _Text(place, parts, runs)


def _split(text: str) -> tuple[list[str], list[_Run]]:
    pieces = _RANGE.split(text)
    pairs = zip(pieces[1::3], pieces[2::3], strict=True)
    return pieces[::3], [_Run(int(first), int(last), len(first)) for first, last in pairs]


def _check(texts: list[_Text], place: Place) -> None:
    by_key = {text.place.where[len(place.where) :]: text for text in texts}
    for text in texts:
        for run in text.runs:
            if run.count < 1:
                raise RangeError(text.place, f"the range ends with {run.last}, before its first {run.first}")
    lead = by_key.get(("id",))
    if lead is None:
        words = f"stands for {texts[0].count:,} devices, but the id has no range: they need an id each"
        raise RangeError(texts[0].place, words)
    if lead.count > MOST_DEVICES:
        raise RangeError(
            lead.place, f"stands for {lead.count:,} devices, at most {MOST_DEVICES:,} are allowed"
        )
    for text in texts:
        if text.count != lead.count:
            words = f"gives {text.count:,} values, the id gives {lead.count:,}: they step together"
            raise RangeError(text.place, words)
    if (characters := sum(text.characters for text in texts)) > MOST_CHARACTERS:
        words = f"is {characters:,} characters when written out, at most {MOST_CHARACTERS:,} are allowed"
        raise RangeError(place, words)


def _filled(raw: Any, values: Mapping[tuple[Any, ...], str], path: tuple[Any, ...] = ()) -> Any:
    """Return a copy of the entry with the texts of one step; what holds no range is shared."""
    if path in values:
        return values[path]
    if isinstance(raw, dict) and any(where[: len(path)] == path for where in values):
        return {
            key: _filled(value, values, (*path, key if isinstance(key, str) else str(key).lower()))
            for key, value in raw.items()
        }
    return raw
