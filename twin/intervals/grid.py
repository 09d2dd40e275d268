"""Boundaries of intervals: the quarter hours of a district's clock, and the longer intervals made of them.

A day has 96 quarter hours, 92 or 100 where the clocks change by an hour, 94 or 98 where by half of one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.store import windows

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import numpy.typing as npt

    from twin.frame import Times

QUARTER = "15m"
LENGTHS = {"15m": 900, "30m": 1_800, "1h": 3_600}
"""Lengths that are given, in s."""


class NotQuarters(ValueError):
    """Raised where the boundaries of longer intervals in a zone are not quarter hours of the district's clock."""


def day_starts(start: int, stop: int, zone: ZoneInfo) -> Times:
    """Return the edges of the days of `zone` that touch `start <= time < stop`, ns UTC."""
    return windows.edges(start, stop, "1d", zone)


def quarters(start: int, stop: int, zone: ZoneInfo) -> Times:
    """Return the edges of the quarter hours that touch `start <= time < stop`."""
    return windows.edges(start, stop, QUARTER, zone)


def places(edges: Times, longer: Times) -> npt.NDArray[np.intp]:
    """Return where the boundaries of longer intervals stand among `edges`; `NotQuarters` where one does not."""
    found = np.searchsorted(edges, longer)
    inside = np.minimum(found, len(edges) - 1)
    if bool((edges[inside] != longer).any()):
        raise NotQuarters
    return found


def slots(edges: Times, zone: ZoneInfo) -> tuple[npt.NDArray[np.int64], list[date]]:
    """Return for each interval its quarter hour of the day on the clock (0 to 95), and its date."""
    offsets = offsets_s(edges[:-1], zone)
    shown = edges[:-1] // NS + offsets
    dates = [datetime.fromtimestamp(int(one), UTC).date() for one in shown // 86_400 * 86_400]
    return shown % 86_400 // 900, dates


def offsets_s(times: Times, zone: ZoneInfo) -> npt.NDArray[np.int64]:
    """Return by how many seconds the clock of a zone is ahead of UTC at each time."""
    found = [datetime.fromtimestamp(int(one), zone).utcoffset() for one in times // NS]
    return np.array([0 if one is None else round(one.total_seconds()) for one in found], np.int64)
