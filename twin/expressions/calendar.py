"""What a district's clock shows at a moment: hour, minute and weekday (Monday is 1), as ISO 8601 counts them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from twin.frame import Times, Values

_QUARTER_S = 900
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_EPOCH_WEEKDAY = 4


def clock(zone: ZoneInfo, now_ns: int) -> Mapping[str, float]:
    """Return every field of the clock at one moment."""
    local = datetime.fromtimestamp(now_ns // NS, UTC).astimezone(zone)
    return {"hour": float(local.hour), "minute": float(local.minute), "weekday": float(local.isoweekday())}


def local_seconds(zone: ZoneInfo, time: Times) -> Times:
    """Return seconds since 1970 as the clock on the wall counts them; zones change only at quarter hours."""
    seconds = time // NS
    quarters, index = np.unique(seconds // _QUARTER_S, return_inverse=True)
    offsets = [
        datetime.fromtimestamp(quarter * _QUARTER_S, UTC).astimezone(zone).utcoffset()
        for quarter in quarters.tolist()
    ]
    shift = np.array([int(offset.total_seconds()) if offset else 0 for offset in offsets], np.int64)
    local: Times = seconds + shift[index]
    return local


def field(local: Times, name: str) -> Values:
    """Return a field of the clock for local seconds."""
    if name == "hour":
        found = local // _HOUR_S % 24
    elif name == "minute":
        found = local // _MINUTE_S % 60
    else:
        found = (local // _DAY_S + _EPOCH_WEEKDAY - 1) % 7 + 1
    return found.astype(np.float64)
