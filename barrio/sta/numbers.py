"""The ids of entities: whole numbers that stand for one thing as long as the data folder lives.

A Datastream has the id of its series. The others are counted, in one row for all types, in a registry of their own
beside that of the series and of the same make: a number is never given to something else. An Observation is named by
what it is: its series, a digit for the resolution that it is given in, and its time as 19 digits. That is a whole
number too, but one that JavaScript would round, so it is written as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.resolution import Resolution
from twin.series import SeriesRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "sensorthings.sqlite"
_WHOLE = re.compile(r"[1-9][0-9]{0,17}")
_READING = re.compile(r"([1-9][0-9]{0,9})([0-3])([0-9]{19})")
_RESOLUTIONS = tuple(Resolution)


@dataclass(frozen=True, slots=True)
class ReadingId:
    """What the id of an Observation says."""

    series: int
    resolution: Resolution
    time: int


def assign(folder: Path, keys: Iterable[str]) -> dict[str, int]:
    """Return the number of each key, giving new ones where needed; blocks, durable when this returns.

    Raises `twin.sqlite.DatabaseBusy` when new ones cannot be written.
    """
    registry = SeriesRegistry(folder / FILE)
    registry.open()
    try:
        return registry.assign(keys)
    finally:
        registry.close()


def parse_whole(text: str) -> int | None:
    """Return the number that an id is, None where it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def parse_reading(text: str) -> ReadingId | None:
    """Return what the id of an Observation says, None where it is none."""
    found = _READING.fullmatch(text)
    if found is None or int(found[3]) >= 2**63:
        return None
    return ReadingId(int(found[1]), _RESOLUTIONS[int(found[2])], int(found[3]))


def reading_id(series: int, resolution: Resolution, time: int) -> str:
    """Return the id of an Observation."""
    return f"{series}{_RESOLUTIONS.index(resolution)}{time:019d}"
