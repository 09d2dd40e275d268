"""Times of day as a programme names them: a clock's hour, or sunrise and sunset with an offset."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twin.model.spec import parse_duration

_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")
_SUN = re.compile(r"(sunrise|sunset)\s*(?:([-+])\s*(\S+(?:\s*[a-z]+)?))?")
_MINUTES = 24 * 60
_LONGEST_OFFSET_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """`minute` of the local day (0 to 1440), or seconds after (before) `sun`, which is sunrise or sunset."""

    minute: int = 0
    sun: str = ""
    offset_s: float = 0.0

    def __str__(self) -> str:
        """Return it as it is written: `23:00`, `sunset+15min`."""
        if not self.sun:
            return f"{self.minute // 60:02d}:{self.minute % 60:02d}"
        return self.sun if not self.offset_s else f"{self.sun}{self.offset_s / 60:+g}min"


def parse_time(value: object) -> TimeOfDay:
    """Return the time that a text names; ValueError otherwise."""
    text = value.strip() if isinstance(value, str) else ""
    clock = _CLOCK.fullmatch(text)
    if clock is not None and int(clock[1]) * 60 + int(clock[2]) <= _MINUTES:
        return TimeOfDay(minute=int(clock[1]) * 60 + int(clock[2]))
    sun = _SUN.fullmatch(text)
    if sun is None:
        raise ValueError(
            "a time of day is 00:00 to 24:00, sunrise or sunset, or those with an offset: sunset+15min"
        )
    offset_s = parse_duration(sun[3]) if sun[3] else 0.0
    if offset_s > _LONGEST_OFFSET_S:
        raise ValueError("an offset from the sun is 6 h at most")
    return TimeOfDay(sun=sun[1], offset_s=-offset_s if sun[2] == "-" else offset_s)
