"""Time: integer nanoseconds UTC, from one object so that tests move it instead of sleeping."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

NS = 1_000_000_000
"""Nanoseconds in a second."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(ns: int, digits: str = "microseconds") -> str:
    """Return a time as `2026-11-23T15:00:00.000000Z`; in this form later is greater. What is finer is cut off."""
    moment = _EPOCH + timedelta(microseconds=ns // 1000)
    return moment.isoformat(timespec=digits).removesuffix("+00:00") + "Z"


def exact(ns: int) -> str:
    """Return a time as `rfc3339` does, with nine digits where it is finer than a microsecond: nothing is cut off."""
    text = rfc3339(ns)
    return f"{text[:-1]}{ns % 1000:03}Z" if ns % 1000 else text


class Clock(Protocol):
    """What the platform asks of a clock."""

    def now_ns(self) -> int:
        """Wall clock, ns since 1970 UTC; may jump when somebody sets it."""

    def monotonic_s(self) -> float:
        """Seconds that only ever grow; for waits and ages."""


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        """Wall clock, ns since 1970 UTC."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()
