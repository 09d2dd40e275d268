"""Resolutions: how finely history is kept, and in which database of an InfluxDB.

Raw readings, and rollups to quarter hours, hours and days of the district's clock and calendar. A district's raw
readings are in the database that has its id, rollups in one each beside it.
"""

from __future__ import annotations

from enum import StrEnum


class Resolution(StrEnum):
    """How finely; the finest first."""

    RAW = "raw"
    QUARTER = "15m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def seconds(self) -> int:
        """Length of a window in s, 0 for raw readings; a day on which the clocks change is longer or shorter."""
        return _SECONDS[self]

    def database(self, district: str, prefix: str = "") -> str:
        """Return the name of the database (bucket) of a district at this resolution."""
        return f"{prefix}{district}" if self is Resolution.RAW else f"{prefix}{district}_{self.value}"


_SECONDS = {Resolution.RAW: 0, Resolution.QUARTER: 900, Resolution.HOUR: 3600, Resolution.DAY: 86_400}

ROLLUPS = (Resolution.QUARTER, Resolution.HOUR, Resolution.DAY)
